"""What README.txt and the letter say of a package beside its data. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from .manifest import Partner


class SenderDetails(NamedTuple):
    """Whom the contact calls; what is empty is left out."""

    name: str = ""
    phone: str = ""
    email: str = ""

    def described(self, between: str) -> str:
        """All that is known, or nothing."""
        return between.join(filter(None, self))


NOBODY = SenderDetails()


@dataclass(frozen=True)
class Particulars:
    """The batch's product and role (of `codegen.ranges.roles.ROLES`), and the sender.

    `pairs`: the batches whose codes are on the same items. Role and pairs stand in the manifest
    too, the rest does not.
    `reprints`: the package whose codes these are once more; `replaces`: the package in place of
    whose spoiled codes these are.
    """

    product: str | None = None
    role: str = "item"
    sender: SenderDetails = NOBODY
    reprints: str | None = None
    replaces: str | None = None
    pairs: tuple[Partner, ...] = ()


UNTOLD = Particulars()

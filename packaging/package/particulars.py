"""What README.txt and the letter say of a package that its manifest does not hold. Pure."""

from dataclasses import dataclass
from typing import NamedTuple


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
    """The batch's product and role (of `codegen.sealed.header.ROLES`), and the sender."""

    product: str | None = None
    role: str = "item"
    sender: SenderDetails = NOBODY


UNTOLD = Particulars()

"""An export as it is asked for, and its result.

`Export` has four types, and each has only the fields that make sense for it, so that no
combination has to be refused later. `Handoff` is common to all four: the folder for the
package, and the way of its password.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..codegen.errors import UsageError
from ..codegen.ranges import serials
from ..codegen.ranges.serials import Ranges
from ..codegen.result import Result
from .package.manifest import MAX_COPIES
from .profiles.profile import Profile

MAX_UNIT_SIZE = 10_000_000


@dataclass(frozen=True)
class PrintOptions:
    """How codes are printed, if no earlier package settles it.

    `unit_size` is the number of codes per reel. By default a reel has as many labels as the
    profile says, each code on `copies` of them, and at least one code. `base` and `gtin` make
    another payload template than the batch's (`payload.chosen`). Raises `UsageError` for a reel
    size or copies out of bounds.
    """

    profile: Profile
    unit_size: int | None = None
    base: str | None = None
    gtin: str | None = None
    copies: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.copies <= MAX_COPIES:
            raise UsageError(f"a code is on 1 to {MAX_COPIES:,} labels", "mint more codes")
        if self.unit_size is not None and not 1 <= self.unit_size <= MAX_UNIT_SIZE:
            raise UsageError(f"a reel holds 1 to {MAX_UNIT_SIZE:,} codes")

    @property
    def sized(self) -> Profile:
        """The profile with the reel size of this package."""
        profile = self.profile.with_copies() if self.copies > 1 else self.profile
        return profile.of_size(self.unit_size or max(1, profile.unit_size // self.copies))


@dataclass(frozen=True)
class Fresh:
    """Sealed codes of a batch. `serials`: `next:N`, or what `notation.parse` reads.

    `pair`: a batch whose codes are on the same items, packaged with them label by label.
    """

    batch: str
    contact: str
    printing: PrintOptions
    serials: str = "all"
    pair: str | None = None


@dataclass(frozen=True)
class TestPackage:
    """`quantity` dummy codes, made as codes of the batch would be. Nothing is booked."""

    batch: str
    contact: str
    printing: PrintOptions
    quantity: int
    pair: str | None = None


@dataclass(frozen=True)
class Reprint:
    """The codes of `package` that are not void, once more, in the form recorded with it."""

    batch: str
    contact: str
    package: str
    reason: str


@dataclass(frozen=True)
class Replacement:
    """Other codes for those of `package` that were spoiled or voided, in the same form.

    Without `contact` they go to the contact of `package`.
    """

    package: str
    contact: str | None = None


Export = Fresh | Reprint | Replacement | TestPackage


@dataclass(frozen=True)
class Handoff:
    """The folder for archive and letter, the key that unseals the codes, the way of the password.

    Without `password_file` the password is shown at the terminal. `full_preflight`: every
    symbol is read back, however many there are.
    """

    out: Path
    password_file: Path | None = None
    custodian_key: Path | None = None
    passphrase_file: Path | None = None
    full_preflight: bool = False


@dataclass(frozen=True)
class ExportResult(Result):
    """The package, and the files it consists of."""

    package: str
    batch: str
    serials: Ranges
    archive: Path
    sha256: str
    profile: str
    letter: Path
    units: int
    preflight: str
    test: bool = False
    supersedes: str | None = None
    replaces: str | None = None
    pair: str | None = None
    copies: int = 1
    labels: int = 0

    def lines(self) -> Iterator[str]:
        """The package; then what is sent to whom."""
        kind = "test package" if self.test else "package"
        of = "" if self.pair is None else f" with batch {self.pair}: two codes on each label"
        yield f"{kind} {self.package} of batch {self.batch}{of}"
        codes = serials.count(self.serials)
        ranges = serials.describe(self.serials)
        each = "codes" if self.pair is None else "labels"
        yield f"  serials  {ranges} ({codes:,} {each} in {self.units} files)"
        if self.copies > 1:
            yield f"  labels   {self.labels:,}, {self.copies:,} of each code"
        yield f"  archive  {self.archive}"
        yield f"  sha256   {self.sha256}"
        yield f"  letter   {self.letter}"
        yield f"  checked  {self.preflight}"
        if self.supersedes:
            yield f"  reprint  of {self.supersedes}: have its files, reels and labels destroyed"
        if self.replaces:
            yield f"  for      codes spoiled or void in {self.replaces}"
        yield "send the archive and the letter; the password goes to the contact alone, another way"
        if not self.test:
            yield "now take the custodian's key away from this machine again"

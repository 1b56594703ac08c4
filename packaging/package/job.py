"""What a package is made of, checked before the first code is unsealed. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ...codegen.codes.spec import ALPHABETS
from ...codegen.codes.template import check
from ...codegen.errors import UsageError
from ...codegen.ranges.serials import Ranges, count, ordered, pieces
from ..formats.format import Format, PackageLayout, PackageUnit, SecondCode
from ..formats.registry import format_for
from ..profiles.profile import MAX_PICTURES, Profile
from .manifest import MAX_COPIES, MAX_FILES
from .particulars import UNTOLD, Particulars

_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


@dataclass(frozen=True)
class PackJob:
    """What to pack.

    `serials` ascend and none touch each other; `profile` has the unit size of this package;
    `unit_id` is called once per data file; `created` has an offset; `symbols` is the alphabet
    of the codes, each of which is on `copies` labels; `second` the other code of each label of a
    pair; `about` is for people. Raises
    `UsageError` for what no manifest can hold or the profile's format cannot write.
    """

    package: str
    batch: str
    home: str
    contact_id: str
    contact_name: str
    serials: Ranges
    length: int
    template: str
    profile: Profile
    unit_id: Callable[[], str]
    created: datetime
    test: bool = False
    symbols: str = ALPHABETS["crockford32"]
    about: Particulars = UNTOLD
    second: SecondCode | None = None
    copies: int = 1

    def __post_init__(self) -> None:
        if self.serials != ordered(self.serials):
            raise ValueError("the same serials have one form: ascending, touching ranges joined")
        check(self.template)
        if self.second is not None:
            check(self.second.template)
        if not _NAME.fullmatch(self.contact_id) or not _NAME.fullmatch(self.contact_name):
            raise UsageError("the contact's name holds control characters, or over 200 characters")
        if not 1 <= self.copies <= MAX_COPIES:
            raise UsageError(f"a code is on 1 to {MAX_COPIES:,} labels", "mint more codes")
        if self.created.tzinfo is None:
            raise ValueError("the time has no offset")
        if sum(-(-len(piece) // self.profile.unit_size) for piece in self.serials) > MAX_FILES:
            raise UsageError(f"that makes more than {MAX_FILES:,} files", "take larger units")
        if self.profile.pictures and count(self.serials) > MAX_PICTURES:
            raise UsageError(
                f"a package holds at most {MAX_PICTURES:,} pictures",
                "make several packages, or take the profile pdf-sheet or csv",
            )
        _ = self.format  # raises now what it would raise while codes are unsealed

    @cached_property
    def layout(self) -> PackageLayout:
        """What all units share."""
        return PackageLayout(
            package=self.package,
            batch=self.batch,
            length=self.length,
            symbols=self.symbols,
            template=self.template,
            profile=self.profile,
            copies=self.copies,
            second=self.second,
        )

    @property
    def batches(self) -> tuple[str, ...]:
        """The batches whose codes are in it: one, or two."""
        return (self.batch,) if self.second is None else (self.batch, self.second.batch)

    @cached_property
    def format(self) -> Format:
        """What writes the units."""
        return format_for(self.layout)

    def units(self) -> Iterator[PackageUnit]:
        """The units, in order, with new ids."""
        for index, piece in enumerate(pieces(self.serials, self.profile.unit_size)):
            yield PackageUnit(index, self.unit_id(), piece)

"""The commands that show print profiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..codegen.errors import UsageError
from ..codegen.invocation import Invocation
from ..codegen.result import Result
from .profiles import files
from .profiles.files import Origin, ProfileFile
from .profiles.geometry import SymbolLook
from .profiles.profile import Profile


@dataclass(frozen=True)
class ProfileSummary:
    """A profile in a list. `error` says what is wrong with it, if anything."""

    profile: str
    origin: Origin
    format: str | None
    description: str | None
    error: str | None = None

    def line(self) -> str:
        """One line."""
        kind = self.format or "-"
        return f"{self.profile:<14} {self.origin:<9} {kind:<5} {self.error or self.description}"


@dataclass(frozen=True)
class ProfileList(Result):
    """The profiles that `export --profile` takes, and the examples."""

    reads = True

    profiles: tuple[ProfileSummary, ...]

    def lines(self) -> Iterator[str]:
        """One line per profile."""
        for item in self.profiles:
            yield item.line()


@dataclass(frozen=True)
class ProfileShown(Result):
    """A profile: its file, and every key with its value, defaults included."""

    reads = True

    profile: str
    origin: Origin
    format: str
    description: str
    file: Path
    text: str
    document: dict[str, object]

    def lines(self) -> Iterator[str]:
        """The file as it is, to copy and change."""
        yield from self.text.rstrip("\n").split("\n")


@dataclass(frozen=True)
class ProfileChecked(Result):
    """A profile file without mistakes."""

    reads = True

    ok: bool
    profile: str
    format: str
    unit_size: int
    columns: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """What it makes."""
        yield f"profile {self.profile} is right: {self.format}, {self.unit_size:,} codes a unit"
        if self.columns:
            yield f"  columns {', '.join(self.columns)}"


def profile_list(invocation: Invocation) -> ProfileList:
    """The built-in profiles, then those of the home, if there is a home."""
    return ProfileList(tuple(_summary(*item) for item in files.every(invocation.home)))


def profile_show(invocation: Invocation, name: str) -> ProfileShown:
    """Show a profile, or an example. Raises `UsageError` if it is unknown or wrong."""
    found = files.find(name, invocation.home, examples=True)
    return ProfileShown(
        profile=found.profile.name,
        origin=found.origin,
        format=found.profile.kind.value,
        description=found.description,
        file=found.path,
        text=found.text,
        document=_whole(found.profile.document()),
    )


def _whole(document: dict[str, Any]) -> dict[str, object]:
    """A document with the one key that `Profile.document` leaves out if it has its default."""
    return document | {"symbol": {"reduce": SymbolLook().reduce} | document["symbol"]}


def profile_check(file: Path) -> ProfileChecked:
    """Check a file. Raises `NotFound`, or `UsageError` naming the line and key that is wrong."""
    profile: Profile = files.load(file).profile
    columns = tuple(column.name for column in profile.columns) if profile.has_rows else ()
    return ProfileChecked(
        ok=True,
        profile=profile.name,
        format=profile.kind.value,
        unit_size=profile.unit_size,
        columns=columns,
    )


def _summary(name: str, origin: Origin, found: ProfileFile | UsageError) -> ProfileSummary:
    if isinstance(found, UsageError):
        return ProfileSummary(name, origin, None, None, found.message)
    return ProfileSummary(name, origin, found.profile.kind.value, found.description)

"""The commands that look at print profiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..codegen.errors import UsageError
from ..codegen.invocation import Invocation
from ..codegen.result import Result
from .profiles import files
from .profiles.files import Origin, Stored
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
    """The profiles `export --profile` knows, and the examples."""

    profiles: tuple[ProfileSummary, ...]

    def lines(self) -> Iterator[str]:
        """A line each."""
        for item in self.profiles:
            yield item.line()


@dataclass(frozen=True)
class ProfileShown(Result):
    """A profile: its file, and as it is understood, every key with its value."""

    profile: str
    origin: Origin
    format: str
    description: str
    file: Path
    text: str
    document: dict[str, object]

    def lines(self) -> Iterator[str]:
        """The file as it is: a beginning for one's own."""
        yield from self.text.rstrip("\n").split("\n")


@dataclass(frozen=True)
class ProfileChecked(Result):
    """A profile file without mistakes."""

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
    """All profiles; a home's own, if there is a home, behind the built-in ones."""
    return ProfileList(tuple(_summary(*item) for item in files.every(invocation.home)))


def profile_show(invocation: Invocation, name: str) -> ProfileShown:
    """One profile, an example too. Raises `UsageError` for an unknown or wrong one."""
    found = files.find(name, invocation.home, examples=True)
    return ProfileShown(
        profile=found.profile.name,
        origin=found.origin,
        format=found.profile.kind.value,
        description=found.description,
        file=found.path,
        text=found.text,
        document=found.profile.document(),
    )


def profile_check(file: Path) -> ProfileChecked:
    """A file. Raises `UsageError` naming line and key of what is wrong, `NotFound`."""
    profile: Profile = files.load(file).profile
    columns = tuple(column.name for column in profile.columns) if profile.has_rows else ()
    return ProfileChecked(
        ok=True,
        profile=profile.name,
        format=profile.kind.value,
        unit_size=profile.unit_size,
        columns=columns,
    )


def _summary(name: str, origin: Origin, found: Stored | UsageError) -> ProfileSummary:
    if isinstance(found, UsageError):
        return ProfileSummary(name, origin, None, None, found.message)
    return ProfileSummary(name, origin, found.profile.kind.value, found.description)

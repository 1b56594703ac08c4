"""`key export --backend`: the folder for the team that runs the scan backend."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ... import __version__
from ...codegen.errors import Refused
from ...codegen.file_systems import mount_of
from ...codegen.folders import free_place, write_folder
from ...codegen.invocation import Invocation
from ...codegen.roster import LinesExported, export
from ...codegen.times import format_utc
from .contents import KEY, README, Handed, contents


@dataclass(frozen=True)
class FolderExported(LinesExported):
    """The folder was made."""

    reads = False

    def lines(self) -> Iterator[str]:
        """What is secret in it, and how it is handed over."""
        yield f"{self.folder}  {len(self.files or ())} files for the scan backend's team"
        yield f"  {README}  says what to do with each, in Chinese and in English"
        yield f"  {KEY}  is secret: key {self.fingerprint_key_id}, which never changes; with"
        yield "                   fingerprints beside it, anybody can test guesses of codes"
        yield "hand the folder over encrypted, its password by another way: no mail, chat or share"
        yield "write down who has the key and where it lies; then remove this copy"


def export_folder(invocation: Invocation, folder: Path) -> FolderExported:
    """Make `folder`, whole or not at all.

    Raises `UsageError` for a place in a home, `Refused` if something is there already or no line
    has a key, `IntegrityError` for a fingerprint key that is not the home's.
    """
    invocation.outside_home("--backend", folder)
    free_place(folder)
    station = invocation.station()
    known = export(station)
    if not known.line:
        raise Refused(
            "no line of this home has a key that is not revoked: nobody could order",
            "make one: mintmark key new LINE",
        )
    handed = Handed(
        station.config.home_id,
        station.fingerprint_key,
        "\n".join((*known.lines(), "")),
        format_utc(station.now(), "seconds"),
        __version__,
    )
    files = contents(handed)
    real = write_folder(folder, files, {KEY}, station.failpoint)
    invocation.tell_open(real / KEY)
    if (mount := mount_of(real)) and mount.remote:
        invocation.notify(
            f"warning: {real} lies on a network drive ({mount.type}): whoever reads it has the key"
        )
    return FolderExported(known.line, known.platform, real, handed.key_id, tuple(files))

"""The units of an archive, read back: each is what was signed, and what its format makes.

A unit passes when all of this holds:

    1. its entries are what the format makes of serials, profile, template and codes
       (`Format.read`);
    2. the codes consist of the batch's symbols; those of a test package are dummies;
    3. it holds as many codes as serials;
    4. the hashes of its entries are those in the manifest.

Codes are handed on before their unit passes. Whoever takes them acts on none of them before
the last was taken.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import BinaryIO

from ...codegen.ranges.serials import Ranges
from ...codegen.workers.pool import WorkerKind, Workers
from ..formats.dummy import all_dummies, all_seconds
from ..formats.format import Codes, Format, PackageUnit
from ..formats.pairs import halves
from ..formats.sampling import Chosen
from ..formats.spread import Spread
from ..package.manifest import DataFile, Manifest, pictures_digest
from ..zip.reader import broken
from .archive import Archive

_SMALL = 16 << 20  # bytes of a unit that a thread reads whole


def codes_of(
    archive: Archive, manifest: Manifest, form: Format, chosen: Chosen, spread: Spread
) -> Iterator[Codes]:
    """All codes of the archive, in its order; another decoder reads the `chosen` symbols.

    Small units are read in threads, large ones in pieces; what holds the GIL is done by `spread`.
    Raises `IntegrityError` for a unit that does not pass.
    """
    units = list(manifest.units())
    small = all(_size(archive, form, unit) <= _SMALL for unit, _ in units)
    with Workers(WorkerKind.THREADS if small and len(units) > 1 else WorkerKind.INLINE) as workers:

        def read(item: tuple[PackageUnit, DataFile]) -> Iterator[Codes] | list[Codes]:
            codes = _UnitCheck(archive, manifest, form, *item).codes(chosen, spread)
            return list(codes) if small else codes

        for codes in workers.map(read, units):
            yield from codes


def _size(archive: Archive, form: Format, unit: PackageUnit) -> int:
    return sum(archive.entries[name].size for name in form.names(unit))


class _UnitCheck:
    """One unit on its way through the steps; others may be read beside it."""

    def __init__(
        self,
        archive: Archive,
        manifest: Manifest,
        form: Format,
        unit: PackageUnit,
        listed: DataFile,
    ) -> None:
        self._archive, self._manifest, self._form = archive, manifest, form
        self._unit, self._listed = unit, listed
        self._hashes: list[str] = []
        self._picture_bytes = 0

    def codes(self, chosen: Chosen, spread: Spread) -> Iterator[Codes]:
        """Its codes, in pieces. When the last was taken, the unit has passed."""
        manifest, done = self._manifest, 0
        # A file of its own: the position of a shared one would move under other threads.
        with self._archive.path.open("rb") as file:
            files = self._files(file)
            for serials, codes in self._form.read(self._unit, files, chosen, spread):  # 1
                _require_symbols(manifest, serials, codes)  # 2
                done += len(codes) // manifest.layout.stride
                yield serials, codes
            for _, rest in files:
                for _ in rest:
                    pass
        if done != len(self._unit.serials):  # 3
            raise broken(f"{self._listed.name} has fewer rows than the manifest says")
        self._require_hashes()  # 4

    def _files(self, file: BinaryIO) -> Iterator[tuple[str, Iterator[bytes]]]:
        for name, content in self._archive.contents(file, list(self._form.names(self._unit))):
            digest = hashlib.sha256()
            pieces = self._hashed(digest, content)
            yield name, pieces
            for _ in pieces:  # what the format left
                pass
            self._hashes.append(digest.hexdigest())

    def _hashed(self, digest: "hashlib._Hash", pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            if self._hashes:
                self._picture_bytes += len(piece)
            yield piece

    def _require_hashes(self) -> None:
        listed, pictures = self._listed, self._listed.pictures
        if not hmac.compare_digest(self._hashes[0], listed.sha256):
            raise broken(f"{listed.name} is not the file that was signed")
        found = (len(self._hashes) - 1, self._picture_bytes, pictures_digest(self._hashes[1:]))
        if pictures and found != (pictures.count, pictures.bytes, pictures.sha256):
            raise broken(f"the pictures of {listed.name} are not those that were signed")


def _require_symbols(manifest: Manifest, serials: Ranges, codes: bytes) -> None:
    span = f"serials {serials[0].first}-{serials[-1].last}"
    layout = manifest.layout
    symbols = [layout.symbols, *([] if layout.second is None else [layout.second.symbols])]
    parts = halves(codes, layout.lengths)
    for part, known in zip(parts, symbols, strict=True):
        if part.translate(None, known.encode("ascii")) and not manifest.test:
            raise broken(f"a code of {span} has symbols no code has")
    are_dummies = (all_dummies, all_seconds)
    for part, length, are in zip(parts, layout.lengths, are_dummies, strict=False):
        at = 0
        for piece in serials if manifest.test else ():
            end = at + len(piece) * length
            if not are(piece, part[at:end], length):
                raise broken(f"{span}: a test package holds codes that are no dummies")
            at = end

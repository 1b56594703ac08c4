"""Sorting a batch of any size into its run, in bounded memory, and finding who collides.

Entries are gathered into pieces of four million, sorted and spilled; then the prefix
space is cut into equal parts (prefixes are uniform, so the parts are near equal in
entries too) and each part is merged from all pieces, compared with its neighbours and
with every earlier run, and written. The spill file has no name where the system allows
it and vanishes with the process: it holds prefixes, never codes.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .runs import (
    ENTRY_BYTES,
    PREFIX,
    PREFIX_BITS,
    SERIAL,
    STEP,
    Prefixes,
    Serials,
    prefixes_of,
    shared,
)

PIECE = 4_194_304  # entries spilled at a time

Tick = Callable[[int], None]


class Sorter:
    """Takes fingerprints in serial order, and makes their run. Call `close` at the end.

    `folder` gets the spill file: 12 bytes an entry.
    """

    def __init__(
        self, folder: Path, prefix_bits: int = PREFIX_BITS, *, piece: int = PIECE, part: int = STEP
    ) -> None:
        self._bits, self._piece, self._part = prefix_bits, piece, part
        self._spill: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see close
        self._pieces: list[tuple[int, int]] = []  # (first entry, entries) in the spill
        self._waiting: list[Prefixes] = []
        self._count = 0
        self._spilled = 0
        self._replaced: dict[int, int] = {}  # serial → prefix

    def close(self) -> None:
        """Let go of the spill file, which then is gone."""
        self._spill.close()

    def add(self, fingerprints: bytes) -> None:
        """The fingerprints of the next serials, concatenated."""
        prefixes = prefixes_of(fingerprints, self._bits)
        self._waiting.append(prefixes)
        self._count += len(prefixes)
        if self._count - self._spilled >= self._piece:
            self._spill_waiting()

    def replace(self, fingerprints: Mapping[int, bytes]) -> None:
        """Other fingerprints for some serials: serial → 16 bytes."""
        for serial, one in fingerprints.items():
            self._replaced[serial] = int(prefixes_of(one, self._bits)[0])

    def merge(self, target: BinaryIO, earlier: Sequence[Path], tick: Tick) -> list[int]:
        """Write the run into `target`; return the serials that collide, ascending.

        A serial collides if a lower one of this batch, or any of the runs `earlier`, has
        its prefix. `tick(n)` after every n entries more.
        """
        self._spill_waiting()
        target.truncate(0)
        collided: set[int] = set()
        written = 0
        for prefixes, serials in self._parts():
            again = np.flatnonzero(prefixes[1:] == prefixes[:-1]) + 1
            collided.update(serials[again].tolist())
            collided.update(shared(prefixes, serials, earlier))
            target.seek(written * PREFIX.itemsize)
            target.write(prefixes.tobytes())
            target.seek(self._count * PREFIX.itemsize + written * SERIAL.itemsize)
            target.write(serials.tobytes())
            written += len(prefixes)
            tick(len(prefixes))
        return sorted(collided)

    def _spill_waiting(self) -> None:
        if not self._waiting:
            return
        prefixes = np.concatenate(self._waiting)
        order = np.argsort(prefixes)
        ascending = prefixes[order]
        if np.any(ascending[1:] == ascending[:-1]):
            order = np.argsort(prefixes, kind="stable")  # twice the time, hardly ever needed
        serials = (order + (self._spilled + 1)).astype(SERIAL)
        self._spill.seek(0, 2)
        self._spill.write(ascending.tobytes())
        self._spill.write(serials.tobytes())
        self._spill.flush()
        self._pieces.append((self._spilled, len(prefixes)))
        self._spilled += len(prefixes)
        self._waiting.clear()

    def _parts(self) -> Iterator[tuple[Prefixes, Serials]]:
        """The whole run in ascending parts, each sorted by prefix, then serial."""
        parts = -(-self._count // self._part)
        edges = np.array([part * 2**64 // parts for part in range(parts)], PREFIX)
        cuts = [self._cuts(first, count, edges) for first, count in self._pieces]
        replaced = np.array(list(self._replaced), SERIAL)
        others = np.array(list(self._replaced.values()), PREFIX)
        home = np.searchsorted(edges, others, "right") - 1
        for part in range(parts):
            slices = [
                self._slice(first, count, cut[part], cut[part + 1])
                for (first, count), cut in zip(self._pieces, cuts, strict=True)
            ]
            prefixes = np.concatenate([prefixes for prefixes, _ in slices])
            serials = np.concatenate([serials for _, serials in slices])
            if not len(replaced):
                # The pieces are sorted and hold ascending serials: a merge, and a stable one.
                order = np.argsort(prefixes, kind="stable")
            else:
                stays = ~np.isin(serials, replaced)
                prefixes = np.concatenate([prefixes[stays], others[home == part]])
                serials = np.concatenate([serials[stays], replaced[home == part]])
                order = np.lexsort((serials, prefixes))
            yield prefixes[order], serials[order]

    def _cuts(self, first: int, count: int, edges: Prefixes) -> list[int]:
        """Where the parts begin in a piece, and where the last ends."""
        prefixes, _ = self._slice(first, count, 0, count)
        return [*np.searchsorted(prefixes, edges).tolist(), count]

    def _slice(self, first: int, count: int, start: int, stop: int) -> tuple[Prefixes, Serials]:
        """The entries `start`..`stop` of the piece of `count` entries at entry `first`."""
        at = first * ENTRY_BYTES
        return (
            self._column(at + start * PREFIX.itemsize, stop - start, PREFIX),
            self._column(
                at + count * PREFIX.itemsize + start * SERIAL.itemsize, stop - start, SERIAL
            ),
        )

    def _column(self, at: int, count: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        # Read, not mapped: mapped pages count against this process.
        self._spill.seek(at)
        return np.frombuffer(self._spill.read(count * kind.itemsize), kind)

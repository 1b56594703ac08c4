"""Making uploaded fingerprints live: the long part of an activation.

1. What is live already stays as it is.
2. The first serial that was not uploaded: what lies after it decides nothing any more.
3. Fingerprints go into the table that scans read in its own order, millions at a time: put in
   chunk by chunk, each chunk would change nearly every page of that table. To hold no more than
   `_SLICE` of them in memory, the chunks are read once for each slice of the fingerprints.
4. A fingerprint that was there belongs to another code: then which serial is the first of these.
5. The same fingerprints are kept by serial, and the chunks that are live as a whole are deleted.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from ...codegen.ranges.serials import Range, count, intersect, subtract
from . import chunks, dialects, live_runs, tables
from .damage import Damaged
from .problems import Problem

_SLICE = 1 << 20  # fingerprints in memory, if they are as evenly spread as an HMAC is
_SLICES = 16  # of a stretch of chunks: reading chunks again costs less than writing pages again
_ASKED = 1_000  # fingerprints looked up at a time

Part = tuple[Range, tuple[Range, ...]]  # a chunk, and which of its serials are wanted


def enliven(connection: Connection, batch: int, parts: Sequence[Range], cutoff: int) -> None:
    """Make the fingerprints of `parts` (ascending, disjoint, not empty) visible to scans.

    Those that were uploaded before `cutoff` are gone. Raises `Problem` fingerprints-missing,
    which names the first serial without a fingerprint, or fingerprints-taken.
    """
    span = Range(parts[0].first, parts[-1].last)
    wanted = subtract(parts, live_runs.live(connection, batch, span))  # 1
    if not wanted:
        return
    held = chunks.pending(connection, batch, span, cutoff)
    missing = next(iter(subtract(wanted, held)), None)  # 2
    if missing is not None:
        wanted = subtract(wanted, [Range(missing.first, span.last)])
    work = list(_parts(held, wanted))
    new = sum(_put(connection, batch, stretch) for stretch in _stretches(work))  # 3
    if new < count(wanted):
        raise _taken(_first_taken(connection, batch, work))  # 4
    if missing is not None:
        raise _missing(missing.first)
    for chunk, inside in work:  # 5
        data = chunks.data_of(connection, batch, chunk.first)
        live_runs.add(connection, batch, chunk.first, data, inside)
        if not subtract([chunk], parts):
            chunks.drop(connection, batch, chunk.first)


def _parts(held: Sequence[Range], wanted: Sequence[Range]) -> Iterator[Part]:
    """The chunks of which something is wanted."""
    at = 0
    for chunk in held:
        while at < len(wanted) and wanted[at].last < chunk.first:
            at += 1
        end = at
        while end < len(wanted) and wanted[end].first <= chunk.last:
            end += 1
        if inside := intersect(wanted[at:end], [chunk]):
            yield chunk, inside


def _stretches(work: Sequence[Part]) -> Iterator[list[Part]]:
    """The chunks that are put in together."""
    stretch, codes = list[Part](), 0
    for part in work:
        stretch.append(part)
        codes += count(part[1])
        if codes > _SLICE * _SLICES:
            yield stretch
            stretch, codes = [], 0
    if stretch:
        yield stretch


def _put(connection: Connection, batch: int, stretch: Sequence[Part]) -> int:
    """Put the fingerprints of a stretch into the table that scans read; how many were new."""
    slices = -(-sum(count(inside) for _, inside in stretch) // _SLICE)
    new = 0
    for number in range(slices):
        bounds = (number << 32) // slices, ((number + 1) << 32) // slices
        found, serials = _slice(connection, batch, stretch, bounds)
        new += dialects.insert_fingerprints(connection, batch, found, serials)
    return new


def _slice(
    connection: Connection, batch: int, stretch: Sequence[Part], bounds: tuple[int, int]
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """The fingerprints whose first four bytes lie within `bounds`, ascending, and their serials.

    Of two that are equal, the one with the lower serial comes first.
    """
    prints, serials = [], []
    for part in stretch:
        cut, numbers = _wanted(connection, batch, part)
        begins = np.frombuffer(cut, dtype=">u4")[::4]
        at = np.flatnonzero((begins >= bounds[0]) & (begins < bounds[1]))
        prints.append(np.frombuffer(cut, dtype="V16")[at])
        serials.append(numbers[at])
    found, numbers = np.concatenate(prints), np.concatenate(serials)
    prints.clear()  # or the slice would be held three times
    serials.clear()
    order = np.argsort(found.view(">u8")[::2], kind="stable")
    return found[order], numbers[order]


def _wanted(
    connection: Connection, batch: int, part: Part
) -> "tuple[bytes, np.ndarray[Any, np.dtype[np.int64]]]":
    """What is wanted of a chunk: fingerprints, and their serials."""
    chunk, inside = part
    data = chunks.data_of(connection, batch, chunk.first)
    cuts = b"".join(live_runs.cut(data, chunk.first, piece) for piece in inside)
    runs = [np.arange(piece.first, piece.last + 1, dtype=np.int64) for piece in inside]
    return cuts, np.concatenate(runs)


def _first_taken(connection: Connection, batch: int, work: Sequence[Part]) -> int:
    """The first serial whose fingerprint is live for another code."""
    table = tables.fingerprints
    for part in work:
        cut, numbers = _wanted(connection, batch, part)
        prints = np.frombuffer(cut, dtype="V16").tolist()
        for start in range(0, len(prints), _ASKED):
            asked = prints[start : start + _ASKED]
            query = select(table).where(table.c.fingerprint.in_(asked))
            owner = {row.fingerprint: (row.batch, row.serial) for row in connection.execute(query)}
            for own, serial in zip(asked, numbers[start : start + _ASKED].tolist(), strict=True):
                if owner[own] != (batch, serial):
                    return int(serial)
    raise Damaged


def _missing(serial: int) -> Problem:
    return Problem(
        "fingerprints-missing",
        f"upload the fingerprints from serial {serial} on, then send the order again",
        serial=serial,
    )


def _taken(serial: int) -> Problem:
    return Problem(
        "fingerprints-taken",
        f"the fingerprint uploaded for serial {serial} belongs to another code",
        serial=serial,
    )

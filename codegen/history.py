"""What the home has minted before, for the question whether a prefix is new.

Each batch has its run. Many runs are put together into sieves (sealed/sieve.py), the
smallest first, and each sieve at least doubles what it takes in: a mint asks a handful of
files, and a code is put together a logarithmic number of times.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import Timeout

from .errors import IntegrityError, Refused
from .files import hidden
from .ledger.records import BatchRow
from .sealed import prefix_filter, prefix_filter_build
from .sealed.prefix_filter import PrefixFilter
from .sealed.runs import ENTRY_BYTES, Source
from .station.station import Station

FEW = 8  # files to ask: with more, some are put together
KIND = "sieve"  # of intent


def runs_of(station: Station, batches: Sequence[BatchRow]) -> list[Path]:
    """The runs of `batches`. Raises `IntegrityError` where one is not all there."""
    runs = [station.vault.parts(row.batch).run for row in batches]
    for row, run in zip(batches, runs, strict=True):
        if not run.exists() or run.stat().st_size != row.quantity * ENTRY_BYTES:
            raise IntegrityError(
                f"{run.name} is missing from the vault, or cut",
                "bring it back from a copy: without it new codes might repeat old ones",
                file=run.name,
            )
    return runs


def known(station: Station, batches: Sequence[BatchRow]) -> list[Path | Source]:
    """What to ask about all of `batches`. Raises as `runs_of`, even where a sieve would do."""
    runs = dict(zip((row.batch for row in batches), runs_of(station, batches), strict=True))
    sieves = usable(station, {row.batch: row.quantity for row in batches})
    for one in sieves:
        for batch in one.batches:
            del runs[batch]
    return [*sieves, *runs.values()]


def usable(station: Station, batches: dict[str, int]) -> list[PrefixFilter]:
    """Sieves over some of `batches` (id → codes), the largest first, none over one twice."""
    chosen: list[PrefixFilter] = []
    taken: set[str] = set()
    for one in sorted(_sieves(station), key=lambda one: -one.count):
        if one.batches.items() <= batches.items() and taken.isdisjoint(one.batches):
            chosen.append(one)
            taken.update(one.batches)
    return chosen


def gather(
    station: Station,
    batches: Sequence[BatchRow],
    progress: Callable[[str, int, int], None],
    spread: prefix_filter_build.Spread = map,
) -> None:
    """Put runs and sieves together if there are too many to ask. A full disk is no reason to fail.

    Raises `KeyboardInterrupt` with nothing left behind.
    """
    sizes = {row.batch: row.quantity for row in batches}
    sieves = usable(station, sizes)
    groups = [dict(one.batches) for one in sieves]
    alone = sizes.keys() - {batch for group in groups for batch in group}
    groups += [{batch: sizes[batch]} for batch in sorted(alone)]
    groups.sort(key=lambda group: sum(group.values()))
    number = due([sum(group.values()) for group in groups])
    if number:
        wanted = {batch: count for group in groups[:number] for batch, count in group.items()}
        # Somebody else is at it, or there is no room: the old ones will do.
        with contextlib.suppress(Timeout, Refused, OSError):
            _make(station, dict(sorted(wanted.items())), progress, spread)


def due(sizes: Sequence[int], few: int = FEW, most: int = prefix_filter.MAX_CODES) -> int:
    """How many of the smallest (`sizes` ascend) are to be put together: none up to `few`.

    All up to the first that is no larger than those before it together, and on while that
    holds: whatever is taken in at least doubles. Where there is no such one, each is more
    than all before it, and so they are few enough too. `most` bounds the sum.
    """
    if len(sizes) <= few:
        return 0
    number, before = 0, sizes[0]
    for at, size in enumerate(sizes[1:], 2):
        if before + size > most:
            break
        if size <= before:
            number = at
        elif number:
            break
        before += size
    return number


def _make(
    station: Station,
    batches: dict[str, int],
    progress: Callable[[str, int, int], None],
    spread: prefix_filter_build.Spread,
) -> None:
    name = name_of(sorted(batches))
    path = station.vault.storage.path / f"{name}{prefix_filter.SUFFIX}"
    done, total = 0, sum(batches.values())

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress("gather", done, total)

    # One that is there all the same could not be used.
    remove(path)
    with station.intents.begin(KIND, name, [path]) as publication:
        prefix_filter_build.write(hidden(path), batches, count, spread)
        station.failpoint("gathered")
        publication.publish()
    for other in _sieves(station):
        if other.path != path and other.batches.keys() <= batches.keys():
            remove(other.path)


def name_of(batches: Sequence[str]) -> str:
    """The name of the sieve over `batches`, which ascend: the same for the same ones."""
    return hashlib.sha256(" ".join(batches).encode("ascii")).hexdigest()[:16]


def remove(path: Path) -> None:
    """Remove a sieve that is not needed."""
    # Windows removes none that another process is reading; the next time will.
    with contextlib.suppress(OSError):
        path.unlink()


def damaged(station: Station) -> list[Path]:
    """The sieves that are not, bit for bit, what was written."""
    found = []
    for path in _paths(station):
        try:
            prefix_filter.read(path).verify()
        except IntegrityError:
            found.append(path)
    return found


def _sieves(station: Station) -> list[PrefixFilter]:
    """All sieves of the vault that can be read."""
    found = []
    for path in _paths(station):
        with contextlib.suppress(IntegrityError, OSError):
            found.append(prefix_filter.read(path))
    return found


def _paths(station: Station) -> list[Path]:
    storage = station.vault.storage
    return [storage.path / name for name in storage.names() if name.endswith(prefix_filter.SUFFIX)]

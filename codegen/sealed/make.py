"""Making a batch: drawn, fingerprinted, sealed, sorted, made unique, recorded. Offline.

The steps, in this order:

1. A data key is drawn, for this batch alone.
2. The data key is sealed to the custodians. It is never on the disk in any other form.
3. For each frame: the codes are drawn and fingerprinted (by workers, which never see the data
   key), sealed, and written; their fingerprints are written, and go to the sorter.
4. Both files are made durable.
5. The run is sorted and written. A code collides if a lower serial of this batch or any
   earlier batch has its prefix.
6. Colliding codes are drawn again: their frames are sealed again under fresh nonces, their
   fingerprints are replaced, nothing else changes. Back to 5, until nothing collides.
7. The record, with the digests of the three files, is signed and written last.
8. `close` forgets the data key. From then on only the custodians can read the batch.

What holds all the time:

- Codes are in memory a few frames at a time, and reach the disk sealed.
- The five files are hidden siblings of the final ones. Between two calls none is open, so that
  they can be renamed, also on Windows. After a failure the caller removes them: a batch that
  was not finished is never continued.

Another process may publish a batch meanwhile. The caller looks for that under the write lock
of the ledger (`collisions`), and then repeats steps 6, 5 and 7 without the lock (`redraw`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ..codes import fingerprint
from ..codes.draw import draw
from ..codes.generate import GenerateTask, generate
from ..errors import EnvironmentFailure
from ..files import create, sync
from ..progress import Progress
from ..secret import Secret
from .batch import Writer, replace
from .early import EarlyUploads, Growing
from .frames import KEY_BYTES
from .hashed import Hashed
from .header import CoreHeader
from .parts import Parts
from .record import MintRecord, file_digest, frame_digests
from .runs import PREFIX_BITS, PrefixSource, meetings
from .signed import Sign
from .sorter import Sorter, SortMap
from .wrap import Recipient, wrap

Generated = tuple[bytes, bytes]
# `map`, or that of a pool: keeps the order, and takes tasks as it goes.
CodeMap = Callable[
    [Callable[[GenerateTask], Generated], Iterable[GenerateTask]], Iterable[Generated]
]

# With 64-bit prefixes even a second round is next to impossible: n codes among N earlier ones
# meet with a probability of n × N ÷ 2^64. Fifty are for tests with short prefixes.
_MAX_ROUNDS = 50


def make(  # noqa: PLR0913 - all a mint depends on, by name
    parts: Parts,
    header: CoreHeader,
    *,
    sign: Sign,
    fingerprint_key: Secret,
    recipients: Sequence[Recipient],
    entropy: Callable[[int], bytes],
    earlier_runs: Sequence[Path | PrefixSource],
    prefix_bits: int = PREFIX_BITS,
    progress: Progress = lambda _phase, _done, _total: None,
    code_map: CodeMap = map,
    sort_map: SortMap = map,
    early: EarlyUploads | None = None,
) -> "Making":
    """Make the batch of `header` in the five files `parts`, none of which may exist.

    `sign` signs as the header's station. `recipients`: the custodians. `entropy(k)` returns k
    random bytes. `earlier_runs`: the runs of every batch the home has minted, or prefix
    filters over them. `prefix_bits`: 64; fewer in tests, so that codes collide. `code_map`
    may use other processes, `sort_map` other threads. `early` is told of the files that grow.

    Everything is durable when this returns. Close what it returns: until then it holds the
    data key. Raises `EnvironmentFailure` for a broken random source or a dead worker,
    `FileExistsError` if a file of `parts` exists, and `OSError` as the disk does; files may then
    be left behind.
    """
    tools = Tools(sign, fingerprint_key, entropy, prefix_bits, progress, sort_map)
    making = Making(parts, header, tools)
    try:
        making._generate(recipients, code_map, early)  # noqa: SLF001 - one module, one idea
        making._settle(earlier_runs)  # noqa: SLF001 - as above
    except BaseException:
        making.close()
        raise
    return making


@dataclass(frozen=True, slots=True)
class Tools:
    """The arguments of `make` that every step shares."""

    sign: Sign
    fingerprint_key: Secret
    entropy: Callable[[int], bytes] = field(repr=False)
    prefix_bits: int
    progress: Progress
    sort_map: SortMap


@dataclass(frozen=True, slots=True)
class _Digests:
    """SHA-256, in hex, of the files as written; `frames`: of each frame's fingerprints."""

    sealed: str
    fingerprints: str
    frames: tuple[str, ...]


class Making:
    """A batch made but not yet published. Use it in a `with` block, or `close` it."""

    record: MintRecord

    def __init__(self, parts: Parts, header: CoreHeader, tools: Tools) -> None:
        self.parts, self.header, self._tools = parts, header, tools
        self._data_key: Secret | None = Secret(tools.entropy(KEY_BYTES))  # step 1
        self._sorter = Sorter(parts.run.parent, tools.prefix_bits)
        self._earlier: list[Path | PrefixSource] = []
        self._redrawn = 0
        self._written: _Digests | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the data key: from here on only the custodians can read the batch."""
        self._data_key = None  # step 8
        self._sorter.close()

    def collisions(self, runs: Sequence[Path | PrefixSource]) -> list[int]:
        """The serials whose prefix a run of `runs` has, ascending."""
        return meetings(self.parts.run, runs)

    def redraw(self, serials: Sequence[int], runs: Sequence[Path | PrefixSource] = ()) -> None:
        """Draw the codes of `serials` again, so that they collide with nothing known, nor `runs`.

        Raises as `make` does, and `ValueError` after `close`.
        """
        self._replace(serials)
        self._settle(runs)

    def _generate(
        self, recipients: Sequence[Recipient], code_map: CodeMap, early: EarlyUploads | None
    ) -> None:
        header, key = self.header, self._key()
        with (
            create(self.parts.sealed) as sealed,
            create(self.parts.fingerprints) as fingerprints,
            create(self.parts.wraps) as wraps,
            ThreadPoolExecutor(1) as background,
        ):
            # Step 2.
            _write(wraps, wrap(key, header, recipients, header.station_key_id, self._tools.sign))
            # Step 3.
            growing = _growing(early, self.parts)
            to_sealed, to_fingerprints = (
                Hashed(file, background, each.grew)
                for file, each in zip((sealed, fingerprints), growing, strict=True)
            )
            writer = Writer(to_sealed, header, self._tools.sign, key, self._tools.entropy)
            done, frames = 0, []
            for codes, found in code_map(generate, self._tasks()):
                writer.write(codes)
                to_fingerprints.write(found)
                frames.append(hashlib.sha256(found).hexdigest())
                self._sorter.add(found)
                done += len(found) // fingerprint.SIZE
                self._tools.progress("generate", done, header.quantity)
            # Step 4.
            writer.finish()
            to_fingerprints.flush()
            sync(fingerprints)
            for each in growing:
                each.end(whole=True)
            self._written = _Digests(to_sealed.digest, to_fingerprints.digest, tuple(frames))
        with create(self.parts.run), create(self.parts.record):
            pass

    def _tasks(self) -> Iterator[GenerateTask]:
        raw = self._tools.fingerprint_key.reveal()
        for frame in range(self.header.frames):
            yield GenerateTask(self.header.spec, self.header.count(frame), raw, self._tools.entropy)

    def _settle(self, runs: Sequence[Path | PrefixSource]) -> None:
        """Steps 5 to 7."""
        self._earlier += runs
        for _ in range(_MAX_ROUNDS):
            # Step 5.
            with self.parts.run.open("r+b") as file:
                progress = self._counted("sort", self.header.quantity)
                collided = self._sorter.merge(file, self._earlier, progress, self._tools.sort_map)
                sync(file)
            if not collided:
                break
            self._replace(collided)
        else:
            # With 64-bit prefixes: only if the source gives the same codes again and again.
            raise EnvironmentFailure(
                "codes keep colliding: the random source repeats itself",
                "mint nothing on this machine until it is repaired",
            )
        # Step 7.
        self.record = self._recorded()
        with self.parts.record.open("wb") as file:
            _write(file, self.record.to_bytes(self._tools.sign))

    def _replace(self, serials: Sequence[int]) -> None:
        """Step 6."""
        # The digests of what was first written no longer hold.
        self._written = None
        spec, size = self.header.spec, fingerprint.SIZE
        drawn = draw(spec, len(serials), self._tools.entropy)
        found = fingerprint.fingerprints(drawn, spec.length, self._tools.fingerprint_key)
        codes = dict(zip(serials, _cut(drawn, spec.length), strict=True))
        prints = dict(zip(serials, _cut(found, size), strict=True))
        with self.parts.sealed.open("r+b") as file:
            replace(file, self.header, self._key(), codes, self._tools.entropy)
        with self.parts.fingerprints.open("r+b") as file:
            for serial, digest in prints.items():
                file.seek((serial - 1) * size)
                file.write(digest)
            sync(file)
        self._sorter.replace(prints)
        self._redrawn += len(serials)

    def _recorded(self) -> MintRecord:
        header, parts, written = self.header, self.parts, self._written
        to_read = parts[2:3] if written else parts[:3]
        progress = self._counted("digest", sum(part.stat().st_size for part in to_read))
        if written is None:
            written = _Digests(
                file_digest(parts.sealed, progress),
                file_digest(parts.fingerprints, progress),
                tuple(frame_digests(parts.fingerprints, header)),
            )
        return MintRecord(
            batch=header.batch,
            core_sha256=header.core_hash.hex(),
            quantity=header.quantity,
            redrawn=self._redrawn,
            prefix_bits=self._tools.prefix_bits,
            sealed_sha256=written.sealed,
            fingerprints_sha256=written.fingerprints,
            fingerprint_frames=written.frames,
            run_sha256=file_digest(parts.run, progress),
            station_key_id=header.station_key_id,
        )

    def _counted(self, phase: str, total: int) -> Callable[[int], None]:
        """`progress(n)`: n more of `total` are done in `phase`."""
        done = 0

        def progress(more: int) -> None:
            nonlocal done
            done += more
            self._tools.progress(phase, done, total)

        return progress

    def _key(self) -> Secret:
        if self._data_key is None:
            raise ValueError("this making is closed")
        return self._data_key


def _growing(early: EarlyUploads | None, parts: Parts) -> tuple[Growing, Growing]:
    """What tells of the two files that are written first."""
    begin = early.begin if early else lambda _, path: Growing(path)
    return begin("sealed", parts.sealed), begin("fingerprints", parts.fingerprints)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    sync(file)

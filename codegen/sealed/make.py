"""Making a batch: drawn, fingerprinted, sealed, sorted, made unique, recorded. Offline.

Rules. Codes are in memory a few frames at a time, and touch the disk sealed. The data key
is made here, stays here, and ends with `close`. A code that collides, in its batch or
with any earlier one, is drawn again; nothing else changes. The mint record comes last.
The five files are hidden siblings: between two calls none is open, so that they can be
renamed; after a failure the caller removes them.
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
from ..secret import Secret
from .batch import Writer, replace
from .frames import KEY_BYTES
from .hashed import Hashed
from .header import CoreHeader
from .record import MintRecord, file_digest, frame_digests
from .runs import PREFIX_BITS, Source, meetings
from .signed import Sign
from .sorter import Sorter, Spread
from .vault import Parts
from .wrap import Recipient, wrap

# (phase, done, total): the phases generate and sort count codes, digest counts bytes.
Progress = Callable[[str, int, int], None]
Generated = tuple[bytes, bytes]
# `map`, or a pool's: keeps the order, takes pieces as it goes.
CodeMap = Callable[
    [Callable[[GenerateTask], Generated], Iterable[GenerateTask]], Iterable[Generated]
]

# With 64-bit prefixes a second round is a once-in-ages event.
_ROUNDS = 50


def make(  # noqa: PLR0913 - all a mint depends on, by name
    parts: Parts,
    header: CoreHeader,
    *,
    sign: Sign,
    fingerprint_key: Secret,
    recipients: Sequence[Recipient],
    entropy: Callable[[int], bytes],
    earlier_runs: Sequence[Path | Source],
    prefix_bits: int = PREFIX_BITS,
    progress: Progress = lambda _phase, _done, _total: None,
    code_map: CodeMap = map,
    sorts: Spread = map,
) -> "Making":
    """Make the batch of `header` in the five files `parts`, none of which may exist.

    `sign` signs as the header's station. `recipients`: the custodians. `earlier_runs`: the
    runs of every batch the home has minted, or sieves over them. `code_map` may use other
    processes, `sorts` other threads. Everything is durable when this returns. Close what it
    returns: until then it holds the data key. Raises `EnvironmentFailure` for a broken
    random source or a dead worker, `OSError` as the disk does; files may then be left behind.
    """
    tools = Tools(sign, fingerprint_key, entropy, prefix_bits, progress, sorts)
    making = Making(parts, header, tools)
    try:
        making._generate(recipients, code_map)  # noqa: SLF001 - one module, one idea
        making._settle(earlier_runs)  # noqa: SLF001 - as above
    except BaseException:
        making.close()
        raise
    return making


@dataclass(frozen=True, slots=True)
class Tools:
    """What `make` was given to work with."""

    sign: Sign
    fingerprint_key: Secret
    entropy: Callable[[int], bytes] = field(repr=False)
    prefix_bits: int
    progress: Progress
    sorts: Spread


@dataclass(frozen=True, slots=True)
class _Digests:
    """SHA-256, in hex, of what was written; `frames` of each frame's fingerprints."""

    sealed: str
    fingerprints: str
    frames: tuple[str, ...]


class Making:
    """A batch made but not yet published. Use it in a `with` block, or `close` it."""

    record: MintRecord

    def __init__(self, parts: Parts, header: CoreHeader, tools: Tools) -> None:
        self.parts, self.header, self._tools = parts, header, tools
        self._data_key: Secret | None = Secret(tools.entropy(KEY_BYTES))
        self._sorter = Sorter(parts.run.parent, tools.prefix_bits)
        self._earlier: list[Path | Source] = []
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
        self._data_key = None
        self._sorter.close()

    def collisions(self, runs: Sequence[Path]) -> list[int]:
        """The serials whose prefix one of `runs` has."""
        return meetings(self.parts.run, runs)

    def redraw(self, serials: Sequence[int], runs: Sequence[Path | Source] = ()) -> None:
        """Other codes for `serials`, colliding with nothing known, nor with `runs`."""
        self._replace(serials)
        self._settle(runs)

    def _generate(self, recipients: Sequence[Recipient], code_map: CodeMap) -> None:
        header, key = self.header, self._key()
        with (
            create(self.parts.sealed) as sealed,
            create(self.parts.fingerprints) as fingerprints,
            create(self.parts.wraps) as wraps,
            ThreadPoolExecutor(1) as background,
        ):
            _write(wraps, wrap(key, header, recipients, header.station_key_id, self._tools.sign))
            to_sealed = Hashed(sealed, background)
            to_fingerprints = Hashed(fingerprints, background)
            writer = Writer(to_sealed, header, self._tools.sign, key, self._tools.entropy)
            done, frames = 0, []
            for codes, found in code_map(generate, self._pieces()):
                writer.write(codes)
                to_fingerprints.write(found)
                frames.append(hashlib.sha256(found).hexdigest())
                self._sorter.add(found)
                done += len(found) // fingerprint.SIZE
                self._tools.progress("generate", done, header.quantity)
            writer.finish()
            to_fingerprints.flush()
            sync(fingerprints)
            self._written = _Digests(to_sealed.digest, to_fingerprints.digest, tuple(frames))
        with create(self.parts.run), create(self.parts.record):
            pass

    def _pieces(self) -> Iterator[GenerateTask]:
        raw = self._tools.fingerprint_key.reveal()
        for frame in range(self.header.frames):
            yield GenerateTask(self.header.spec, self.header.count(frame), raw, self._tools.entropy)

    def _settle(self, runs: Sequence[Path | Source]) -> None:
        """Write the run and the record, once nothing collides any more."""
        self._earlier += runs
        for _ in range(_ROUNDS):
            with self.parts.run.open("r+b") as file:
                progress = self._counted("sort")
                collided = self._sorter.merge(file, self._earlier, progress, self._tools.sorts)
                sync(file)
            if not collided:
                break
            self._replace(collided)
        else:
            raise EnvironmentFailure(
                "codes keep colliding: the random source repeats itself",
                "mint nothing on this machine until it is mended",
            )
        self.record = self._recorded()
        with self.parts.record.open("wb") as file:
            _write(file, self.record.to_bytes(self._tools.sign))

    def _replace(self, serials: Sequence[int]) -> None:
        self._written = None
        spec, size = self.header.spec, fingerprint.SIZE
        drawn = draw(spec, len(serials), self._tools.entropy)
        found = fingerprint.fingerprints(drawn, spec.length, self._tools.fingerprint_key)
        codes = {
            serial: drawn[at * spec.length : (at + 1) * spec.length]
            for at, serial in enumerate(serials)
        }
        prints = {serial: found[at * size : (at + 1) * size] for at, serial in enumerate(serials)}
        with self.parts.sealed.open("r+b") as file:
            replace(file, self.header, self._key(), codes, self._tools.entropy)
        with self.parts.fingerprints.open("r+b") as file:
            for serial, one in prints.items():
                file.seek((serial - 1) * size)
                file.write(one)
            sync(file)
        self._sorter.replace(prints)
        self._redrawn += len(serials)

    def _recorded(self) -> MintRecord:
        header, parts, written = self.header, self.parts, self._written
        to_read = parts[2:3] if written else parts[:3]
        done, total = 0, sum(part.stat().st_size for part in to_read)

        def progress(size: int) -> None:
            nonlocal done
            done += size
            self._tools.progress("digest", done, total)

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

    def _counted(self, phase: str) -> Callable[[int], None]:
        done = 0

        def progress(more: int) -> None:
            nonlocal done
            done += more
            self._tools.progress(phase, done, self.header.quantity)

        return progress

    def _key(self) -> Secret:
        if self._data_key is None:
            raise ValueError("this making is closed")
        return self._data_key


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    sync(file)

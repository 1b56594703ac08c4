"""A sealed batch file: written frame by frame, read by offset.

Rules:

1. Every sealing draws a fresh nonce. A frame whose codes change is sealed again under
   another one: the same nonce over other codes would show the XOR of both (see `frames`).
2. The header is verified, then the file's length compared with it, before any frame is read.
   All frames but the last have the same size, so a file that was cut or added to has another
   length than the header says, whatever was cut.
3. Codes leave a frame once its tag holds, never before.
4. At most a frame of codes is in memory.

`replace` writes over a frame in its file. A crash half-way leaves a frame whose tag does not
hold; so only a batch that is not yet published may be changed, whose files a crash discards.
There is no I/O but on the file given.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import BinaryIO, Protocol

from ..errors import IntegrityError, Refused, UsageError
from ..ranges.serials import Range, pieces
from ..secret import Secret
from . import frames
from .ahead import Span
from .header import PREAMBLE_BYTES, CoreHeader, preamble, preamble_size, read_preamble
from .signed import Keys, Sign

ReadEach = Callable[[Iterable[Span]], Iterator[bytes]]


class FrameLayout:
    """The offsets and positions of a batch's frames in its file; all sizes in bytes."""

    def __init__(self, header: CoreHeader) -> None:
        self.header = header
        self.start = preamble_size(header)
        self._core_hash = header.core_hash

    def frame_of(self, serial: int) -> int:
        """The number, from 0, of the frame that holds `serial`."""
        return (serial - 1) // self.header.frame_size

    def first(self, frame: int) -> int:
        """The first serial of `frame`."""
        return frame * self.header.frame_size + 1

    def span(self, frame: int) -> tuple[int, int]:
        """(offset, size) of `frame`."""
        full = frames.OVERHEAD + self.header.frame_size * self.header.length
        size = frames.OVERHEAD + self.header.count(frame) * self.header.length
        return self.start + frame * full, size

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(self.span(self.header.frames - 1))

    def seal(self, key: Secret, frame: int, codes: bytes, nonce: bytes) -> bytes:
        """`frames.seal` at the position of `frame`."""
        return frames.seal(key, self._position(frame), codes, nonce)

    def unseal(self, key: Secret, frame: int, sealed: bytes) -> bytes:
        """`frames.unseal` at the position of `frame`.

        Raises `IntegrityError` naming the frame and its serials.
        """
        try:
            return frames.unseal(key, self._position(frame), sealed)
        except frames.FrameBroken:
            first = self.first(frame)
            serials = Range(first, first + self.header.count(frame) - 1)
            raise IntegrityError(
                f"frame {frame} of batch {self.header.batch} is damaged (serials {serials})",
                "bring the sealed file back from a copy",
                frame=frame,
                serials=[serials.pair()],
            ) from None

    def _position(self, frame: int) -> frames.FramePosition:
        return frames.FramePosition(self._core_hash, frame, frame == self.header.frames - 1)


class Output(Protocol):
    """The part of a file that a `Writer` uses."""

    def write(self, data: bytes, /) -> int:
        """Append `data`."""

    def flush(self) -> None:
        """Hand over what is buffered."""

    def fileno(self) -> int:
        """The descriptor."""


class Writer:
    """Seals a batch into `file`, which is empty. The caller closes it.

    `sign` signs as the header's station. `entropy(12)` makes a nonce.
    """

    def __init__(
        self,
        file: Output,
        header: CoreHeader,
        sign: Sign,
        data_key: Secret,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._layout = FrameLayout(header)
        self._file, self._key, self._entropy = file, data_key, entropy
        self._waiting = bytearray()
        self._frames = 0
        file.write(preamble(header, sign))

    def write(self, codes: bytes) -> None:
        """Append whole codes, concatenated. Raises `ValueError` beyond the batch's quantity."""
        header = self._layout.header
        self._waiting += codes
        while self._frames < header.frames:
            size = header.count(self._frames) * header.length
            if len(self._waiting) < size:
                return
            nonce = self._entropy(frames.NONCE_BYTES)  # rule 1
            opened = bytes(self._waiting[:size])
            self._file.write(self._layout.seal(self._key, self._frames, opened, nonce))
            del self._waiting[:size]
            self._frames += 1
        if self._waiting:
            raise ValueError("more codes than the batch holds")

    def finish(self) -> None:
        """Make the file durable. Raises `ValueError` if codes are missing."""
        if self._frames != self._layout.header.frames:
            raise ValueError("fewer codes than the batch holds")
        self._file.flush()
        os.fsync(self._file.fileno())


def replace(
    file: BinaryIO,
    header: CoreHeader,
    data_key: Secret,
    codes: Mapping[int, bytes],
    entropy: Callable[[int], bytes],
) -> None:
    """Put other codes at some serials of a whole sealed file: serial → code.

    Every touched frame is sealed again with a fresh nonce, and the file made durable.
    `file` is open for reading and writing. Raises `IntegrityError` as `Reader.codes` does,
    and `ValueError` for a code of another length: frames before it may be changed by then.
    """
    layout, length = FrameLayout(header), header.length
    for frame, serials in groupby(sorted(codes), key=layout.frame_of):
        offset, size = layout.span(frame)
        file.seek(offset)
        opened = bytearray(layout.unseal(data_key, frame, file.read(size)))
        for serial in serials:
            if len(codes[serial]) != length:
                raise ValueError("a code of another length")
            at = (serial - layout.first(frame)) * length
            opened[at : at + length] = codes[serial]
        nonce = entropy(frames.NONCE_BYTES)  # rule 1
        sealed = layout.seal(data_key, frame, bytes(opened), nonce)
        file.seek(offset)
        file.write(sealed)
    file.flush()
    os.fsync(file.fileno())


class Reader:
    """A sealed batch, its header verified; `unlock` it to read codes.

    `read(offset, size)` returns the file's bytes, fewer at its end; `size` is the file's.
    `read_each` returns those of some (offset, size), in order; without it `read` does.
    Raises `IntegrityError` unless the header is signed by a station of `station_keys` and
    the file is exactly as long as the header says.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size: int,
        station_keys: Keys,
        read_each: ReadEach | None = None,
    ) -> None:
        header = read_preamble(read(0, PREAMBLE_BYTES), station_keys)
        self._layout = FrameLayout(header)
        self._read_each = read_each or (lambda spans: (read(*span) for span in spans))
        self._key: Secret | None = None
        if size != self._layout.size:  # rule 2
            raise IntegrityError(
                f"the sealed file of batch {header.batch} has {size:,} bytes, "
                f"and its header says {self._layout.size:,}",
                "it was cut or added to: bring it back from a copy",
            )

    @property
    def header(self) -> CoreHeader:
        """The verified core header."""
        return self._layout.header

    def unlock(self, data_key: Secret) -> "Reader":
        """This reader, able to read codes. A wrong key shows at the first frame."""
        self._key = data_key
        return self

    def codes(self, serials: Range) -> Iterator[tuple[int, bytes]]:
        """(first serial, concatenated codes) of `serials`, in order, at most a frame at a time.

        Raises `Refused` before `unlock`, `UsageError` outside the batch, and
        `IntegrityError` naming the frame whose tag does not hold.
        """
        key = self._key
        if key is None:
            raise Refused(
                f"batch {self.header.batch} is sealed", "unseal it with a custodian's key"
            )
        within(serials, self.header)
        return self._codes(key, serials)

    def _codes(self, key: Secret, serials: Range) -> Iterator[tuple[int, bytes]]:
        layout, length = self._layout, self.header.length
        numbers = range(layout.frame_of(serials.first), layout.frame_of(serials.last) + 1)
        pieces = self._read_each(map(layout.span, numbers))
        for frame, sealed in zip(numbers, pieces, strict=True):
            opened = layout.unseal(key, frame, sealed)  # rule 3
            first = max(serials.first, layout.first(frame))
            start = (first - layout.first(frame)) * length
            stop = (serials.last + 1 - layout.first(frame)) * length
            yield first, opened[start:stop]


def within(serials: Range, header: CoreHeader) -> None:
    """Raises `UsageError` unless `serials` lie in the batch of `header`."""
    if serials.last > header.quantity:
        raise UsageError(
            f"serials {serials} lie outside the batch, which holds 1-{header.quantity}",
            f"name serials between 1 and {header.quantity}",
        )


def by_frame(serials: Range, header: CoreHeader) -> Iterator[tuple[int, Range]]:
    """(frame number, the part of `serials` in it), in order."""
    size = header.frame_size
    first_frame = (serials.first - 1) // size
    whole = Range(first_frame * size + 1, serials.last)
    for frame, piece in enumerate(pieces([whole], size), first_frame):
        yield frame, Range(max(piece.first, serials.first), piece.last)

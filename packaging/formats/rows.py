"""Records of fixed form from codes, and codes back from records, by the block.

Pure. A record is constants and slots. Records stand in frames: a record of each lane, side
by side, as a press prints them. Within a part, frames whose serials have the same numbers of
digits have the same width, so a block of them is a matrix. The bytes of a record depend on
that record alone, so any cut into parts gives the same file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...codegen.ranges.serials import Range, Ranges
from ..profiles.profile import PICTURE_DIGITS, LaneOrder, Profile
from .digits import Bytes, write_digits
from .dummy import dummy_codes


class Slot(Enum):
    """What differs from record to record: the code, its serial, the number of the row.

    `SECOND`: the other code of a pair. `PICTURE`: the serial as it stands in pictures' names.
    """

    CODE = "code"
    SECOND = "second"
    SERIAL = "serial"
    PICTURE = "picture"
    ROW = "row"


Record = tuple[bytes | Slot, ...]

_CODES = frozenset({Slot.CODE, Slot.SECOND})


class SlotBox(NamedTuple):
    """A slot of a frame: its lane, its first byte in the frame, and how many bytes it takes."""

    lane: int
    slot: Slot
    at: int
    width: int


class WrongRow(Exception):
    """The record of `serial` is not the record that its code makes."""

    def __init__(self, serial: int) -> None:
        super().__init__(f"the row where serial {serial} is due")
        self.serial = serial


@dataclass(frozen=True, slots=True)
class TextPart:
    """`frames` frames of a unit: `starts` are the serials of the first frame, lane by lane.

    From frame to frame each lane's serial grows by `stride`. `row`: how many records of
    the unit stand before. `first`, `last`: whether the unit begins, ends with it.
    """

    starts: tuple[int, ...]
    stride: int
    frames: int
    row: int = 0
    first: bool = True
    last: bool = True

    @property
    def count(self) -> int:
        """How many codes."""
        return self.frames * len(self.starts)

    @property
    def ranges(self) -> Ranges:
        """The serials, in the order of the codes that `Rows.write` takes."""
        if self.stride == 1:
            return tuple(Range(start, start + self.frames - 1) for start in self.starts)
        return (Range(self.starts[0], self.starts[0] + self.count - 1),)

    def arrange(self, codes: bytes, length: int) -> npt.NDArray[np.uint8]:
        """The codes as (lanes, frames, length), a view."""
        flat = np.frombuffer(codes, np.uint8)
        if self.stride == 1:
            return flat.reshape(len(self.starts), self.frames, length)
        return flat.reshape(self.frames, len(self.starts), length).transpose(1, 0, 2)

    def even(self, *, numbered: bool) -> "Iterator[tuple[int, TextPart]]":
        """(frame, part) pieces within which no serial gains a digit, nor a row if `numbered`."""
        cuts = {0, self.frames}
        serials = [(start, self.stride) for start in self.starts]
        rows = [(self.row + 1 + lane, len(self.starts)) for lane in range(len(self.starts))]
        for start, stride in serials + rows if numbered else serials:
            limit = 10 ** len(str(start))
            while limit <= start + (self.frames - 1) * stride:
                cuts.add(-(-(limit - start) // stride))
                limit *= 10
        ordered = sorted(cuts)
        for begin, end in pairwise(ordered):
            starts = tuple(start + begin * self.stride for start in self.starts)
            yield begin, TextPart(starts, self.stride, end - begin, self.row + begin * len(starts))


def parts(serials: Range, profile: Profile, size: int) -> Iterator[TextPart]:
    """A unit cut into parts of about `size` codes, whole frames each.

    The last frame may lack lanes; it is a part of its own.
    """
    lanes = profile.lanes
    whole, rest = divmod(len(serials), lanes)
    if profile.lane_order is LaneOrder.BLOCK or lanes == 1:
        starts, stride = tuple(piece.first for piece in profile.lane_ranges(serials)), 1
    else:
        starts, stride = (
            tuple(range(serials.first, serials.first + min(lanes, len(serials)))),
            lanes,
        )
    step = max(1, size // lanes)
    for begin in range(0, whole, step):
        frames = min(step, whole - begin)
        yield TextPart(
            tuple(start + begin * stride for start in starts),
            stride,
            frames,
            begin * lanes,
            begin == 0,
            begin + frames == whole and not rest,
        )
    if rest:
        last = tuple(start + whole * stride for start in starts[:rest])
        yield TextPart(last, stride, 1, whole * lanes, whole == 0)


class Rows:
    """Writes and reads records; `record(lane)` gives those of a lane, counted from 0.

    `lengths`: of a label's code, or of both. Each stands in every record at least once.
    `first_row`: the number of a unit's first record in its file, for `Slot.ROW`.
    """

    def __init__(
        self,
        lengths: tuple[int, ...],
        lanes: int,
        record: Callable[[int], Record],
        first_row: int = 1,
    ) -> None:
        self._lengths, self._length, self._first_row = lengths, sum(lengths), first_row
        self._records = [record(lane) for lane in range(lanes)]
        self._numbered = any(Slot.ROW in items for items in self._records)

    def size(self, part: TextPart) -> int:
        """How many bytes its records take."""
        return sum(piece.frames * len(self._frame(piece)[0]) for _, piece in self._even(part))

    def write(
        self, part: TextPart, codes: bytes, begin: bytes = b"", end: bytes = b""
    ) -> memoryview:
        """The records between `begin` and `end`; `codes` in the order of `part.ranges`."""
        lanes = part.arrange(codes, self._length)
        pieces = [(first, piece, *self._frame(piece)) for first, piece in self._even(part)]
        size = sum(piece.frames * len(line) for _, piece, line, _ in pieces)
        out = np.empty(len(begin) + size + len(end), np.uint8)
        out[: len(begin)] = np.frombuffer(begin, np.uint8)
        out[len(begin) + size :] = np.frombuffer(end, np.uint8)
        at = len(begin)
        for first, piece, line, slots in pieces:
            stop = at + piece.frames * len(line)
            block = out[at:stop].reshape(piece.frames, len(line))
            self._fill(block, piece, line, slots, lanes[:, first : first + piece.frames])
            at = stop
        return out.data

    def read(self, part: TextPart, data: bytes) -> bytes:
        """The codes whose `write` is exactly `data`; proved by writing them again.

        Raises `WrongRow` with the first serial whose record differs; `data` has `size` bytes.
        """
        codes = np.empty(part.count * self._length, np.uint8)
        lanes, at = part.arrange(codes.data, self._length), 0  # type: ignore[arg-type]
        for begin, piece in self._even(part):
            line, slots = self._frame(piece)
            size = piece.frames * len(line)
            block = np.frombuffer(data, np.uint8, size, at).reshape(piece.frames, len(line))
            part_lanes = lanes[:, begin : begin + piece.frames]
            for box in slots:
                if box.slot in _CODES:
                    mine = self._columns(box.slot)
                    part_lanes[box.lane][:, mine] = block[:, box.at : box.at + box.width]
            due = np.empty_like(block)
            self._fill(due, piece, line, slots, part_lanes)
            if not np.array_equal(due, block):
                raise WrongRow(self._differing(piece, due != block))
            at += size
        return codes.tobytes()

    def lead(self, count: int, first: int, *, row: int, digits: bool) -> bytes:
        """`count` set-up records, in whole frames: serial 0, and dummy codes from `first` on.

        `row`: the number of the first of them in the file. Raises `UsageError` if codes are too
        short for so many.
        """
        if not count:
            return b""
        span, codes = Range(first, first + count - 1), (Slot.CODE, Slot.SECOND)
        dummies = [
            (length, dummy_codes(span, length, digits=digits, second=slot is Slot.SECOND))
            for length, slot in zip(self._lengths, codes, strict=False)
        ]
        found = []
        for number in range(count):
            shown = (text[number * length : (number + 1) * length] for length, text in dummies)
            values = dict(zip(codes, shown, strict=False)) | {
                Slot.SERIAL: b"0",
                Slot.PICTURE: b"0" * PICTURE_DIGITS,
                Slot.ROW: b"%d" % (row + number),
            }
            record = self._records[number % len(self._records)]
            found += [values[item] if isinstance(item, Slot) else item for item in record]
        return b"".join(found)

    def _even(self, part: TextPart) -> Iterator[tuple[int, TextPart]]:
        shifted = TextPart(part.starts, part.stride, part.frames, part.row + self._first_row - 1)
        return shifted.even(numbered=self._numbered)

    def _frame(self, part: TextPart) -> tuple[bytes, list[SlotBox]]:
        """A frame with zeros in its slots, and the slots."""
        line, slots, at = [], [], 0
        for lane in range(len(part.starts)):
            for item, width in zip(self._records[lane], self._widths(part, lane), strict=True):
                if isinstance(item, Slot):
                    slots.append(SlotBox(lane, item, at, width))
                    line.append(b"0" * width)
                else:
                    line.append(item)
                at += width
        return b"".join(line), slots

    def _widths(self, part: TextPart, lane: int) -> list[int]:
        """The bytes of each item of a lane's records, the same in all frames of `part`."""
        start = part.starts[lane]
        widths = {
            Slot.CODE: self._lengths[0],
            Slot.SECOND: self._lengths[-1],
            Slot.SERIAL: len(str(start)),
            Slot.PICTURE: max(PICTURE_DIGITS, len(str(start))),
            Slot.ROW: len(str(part.row + 1 + lane)),
        }
        return [
            widths[item] if isinstance(item, Slot) else len(item) for item in self._records[lane]
        ]

    def _differing(self, part: TextPart, differs: npt.NDArray[np.bool_]) -> int:
        """The serial of the first record with a byte that differs; (frames, bytes)."""
        frame, at = divmod(int(differs.argmax()), differs.shape[1])
        end = 0
        for lane, start in enumerate(part.starts):
            end += sum(self._widths(part, lane))
            if at < end:
                return int(start + frame * part.stride)
        raise AssertionError("a frame is as long as the records of its lanes")

    def _fill(
        self, block: Bytes, part: TextPart, line: bytes, slots: list[SlotBox], codes: Bytes
    ) -> None:
        """Frames of equal width into a matrix, a line each; codes as (lanes, frames, length)."""
        block[:] = np.frombuffer(line, np.uint8)
        for lane, slot, at, width in slots:
            out = block[:, at : at + width]
            if slot in _CODES:
                out[:] = codes[lane][:, self._columns(slot)]
            elif slot is not Slot.ROW:
                write_digits(out, part.starts[lane], part.stride)
            else:
                write_digits(out, part.row + 1 + lane, len(part.starts))

    def _columns(self, slot: Slot) -> slice:
        """Where the code of a slot stands among a label's codes."""
        first = self._lengths[0]
        return slice(0, first) if slot is Slot.CODE else slice(first, None)

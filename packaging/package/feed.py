"""The codes of a package, in the order that its format takes them, from a source by range.

A source decrypts whole frames, so it is read once, from end to end, if possible: the codes of
a unit of moderate size are held in memory and cut as needed.
"""

from collections.abc import Callable, Iterator

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Range, Ranges, pieces
from ..formats.pairs import joined

CodeSource = Callable[[Range], Iterator[tuple[int, bytes]]]


def of_pairs(first: CodeSource, second: CodeSource, lengths: tuple[int, ...]) -> CodeSource:
    """The source of labels with two codes: of each serial the code of either source.

    Raises `IntegrityError` if the sources do not yield the same serials.
    """

    def source(serials: Range) -> Iterator[tuple[int, bytes]]:
        streams = [
            _Stream(codes, (serials,), length)
            for codes, length in zip((first, second), lengths, strict=True)
        ]
        for piece in pieces((serials,), _TOGETHER):
            yield piece.first, joined([stream.take(piece) for stream in streams], lengths)
        for stream in streams:
            stream.end()

    return source


HELD = 8 << 20  # bytes; the codes of a larger unit are not held in memory
_TOGETHER = 65_536  # codes of a pair's batches put together at a time


class Feed:
    """Gives the codes of `serials`, `length` bytes per code; the units cover `serials` in order.

    Raises `IntegrityError` if the source yields other codes than it was called for.
    """

    def __init__(self, source: CodeSource, serials: Ranges, length: int) -> None:
        self._source, self._length = source, length
        self._stream = _Stream(source, serials, length)
        self._unit, self._held = Range(1, 1), b""
        self.first_code = b""
        """The code of the first serial, known when the first unit began."""

    def begin(self, unit: Range) -> None:
        """Go on to the next unit."""
        self._unit = unit
        self.first_code = self.first_code or self._stream.first()
        whole = len(unit) * self._length <= HELD
        self._held = self._stream.take(unit) if whole else b""

    def take(self, ranges: Ranges) -> bytes:
        """The codes of `ranges`, which lie in the unit, in their order."""
        if self._held:
            start, length = self._unit.first, self._length
            cut = [
                self._held[(r.first - start) * length : (r.last + 1 - start) * length]
                for r in ranges
            ]
            return cut[0] if len(cut) == 1 else b"".join(cut)
        if len(ranges) == 1 and self._stream.next == ranges[0].first:
            return self._stream.take(ranges[0])
        return b"".join(map(self.direct, ranges))

    def direct(self, serials: Range) -> bytes:
        """The codes of a range, from a call of the source for it alone."""
        stream = _Stream(self._source, (serials,), self._length)
        found = stream.take(serials)
        stream.end()
        return found

    def end(self) -> None:
        """All units were taken. Raises `IntegrityError` if the source has more codes."""
        self._stream.end()


class _Stream:
    """A source read from end to end. To skip or go back, it is called again."""

    def __init__(self, source: CodeSource, serials: Ranges, length: int) -> None:
        self._source, self._serials, self._length = source, serials, length
        self._chunks: Iterator[tuple[int, bytes]] = iter(())
        self._rest = memoryview(b"")
        self._called_for: Range | None = None
        self._due = 0  # serial of the next chunk
        self.next = serials[0].first
        """The serial that comes next."""

    def first(self) -> bytes:
        """The first code of all. `take` returns it once more."""
        self._open(self._serials[0])
        self._rest = self._chunk()
        return bytes(self._rest[: self._length])

    def take(self, serials: Range) -> bytes:
        """The codes of `serials`, which lie in one range of the package."""
        if self._called_for is None or serials.first != self.next:
            self.end()
            piece = next(piece for piece in self._serials if serials.first <= piece.last)
            self._open(Range(serials.first, piece.last))
        found, missing = [], len(serials) * self._length
        while missing:
            if not self._rest:
                self._rest = self._chunk()
            found.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(found[-1])
        self.next = serials.last + 1
        return found[0].tobytes() if len(found) == 1 else b"".join(found)

    def end(self) -> None:
        """Raises `IntegrityError` if the source has more codes than it was called for."""
        wanted = self._called_for
        if wanted and self.next > wanted.last and next(self._chunks, None) is not None:
            raise IntegrityError(f"the source has more codes than those of serials {wanted}")

    def _open(self, serials: Range) -> None:
        self._called_for, self._due = serials, serials.first
        self._chunks, self._rest = self._source(serials), memoryview(b"")
        self.next = serials.first

    def _chunk(self) -> memoryview:
        """The next chunk. It must begin at the serial due, and hold whole codes."""
        wanted = self._called_for
        first, codes = next(self._chunks, (0, b""))
        number, rest = divmod(len(codes), self._length)
        fits = wanted is not None and 1 <= number <= wanted.last - first + 1
        if first != self._due or rest or not fits:
            raise IntegrityError(f"the source does not give the codes of serials {wanted} in order")
        self._due += number
        return memoryview(codes)

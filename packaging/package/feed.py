"""The codes of a package, in the order its formats ask for them, from a source by range.

A source decrypts whole frames, so it is read through once, from end to end, wherever that
will do: a unit of moderate size is held whole and cut as needed.
"""

from collections.abc import Callable, Iterator

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Range, Ranges

Source = Callable[[Range], Iterator[tuple[int, bytes]]]

HELD = 8 << 20  # bytes of codes of a unit that is held whole


class Feed:
    """Gives codes, `length` bytes each, of `serials`, which units cover in order.

    Raises `IntegrityError` where the source gives anything but what it was asked for.
    """

    def __init__(self, source: Source, serials: Ranges, length: int) -> None:
        self._source, self._length = source, length
        self._stream = _Stream(source, serials, length)
        self._unit, self._held = Range(1, 1), b""
        self.first_code = b""
        """Of the first serial; known once a unit began."""

    def begin(self, unit: Range) -> None:
        """The next unit."""
        self._unit = unit
        self.first_code = self.first_code or self._stream.first()
        whole = len(unit) * self._length <= HELD
        self._held = self._stream.take(unit) if whole else b""

    def take(self, ranges: Ranges) -> bytes:
        """The codes of ranges of the unit, in their order."""
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
        """The codes of a range, read for it alone."""
        stream = _Stream(self._source, (serials,), self._length)
        found = stream.take(serials)
        stream.end()
        return found

    def end(self) -> None:
        """All units were taken: the source must hold no more."""
        self._stream.end()


class _Stream:
    """A source read from end to end; where something was passed over, it is opened anew."""

    def __init__(self, source: Source, serials: Ranges, length: int) -> None:
        self._source, self._serials, self._length = source, serials, length
        self._chunks: Iterator[tuple[int, bytes]] = iter(())
        self._rest = memoryview(b"")
        self._asked: Range | None = None
        self._due = 0  # serial of the next chunk
        self.next = serials[0].first
        """The serial that comes next."""

    def first(self) -> bytes:
        """The first code of all, which `take` gives too."""
        self._open(self._serials[0])
        self._rest = self._chunk()
        return bytes(self._rest[: self._length])

    def take(self, serials: Range) -> bytes:
        """The codes of some serials, which lie in one range."""
        if self._asked is None or serials.first != self.next:
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
        """Where all that was asked for was taken, there must be no more."""
        asked = self._asked
        if asked and self.next > asked.last and next(self._chunks, None) is not None:
            raise IntegrityError(f"with the codes of serials {asked} came others")

    def _open(self, serials: Range) -> None:
        self._asked, self._due = serials, serials.first
        self._chunks, self._rest = self._source(serials), memoryview(b"")
        self.next = serials.first

    def _chunk(self) -> memoryview:
        """The next chunk, if it continues where the last one ended, with whole codes."""
        asked = self._asked
        first, codes = next(self._chunks, (0, b""))
        number, rest = divmod(len(codes), self._length)
        if asked is None or first != self._due or rest or not 1 <= number <= asked.last - first + 1:
            raise IntegrityError(f"the codes of serials {asked} did not come as asked for")
        self._due += number
        return memoryview(codes)

"""Bytes become messages: split where a reader ends them, without waiting for the end of input.

Pure. No code and no address holds a control character, so splitting at each is safe.
"""

import codecs
import re
from dataclasses import dataclass, field

from .settings import ENDS

MESSAGE_BYTES = 4_096  # more in a message is cut, and the message refused
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CR, _LF, _ETX = b"\r", b"\n", b"\x03"
_LINE_ENDS = _CR + _LF + _ETX
# These two may follow an end, and are one end with it.
_FOLLOWERS = {_CR: (_LF,), _ETX: (_CR, _LF), b"\t": (_CR, _LF), b"\x1b": (_CR, _LF)}


@dataclass(frozen=True, slots=True)
class ScanMessage:
    """What a reader sent between two ends. `line`: the number of the line it stands in, from 1."""

    line: int
    data: bytes = field(repr=False)


class Utf8Stream:
    """A stream as UTF-8: UTF-16 with a byte order mark is converted, all else is left alone."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """`data` converted, as far as its characters are complete."""
        if not self._begun:
            self._head += data
            # A first byte that begins no byte order mark waits for no second one.
            if not self._head or (len(self._head) < 2 and self._head[0] in {0xFE, 0xFF}):
                return b""
            data, self._head, self._begun = self._head, b"", True
            if data[:2] in _UTF_16:
                self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
        return self._decoder.decode(data).encode("utf-8") if self._decoder else data

    def finish(self) -> bytes:
        """What is left at the end of the stream."""
        return self._head


class Framer:
    """Splits a stream into messages. `terminators`: the bytes of which each ends a message."""

    def __init__(self, terminators: bytes = ENDS) -> None:
        self._split = re.compile(b"([" + re.escape(terminators) + b"])")
        self._enders = {*map(bytes, zip(_LINE_ENDS))} | (
            {*map(bytes, zip(terminators))} - {b"\x02"} if terminators != ENDS else set()
        )
        self._stream = Utf8Stream()
        self._rest = b""
        self._line, self._end = 1, b""

    def feed(self, data: bytes) -> list[ScanMessage]:
        """The messages that `data` completes."""
        return self._messages(self._stream.feed(data))

    def finish(self) -> list[ScanMessage]:
        """What is left at the end of the stream: a last message needs no end."""
        found = self._messages(self._stream.finish())
        if self._rest:
            found.append(ScanMessage(self._line, self._rest))
        self._rest = b""
        return found

    def _messages(self, data: bytes) -> list[ScanMessage]:
        *pieces, rest = self._split.split(data)
        found = []
        for piece, end in zip(pieces[::2], pieces[1::2], strict=True):
            whole, self._rest = self._rest + piece, b""
            if whole:
                found.append(ScanMessage(self._line, whole[: MESSAGE_BYTES + 1]))
            self._ended(end, blank=not whole)
        # Only as much as shows that it is too long is kept.
        self._rest = (self._rest + rest)[: MESSAGE_BYTES + 1]
        return found

    def _ended(self, end: bytes, *, blank: bool) -> None:
        if not (blank and end in _FOLLOWERS.get(self._end, ())):
            self._line += end in self._enders
        elif self._end not in self._enders:
            self._line += 1
        self._end = end

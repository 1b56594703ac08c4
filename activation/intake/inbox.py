"""Bytes from stdin become messages: each line is a message.

A line ends in LF, CR, ETX, EOT or NUL, and may begin with STX or RS (RFC 7464): JSON holds
none of these, not even within its strings (RFC 8259, section 7), so that a device's framing
and padding can be split off safely. Objects in a row, without anything between them, are
messages of their own.
"""

import json
import queue
import re
import threading
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from ...codegen.scans.framing import Utf8Stream

MESSAGE_BYTES = 262_144
READ_BYTES = 65_536
AHEAD = 64  # messages read before they are answered
_ENDS = re.compile(rb"[\n\r\x00\x02-\x04\x1e]")
_IN_A_ROW = re.compile(rb"}[ \t]*{")


T = TypeVar("T")


class Splitter(Protocol[T]):
    """Splits a stream into messages."""

    def feed(self, data: bytes) -> list[T]:
        """The messages that `data` completes."""

    def finish(self) -> list[T]:
        """What is left at the end of the stream."""


class JsonMessages:
    """Splits a stream into messages of JSON. Too long a message comes as its first bytes."""

    def __init__(self) -> None:
        self._stream = Utf8Stream()
        self._rest, self._skipping = b"", False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes."""
        first, *pieces = _ENDS.split(self._stream.feed(data))
        *lines, self._rest = (self._rest + first, *pieces)
        found: list[bytes] = []
        for line in lines:
            found += [] if self._skipping else in_a_row(line)
            self._skipping = False
        if len(self._rest) > MESSAGE_BYTES:
            found += [] if self._skipping else [self._rest]
            self._rest, self._skipping = b"", True
        return found

    def finish(self) -> list[bytes]:
        """What is left at the end of the stream: a last message needs no end."""
        rest = self._rest + self._stream.finish()
        return in_a_row(rest) if rest and not self._skipping else []


class Inbox(Generic[T]):
    """Messages, read by a thread of its own so that a stop is noticed meanwhile.

    `read(n)` returns at most `n` bytes, as soon as there are some; none at the end. If it raises
    an `OSError`, that is the end too, and `check_end` tells it.
    """

    def __init__(self, read: Callable[[int], bytes], splitter: Splitter[T]) -> None:
        self._read, self._splitter = read, splitter
        # Its put may be called by a signal handler.
        self._messages: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._closed = False
        self._failure: OSError | None = None

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._fill, daemon=True).start()

    def close(self) -> None:
        """End it here: messages not yet taken are dropped. Callable from a signal handler."""
        self._closed = True
        self._messages.put(None)

    def waiting(self) -> bool:
        """Whether a message, or the end, is there to be taken."""
        return self._closed or not self._messages.empty()

    def check_end(self) -> None:
        """Raises the `OSError` that ended it; nothing if it came to its end, or was closed."""
        if self._failure is not None and not self._closed:
            raise self._failure

    def take(self, seconds: float) -> T | None:
        """The next message, None at the end.

        Raises `queue.Empty` if none came within `seconds`.
        """
        message = None if self._closed else self._messages.get(timeout=seconds)
        self._room.release()
        # Closed while it waited: what came is dropped.
        return message if not self._closed else None

    def _fill(self) -> None:
        while data := self._next():
            self._put_all(self._splitter.feed(data))
        self._put_all([*self._splitter.finish(), None])

    def _put_all(self, messages: Iterable[T | None]) -> None:
        for message in messages:
            self._room.acquire()
            self._messages.put(message)

    def _next(self) -> bytes:
        try:
            return self._read(READ_BYTES)
        except OSError as error:
            self._failure = error
        except ValueError:
            pass  # closed by this process, as it ends
        return b""


def in_a_row(line: bytes) -> list[bytes]:
    """The JSON objects that stand in a line one after another; `line` itself if it is no such."""
    if not _IN_A_ROW.search(line) or len(line) > MESSAGE_BYTES:
        return [line]
    try:
        rest = line.decode("utf-8-sig").strip()
        found = []
        while rest:
            _, end = json.JSONDecoder().raw_decode(rest)
            found.append(rest[:end].encode("utf-8"))
            rest = rest[end:].lstrip()
    except (ValueError, RecursionError):
        return [line]
    return found

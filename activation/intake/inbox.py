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
from collections.abc import Callable

from ...codegen.scans.framing import Utf8Stream

MESSAGE_BYTES = 262_144
READ_BYTES = 65_536
AHEAD = 64  # messages read before they are answered
_ENDS = re.compile(rb"[\n\r\x00\x02-\x04\x1e]")
_IN_A_ROW = re.compile(rb"}[ \t]*{")


class Inbox:
    """Messages, read by a thread of its own so that a stop is noticed meanwhile.

    `read(n)` returns at most `n` bytes, as soon as there are some; none at the end. If it raises
    an `OSError`, that is the end too, and `check_end` tells it.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        # Its put may be called by a signal handler.
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
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

    def take(self, seconds: float) -> bytes | None:
        """The next message, None at the end. Too long a message comes as its first bytes.

        Raises `queue.Empty` if none came within `seconds`.
        """
        message = None if self._closed else self._messages.get(timeout=seconds)
        self._room.release()
        # Closed while it waited: what came is dropped.
        return message if not self._closed else None

    def _fill(self) -> None:
        rest, skipping = b"", False
        stream = Utf8Stream()
        while data := self._next():
            first, *pieces = _ENDS.split(stream.feed(data))
            *messages, rest = (rest + first, *pieces)
            for message in messages:
                if not skipping:
                    self._put_all(message)
                skipping = False
            if len(rest) > MESSAGE_BYTES:
                if not skipping:
                    self._put(rest)
                rest, skipping = b"", True
        rest += stream.finish()
        if rest and not skipping:
            self._put_all(rest)
        self._put(None)

    def _put_all(self, line: bytes) -> None:
        for message in in_a_row(line):
            self._put(message)

    def _next(self) -> bytes:
        try:
            return self._read(READ_BYTES)
        except OSError as error:
            self._failure = error
        except ValueError:
            pass  # closed by this process, as it ends
        return b""

    def _put(self, message: bytes | None) -> None:
        self._room.acquire()
        self._messages.put(message)


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

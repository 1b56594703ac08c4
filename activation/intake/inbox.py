"""Bytes from stdin become messages: each line is a message."""

import queue
import threading
from collections.abc import Callable

MESSAGE_BYTES = 262_144
READ_BYTES = 65_536
AHEAD = 64  # messages read before they are answered


class Inbox:
    """Messages, read by a thread of its own so that a stop is noticed meanwhile.

    `read(n)` returns at most `n` bytes, as soon as there are some; none at the end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        # Its put may be called by a signal handler.
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._closed = False

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
        while data := self._next():
            *messages, rest = (rest + data).split(b"\n")
            for message in messages:
                if not skipping:
                    self._put(message)
                skipping = False
            if len(rest) > MESSAGE_BYTES:
                if not skipping:
                    self._put(rest)
                rest, skipping = b"", True
        if rest and not skipping:
            self._put(rest)
        self._put(None)

    def _next(self) -> bytes:
        try:
            return self._read(READ_BYTES)
        except (OSError, ValueError):
            return b""

    def _put(self, message: bytes | None) -> None:
        self._room.acquire()
        self._messages.put(message)

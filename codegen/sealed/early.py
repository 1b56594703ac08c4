"""Parts of a batch are sent to the store while they are written, in case they stay as they are.

They do unless a code is drawn again, once in many thousand mints. What was sent counts only if its
digest is the one that the mint record names in the end; else, as after any failure here, the part
is sent anew, and what was sent is an orphan.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Condition
from typing import Self

from ..files import open_own
from .parts import Uploaded

PIECE = 1_048_576  # bytes
Send = Callable[[str, Iterator[bytes]], Uploaded]


class Growing:
    """A file that another thread still writes."""

    def __init__(self, path: Path) -> None:
        self._path, self._changed = path, Condition()
        self._size = 0
        self._whole: bool | None = None  # None: it still grows

    def grew(self, count: int) -> None:
        """`count` bytes were appended."""
        with self._changed:
            self._size += count
            self._changed.notify()

    def end(self, *, whole: bool) -> None:
        """Nothing more comes; or nobody wants it any more."""
        with self._changed:
            if self._whole is None:
                self._whole = whole
            self._changed.notify()

    def blocks(self) -> Iterator[bytes]:
        """All its bytes, as they come. Raises `InterruptedError` if it does not become whole."""
        taken = 0
        with open_own(self._path) as file:
            while True:
                ended = self._ended(taken)
                block = file.read(PIECE)
                taken += len(block)
                if block:
                    yield block
                elif ended:
                    return
                else:
                    taken = self._size  # told of, and not on the disk yet: until more comes

    def _ended(self, taken: int) -> bool:
        """Whether it is whole; waits until it is, or has more bytes than `taken`."""
        with self._changed:
            while self._whole is None and self._size <= taken:
                self._changed.wait()
            if self._whole is False:
                raise InterruptedError("nobody wants it any more")
            return self._whole is not None


class EarlyUploads:
    """The parts of one batch that are sent early; `send(part, blocks)` makes an object.

    Use it in a `with` block: at its end no file is open any more.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pool = ThreadPoolExecutor(2)
        self._growing: dict[str, Growing] = {}
        self._sent: dict[str, Future[Uploaded]] = {}

    def begin(self, part: str, path: Path) -> Growing:
        """Send the file at `path` as `part`, while it grows."""
        growing = self._growing[part] = Growing(path)
        self._sent[part] = self._pool.submit(self._send, part, growing.blocks())
        return growing

    def uploaded(self, part: str, sha256: str) -> Uploaded | None:
        """The object of `part`, once, if it was sent well and has this digest."""
        sent = self._sent.pop(part, None)
        if sent is None or sent.exception() is not None:
            return None
        return sent.result() if sent.result().sha256 == sha256 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Nobody waits for what is not sent by now.
        for growing in self._growing.values():
            growing.end(whole=False)
        self._pool.shutdown(cancel_futures=True)


class Hashing:
    """Blocks on their way, and what was seen of them: bytes, and the digest."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._hash, self.size = blocks, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """SHA-256 of what came so far, hex."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """The blocks."""
        for block in self._blocks:
            self._hash.update(block)
            self.size += len(block)
            yield block

"""The standard streams as they come: closed, on a full disk, or with nobody left to read them.

What a command did stands, whatever becomes of its answer. So nothing is raised where text is
written: an outlet remembers that some was lost, and the door tells it.
"""

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import IO, TYPE_CHECKING, TextIO, cast

from .errors import EnvironmentFailure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CLOSED = "it is closed"
_REASONS = {
    errno.EBADF: _CLOSED,
    errno.EPIPE: "its reader is gone",
    errno.ENOSPC: "the disk is full",
    errno.EAGAIN: "its reader is too slow for a pipe that does not wait",
    errno.EINTR: "it was interrupted",
    errno.EDQUOT: "the disk quota is used up",
}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks: 10⁹ reads neither 10 nor 109."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SPELT.get(character, "?") for character in lacking), error.end


_PLAIN = "mintmark-plain"
_SPELT = {"×": "x", **{power: f"^{digit}" for digit, power in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}}
codecs.register_error(_PLAIN, _plain)


class _Sink(io.RawIOBase):
    """Writes to `raw`. What cannot be written is dropped; `lost` is why, the last time.

    One that `ends` writes nothing more after that: an answer has no holes.
    """

    def __init__(self, raw: io.RawIOBase, lost: OSError | None, *, ends: bool) -> None:
        super().__init__()
        self._raw, self._ends = raw, ends
        self.lost = lost

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        if self._ends and self.lost is not None:
            return size
        try:
            written = self._raw.write(data)
        except OSError as error:
            self.lost = error
            return size
        # A pipe that does not wait has no room.
        self.lost = OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) if written is None else None
        return size if written is None else written


class Outlet(io.TextIOWrapper):
    """Text for a standard stream; writing to it never fails."""

    def __init__(self, stream: io.TextIOWrapper, lost: OSError | None, *, ends: bool) -> None:
        self._stream = stream  # if nothing held it, it would be closed
        raw = cast("io.RawIOBase", getattr(stream.buffer, "raw", stream.buffer))
        self._sink = _Sink(raw, lost, ends=ends)
        super().__init__(
            io.BufferedWriter(self._sink),
            encoding=stream.encoding,
            # A GBK console cannot show every character of a name; that must not end a run.
            errors=_PLAIN,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    @property
    def lost(self) -> OSError | None:
        """Why the last text, or the answer from some text on, was not written; None if it was."""
        return self._sink.lost

    def give_up(self) -> None:
        """Write nothing more, also of what is still held."""
        self._sink.lost = InterruptedError(errno.EINTR, os.strerror(errno.EINTR))


def loss(stream: IO[str]) -> OSError | None:
    """Why text for `stream` was lost; None if all was written."""
    stream.flush()
    return stream.lost if isinstance(stream, Outlet) else None


def give_up(stream: IO[str]) -> None:
    """Drop what is not yet written to `stream`, and the rest: its writing was interrupted."""
    if isinstance(stream, Outlet):
        stream.give_up()


def printable(text: str, *, lines: int = 0) -> str:
    """`text` without control characters, which a terminal would obey: they are written as escapes.

    With `lines` of 1 line ends are such, too.
    """
    kept = "\t" if lines else "\t\n"
    return "".join(
        repr(character)[1:-1]
        if unicodedata.category(character) in ("Cc", "Zl", "Zp") and character not in kept
        else character
        for character in text
    )


def reason(error: OSError) -> str:
    """Why a standard stream cannot be written, as the end of a sentence."""
    text = (error.strerror or type(error).__name__).lower()
    return _REASONS.get(error.errno or 0, text)


def check_answers() -> None:
    """Raises `EnvironmentFailure` if answers can be written no longer."""
    if error := loss(sys.stdout):
        raise EnvironmentFailure(
            f"the answers cannot be written: {reason(error)}",
            "what was ordered is booked: see mintmark orders list",
        )


def secure() -> None:
    """Have all three streams, and none that raises. To be called before any file is opened.

    A file that is opened while a standard stream is closed would get its descriptor, and then
    what is written for people.
    """
    if sys.stdin is None:
        sys.stdin = _nowhere("r")
    sys.stdout = _outlet(sys.stdout, ends=True)
    sys.stderr = _outlet(sys.stderr, ends=False)


def _outlet(stream: TextIO | None, *, ends: bool) -> TextIO:
    if stream is None:
        return Outlet(_nowhere("w"), OSError(errno.EBADF, _CLOSED), ends=ends)
    return Outlet(stream, None, ends=ends) if isinstance(stream, io.TextIOWrapper) else stream


def _nowhere(mode: str) -> io.TextIOWrapper:
    """The null device, on the lowest free descriptor: that of the first stream that is closed."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - its parameter has no name
    return cast("io.TextIOWrapper", os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))

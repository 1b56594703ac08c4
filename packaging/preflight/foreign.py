"""The archive as the contact's program reads it: an unzip program that shares nothing with ours.

It runs beside our own reader. Of an archive of many entries several processes of it read a part
each, chosen by the end of the names: together they read every entry once, since the first of them
reads whatever is not chosen for another.
"""

import contextlib
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from ...codegen.errors import IntegrityError
from ...codegen.secret import Secret
from ...codegen.workers.pool import cores
from ..zip.writer import Written

_CHUNK = 1 << 20
# A program that hangs, or prompts again for ever, is stopped after this. Others work beside it.
_SECONDS, _BYTES_PER_SECOND, _ENTRIES_PER_SECOND = 60.0, 2_000_000, 200
_ENTRIES = 500  # of a process: of fewer, it takes longer to start than to read them
_DIGITS = 10


@dataclass(frozen=True)
class Program:
    """An unzip program that reads a password from standard input.

    `command` writes all entries, in the archive's order, to standard output; behind it come
    `last` and the archive's path. `only` and `without`: the option, in front of `last`, by which
    it reads only, or leaves out, entries of a name, with `{}` for a pattern in which `*` is any
    text with slashes; empty if it has none.
    """

    name: str
    command: tuple[str, ...]
    last: tuple[str, ...] = ()
    only: str = ""
    without: str = ""


def installed(which: Callable[[str], str | None] = shutil.which) -> tuple[Program, ...]:
    """The unzip programs of this machine, in the order in which they are tried."""
    found = []
    for name in ("7z", "7zz", "7za"):
        path = which(name) or _windows_7z(name)
        if path is not None:
            words = (path, "x", "-so", "-bd", "-tzip")
            found.append(Program("7-Zip", words, ("--",), "-ir!{}", "-xr!{}"))
    # On Windows, bsdtar prompts at the console only.
    path = which("bsdtar") if os.name == "posix" else None
    if path is not None:
        options = ("--include={}", "--exclude={}")
        found.append(Program("bsdtar", (path, "-x", "-O"), ("-f",), *options))
    return tuple(found)


def _windows_7z(name: str) -> str | None:
    """7-Zip in its usual folder: its installer does not change PATH."""
    path = Path(os.environ.get("PROGRAMFILES", ""), "7-Zip", f"{name}.exe")
    return str(path) if os.name == "nt" and path.is_file() else None


class Portion(NamedTuple):
    """What a process reads: options that choose it, and the entries that it must write."""

    options: tuple[str, ...]
    entries: Sequence[Written]


def parts(program: Program, entries: Sequence[Written], processes: int) -> list[Portion]:
    """The entries, each in one part; at most `processes` parts, and fewer of few entries.

    Names are told apart by their last digit, as pictures and reels have it.
    """
    number = min(processes, _DIGITS, len(entries) // _ENTRIES) if program.only else 1
    if number < 2:
        return [Portion((), entries)]
    suffix = Counter(_suffix(entry.name) for entry in entries).most_common(1)[0][0]
    ends = Counter(entry.name[-len(suffix) - 1 :] for entry in entries)
    # Only ends that there are: bsdtar fails if nothing has one, and the first leaves out no more.
    part_of = {
        end: digit % number for digit in range(_DIGITS) if (end := f"{digit}{suffix}") in ends
    }
    chosen: list[list[Written]] = [[] for _ in range(number)]
    for entry in entries:
        chosen[part_of.get(entry.name[-len(suffix) - 1 :], 0)].append(entry)
    options: list[list[str]] = [[] for _ in range(number)]
    for end, part in part_of.items():
        if part:
            options[part].append(program.only.format(f"*{end}"))
            options[0].append(program.without.format(f"*{end}"))
    return [
        Portion(tuple(words), some)
        for words, some in zip(options, chosen, strict=True)
        if some or words is options[0]
    ]


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


class ForeignReader:
    """A program that reads the archive in its own processes, from now on."""

    def __init__(
        self,
        program: Program,
        archive: Path,
        password: Secret,
        entries: Sequence[Written],
    ) -> None:
        """Raises `OSError` if the program does not start."""
        self.name = program.name
        size = archive.stat().st_size
        self._seconds = _SECONDS + size / _BYTES_PER_SECOND + len(entries) / _ENTRIES_PER_SECOND
        count = cores()
        chosen = parts(program, entries, count + count // 4)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads = ThreadPoolExecutor(len(chosen), thread_name_prefix="mintmark-foreign")
        try:
            for part in chosen:
                self._processes.append(_start(program, part.options, archive))
            self._found = [
                self._threads.submit(self._read, process, password, part.entries)
                for process, part in zip(self._processes, chosen, strict=True)
            ]
        except BaseException:
            self.end()
            raise

    def require(self) -> None:
        """Wait until it has read all. Raises `IntegrityError` unless that is what was written."""
        for found in self._found:
            found.result()

    def end(self) -> None:
        """Leave no process and no thread."""
        for process in self._processes:
            _kill(process)
        self._threads.shutdown()
        for process in self._processes:
            _close(process)

    def _read(
        self, process: "subprocess.Popen[bytes]", password: Secret, entries: Sequence[Written]
    ) -> None:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert isinstance(process.stdout, BufferedReader)  # noqa: S101
        watchdog = threading.Timer(self._seconds, _kill, [process])
        watchdog.start()
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(password.reveal() + b"\n")
            wrong = _first_difference(process.stdout, entries)
            # A program ends by itself at the end of its output, but not if it was cut off.
            code = process.wait() if wrong is None else 0
        finally:
            watchdog.cancel()
            _kill(process)
        if wrong is not None:
            raise IntegrityError(f"{self.name} reads {wrong} otherwise than it was written")
        if code:
            raise IntegrityError(f"{self.name} read the archive but ended with exit code {code}")


@contextlib.contextmanager
def foreign_reader(
    programs: Sequence[Program], archive: Path, password: Secret, entries: Sequence[Written]
) -> Iterator[ForeignReader | None]:
    """The first of `programs` that starts, reading; None if none starts."""
    for program in programs:
        try:
            reader = ForeignReader(program, archive, password, entries)
        except OSError:
            continue
        try:
            yield reader
        finally:
            reader.end()
        return
    yield None


def _start(program: Program, options: tuple[str, ...], archive: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - a known program, and no shell
        [*program.command, *options, *program.last, str(archive.absolute())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pipesize=_CHUNK,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """It, and what it started: `7z` may be a script, and its program holds the pipes open."""
    if os.name == "posix" and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        # Closing flushes, and what is still buffered has no reader any more.
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()


def _first_difference(stream: BufferedReader, entries: Sequence[Written]) -> str | None:
    """The first entry that `stream` does not hold as written; None if it holds exactly all."""
    held = memoryview(bytearray(_CHUNK))
    for name, size, sha256 in entries:
        digest, left = hashlib.sha256(), size
        while left and (got := stream.readinto(held[: min(left, _CHUNK)])):
            digest.update(held[:got])
            left -= got
        if left or not hmac.compare_digest(digest.hexdigest(), sha256):
            return name
    return "the end" if stream.read(1) else None

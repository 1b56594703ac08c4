"""Preflight (印前检查): proof that a package is right, before it leaves.

    1. our own strict reader (`verify`; it also reads symbols with zxing-cpp, all or a sample,
       and compares them exactly with the codes that they should carry);
    2. the archive on disk is the archive that was written;
    3. an independent unzip program, whose output is compared hash by hash with the manifest.

The password goes to the program's standard input. A program with a terminal would prompt
there instead, so it is started in a session of its own, without a terminal.
"""

import contextlib
import hashlib
import hmac
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Ranges, count
from ...codegen.secret import Secret
from ..formats.sampling import ALL_UP_TO, SAMPLE, Chosen, every, sampled
from ..formats.spread import Spread, inline
from ..package.pack import Packed
from .verify import Choose, CodeFilter, verify

_CHUNK = 1 << 20
# A program that hangs, or prompts again for ever, is stopped after this.
_SECONDS, _BYTES_PER_SECOND = 60.0, 2_000_000


@dataclass(frozen=True)
class Program:
    """An unzip program that reads a password from standard input.

    `command` writes all entries, in the archive's order, to standard output; the
    archive's path is added at its end.
    """

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Preflight:
    """What was proved. `reader` is the independent program, None if there is none.

    `decoded` of `symbols` were read back by another decoder and equal to their codes; of a
    text package, which holds no symbols, the sample beside it.
    """

    reader: str | None
    unique: bool
    symbols: int = 1
    decoded: int = 1

    @property
    def summary(self) -> str:
        """One line for people."""
        unique = "" if self.unique else "; too many codes to look for repeats"
        if self.reader is None:
            return f"own reader, {self.read}; no 7-Zip here to open it independently{unique}"
        return f"own reader, {self.read}, opened by {self.reader}{unique}"

    @property
    def read(self) -> str:
        """How many symbols were read back, for the same line."""
        if self.symbols == 1:
            return "QR sample"
        if self.decoded == self.symbols:
            return f"all {self.symbols:,} symbols read back"
        return f"{self.decoded:,} of {self.symbols:,} symbols, chosen at random, read back"


def installed(which: Callable[[str], str | None] = shutil.which) -> tuple[Program, ...]:
    """The unzip programs of this machine, in the order in which they are tried."""
    found = []
    for name in ("7z", "7zz", "7za"):
        path = which(name) or _windows_7z(name)
        if path is not None:
            found.append(Program("7-Zip", (path, "x", "-so", "-bd", "-tzip", "--")))
    # On Windows, bsdtar prompts at the console only.
    path = which("bsdtar") if os.name == "posix" else None
    if path is not None:
        found.append(Program("bsdtar", (path, "-xOf")))
    return tuple(found)


def _windows_7z(name: str) -> str | None:
    """7-Zip in its usual folder: its installer does not change PATH."""
    path = Path(os.environ.get("PROGRAMFILES", ""), "7-Zip", f"{name}.exe")
    return str(path) if os.name == "nt" and path.is_file() else None


def preflight(  # noqa: PLR0913, PLR0917 - an archive, and all that it is compared with
    archive: Path,
    password: Secret,
    expect: Packed,
    trusted: Mapping[str, bytes],
    programs: Sequence[Program] | None = None,
    code_filter: CodeFilter = iter,
    choose: Choose = lambda _: every,
    spread: Spread = inline,
) -> Preflight:
    """Prove that `archive` is `expect`, and that the contact's program can open it.

    The first of `programs` (by default those installed) that starts reads it; if none starts,
    `reader` is None. The codes read back pass through `code_filter`, a further check;
    another decoder reads the symbols that `choose` returns (`depth`); `spread` does what holds the
    GIL. Raises `IntegrityError` naming what differs.
    """
    found = verify(archive, password, trusted, None, code_filter, choose, spread)  # 1
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expect.archive_sha256 or found.manifest_sha256 != expect.manifest_sha256:  # 2
        raise IntegrityError("the archive on disk is not the one that was written")
    for program in installed() if programs is None else programs:
        process = _start(program, archive)
        if process is not None:
            _read_with(process, program.name, archive.stat().st_size, password, expect)  # 3
            return Preflight(program.name, found.unique, found.symbols, found.decoded)
    return Preflight(None, found.unique, found.symbols, found.decoded)


def depth(entropy: Callable[[int], bytes], *, full: bool) -> Choose:
    """All symbols of a package if `full` or if they are few; otherwise a random sample."""

    def choose(serials: Ranges) -> Chosen:
        if full or count(serials) <= ALL_UP_TO:
            return every
        return sampled(serials, SAMPLE, entropy)

    return choose


def _start(program: Program, archive: Path) -> "subprocess.Popen[bytes] | None":
    try:
        return subprocess.Popen(  # noqa: S603 - a known program, and no shell
            [*program.command, str(archive.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None


def _read_with(
    process: "subprocess.Popen[bytes]", name: str, size: int, password: Secret, expect: Packed
) -> None:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    watchdog = threading.Timer(_SECONDS + size / _BYTES_PER_SECOND, process.kill)
    watchdog.start()
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(password.reveal() + b"\n")
        wrong = _first_difference(process.stdout, expect)
        # A program ends by itself at the end of its output, but not if it was cut off.
        code = process.wait() if wrong is None else 0
    finally:
        watchdog.cancel()
        process.kill()
        process.stdout.close()
        process.wait()
    if wrong is not None:
        raise IntegrityError(f"{name} reads {wrong} otherwise than it was written")
    if code:
        raise IntegrityError(f"{name} read the archive but ended with exit code {code}")


def _first_difference(stream: IO[bytes], packed: Packed) -> str | None:
    """The first entry that `stream` does not hold as written; None if it holds exactly all."""
    for name, size, sha256 in packed.entries:
        digest, left = hashlib.sha256(), size
        while left and (piece := stream.read(min(left, _CHUNK))):
            digest.update(piece)
            left -= len(piece)
        if left or not hmac.compare_digest(digest.hexdigest(), sha256):
            return name
    return "the end" if stream.read(1) else None

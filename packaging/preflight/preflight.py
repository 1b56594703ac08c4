"""Preflight (印前检查): proof that a package is right, before it leaves.

    1. our own strict reader (`verify`; it also reads symbols with zxing-cpp, all or a sample,
       and compares them exactly with the codes that they should carry);
    2. the archive on disk is the archive that was written;
    3. beside it an independent unzip program, whose output is compared hash by hash with the
       manifest (`foreign.py`).

The password goes to the program's standard input. A program with a terminal would prompt
there instead, so it is started in a session of its own, without a terminal.

The program stretches the keys of every entry anew. So our own reader takes those that the writer
made, and stretches them itself only if there is no such program (docs/adr/0037).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Ranges, count
from ...codegen.secret import Secret
from ..formats.sampling import ALL_UP_TO, SAMPLE, Chosen, every, sampled
from ..formats.spread import Spread, inline
from ..package.pack import Packed
from .foreign import Program, foreign_reader, installed
from .verify import Choose, CodeFilter, verify


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
    with foreign_reader(
        installed() if programs is None else programs, archive, password, expect.entries
    ) as foreign:
        known = None if foreign is None else expect.keys
        found = verify(archive, password, trusted, None, code_filter, choose, spread, known)  # 1
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != expect.archive_sha256 or found.manifest_sha256 != expect.manifest_sha256:  # 2
            raise IntegrityError("the archive on disk is not the one that was written")
        if foreign is not None:
            foreign.require()  # 3
    name = None if foreign is None else foreign.name
    return Preflight(name, found.unique, found.symbols, found.decoded)


def depth(entropy: Callable[[int], bytes], *, full: bool) -> Choose:
    """All symbols of a package if `full` or if they are few; otherwise a random sample."""

    def choose(serials: Ranges) -> Chosen:
        if full or count(serials) <= ALL_UP_TO:
            return every
        return sampled(serials, SAMPLE, entropy)

    return choose

"""Where the batches of a shared home lie: a store of objects that are made once and never changed.

A store decides nothing: two clients that make one key at once may both be told that they made it
(Swift), or the later one may replace the earlier one's bytes (other gateways). So every attempt to
store something has a fresh random key, and what counts is the row of the ledger that names it.

1. A key is made of segments of plain characters; no key is the beginning of another's path.
2. An attempt whose answer is lost has unknown success: the next one takes another key, and what
   the first may have left is an orphan (`orphans`).
3. What is read is compared with the size and the digest that the row names, by whoever reads.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from ..errors import IntegrityError

NEAR = 65_536  # bytes: what lies closer together is read at once
SPAN = 1_048_576  # bytes read at once, at most, for answers that are picked out of them
_SEGMENT = r"(?!\.{1,2}(?:/|$))[0-9A-Za-z._-]{1,120}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,7}}", re.ASCII)


class Listed(NamedTuple):
    """An object as the store lists it: bytes, and when it was made by the store's clock."""

    key: str
    size: int
    changed: datetime


class ObjectStore(Protocol):
    """Objects by their keys.

    A key that is not there raises `FileNotFoundError`, a key that is none `IntegrityError`. Every
    call may raise `VaultAway` if the store does not answer, and `EnvironmentFailure` if it refuses.
    """

    @property
    def address(self) -> str:
        """Where it lies, for people; nothing secret."""

    def size(self, key: str) -> int:
        """The bytes of the object."""

    def read(self, key: str, first: int, size: int) -> bytes:
        """`size` bytes from offset `first`; fewer at the end, none after it."""

    def read_many(self, key: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """`size` bytes from each offset; ascending offsets are fastest."""

    def put(self, key: str, data: bytes) -> None:
        """Make the new object `key`, durably; nothing is done if it holds just these bytes.

        Raises `FileExistsError` if it holds others.
        """

    def put_file(self, key: str, path: Path) -> None:
        """Make the new object `key` of the file at `path`, durably, in little memory."""

    def put_blocks(self, key: str, blocks: Iterable[bytes]) -> None:
        """The same of bytes that come in blocks. What `blocks` raises may come as another error."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Every object below the folder `prefix`, in no order; `""`: all."""

    def delete(self, key: str) -> None:
        """Remove the object, if it is there."""

    def clock(self) -> datetime:
        """What time it is by the clock that `Listed.changed` is told by."""


def checked(key: str) -> str:
    """`key`. Raises `IntegrityError` for one that no store takes: it might lead out of a folder."""
    if not _KEY.fullmatch(key):
        raise IntegrityError(
            "the ledger names an object that no store can hold",
            "see: mintmark audit verify; keep the ledger as it is, for those who look into it",
        )
    return key


def together(firsts: Sequence[int], size: int) -> Iterator[tuple[int, int, list[int]]]:
    """(offset, bytes, the offsets wanted in it): reads that cover `size` bytes from each offset."""
    group: list[int] = []
    for first in firsts:
        if group and not (group[-1] <= first <= group[-1] + NEAR and first - group[0] < SPAN):
            yield group[0], group[-1] - group[0] + size, group
            group = []
        group.append(first)
    if group:
        yield group[0], group[-1] - group[0] + size, group

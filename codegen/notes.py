"""Small JSON files that a home keeps for itself, each with a checksum over what it says.

A digit that a disk has changed is a digit still: alarms would be left out, or a batch be booked
with another address. The checksum is against accidents; whoever may write a file may write its
checksum.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .errors import IntegrityError
from .files import open_own, write_atomically

CHECK = "check"


def dump(document: Mapping[str, object]) -> bytes:
    """The bytes of `document`: one form for each, so that a checksum can be over them."""
    return json.dumps(document, indent=1, sort_keys=True).encode("ascii") + b"\n"


def with_check(document: Mapping[str, object]) -> dict[str, object]:
    """`document` with its checksum as a further member."""
    return {**document, CHECK: hashlib.sha256(dump(document)).hexdigest()[:16]}


def read(path: Path, most: int, members: Collection[str] | None = None) -> dict[str, Any]:
    """The JSON object at `path`, of at most `most` bytes, without its checksum.

    `members` are those it has; None if they are anything. One without a checksum was written by
    an earlier version. Raises `FileNotFoundError`, and `ValueError` for anything else that is not
    such an object as it was written.
    """
    try:
        with open_own(path) as file:
            data = file.read(most + 1)
        document = json.loads(data)
    except (RecursionError, IntegrityError):
        raise ValueError("no JSON object") from None
    if len(data) > most or not isinstance(document, dict):
        raise ValueError("no JSON object, or too large")
    plain = {name: value for name, value in document.items() if name != CHECK}
    if CHECK in document and with_check(plain) != document:
        raise ValueError("its checksum does not hold")
    if members is not None and set(plain) != set(members):
        raise ValueError("other members than were written")
    return plain


def write(path: Path, document: Mapping[str, object]) -> None:
    """Make or replace the file at `path`, durably, with its checksum."""
    write_atomically(path, dump(with_check(document)))

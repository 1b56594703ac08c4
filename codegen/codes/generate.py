"""Striking a piece of a batch: the one task a mint's workers do. Light imports only.

A worker never meets the data key. What it strikes goes back to the parent, which seals it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from .draw import draw
from .fingerprint import fingerprints
from .spec import CodeSpec


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """`count` codes of `spec` to strike under the raw fingerprint key.

    `entropy` must be picklable where the workers are processes; `os.urandom` is.
    """

    spec: CodeSpec
    count: int
    fingerprint_key: bytes = field(repr=False)
    entropy: Callable[[int], bytes] = field(repr=False)


def generate(piece: GenerateTask) -> tuple[bytes, bytes]:
    """(codes, fingerprints), both concatenated: `length` and 16 bytes a code."""
    codes = draw(piece.spec, piece.count, piece.entropy)
    return codes, fingerprints(codes, piece.spec.length, piece.fingerprint_key)

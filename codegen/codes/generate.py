"""Generating a part of a batch: the task of a mint's workers. Light imports only.

A worker draws codes and fingerprints them under the fingerprint key. It never gets the data
key: it hands its codes to the parent, which seals them. So a worker that is a process of its own,
and leaks its memory, leaks the codes it was drawing, and nothing that opens a batch already
sealed. The fingerprint key it does hold finds no code by itself: see `fingerprint`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from .draw import draw
from .fingerprint import fingerprints
from .spec import CodeSpec


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """`count` codes of `spec` to draw, and to fingerprint under the raw fingerprint key.

    `entropy(k)` returns k random bytes. If the workers are processes it must be picklable,
    as `os.urandom` is.
    """

    spec: CodeSpec
    count: int
    fingerprint_key: bytes = field(repr=False)
    entropy: Callable[[int], bytes] = field(repr=False)


def generate(task: GenerateTask) -> tuple[bytes, bytes]:
    """(codes, fingerprints), both concatenated: `spec.length` and 16 bytes per code.

    Raises `EnvironmentFailure` as `draw` does.
    """
    codes = draw(task.spec, task.count, task.entropy)
    return codes, fingerprints(codes, task.spec.length, task.fingerprint_key)

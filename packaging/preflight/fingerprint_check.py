"""The witness: codes read back from an archive are those that were minted.

It recomputes their fingerprints, in processes where there are many, and compares them with
those that the mint signed. So it proves the archive itself, and writing need not wait.
"""

import hmac
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from ...codegen.codes.fingerprint import fingerprints
from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Range, Ranges, join
from ...codegen.secret import Secret
from ...codegen.workers.pool import MAX_WORKERS, WorkerKind, Workers, cores

Codes = tuple[Ranges, bytes]
Minted = Callable[[Range], Iterator[tuple[int, bytes]]]

_BLOCK = 65_536  # codes compared at a time
_INLINE_BELOW = 200_000  # codes that a new process would be slower for


class FingerprintCheck:
    """Passes codes through, once they are proved.

    `minted(serials)` yields (first serial, fingerprints) of them, in order. Raises
    `IntegrityError` naming the serials that differ.
    """

    def __init__(self, batch: str, minted: Minted, length: int, key: Secret, quantity: int) -> None:
        self._batch, self._minted = batch, minted
        self._length, self._key, self._quantity = length, key, quantity

    def __call__(self, codes: Iterator[Codes]) -> Iterator[Codes]:
        """`codes`, each after it was compared."""
        waiting: deque[list[Codes]] = deque()

        def blocks() -> Iterator[bytes]:
            for block in self._blocks(codes):
                waiting.append(block)
                yield b"".join(part for _, part in block)

        task = partial(fingerprints, length=self._length, key=self._key.reveal())
        count = 1 if self._quantity < _INLINE_BELOW else min(cores(), MAX_WORKERS)
        with Workers(WorkerKind.PROCESSES if count > 1 else WorkerKind.INLINE, count) as workers:
            for found in workers.map(task, blocks()):
                block = waiting.popleft()
                self._compare(block, found)
                yield from block

    def _blocks(self, codes: Iterator[Codes]) -> Iterator[list[Codes]]:
        block: list[Codes] = []
        held = 0
        for serials, part in codes:
            block.append((serials, part))
            held += len(part)
            if held >= _BLOCK * self._length:
                yield block
                block, held = [], 0
        if block:
            yield block

    def _compare(self, block: list[Codes], found: bytes) -> None:
        ranges = join(piece for serials, _ in block for piece in serials)
        at = 0
        for piece in ranges:
            for first, expected in self._minted(piece):
                if not hmac.compare_digest(found[at : at + len(expected)], expected):
                    raise IntegrityError(
                        f"the codes of batch {self._batch} from serial {first} on are not what "
                        "was minted",
                        "stop using this vault and compare it with your copy: mintmark doctor",
                    )
                at += len(expected)
        if at != len(found):
            raise IntegrityError("fingerprints are missing", "mintmark doctor")

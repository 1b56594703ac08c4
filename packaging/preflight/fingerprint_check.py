"""The codes read back from an archive are those that were minted, proved by fingerprints.

The fingerprints of the codes are computed again and compared with those that the mint signed; in
processes if there are many, and nothing here can compile what computes them. This proves the
archive itself, so writing need not wait for it.
Comparing proves nothing about codes that are not compared. So the check also counts: every
code has one minted fingerprint, and all codes of the package were compared.
"""

import hmac
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import tee

from ...codegen.codes.fingerprint import fingerprints, prepare
from ...codegen.errors import IntegrityError
from ...codegen.ranges.serials import Range, count, join
from ...codegen.secret import Secret
from ..formats.format import Codes
from ..formats.pairs import halves
from ..formats.spread import Spread, inline, spread_from

CodeFilter = Callable[[Iterator[Codes]], Iterator[Codes]]
Minted = Callable[[Range], Iterator[tuple[int, bytes]]]

_BLOCK = 65_536  # codes compared at a time
_INLINE_BELOW = 200_000  # codes; for fewer, to start processes takes longer than it saves


class BothChecked:
    """Yields the codes that it takes, after both of each label were compared, each by its check.

    So the two codes of a label have the same serial, each in its own batch.
    """

    def __init__(self, first: CodeFilter, second: CodeFilter, lengths: tuple[int, ...]) -> None:
        self._checks, self._lengths = (first, second), lengths

    def __call__(self, codes: Iterator[Codes]) -> Iterator[Codes]:
        """`codes`, each after both were compared."""
        labels, *streams = tee(codes, 3)
        checked = [
            check(self._half(stream, which))
            for which, (check, stream) in enumerate(zip(self._checks, streams, strict=True))
        ]
        for whole, *_ in zip(labels, *checked, strict=True):
            yield whole

    def _half(self, codes: Iterator[Codes], which: int) -> Iterator[Codes]:
        for serials, part in codes:
            yield serials, halves(part, self._lengths)[which]


class FingerprintCheck:
    """Yields the codes that it takes, after they were compared.

    `minted(serials)` yields (first serial, fingerprints) of all `serials`, in order;
    `quantity` is the number of codes in the package. Raises `IntegrityError` naming the
    serials that differ, and if fewer or more fingerprints than codes were compared.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - codes, and all that they are compared with
        self,
        batch: str,
        minted: Minted,
        length: int,
        key: Secret,
        quantity: int,
        spread: Spread = inline,
    ) -> None:
        self._batch, self._minted = batch, minted
        self._length, self._key, self._quantity = length, key, quantity
        self._spread = spread_from(_INLINE_BELOW, quantity, spread)
        self._compiled = _compiling(quantity, length) if quantity >= _INLINE_BELOW else None

    def __call__(self, codes: Iterator[Codes]) -> Iterator[Codes]:
        """`codes`, each after it was compared."""
        waiting: deque[list[Codes]] = deque()

        def blocks() -> Iterator[bytes]:
            for block in self._blocks(codes):
                waiting.append(block)
                yield b"".join(part for _, part in block)

        task = partial(fingerprints, length=self._length, key=self._key.reveal())
        compared = 0
        is_fast = self._compiled is not None and self._compiled.result()
        for found in (inline if is_fast else self._spread)(task, blocks()):
            block = waiting.popleft()
            self._compare(block, found)
            compared += sum(count(serials) for serials, _ in block)
            yield from block
        if compared != self._quantity:
            raise self._miscounted(f"{compared:,} of {self._quantity:,} codes were compared")

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
        at = 0
        for piece in join(piece for serials, _ in block for piece in serials):
            for first, minted in self._minted(piece):
                if not hmac.compare_digest(found[at : at + len(minted)], minted):
                    raise IntegrityError(
                        f"the codes of batch {self._batch} from serial {first} on are not what "
                        "was minted",
                        "stop using this vault and compare it with your copy: mintmark doctor",
                    )
                at += len(minted)
        if at != len(found):
            raise self._miscounted("fingerprints are missing")

    def _miscounted(self, what: str) -> IntegrityError:
        return IntegrityError(f"batch {self._batch}: {what}", "mintmark doctor")


def _compiling(quantity: int, length: int) -> Future[bool]:
    """Whether fingerprints are compiled; that happens beside the writing of the package."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="mintmark-compile")
    try:
        return thread.submit(prepare, quantity, length)
    finally:
        thread.shutdown(wait=False)

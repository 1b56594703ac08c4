"""Drawing codes: uniform, independent symbols from the system's random source.

A code is worth money before anybody scans it. Codes come from no counter, no cipher and no
seed: there is no generator whose stolen state gives the codes to come, and a million known
codes tell nothing about the next.

Each random byte makes at most a single symbol. Reducing a byte modulo the alphabet's size k
would favour the first 256 mod k symbols; a byte at or above the largest multiple of k is
rejected instead (compare the simple discard method, NIST SP 800-90A Rev. 1, appendix A.5.1).
That costs up to half of the bytes and gives every symbol exactly the same probability.

Accepted: a random source that is predictable, but looks well, is not noticed here. The
operating system's is assumed sound (docs/threat-model.md). Codes that repeat each other are
noticed when the batch is made unique (`sealed.make`).
"""

from collections.abc import Callable

from ..errors import EnvironmentFailure
from .spec import CodeSpec

# Bytes asked for beyond what is expected. At most 127 of 256 values are rejected (k = 129), so
# that all of a block is rejected with a probability below 2^-64: then the source is broken.
_MARGIN = 64


def draw(spec: CodeSpec, n: int, entropy: Callable[[int], bytes]) -> bytes:
    """`n` codes of `spec`, concatenated: `n * spec.length` ASCII bytes.

    `entropy(k)` returns k random bytes. Every symbol has exactly the same probability,
    whatever the alphabet's size (1 to 256). Raises `EnvironmentFailure` if the source gives
    fewer bytes than asked for, or a block without a usable byte.
    """
    table, rejected = symbol_table(spec.symbols.encode("ascii"))
    share = 256 / (256 - len(rejected))
    needed = n * spec.length
    drawn = bytearray()
    while len(drawn) < needed:
        size = int((needed - len(drawn)) * share) + _MARGIN
        block = entropy(size)
        usable = block.translate(table, rejected)
        if len(block) != size or not usable:
            raise EnvironmentFailure(
                "the random source is broken", "mint nothing on this machine until it is repaired"
            )
        drawn += usable
    # What was drawn beyond `needed` is independent of what is kept: it is dropped.
    return bytes(drawn[:needed])


def symbol_table(symbols: bytes) -> tuple[bytes, bytes]:
    """(translation table of 256 bytes, bytes to delete) for `bytes.translate`.

    Each of `symbols`, 1 to 256, gets equally many of the byte values that are not deleted.
    """
    fair = 256 - 256 % len(symbols)
    table = bytes(symbols[byte % len(symbols)] for byte in range(256))
    return table, bytes(range(fair, 256))

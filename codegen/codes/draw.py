"""Drawing codes: uniform, independent symbols, and no algorithm behind them (R2)."""

from collections.abc import Callable

from ..errors import EnvironmentFailure
from .spec import CodeSpec

# So many bytes without one usable symbol: below 2^-64 for any alphabet.
_LEAST = 64


def draw(spec: CodeSpec, n: int, entropy: Callable[[int], bytes]) -> bytes:
    """`n` codes of `spec`, concatenated: `n * spec.length` ASCII bytes.

    `entropy(k)` returns k random bytes. The 256 byte values are dealt out to the symbols
    evenly and the 256 mod k left over are rejected, so every symbol has exactly the same
    probability whatever the alphabet's size (up to 256). Raises `EnvironmentFailure` where
    the random source is visibly broken.
    """
    table, rejected = symbol_table(spec.symbols.encode("ascii"))
    share = 256 / (256 - len(rejected))
    needed = n * spec.length
    drawn = bytearray()
    while len(drawn) < needed:
        asked = int((needed - len(drawn)) * share) + _LEAST
        block = entropy(asked)
        usable = block.translate(table, rejected)
        if len(block) != asked or not usable:
            raise EnvironmentFailure(
                "the random source is broken", "mint nothing on this machine until it is mended"
            )
        drawn += usable
    return bytes(drawn[:needed])


def symbol_table(symbols: bytes) -> tuple[bytes, bytes]:
    """(translation table of 256 bytes, bytes to delete) that deal bytes out to `symbols`."""
    fair = 256 - 256 % len(symbols)
    table = bytes(symbols[byte % len(symbols)] for byte in range(256))
    return table, bytes(range(fair, 256))

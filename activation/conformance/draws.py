"""Words of random symbols: codes and ids that no check had before."""

from collections.abc import Callable


def word(entropy: Callable[[int], bytes], symbols: str, length: int) -> str:
    """`length` symbols; `entropy(n)` gives n random bytes."""
    # 16 bits a symbol: what is left of evenness does not show.
    draws = entropy(2 * length)
    return "".join(
        symbols[int.from_bytes(draws[at : at + 2], "big") % len(symbols)]
        for at in range(0, 2 * length, 2)
    )

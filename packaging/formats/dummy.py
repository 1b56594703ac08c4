"""Dummy codes for test packages: the right length, and never taken for real ones.

`TEST00000042` is serial 42; an alphabet of digits alone keeps to digits, `000000000042`,
so that the QR symbol stays in numeric mode. Codes that count up were plainly not drawn at
random, and no batch holds their fingerprints.
"""

from collections.abc import Callable, Iterator

from ...codegen.codes.spec import CodeSpec
from ...codegen.errors import UsageError
from ...codegen.ranges.serials import Range

_MARK, _DIGITS = "TEST", ""
DUMMY_SYMBOLS = "0123456789TES"
_CHUNK = 65_536


def dummy_codes(serials: Range, length: int, *, digits: bool) -> bytes:
    """The dummy codes of `serials`, concatenated.

    Raises `UsageError` if the last serial leaves no room for a mark.
    """
    room = length - len(str(serials.last))
    if room < 1:
        raise UsageError(
            f"a test package of codes this short holds at most {10 ** (length - 1) - 1:,} codes",
            "ask for fewer with --test",
        )
    mark = _DIGITS if digits else _MARK
    return "".join(
        (start := mark[: length - len(str(serial))]) + str(serial).zfill(length - len(start))
        for serial in range(serials.first, serials.last + 1)
    ).encode("ascii")


def dummy_source(alphabet: str, length: int) -> Callable[[Range], Iterator[tuple[int, bytes]]]:
    """A `source` for `pack`: dummy codes for a batch of that alphabet and length."""
    digits = CodeSpec.of(alphabet, length).symbols.isdigit()

    def source(piece: Range) -> Iterator[tuple[int, bytes]]:
        for first in range(piece.first, piece.last + 1, _CHUNK):
            part = Range(first, min(first + _CHUNK - 1, piece.last))
            yield first, dummy_codes(part, length, digits=digits)

    return source


def all_dummies(serials: Range, codes: bytes, length: int) -> bool:
    """Whether `codes` are the dummy codes of `serials`, of either kind."""
    try:
        return codes in (dummy_codes(serials, length, digits=kind) for kind in (False, True))
    except UsageError:
        return False

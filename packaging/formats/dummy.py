"""Dummy codes for test packages: the right length, and never taken for real ones.

`TEST00000042` is serial 42; an alphabet of digits alone keeps to digits, `000000000042`,
so that the QR symbol stays in numeric mode. Codes that count up were plainly not drawn at
random, and no batch holds their fingerprints.

A test package rehearses what programs on the way do to codes. So serials 2 to 7 have the shapes
that spreadsheets take for something else (`codegen.codes.spreadsheets`), if the alphabet and the
length allow them: `0000…2`, `2222…E22`, `DEC2222…`, `2222…`, `FEB1222…`, `-222…`. They repeat
one digit, which codes drawn at random do not.

The second codes of pairs count up under another mark, `TSET00000042`, or in digits with a 9 in
front, `900000000042`: whoever takes one code for the other sees it. They have no shapes.
"""

import re
from collections.abc import Callable, Iterator

from ...codegen.codes.spec import CodeSpec
from ...codegen.errors import UsageError
from ...codegen.ranges.serials import Range, Ranges

_MARKS = ("TEST", "TSET")
_DIGITS = ("", "9")
DUMMY_SYMBOLS = "0123456789TES"
_CHUNK = 65_536
_LAST_SHAPE = 7
_COUNTED = re.compile(r"(?:TEST)?0*([1-9][0-9]{0,8})", re.ASCII)


def dummy_codes(serials: Range, length: int, *, digits: bool, second: bool = False) -> bytes:
    """The dummy codes of `serials` that count up, concatenated; `second`: those of a pair.

    Raises `UsageError` if the last serial leaves no room for a mark.
    """
    room = length - len(str(serials.last))
    if room < 1:
        raise UsageError(
            f"a test package of codes this short holds at most {10 ** (length - 1) - 1:,} codes",
            "ask for fewer with --test",
        )
    mark = (_DIGITS if digits else _MARKS)[second]
    return "".join(
        (start := mark[: length - len(str(serial))]) + str(serial).zfill(length - len(start))
        for serial in range(serials.first, serials.last + 1)
    ).encode("ascii")


def dummy_source(
    alphabet: str, length: int, *, second: bool = False
) -> Callable[[Range], Iterator[tuple[int, bytes]]]:
    """A `source` for `pack`: dummy codes for a batch of that alphabet and length."""
    symbols = CodeSpec.of(alphabet, length).symbols

    def source(piece: Range) -> Iterator[tuple[int, bytes]]:
        for first in range(piece.first, piece.last + 1, _CHUNK):
            part = Range(first, min(first + _CHUNK - 1, piece.last))
            yield (
                first,
                dummy_codes(part, length, digits=symbols.isdigit(), second=True)
                if second
                else _rehearsal(part, length, symbols),
            )

    return source


def all_seconds(serials: Range, codes: bytes, length: int) -> bool:
    """Whether `codes` are the dummy codes of `serials` for second codes, of any kind."""
    try:
        return codes in _counted(serials, length, second=True)
    except UsageError:
        return False


def all_dummies(serials: Range, codes: bytes, length: int) -> bool:
    """Whether `codes` are the dummy codes of `serials`, of any kind."""
    shaped = max(0, min(serials.last, _LAST_SHAPE) - serials.first + 1)
    head, rest = codes[: shaped * length], codes[shaped * length :]
    try:
        for at in range(shaped):
            one = Range(serials.first + at, serials.first + at)
            code = head[at * length : (at + 1) * length]
            if code not in {*_counted(one, length), _shape(one.first, length).encode("ascii")}:
                return False
        if shaped == len(serials):
            return not rest
        return rest in _counted(Range(serials.first + shaped, serials.last), length)
    except UsageError:
        return False


def are_dummies(pieces: Ranges, codes: bytes, length: int) -> bool:
    """Whether `codes` are the dummy codes of all serials of `pieces`, in their order."""
    at = 0
    for piece in pieces:
        first = Range(piece.first, piece.first)
        # Real codes are told by the first of them.
        if not all_dummies(first, codes[at : at + length], length):
            return False
        end = at + len(piece) * length
        if not all_dummies(piece, codes[at:end], length):
            return False
        at = end
    return True


def serial_of(code: str) -> int | None:
    """The serial of a dummy code; None if `code` is none, or its mark is cut short."""
    for serial in range(1, _LAST_SHAPE + 1):
        if code and code == _shape(serial, len(code)):
            return serial
    counted = _COUNTED.fullmatch(code)
    serial = int(counted[1]) if counted else 0
    if serial and all_dummies(Range(serial, serial), code.encode("ascii"), len(code)):
        return serial
    return None


def _rehearsal(part: Range, length: int, symbols: str) -> bytes:
    """Dummy codes that count up, and the shapes among the first of them."""
    codes = bytearray(dummy_codes(part, length, digits=symbols.isdigit()))
    for serial in range(part.first, min(part.last, _LAST_SHAPE) + 1):
        shape = _shape(serial, length)
        if shape and set(shape) <= set(symbols):
            at = (serial - part.first) * length
            codes[at : at + length] = shape.encode("ascii")
    return bytes(codes)


def _counted(serials: Range, length: int, *, second: bool = False) -> tuple[bytes, bytes]:
    return (
        dummy_codes(serials, length, digits=False, second=second),
        dummy_codes(serials, length, digits=True, second=second),
    )


def _shape(serial: int, length: int) -> str:
    """The shape of a serial's dummy code; empty if there is none, or it needs more room."""
    shape = {
        2: "2".zfill(length),
        3: "2" * max(1, length - 3) + "E22",
        4: "DEC2".ljust(length, "2"),
        5: "2" * length,
        6: "FEB1".ljust(length, "2"),
        7: "-".ljust(length, "2"),
    }.get(serial, "")
    return shape if len(shape) == length > 1 else ""

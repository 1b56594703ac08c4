"""Delimited text (RFC 4180): rows from codes, and codes back from rows.

Pure. Codes come concatenated, `length` ASCII bytes each, and belong to consecutive
serials. The bytes of a row depend on that row alone, so any cut into calls gives the
same file. Codes hold neither quote nor delimiter (`codegen.spec`); a template may hold
the delimiter, and then the whole column stands in quotes.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...codegen.template import split
from ..profile import Profile

Bytes = npt.NDArray[np.uint8]


def rows(first_serial: int, codes: bytes, length: int, profile: Profile, template: str) -> bytes:
    """The rows of `codes`, the first of which has `first_serial`; no header."""
    table = np.frombuffer(codes, np.uint8).reshape(-1, length)
    return b"".join(
        _block(serial, table[start : start + count], profile, template).tobytes()
        for serial, start, count in _same_width(first_serial, len(table))
    )


def codes_of(
    first_serial: int, data: bytes, length: int, profile: Profile, template: str
) -> bytes | None:
    """The codes whose `rows` are exactly `data`; None where there are none.

    `data` holds whole rows. What comes back is proved by writing it again.
    """
    found, at = [], 0
    count = data.count(profile.line_end.encode(profile.encoding))
    for serial, _, some in _same_width(first_serial, count):
        line, places = _line(serial, length, profile, template)
        if at + some * len(line) > len(data):
            return None
        block = np.frombuffer(data, np.uint8, some * len(line), at).reshape(some, len(line))
        begin = places.get("code", places.get("url", 0))
        found.append(block[:, begin : begin + length].tobytes())
        at += block.size
    codes = b"".join(found)
    return codes if rows(first_serial, codes, length, profile, template) == data else None


def _same_width(first_serial: int, count: int) -> Iterator[tuple[int, int, int]]:
    """`count` serials from `first_serial`, cut where they gain a digit.

    Yields (first serial, its index, how many).
    """
    start = 0
    while start < count:
        serial = first_serial + start
        stop = min(count, 10 ** len(str(serial)) - first_serial)
        yield serial, start, stop - start
        start = stop


def _line(
    serial: int, length: int, profile: Profile, template: str
) -> tuple[bytes, dict[str, int]]:
    """A row with zeros for serial and code, and where they begin in each column."""
    prefix, suffix = split(template)
    quote = '"' if profile.delimiter in template else ""
    fields = {
        "serial": ("", "0" * len(str(serial)), ""),
        "code": ("", "0" * length, ""),
        "url": (quote + prefix, "0" * length, suffix + quote),
    }
    places, at = {}, 0
    for column in profile.columns:
        places[column] = at + len(fields[column][0])
        at += sum(map(len, fields[column])) + len(profile.delimiter)
    line = profile.delimiter.join("".join(fields[column]) for column in profile.columns)
    return (line + profile.line_end).encode(profile.encoding), places


def _block(serial: int, codes: Bytes, profile: Profile, template: str) -> Bytes:
    """Rows of one width as a matrix, a row a line."""
    count, length = codes.shape
    line, places = _line(serial, length, profile, template)
    block = np.empty((count, len(line)), np.uint8)
    block[:] = np.frombuffer(line, np.uint8)
    for column, begin in places.items():
        if column == "serial":
            _digits(block[:, begin : begin + len(str(serial))], serial)
        else:
            block[:, begin : begin + length] = codes
    return block


def _digits(out: Bytes, serial: int) -> None:
    """Consecutive serials in decimal, all of the width of `out`."""
    value = np.arange(serial, serial + len(out), dtype=np.int64)
    for place in range(out.shape[1] - 1, -1, -1):
        value, digit = np.divmod(value, 10)
        out[:, place] = digit + ord("0")

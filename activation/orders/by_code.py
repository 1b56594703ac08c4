"""A reel named by the first and the last code scanned off it, in either order.

A scanner reads what is printed, which is mostly an address with the code in it. No code
leaves here: not in a result, not in an error.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...codegen.codes import template
from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.locate import locate
from ...codegen.ranges.serials import Range
from ...codegen.station.station import Station

FILE_BYTES = 4_096
_WHICH = ("first", "second")


def between(station: Station, batch: str, codes: tuple[str, str]) -> Range:
    """The serials between two codes, both included.

    Raises `NotFound` for a code of no batch here, `Refused` for a code of another batch.
    """
    with station.ledger.read() as view:
        urls = {row.url for row in view.batches() if row.url}
        urls |= {row.template for row in view.packages() if row.template}
    bare = [_bare(code, urls) for code in codes]
    if not all(bare):
        raise UsageError("a scanned code is empty", "scan the first and the last code again")
    locations = locate(station, None, "\n".join(bare)).places
    for which, location in zip(_WHICH, locations, strict=True):
        if location.batch is None:
            raise NotFound(
                f"the {which} code is no code of this home",
                "scan it again; codes of other homes are not known here",
            )
        if location.batch != batch:
            raise Refused(
                f"the {which} code belongs to batch {location.batch}",
                "name its own batch, or scan the right reel",
            )
    ends = sorted(location.serial or 0 for location in locations)
    return Range(ends[0], ends[1])


def _bare(text: str, urls: Iterable[str]) -> str:
    """The code in a scanned text. Scheme and host of an address may come in any case."""
    text = "".join(text.split())
    for url in urls:
        prefix, suffix = template.split(url)
        folded = text.casefold()
        fits = folded.startswith(prefix.casefold()) and folded.endswith(suffix.casefold())
        if prefix + suffix and fits and len(text) > len(prefix) + len(suffix):
            return text[len(prefix) : len(text) - len(suffix)]
    return text


def read_pair(path: Path | None, stdin: bytes | None = None) -> tuple[str, str]:
    """The two codes of a file, or of stdin: two lines.

    Raises `NotFound`, or `UsageError` for anything but two lines of text.
    """
    if path is None:
        data = stdin or b""
    else:
        try:
            with path.open("rb") as file:
                data = file.read(FILE_BYTES + 1)
        except FileNotFoundError:
            raise NotFound(f"no file {path}", "name the file that holds the two codes") from None
    found = lines(data)
    if len(data) > FILE_BYTES or len(found) != 2:
        raise UsageError(
            "the two scanned codes are wanted, each in a line of its own",
            "the first and the last of the reel, in either order",
        )
    return found[0], found[1]


def lines(data: bytes) -> Sequence[str]:
    """The lines that are not empty."""
    text = data.decode("utf-8-sig", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]

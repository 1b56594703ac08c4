"""What a backend tells of scans that a person should see: refused ones, repeats, regions.

A backend of an older contract offers none of it: then that is said, and all else goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..client.protocol import Client
from ..client.wire import RefusedScan, RegionScans, Repeat
from .marks import ReadUpTo
from .unknown import PAGES, read_pages

REFUSED, REPEATS, REGIONS = "refused-scans", "repeats", "regions"  # the ends of the addresses
# That a timer reads at a time: the next time it goes on behind them.
BATCHES, REPEAT_PAGES = 100, 100


@dataclass(frozen=True)
class MarketReading:
    """What was read. `lacking`: what the backend does not offer. `cut`: there was more."""

    refused: tuple[RefusedScan, ...]
    repeats: tuple[Repeat, ...]
    regions: tuple[tuple[str, RegionScans], ...]
    lacking: tuple[str, ...]
    mark: ReadUpTo
    cut: bool


@dataclass(frozen=True)
class MarketQuery:
    """What is asked for: codes with more than `over` scans, regions of `batches`, which ascend.

    `new`: by a timer, which reads a part of the repeats and of the batches, and goes on behind it
    the next time.
    """

    batches: Sequence[str]
    over: int
    new: bool = False


def read_market(client: Client, query: MarketQuery, mark: ReadUpTo, now: datetime) -> MarketReading:
    """Refused scans from `mark` on, repeats, and scans by region. Raises `Away` and `Declined`.

    The backend knows the batches of `query`.
    """
    lacking: list[str] = []
    refused = read_pages(client.refused_scans, mark.refused, now)
    if refused is None:
        lacking.append(REFUSED)
    scans, settled, cut = refused or ([], 0, False)
    repeats, behind = _repeats(client, query, mark.repeats if query.new else None, lacking)
    wanted = _part(query.batches, mark.batch) if query.new else list(query.batches)
    regions: list[tuple[str, RegionScans]] = []
    # A backend of an older contract is not asked for every batch.
    if len(lacking) == 2 or not _regions(client, wanted, regions):
        lacking.append(REGIONS)
    partly = query.new and wanted and len(wanted) < len(query.batches)
    return MarketReading(
        refused=tuple(scans),
        repeats=tuple(repeats),
        regions=tuple(regions),
        lacking=tuple(lacking),
        mark=replace(
            mark,
            refused=settled,
            repeats=behind if query.new else None,
            batch=wanted[-1] if partly else None,
        ),
        cut=cut or (behind is not None and not query.new),
    )


def _repeats(
    client: Client, query: MarketQuery, after: str | None, lacking: list[str]
) -> tuple[list[Repeat], str | None]:
    """The repeats behind code `after`, and the code behind which there are more."""
    found: list[Repeat] = []
    for _ in range(REPEAT_PAGES if query.new else PAGES):
        page = client.repeats(query.over, after)
        if page is None:
            lacking.append(REPEATS)
            return [], None
        found += page.repeats
        after = page.next
        if after is None:
            break
    return found, after


def _part(batches: Sequence[str], behind: str | None) -> list[str]:
    """At most `BATCHES` of them, beginning behind one, and then from the first on."""
    start = sum(batch <= behind for batch in batches) if behind else 0
    return [*batches[start:], *batches[:start]][:BATCHES]


def _regions(client: Client, batches: Sequence[str], found: list[tuple[str, RegionScans]]) -> bool:
    """Read the regions of each batch; False if the backend has them for none."""
    offered = not batches
    for batch in batches:
        after: int | None = 0
        for _ in range(PAGES):
            page = client.regions(batch, after or 0)
            if page is None:
                break
            offered = True
            found += ((batch, row) for row in page.regions)
            after = page.next
            if after is None:
                break
    return offered

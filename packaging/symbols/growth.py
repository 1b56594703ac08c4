"""What ink does to a symbol that spreads by one dot on each side.

The figures are those of docs/decoders.md, which bench/decoders/run.sh remakes.
"""

DECODERS = 14
FEWER_THAN_HALF = {4: (8, 13), 5: (1, 7), 6: (0, 7)}
"""Dots per module → how many of the decoders read fewer than half of the symbols, after one dot of
growth on each side: from a scan with a pixel per dot, and from a photograph."""


def growth_warning(dots: int) -> str | None:
    """What one dot of growth on each side means for modules of so many dots, if it matters."""
    if dots not in FEWER_THAN_HALF:
        return None
    scanned, photographed = FEWER_THAN_HALF[dots]
    return (
        f"at {dots} dots, one dot of growth a side makes dark modules {dots + 2} dots wide and "
        f"light ones {dots - 2}: {scanned} of {DECODERS} decoders then read fewer than half of the "
        f"symbols in a scan, {photographed} in a photograph; take 8 dots or more where there is "
        "room, or measure the growth and take it off: reduce = 1 in the profile's [symbol]"
    )

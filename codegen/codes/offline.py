"""How long a thief of fingerprint key and fingerprint file needs for a code, in words. Pure.

The thief draws codes at random, fingerprints them and looks whether the file holds the
fingerprint. With n codes issued among 2^b, a try hits with probability n ÷ 2^b, so the tries for
a code are 2^(b − log2 n) on the average: two to the offline strength. The next code costs as
many again. Twice the cards need half the time.

The speed was measured: docs/adr/0020-offline-strength-is-time.md.
"""

import math

# Fingerprints a second of one NVIDIA H200 that knows the key, November 2026.
TRIES_PER_SECOND = 6.55e9
MEASURED = "6.6×10⁹ tries/s, measured 2026-11"

# Name, seconds, and how many there must be of it for a time to be told in it.
_UNITS = (("year", 31_557_600, 2), ("day", 86_400, 2), ("hour", 3_600, 2), ("minute", 60, 5))
_MOST_YEARS = 1_000
_MOST_BITS = 1_000.0  # more would not go into a float
_NEAR = 1.01  # the speed is not known better than to a hundredth


def seconds(bits: float) -> float:
    """How long one such card needs for a code of that offline strength, on the average.

    To a tenth of a second.
    """
    return round(2 ** min(bits, _MOST_BITS) / TRIES_PER_SECOND, 1)


def words(time: float) -> str:
    """`time`, in seconds, in words: two digits or more, "about 21 days".

    The words tell no longer time than `time`, by more than a hundredth.
    """
    if time < 1:
        return "less than a second"
    name, size = next(
        ((unit, size) for unit, size, least in _UNITS if time * _NEAR >= size * least),
        ("second", 1),
    )
    amount = time / size
    if name == "year" and amount > _MOST_YEARS:
        return f"more than {_MOST_YEARS:,} years"
    parts = 10 if amount < 10 else 1
    below, above = math.floor(amount * parts), math.ceil(amount * parts)
    number = (above if above <= amount * parts * _NEAR else below) / parts
    return f"about {number:,g} {name}{'s' * (number != 1)}"


def told(bits: float) -> str:
    """The time for a code of that offline strength, and on what."""
    return f"{words(seconds(bits))} of one data-centre GPU per code ({MEASURED})"

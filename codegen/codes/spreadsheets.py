"""How many codes of a spec a spreadsheet turns into something else when it opens a CSV.

Pure. A cell of a CSV has no type, and a spreadsheet guesses one; what is saved afterwards is its
guess. The shapes, each counted exactly, as strings of the spec's symbols (Microsoft, "Set
automatic data conversions in Excel" and "Excel specifications and limits"):

- digits alone are a number: zeros in front are lost; from 12 digits on Excel shows and saves
  `1.23457E+11`, and digits after the 15th become zeros;
- digits, an E, digits are a number in scientific notation: `12E3` becomes 12000;
- a month and a day or a year are a date: `DEC2`, `MAR10`, `SEPT2027`, `2DEC`;
- a hyphen in front makes a formula of the rest; a dot among digits makes a decimal number;
- `TRUE` and `FALSE` are truth values.

Not counted are dates of digits and hyphens (`12-11-27`), which only alphabets with a hyphen have:
they are warned of for the hyphen in front. Cells of a workbook that mintmark writes are text, and
pictures hold no cells.
"""

import math
from dataclasses import dataclass
from itertools import product

from .spec import CodeSpec

SCIENTIFIC_FROM = 12  # digits
PRECISION = 15  # digits
LARGEST_EXPONENT = 307
NOTED = 0.1  # codes of a batch: one code in ten such batches
FEW = 10_000  # codes, where no quantity is given
_MONTHS = (
    ("JAN", "JANUARY"), ("FEB", "FEBRUARY"), ("MAR", "MARCH"), ("APR", "APRIL"), ("MAY",),
    ("JUN", "JUNE"), ("JUL", "JULY"), ("AUG", "AUGUST"), ("SEP", "SEPT", "SEPTEMBER"),
    ("OCT", "OCTOBER"), ("NOV", "NOVEMBER"), ("DEC", "DECEMBER"),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A shape, an example of it, and how many strings of the spec have it."""

    name: str
    example: str
    strings: int


def shapes(spec: CodeSpec) -> tuple[Shape, ...]:
    """The shapes that codes of `spec` can have; no string has two of them."""
    digits = [symbol for symbol in spec.symbols if symbol.isdigit()]
    found = (
        _numbers(spec, digits),
        Shape("a number in scientific notation", "12E34", _scientific(spec, digits)),
        Shape("a date", "DEC2", _dates(spec, digits)),
        Shape("a truth value", "TRUE", _truths(spec)),
        Shape("a formula", "-12AB", _with_sign(spec)),
        Shape("a decimal number", "12.50", _decimal(spec, digits)),
    )
    return tuple(shape for shape in found if shape.strings)


def share(spec: CodeSpec) -> float:
    """Which part of all codes of `spec` a spreadsheet takes for something else."""
    return sum(shape.strings for shape in shapes(spec)) / spec.space


def cautions(spec: CodeSpec, quantity: int | None) -> tuple[str, ...]:
    """A sentence about `quantity` codes, if any of them is likely to meet a spreadsheet badly.

    Without a quantity it speaks of a single code.
    """
    part = share(spec)
    if part * (quantity or FEW) < NOTED:
        return ()
    if spec.symbols.isdigit() and spec.length >= SCIENTIFIC_FROM:
        lost = f" and makes digits after the {PRECISION}th zero" if spec.length > PRECISION else ""
        happens = (
            f"every code is a number of {spec.length} digits: a spreadsheet that opens a CSV shows "
            f"1.23E+{spec.length - 1}{lost}"
        )
    else:
        names = " or ".join(f"{shape.name} (like {shape.example})" for shape in shapes(spec))
        happens = (
            f"{_amount(part, quantity)} will look like {names} to a spreadsheet that opens a CSV, "
            "and be changed"
        )
    fewer = share(CodeSpec.of("clear", spec.length)) < part
    better = ", or --alphabet clear" if fewer else ""
    return (f"{happens}: print from the files as they are, or take the profile xlsx{better}",)


def word_one_in(spec: CodeSpec, letters: int = 3) -> int | None:
    """In one of how many codes a given word stands; None if the alphabet has no vowel.

    The word is spelled from the spec's symbols. It is the expected number of places where it
    stands, which for a single word is all but the probability of a code that holds it.
    """
    if not set("AEIOU") & set(spec.symbols) or spec.length < letters:
        return None
    return round(float(len(spec.symbols) ** letters) / (spec.length - letters + 1))


def _amount(part: float, quantity: int | None) -> str:
    if quantity is None:
        return f"one of {1 / part:,.0f} codes"
    if (expected := part * quantity) >= 1:
        return f"about {expected:,.0f} of {quantity:,} codes"
    return f"with a probability of {-math.expm1(-expected):.0%} one of {quantity:,} codes"


def _numbers(spec: CodeSpec, digits: list[str]) -> Shape:
    if spec.length >= SCIENTIFIC_FROM:
        return Shape("a number", "123456789012", len(digits) ** spec.length)
    zero_first = len(digits) ** (spec.length - 1) if "0" in digits and spec.length > 1 else 0
    return Shape("a number with zeros in front", "0123", zero_first)


def _scientific(spec: CodeSpec, digits: list[str]) -> int:
    if "E" not in spec.symbols:
        return 0
    return sum(
        len(digits) ** before * _exponents(spec.length - 1 - before, digits)
        for before in range(1, spec.length - 1)
    )


def _exponents(places: int, digits: list[str]) -> int:
    """Strings of `places` digits that are at most the largest exponent; zeros may lead."""
    if places > 3:
        return _exponents(3, digits) if "0" in digits else 0
    return sum(int("".join(one)) <= LARGEST_EXPONENT for one in product(digits, repeat=places))


def _dates(spec: CodeSpec, digits: list[str]) -> int:
    """Month and day, month and year, day and month, day, month and year."""
    found = 0
    for names in _MONTHS:
        for name in names:
            if set(name) <= set(spec.symbols):
                found += _around(spec.length - len(name), digits)
    return found


def _around(places: int, digits: list[str]) -> int:
    """Ways to fill `places` around a month: `2`, `02` or `2027` after it, `2` or `12` before it."""
    days = {size: _days(size, digits) for size in (1, 2)}
    years = {2: len(digits) ** 2, 4: len(digits) ** 4}
    after = {1: days[1], **years}.get(places, 0)  # two digits are a day or else a year
    both = sum(days[day] * years[places - day] for day in days if places - day in years)
    return after + days.get(places, 0) + both


def _days(places: int, digits: list[str]) -> int:
    return sum(1 <= int("".join(day)) <= 31 for day in product(digits, repeat=places))


def _truths(spec: CodeSpec) -> int:
    return sum(
        len(word) == spec.length and set(word) <= set(spec.symbols) for word in ("TRUE", "FALSE")
    )


def _with_sign(spec: CodeSpec) -> int:
    return int(len(spec.symbols) ** (spec.length - 1)) if "-" in spec.symbols else 0


def _decimal(spec: CodeSpec, digits: list[str]) -> int:
    if "." not in spec.symbols or spec.length < 2:
        return 0
    return int(spec.length * len(digits) ** (spec.length - 1))

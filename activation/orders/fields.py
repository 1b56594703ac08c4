"""The fields of orders that machines write: text, numbers, truths, serials, each read in one place.

Raises `UsageError` throughout, quoting no value of a code.
"""

from collections.abc import Mapping
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges import serials
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.scanned import names_no_code

_REAL = "write a whole number: a PLC's REAL holds seven digits, a DINT holds nine"


def check_known(fields: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raises `UsageError` for a field that is not `known`."""
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise UsageError(
            f"unknown field {ids.shown(unknown[0], name=True)}",
            f"known: {', '.join(sorted(known))}",
        )


def check_kept(fields: Mapping[str, Any], name: str) -> None:
    """Raises `UsageError` for what a file names by its code: files of orders are kept."""
    value = fields.get(name)
    if isinstance(value, str) and value.strip() and not names_no_code(value):
        raise UsageError(
            f"{name} is neither BATCH:SERIAL nor an SSCC",
            "a file of orders is kept, and holds no code: mintmark locate tells the serial; an"
            " SSCC has 18 digits, of which spreadsheets drop some",
        )


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """The text of a field, without blanks around it; None if there is none."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or len(value) > 500:
        raise UsageError(
            f"{name} must be text, in one line of at most 500 characters",
            "shorten it, and write it in quotes",
        )
    return value.strip() or None


def texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """The texts of a field: a list of them, or one; None if it is absent."""
    value = fields.get(name)
    given = [value] if isinstance(value, str) else value
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UsageError(f"{name} must be text, or a list of texts", f'as in "{name}": "lot=L42"')
    return given


def needed(name: str, text: str | None, hint: str | None = None) -> str:
    """`text`, unless it is None. `hint`: what to do about that, if it is not to name it."""
    if text is None:
        raise UsageError(f"{name} is missing", hint or f"every order names its {name}")
    return text


def word(name: str, text: str | None, kind: Any) -> Any:  # noqa: ANN401 - Action or State
    """The member of the enum `kind` that `text` names."""
    try:
        return kind(needed(name, text).lower())
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise UsageError(
            f"unknown {name} {ids.shown(text or '', name=True)}", f"known: {known}"
        ) from None


def whole(fields: Mapping[str, Any], name: str) -> int | None:
    """The whole number of a field; None if it is absent."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)  # 2.0 is how a PLC's REAL is written
    if type(value) is float:
        raise UsageError(f"{name} must be a whole number, and this one has a fraction", _REAL)
    if type(value) is not int or not 0 <= value <= serials.LAST:
        raise UsageError(
            f"{name} must be a whole number, 0 to {serials.LAST:,}", f'for example "{name}": 100'
        )
    if name in ("count", "each") and value == 0:
        raise UsageError(f"{name} must be at least 1", f'for example "{name}": 24')
    return value


def truth(fields: Mapping[str, Any], name: str) -> bool:
    """The truth of a field; false if it is absent."""
    value = fields.get(name, False)
    if type(value) is not bool:
        raise UsageError(f"{name} must be true or false", f'for example "{name}": true')
    return value


def number(name: str, text: str) -> int:
    """The number in a cell."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise UsageError(f"{name} must be a whole number", "digits alone, as in 24")
    return int(text)


def switch(name: str, text: str) -> bool:
    """The truth in a cell."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise UsageError(f"{name} must be true or false", f"known: {', '.join(known)}")
    return known[text.lower()]


def serials_text(value: object) -> str | None:
    """Serials, given as text or as pairs, as text."""
    if value is None:
        return None
    if isinstance(value, list):
        if any(isinstance(end, float) for pair in value if isinstance(pair, list) for end in pair):
            # A count is a guard; a serial that was rounded would be another serial.
            raise UsageError("serials holds a number with a decimal point", _REAL)
        ranges = serials.from_pairs(value, RANGES_PER_ORDER)
        if not ranges:
            raise UsageError("serials lists no range", "name one, as in [[1, 24]]")
        return ";".join(map(str, ranges))
    if not isinstance(value, str):
        raise UsageError(
            "serials must be text, or pairs [first, last]", 'as in "1-24", or [[1, 24]]'
        )
    if value.strip().startswith("@"):
        raise UsageError("serials cannot name a file here", "write the ranges themselves")
    return value.strip() or None


def two_ends(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two scanned codes of `from_code` and `to_code`, if they are given."""
    both = [fields[name] for name in ("from_code", "to_code") if name in fields]
    if not both:
        return None
    if len(both) == 1 or not all(isinstance(code, str) for code in both):
        raise UsageError(
            "from_code and to_code are given together, as text", "one from each end of the run"
        )
    return both[0], both[1]

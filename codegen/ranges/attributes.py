"""Attributes of a range (空码赋值): what a blank code is given, in three layers.

Pure. A known key has a layer and a type. A brand's own keys begin with `native.`, `property.`
or `activity.` and hold text.
"""

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from ..errors import Refused, UsageError
from . import roles

# Sorted (key, JSON text of the value) pairs: hashable, comparable, canonical.
Attributes = tuple[tuple[str, str], ...]
Value = str | int | None

VALUE_BYTES = 1_024
KEYS_PER_RANGE = 64
# The most that the contract carries. Nobody scans a code so often, so it stands for no limit.
MAX_SCANS = 1_000_000
UNLIMITED = ("unlimited", "不限")
_OWN_KEY = re.compile(r"(native|property|activity)\.[a-z][a-z0-9_]{0,40}", re.ASCII)


class Layer(StrEnum):
    """原生值, 属性值, 活动值: the product itself, its way of sale, its campaign."""

    NATIVE = "native"
    PROPERTY = "property"
    ACTIVITY = "activity"


KNOWN: Mapping[str, tuple[Layer, type]] = MappingProxyType(
    {
        "product": (Layer.NATIVE, str),
        "lot": (Layer.NATIVE, str),
        "line": (Layer.NATIVE, str),
        "produced_at": (Layer.NATIVE, str),
        "dealer": (Layer.PROPERTY, str),
        "region": (Layer.PROPERTY, str),
        "campaign": (Layer.ACTIVITY, str),
        "max_scans": (Layer.ACTIVITY, int),
        "role": (Layer.ACTIVITY, str),
        # Set by an order's own fields, never with --set.
        "effective_at": (Layer.ACTIVITY, str),
        "expires_at": (Layer.ACTIVITY, str),
    }
)
VALIDITY = ("effective_at", "expires_at")
# The keys whose values a consumer's scan may show.
PUBLIC = frozenset({"product", "lot", "produced_at", "campaign", *VALIDITY})


def layer(key: str) -> Layer:
    """The layer of `key`. Raises `UsageError` for an unknown key."""
    if key in KNOWN:
        return KNOWN[key][0]
    if _OWN_KEY.fullmatch(key):
        return Layer(key.split(".", maxsplit=1)[0])
    raise UsageError(
        f"unknown attribute {_shown(key)}",
        f"known: {', '.join(key for key in KNOWN if key not in VALIDITY)}",
        "your own keys begin with native., property. or activity.",
    )


def _shown(text: str) -> str:
    from .. import ids  # here: the help of commands needs this module, and no errors

    return ids.shown(text, name=True)


def check(values: Mapping[str, object]) -> dict[str, Value]:
    """`values` as a patch, once every key is known and every value is null or well-formed.

    Well-formed: of the key's type, text of at most `VALUE_BYTES` bytes in UTF-8, max_scans 1 to
    1,000,000, role one of `roles.ROLES`. Raises `UsageError` naming the key; the value is quoted
    nowhere.
    """
    checked = check_booked(values)
    if (role := checked.get("role")) is not None:
        roles.check(str(role), "attribute role")
    return checked


def check_booked(values: Mapping[str, object]) -> dict[str, Value]:
    """The same, for books: orders of before roles were a list may hold any text as role."""
    if len(values) > KEYS_PER_RANGE:
        raise UsageError(f"more than {KEYS_PER_RANGE} attributes in one order")
    checked: dict[str, Value] = {}
    for key, value in values.items():
        layer(key)
        kind = KNOWN[key][1] if key in KNOWN else str
        if value is None:
            checked[key] = None
            continue
        if type(value) is not kind or not isinstance(value, str | int):
            raise UsageError(f"attribute {key} must be {'text' if kind is str else 'a number'}")
        if isinstance(value, str):
            _check_text(key, value)
        if key == "max_scans" and not 1 <= int(value) <= MAX_SCANS:
            raise UsageError("attribute max_scans must lie between 1 and 1,000,000")
        checked[key] = value
    return checked


def _check_text(key: str, value: str) -> None:
    # Lone surrogates come from \udXXX in JSON, or from undecodable bytes on a command line.
    # UTF-8 has no form for them, so neither the ledger nor the API could hold them.
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise UsageError(f"attribute {key} is not valid Unicode text") from None
    if size > VALUE_BYTES:
        raise UsageError(f"attribute {key} is longer than {VALUE_BYTES} bytes")


def from_options(options: Iterable[str]) -> dict[str, Value]:
    """A patch from `key=value` options; `key=` deletes the key.

    Raises `UsageError` for a missing `=`, a key given twice, or what `check` refuses.
    """
    values: dict[str, object] = {}
    for option in options:
        key, equals, text = option.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError(f"not key=value: {_shown(option)}", "write for example --set lot=L42")
        if key in values:
            raise UsageError(f"attribute {_shown(key)} is given twice")
        if key in VALIDITY:
            raise UsageError(f"{key} is not set with --set", f"use --{key.replace('_', '-')}")
        number = key in KNOWN and KNOWN[key][1] is int
        values[key] = _number(key, text) if text and number else text or None
    return check(values)


def _number(key: str, text: str) -> int:
    if key == "max_scans" and text.strip().lower() in UNLIMITED:
        return MAX_SCANS
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise UsageError(f"attribute {key} must be a number")
    return int(text)


def patch(old: Attributes, change: Mapping[str, object]) -> Attributes:
    """`old` with `change` patched in key by key; null deletes.

    `change` has passed `check`. Raises `Refused` if a range would end up with more than
    `KEYS_PER_RANGE` keys: several patches together can do that, though none alone can.
    """
    if not change:
        return old
    merged = dict(old)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = json.dumps(value, ensure_ascii=False)
    if len(merged) > KEYS_PER_RANGE:
        raise Refused(
            f"the order would leave more than {KEYS_PER_RANGE} attributes on a range",
            "delete some of them: --set key=",
        )
    return tuple(sorted(merged.items()))


def to_json(attributes: Attributes) -> dict[str, Value]:
    """The JSON object of `attributes`."""
    return {key: json.loads(text) for key, text in attributes}


def from_json(values: Mapping[str, object]) -> Attributes:
    """The inverse of `to_json`."""
    return patch((), values)


def public(attributes: Attributes) -> dict[str, Value]:
    """The attributes that a consumer's scan may show."""
    return {key: json.loads(text) for key, text in attributes if key in PUBLIC}

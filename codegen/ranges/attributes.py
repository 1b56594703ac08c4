"""Attributes of a range (空码赋值): what a blank code is given, in three layers.

Pure. A known key has a layer and a type. A brand's own keys begin with `native.`, `property.`
or `activity.` and hold text. A key `window.NAME` holds attributes for a time (`windows`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from .. import times
from ..errors import Refused, UsageError
from . import roles, windows

# Sorted (key, JSON text of the value) pairs: hashable, comparable, canonical.
Attributes = tuple[tuple[str, str], ...]
# The object is a window's.
Value = str | int | dict[str, Any] | None

VALUE_BYTES = 1_024
KEYS_PER_RANGE = 64
WINDOW_BYTES = 4_096  # of its JSON
GATE_SCAN_IN = "scan_in"
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
        # The same for scans by others than consumers, each for itself.
        "guide_scans": (Layer.ACTIVITY, int),
        "dealer_scans": (Layer.ACTIVITY, int),
        "store_scans": (Layer.ACTIVITY, int),
        "role": (Layer.ACTIVITY, str),
        # What the code is worth waits for a dealer's scan-in, and when that came.
        "gate": (Layer.ACTIVITY, str),
        "scanned_in": (Layer.PROPERTY, str),
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
    if windows.is_window(key):
        return _layer_of_window(key)
    raise UsageError(
        f"unknown attribute {_shown(key)}",
        f"known: {', '.join(key for key in KNOWN if key not in VALIDITY)}",
        "your own keys begin with native., property. or activity.",
    )


def _layer_of_window(key: str) -> Layer:
    try:
        windows.name_of(key)
    except ValueError as error:
        raise UsageError(str(error), "write for example window.december") from None
    return Layer.ACTIVITY


def keys_within(patch: Mapping[str, Value]) -> set[str]:
    """The keys of a checked `patch`, and those that its windows hold."""
    inside = (value["attributes"] for value in patch.values() if isinstance(value, dict))
    return {*patch, *(key for held in inside for key in held)}


def _shown(text: str) -> str:
    from .. import ids  # here: the help of commands needs this module, and no errors

    return ids.shown(text, name=True)


def check(values: Mapping[str, object]) -> dict[str, Value]:
    """`values` as a patch, once every key is known and every value is null or well-formed.

    Well-formed: of the key's type, text of at most `VALUE_BYTES` bytes in UTF-8, numbers of scans
    1 to 1,000,000, role one of `roles.ROLES`, gate `scan_in`, scanned_in an RFC 3339 time, and a
    window as `windows` says. Raises `UsageError` naming the key; the value is quoted nowhere.
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
        if windows.is_window(key):
            checked[key] = _checked_window(key, value)
            continue
        if type(value) is not kind or not isinstance(value, str | int):
            raise UsageError(f"attribute {key} must be {'text' if kind is str else 'a number'}")
        _check_value(key, value)
        checked[key] = value
    return checked


def _check_value(key: str, value: str | int) -> None:
    if isinstance(value, str):
        _check_text(key, value)
    elif not 1 <= value <= MAX_SCANS:
        raise UsageError(f"attribute {key} must lie between 1 and 1,000,000")
    if key == "gate" and value != GATE_SCAN_IN:
        raise UsageError(f"attribute gate is {GATE_SCAN_IN}", "without a gate: --set gate=")
    if key == "scanned_in":
        try:
            times.parse(str(value))
        except ValueError:
            raise UsageError(
                "attribute scanned_in is an RFC 3339 time with an offset",
                "write for example 2026-12-01T08:00:00+08:00",
            ) from None


def _checked_window(key: str, value: object) -> dict[str, Any]:
    """The window in its one spelling: all four keys, in the order in which they are written."""
    try:
        window = windows.read(key, value)
    except ValueError as error:
        raise UsageError(f"attribute {key}: {error}") from None
    if barred := [inner for inner in window.attributes if inner in windows.EXCLUDED]:
        raise UsageError(f"attribute {key}: a window holds no {barred[0]}")
    if any(windows.is_window(inner) for inner in window.attributes):
        raise UsageError(f"attribute {key}: a window holds no window")
    given = dict(value) if isinstance(value, Mapping) else {}
    whole = {name: given.get(name) for name in ("from", "until", "daily")}
    whole["attributes"] = check_booked(window.attributes)
    if len(json.dumps(whole, ensure_ascii=False).encode()) > WINDOW_BYTES:
        raise UsageError(f"attribute {key} is longer than {WINDOW_BYTES:,} bytes")
    return whole


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
        if windows.is_window(key) and text:
            raise UsageError(
                f"{_shown(key)} is not set with --set",
                "set what it holds: --during A..B --window NAME --set key=value",
            )
        number = key in KNOWN and KNOWN[key][1] is int
        values[key] = _number(key, text) if text and number else text or None
    return check(values)


def _number(key: str, text: str) -> int:
    if text.strip().lower() in UNLIMITED:
        return MAX_SCANS
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise UsageError(f"attribute {key} must be a number")
    return int(text)


def patch(old: Attributes, change: Mapping[str, object]) -> Attributes:
    """`old` with `change` patched in key by key; null deletes.

    `change` has passed `check`. Raises `Refused` if a range would end up with more than
    `KEYS_PER_RANGE` keys, or `windows.MOST` windows: several patches together can do that, though
    none alone can.
    """
    if not change:
        return old
    merged = dict(old)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(merged) > KEYS_PER_RANGE:
        raise Refused(
            f"the order would leave more than {KEYS_PER_RANGE} attributes on a range",
            "delete some of them: --set key=",
        )
    if sum(map(windows.is_window, merged)) > windows.MOST:
        raise Refused(
            f"the order would leave more than {windows.MOST} windows on a range",
            "take one away that is over: --set window.NAME=",
        )
    return tuple(sorted(merged.items()))


def to_json(attributes: Attributes) -> dict[str, Value]:
    """The JSON object of `attributes`."""
    return {key: json.loads(text) for key, text in attributes}


def from_json(values: Mapping[str, object]) -> Attributes:
    """The inverse of `to_json`."""
    return patch((), values)


def public_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of the attributes that hold at a moment (`values.at`), those a consumer's scan may show."""
    return {key: value for key, value in values.items() if key in PUBLIC}

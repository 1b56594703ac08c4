"""What a person declares of a reader: the table `[readers.NAME]` of mintmark.toml. Pure.

Without a declaration a reader may end its messages in CR, LF, CRLF, ETX, TAB or ESC, and
send the usual words for a label that it could not read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .. import ids
from ..errors import UsageError
from .patterns import Pattern

# The names that the manuals use: Denso QK31-R pages 77-79, Keyence N-410 page 5-10,
# SICK CLV 410 pages 41-44, Datalogic QuickScan Mobile page 128.
_TERMINATORS: Mapping[str, bytes] = {
    "CR": b"\r",
    "ENTER": b"\r",
    "LF": b"\n",
    "CRLF": b"\r\n",
    "STX": b"\x02",
    "ETX": b"\x03",
    "EOT": b"\x04",
    "TAB": b"\t",
    "ESC": b"\x1b",
}
ENDS = b"\r\n\x02\x03\x04\t\x1b"
# Honeywell 1300g page 3-14, Microscan MS-820 page 8-5, Keyence N-410, Hikrobot.
NO_READ = ("NR", "NoRead", "NO-READ", "NO_READ", "ERROR", "OVER", "ERR{digits}")
LIST_ENTRIES = 16
SEPARATOR_CHARS = 4
# What stands within addresses and codes cannot stand between them.
_IN_ADDRESSES = re.compile(r"[A-Za-z0-9:/.\-_~%?#&=\[\]@]", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
KEYS = ("terminators", "separator", "prefix", "no_read", "heartbeat", "parent", "per_parent")
PER_PARENT = 100_000  # children of a carton or a pallet


class ParentPlace(StrEnum):
    """Where the label of a carton is read: before what the carton holds, after it, or late."""

    FIRST = "first"
    LAST = "last"
    COUNT = "count"


@dataclass(frozen=True)
class ReaderSettings:
    """How a reader sends.

    `terminators`: the bytes of which each ends a message. `separator`: what stands between
    several codes in a message. `prefixes`: what may stand before a code. `no_read`: what is
    sent for a label that was not read. `heartbeats`: what is sent to show that it lives.
    `parent`: where the label of a carton is read; `per_parent`: how many codes a carton holds.
    """

    terminators: bytes = ENDS
    separator: str | None = None
    prefixes: tuple[Pattern, ...] = ()
    no_read: tuple[Pattern, ...] = tuple(map(Pattern.of, NO_READ))
    heartbeats: tuple[Pattern, ...] = ()
    parent: ParentPlace | None = None
    per_parent: int | None = None


PLAIN = ReaderSettings()


def named(readers: Mapping[str, ReaderSettings], name: str | None) -> ReaderSettings:
    """The settings of the reader `name`; without a name those of an undeclared reader.

    Raises `UsageError` for a name that is not declared.
    """
    if name is None:
        return PLAIN
    if name not in readers:
        known = ", ".join(sorted(readers)) or "none yet"
        raise UsageError(
            f"no reader {ids.shown(name, name=True)} is declared",
            f"declare it in mintmark.toml as [readers.NAME]; declared: {known}",
        )
    return readers[name]


def read_tables(tables: object) -> dict[str, ReaderSettings]:
    """The readers of the table `[readers]`. Raises `UsageError` for anything undeclared there."""
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise UsageError("[readers] holds a table per reader", "write [readers.NAME]")
    for name in tables:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"[readers.{name[:40]}]: a reader's name is letters, digits, - and _",
                "for example [readers.line-3]",
            )
    return {name: _read_table(name, table) for name, table in tables.items()}


def _read_table(name: str, table: Mapping[str, object]) -> ReaderSettings:
    if unknown := sorted(table.keys() - set(KEYS)):
        raise UsageError(
            f"unknown key {unknown[0][:40]} in [readers.{name}]", f"known: {', '.join(KEYS)}"
        )
    try:
        return ReaderSettings(
            terminators=_terminators(table["terminators"]) if "terminators" in table else ENDS,
            separator=_separator(table["separator"]) if "separator" in table else None,
            prefixes=_patterns(table, "prefix", prefix=True),
            no_read=_patterns(table, "no_read") if "no_read" in table else PLAIN.no_read,
            heartbeats=_patterns(table, "heartbeat"),
            parent=_parent(table["parent"]) if "parent" in table else None,
            per_parent=_per_parent(table["per_parent"]) if "per_parent" in table else None,
        )
    except UsageError as error:
        raise UsageError(f"[readers.{name}]: {error.message}", *error.hints) from None


def _texts(key: str, value: object) -> tuple[str, ...]:
    """A text, or a list of texts."""
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{key} must be text, or a list of texts", 'for example ["CR", "LF"]')
    if len(found) > LIST_ENTRIES:
        raise UsageError(f"{key} lists more than {LIST_ENTRIES} texts", "leave some out")
    return tuple(found)


def _terminators(value: object) -> bytes:
    ends = b""
    for text in _texts("terminators", value):
        named_end = _TERMINATORS.get(text.upper().replace("+", "").replace(" ", ""))
        if named_end is None and text and set(text.encode()) <= set(ENDS):
            named_end = text.encode()
        if named_end is None:
            raise UsageError(
                f"unknown terminator {text[:20]!r}",
                f"known: {', '.join(_TERMINATORS)}; a reader without one must be given one",
            )
        ends += named_end
    if not ends:
        raise UsageError("terminators lists none", "set one in the reader, CR for example")
    return ends


def _separator(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= SEPARATOR_CHARS:
        raise UsageError(f"separator must be text of 1 to {SEPARATOR_CHARS} characters", 'as ";"')
    if _IN_ADDRESSES.search(value) or not (value.isprintable() or value == "\t"):
        raise UsageError(
            "separator holds a character that also stands within addresses or codes",
            "set another in the reader: ; or , or | for example",
        )
    return value


def _parent(value: object) -> ParentPlace:
    if not isinstance(value, str) or value.lower() not in set(ParentPlace):
        raise UsageError(
            "parent says where the label of a carton is read",
            'one of "first", "last" and "count"; count: it may come late, and cartons are counted',
        )
    return ParentPlace(value.lower())


def _per_parent(value: object) -> int:
    if type(value) is not int or not 1 <= value <= PER_PARENT:
        raise UsageError(
            f"per_parent must be a whole number, 1 to {PER_PARENT:,}", "for example per_parent = 24"
        )
    return value


def _patterns(
    table: Mapping[str, object], key: str, *, prefix: bool = False
) -> tuple[Pattern, ...]:
    try:
        texts = _texts(key, table.get(key, ()))
        return tuple(Pattern.of(text, prefix=prefix) for text in texts)
    except UsageError as error:
        raise UsageError(f"{key}: {error.message}", *error.hints) from None

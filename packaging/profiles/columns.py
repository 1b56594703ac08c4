"""Columns of a data file: the sources of their values, and how a document gives them.

Pure. `read` and `to_document` are inverse to each other.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .document import Table
from .geometry import wrong

SOURCES = (
    *("serial", "code", "url", "pair_code", "pair_url"),
    *("package", "batch", "unit", "lane", "copies", "image", "text"),
)
PAIR = {"code": "pair_code", "url": "pair_url"}
DEFAULT = ("serial", "code", "url")
MAX_COLUMNS = 40
_FORMULA = ("=", "+", "-", "@")


class Column(NamedTuple):
    """A column: the source of its values (of `SOURCES`) and its name in the header.

    `text` is the value of a column of source `text`.
    """

    source: str
    name: str
    text: str = ""


def named(value: str | Sequence[str]) -> Column:
    """The column given as its fields, or as its source alone, which is then its name too."""
    return Column(value, value) if isinstance(value, str) else Column(*value)


def paired(columns: Sequence[Column], *, named: bool) -> tuple[Column, ...]:
    """`columns`, and at their end those of a second code, unless there are such columns.

    `named`: a header names them. Raises `UsageError` for a single column without a name: a press
    would make one symbol of both texts.
    """
    sources = {column.source for column in columns}
    if sources & set(PAIR.values()):
        return tuple(columns)
    if len(columns) == 1 and not named:
        wrong(
            "text.columns",
            "the profile's rows are one text without a name, and have no place for a second code",
            "take a profile with columns, as csv or xlsx",
            "or give your own a column of the source pair_code or pair_url",
        )
    found = (*columns, *(Column(PAIR[name], PAIR[name]) for name in PAIR if name in sources))
    if len(found) > MAX_COLUMNS:
        what = f"with those of the second code there are more than {MAX_COLUMNS} columns"
        wrong("text.columns", what, "place pair_code or pair_url yourself, instead of another")
    return found


def check_pair(columns: Sequence[Column], *, pair: bool) -> None:
    """Raises `UsageError` if columns of a second code are missing, or there is no second code."""
    has = bool({column.source for column in columns} & set(PAIR.values()))
    if has and not pair:
        wrong(
            "text.columns",
            "the profile has columns of a second code, and the package has one code a label",
            "name the batch of the second code: --with PAIR",
        )
    if pair and not has:
        wrong("text.columns", "the profile has no column for the second code")


def check(columns: Sequence[Column], *, pictures: bool) -> None:
    """Raises `UsageError` for columns that no list could have; `pictures`: a list of pictures."""
    for column in columns:
        _check(column, pictures=pictures)
    if len({column.name for column in columns}) != len(columns):
        wrong("text.columns", "two columns have the same name")
    if not {"code", "url"} & {column.source for column in columns}:
        wrong(
            "text.columns",
            "the list of pictures needs a code or a url column"
            if pictures
            else "there is neither a code nor a url column",
        )


def _check(column: Column, *, pictures: bool) -> None:
    if column.source not in SOURCES:
        wrong(
            "text.columns",
            f"there is no source {column.source[:20]!r}",
            "both codes of a pair have the same serial: take serial"
            if column.source == "pair_serial"
            else f"columns come from {', '.join(SOURCES)}",
        )
    if column.source == "image" and not pictures:
        wrong("text.columns", "only picture profiles have images to name")
    if (column.source == "text") != bool(column.text):
        wrong("text.columns", "a column of constant text, and no other, has a text")
    for value in (column.name, column.text or "-"):
        if not 1 <= len(value) <= 100 or not value.isprintable():
            wrong("text.columns", "names and texts have 1 to 100 printable characters")
    if column.text.startswith(_FORMULA):
        # A spreadsheet would run it.
        wrong("text.columns", "a constant text must not begin with = + - @")


def read(value: object) -> tuple[Column, ...]:
    """The columns of a document. Raises `UsageError` with its `key`."""
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not 1 <= len(value) <= MAX_COLUMNS
    ):
        wrong("text.columns", f"the columns are a list of 1 to {MAX_COLUMNS}")
    return tuple(map(_read, value))


def _read(item: object) -> Column:
    table = Table({"from": item} if isinstance(item, str) else item, "text.columns")
    source = table.text("from", "text" if "text" in table else "")
    source = {"payload": "url", "pair_payload": "pair_url"}.get(source, source)
    found = Column(source, table.text("name", source), table.text("text", ""))
    table.done()
    return found


def to_document(columns: Sequence[Column]) -> list[Mapping[str, object]]:
    """The columns as a document gives them."""
    return [
        {"from": column.source, "name": column.name}
        | ({"text": column.text} if column.text else {})
        for column in columns
    ]

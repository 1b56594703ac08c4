"""Codes of this home that were given where something else belongs: no book takes them.

The books are copied, shown and sent to the backend, and nothing is ever taken out of them. So what
people and machines write into them is looked up first, if it has the form of a code: the id of an
order, a contact's name, a reason, an attribute.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from .. import ids
from ..codes.fingerprint import fingerprint
from ..codes.spec import canonicalise
from ..errors import MintmarkError, UsageError
from ..ledger.changes import (
    BatchMinted,
    Change,
    ContactAdded,
    KeyAdded,
    KeyRevoked,
    Ordered,
    UnitMoved,
)
from ..ledger.ledger import Author, Ledger
from ..ledger.records import CodeForm
from ..secret import Secret

if TYPE_CHECKING:
    from ..sealed.vault import Vault

# What of a change somebody wrote. All else has a form of its own, or was made here.
_WRITTEN: Mapping[type, tuple[str, ...]] = {
    BatchMinted: ("ref", "product"),
    ContactAdded: ("contact", "name", "channel"),
    KeyAdded: ("name",),
    KeyRevoked: ("reason",),
    Ordered: ("order", "reason", "attributes"),
    UnitMoved: ("note",),
}
_WORD = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_GLUED = 8  # symbols
_SEPARATORS = re.compile(r"[\s/\\?&=,;:]+")


class CodeKeeper(Protocol):
    """What of a home is asked whether it has a code."""

    @property
    def ledger(self) -> Ledger:
        """The books."""

    @property
    def vault(self) -> "Vault":
        """The sealed batches."""

    @property
    def fingerprint_key(self) -> Secret:
        """The key of what the vault can be asked for."""

    @property
    def station_keys(self) -> dict[str, bytes]:
        """The keys that signed the batches."""


def check(home: CodeKeeper, author: Author, changes: Iterable[Change]) -> None:
    """Raises `UsageError` if a text of `changes`, or the operator's name, is or holds a code.

    Batches are asked only about what has the form of their codes. The error's detail `holds_code`
    names the field, and nothing repeats the text.
    """
    for name, text in _written(changes, author.actor.operator):
        if holds_code(home, text):
            raise UsageError(
                f"the {name} is or holds a code of this home, which no book may keep",
                "give another; codes are given with --codes, --from-code and --to-code",
                holds_code=name,
            )


def holds_code(home: CodeKeeper, text: str) -> bool:
    """Whether `text` is or holds a code of the home."""
    if ids.harmless(text, name=True):
        return False
    with home.ledger.read() as view:
        forms = view.code_forms()
    codes = {form: _codes(text, form) for form in forms}
    return any(_has(home, form, found) for form, found in codes.items() if found)


def _has(home: CodeKeeper, form: CodeForm, codes: set[str]) -> bool:
    """Whether a batch has one of the codes. What of the vault cannot be read is not asked."""
    with home.ledger.read() as view:
        rows = view.batches()
    for row in rows:
        if (row.alphabet, row.length, row.canonical) != (
            form.alphabet,
            form.length,
            form.canonical,
        ):
            continue
        with contextlib.suppress(MintmarkError, OSError):
            key = home.fingerprint_key
            marks = b"".join(fingerprint(code.encode("ascii"), key) for code in codes)
            if home.vault.find(row.batch, marks, home.station_keys):
                return True
    return False


def _written(changes: Iterable[Change], operator: str) -> Iterator[tuple[str, str]]:
    for change in changes:
        names = _WRITTEN.get(type(change), ())
        yield from (pair for name in names for pair in _texts(name, getattr(change, name)))
    yield "operator", operator


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (("attribute", str(text)) for text in (key, item) if text is not None)


def _codes(text: str, form: CodeForm) -> set[str]:
    """The codes of that form that `text` may be or hold: as an address, grouped, in a name."""
    plain = unicodedata.normalize("NFKC", unquote(text))
    parts = {plain, *_SEPARATORS.split(plain)}
    words = {part: _WORD.findall(part) for part in parts}
    joined = map("".join, words.values())
    found = {code for part in {*parts, *joined} if (code := _canonical(part, form))}
    for code in (_canonical(word, form) for word in words[plain]):
        found |= {code, *filter(ids.mixed, _ends(code, form.length))}
    return {code for code in found if len(code) == form.length and set(code) <= set(form.alphabet)}


def _ends(word: str, length: int) -> Iterator[str]:
    """What of `word` a code may be to which a little was glued, as `code` is to `code7H5R…`.

    Longer words are ids of other programs, by the thousand, and each would be looked for.
    """
    if length < len(word) <= length + _GLUED:
        yield from (word[end - length : end] for end in range(length, len(word) + 1))


def _canonical(text: str, form: CodeForm) -> str:
    try:
        return canonicalise(form.canonical, text)
    except ValueError:
        return ""

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
from ..away import OutOfReach
from ..codes.fingerprint import fingerprint
from ..codes.spec import canonicalise
from ..errors import MintmarkError, Refused, UsageError
from ..ledger.changes import (
    Associated,
    BatchMinted,
    Change,
    ContactAdded,
    ExportBegun,
    KeyAdded,
    KeyRevoked,
    Ordered,
    ReceiptCorrected,
    ScannedIn,
    Scheduled,
    ScheduleEnded,
    UnitMoved,
)
from ..ledger.ledger import Author, Ledger
from ..ledger.records import CodeForm
from ..secret import Secret

if TYPE_CHECKING:
    from ..sealed.vault import Vault

# What of a change somebody wrote. All else has a form of its own, or was made here.
_WRITTEN: Mapping[type, tuple[str, ...]] = {
    Associated: ("order", "reason"),
    BatchMinted: ("ref", "product", "url"),
    ContactAdded: ("contact", "name", "channel"),
    ExportBegun: ("reason",),
    KeyAdded: ("name",),
    KeyRevoked: ("reason",),
    Ordered: ("order", "reason", "attributes"),
    ReceiptCorrected: ("reason",),
    ScannedIn: ("scan_in", "dealer"),
    Scheduled: ("order", "reason", "attributes"),
    ScheduleEnded: ("detail",),
    UnitMoved: ("note",),
}
_SEPARATORS = re.compile(r"[\s/\\?&=,;:]+")
_WORDS = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_GLUED = 8  # symbols


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


def check(home: CodeKeeper, author: Author, changes: Iterable[Change]) -> None:
    """Raises `UsageError` if a text of `changes`, or the operator's name, is or holds a code."""
    refuse(home, _written(changes, author.actor.operator))


def refuse(home: CodeKeeper, written: Iterable[tuple[str, str]]) -> None:
    """The same for (name of the field, its text).

    Batches are asked only about what has the form of their codes, and once about all of it: a
    request may be for hundreds of batches. The error's detail `holds_code` names the field, and
    nothing repeats the text.
    """
    fresh = dict.fromkeys(written)
    if not _hold_codes(home, [text for _, text in fresh]):
        return
    for name, text in fresh:
        if holds_code(home, text):
            raise UsageError(
                f"the {name} is or holds a code of this home, which no book may keep",
                "give another; codes are given with --codes, --from-code and --to-code",
                holds_code=name,
            )


def holds_code(home: CodeKeeper, text: str) -> bool:
    """Whether `text` is or holds a code of the home."""
    return _hold_codes(home, [text])


def _hold_codes(home: CodeKeeper, texts: Iterable[str]) -> bool:
    # What looks like a name may be a code as well: only looking for it tells.
    doubtful = [text for text in texts if not ids.harmless(text) or ids.is_id(text)]
    if not doubtful:
        return False
    with home.ledger.read() as view:
        batches = view.batches_by_form()
    made_here = {batch[:4] for same in batches.values() for batch in same}
    asked: dict[CodeForm, set[str]] = {}
    for text in doubtful:
        if ids.is_id(text) and text[:4] in made_here:
            continue  # orders come by the million
        for form, codes in _codes(text, batches).items():
            asked.setdefault(form, set()).update(codes)
    return any(_has(home, batches[form], codes) for form, codes in asked.items())


def _has(home: CodeKeeper, batches: Iterable[str], codes: Iterable[str]) -> bool:
    """Whether one of `batches` has one of `codes`. What cannot be read is not asked.

    Raises `OutOfReach` if the books or the store of a shared home do not answer: they can be asked
    later, and until then nothing is booked that may be a code. Nor is it at a station that may only
    read, which raises `Refused`: it was given no key to find out with.
    """
    marks = b""
    with _unread():
        marks = b"".join(fingerprint(code.encode("ascii"), home.fingerprint_key) for code in codes)
    for batch in batches if marks else ():
        with _unread():
            if home.vault.lists(batch, marks):
                return True
    return False


@contextlib.contextmanager
def _unread() -> Iterator[None]:
    """Inside the block, what is damaged or missing here is passed over."""
    try:
        yield
    except (OutOfReach, Refused):
        raise
    except (MintmarkError, OSError):
        pass


def _written(changes: Iterable[Change], operator: str) -> Iterator[tuple[str, str]]:
    for change in changes:
        names = _WRITTEN.get(type(change), ())
        yield from (pair for name in names for pair in _texts(name, getattr(change, name)))
    yield "operator", operator


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str | int):
        yield name, str(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield "attribute", str(key)
            # A window holds attributes in turn.
            yield from _texts("attribute", item)


def _codes(text: str, forms: Iterable[CodeForm]) -> dict[CodeForm, set[str]]:
    """What of `text` has one of these forms, in canonical form."""
    known, found = tuple(forms), dict[CodeForm, set[str]]()
    parts = _parts(text, max((form.length for form in known), default=0))
    for form in known:
        whole = {_canonical(part, form) for part in parts}
        glued = (code for part in whole for code in _ends(part, form.length) if ids.mixed(code))
        for code in (*whole, *glued):
            if len(code) == form.length and set(code) <= set(form.alphabet):
                found.setdefault(form, set()).add(code)
    return found


def _canonical(part: str, form: CodeForm) -> str:
    try:
        return canonicalise(form.canonical, part)
    except ValueError:
        return ""


def _ends(word: str, length: int) -> Iterator[str]:
    """What of `word` a code may be to which a little was glued, as `code` is to `code7H5R…`.

    Longer words are ids of other programs, by the thousand, and each would be looked for.
    """
    if length < len(word) <= length + _GLUED:
        yield from (word[end - length : end] for end in range(length, len(word) + 1))


def _parts(text: str, longest: int) -> set[str]:
    """`text`, what stands in it between separators, and neighbouring words written as one."""
    plain = unicodedata.normalize("NFKC", unquote(text))
    parts = {plain, *_SEPARATORS.split(plain)}
    words = _WORDS.findall(plain)
    for start in range(len(words)):
        joined = ""
        for word in words[start:]:
            joined += word
            if len(joined) > longest:
                break
            parts.add(joined)
    return parts

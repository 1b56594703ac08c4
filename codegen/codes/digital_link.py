"""GS1 Digital Links: which templates are meant as one, and what is wrong with them.

Pure. Source: the GS1 Digital Link standard, URI syntax (1.4.1, sections 4 and 5), and the GS1
General Specifications. A link is read as GS1's own syntax engine reads it: the last
`/key/value` of the path begins it, pairs of identifier and value follow up to the end of the
path, and attributes stand in the query. Two things are added: a template that is plainly meant
as a Digital Link is judged as one, also where the engine would not recognise it; and the code
is judged for all codes of the spec.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from ..errors import UsageError
from ..sscc import check_digit
from . import identifiers
from .fault import Fault
from .identifiers import GTIN, KEYS, QUALIFIERS, WORDS, PrimaryKey
from .spec import CodeSpec
from .template import PLACEHOLDER

ORDER = "the order is /01/GTIN/22/VARIANT/10/LOT/21/{code}; 22 and 10 may be left out"
COMPANY = 4  # digits; GS1's company prefixes have 4 at least
_CODE = "\0"  # stands for the code while an address is taken apart


@dataclass(frozen=True)
class _DigitalLink:
    """A key, its value, the pairs after it, and what is no pair: `rest`."""

    key: str
    value: str
    pairs: tuple[tuple[str, str], ...]
    rest: tuple[str, ...]


def gtin14(gtin: str, *, whole: bool = False) -> str:
    """`gtin` in 14 digits, with zeros before it; `whole`: it must have 14 already.

    Raises `UsageError` for another number of digits, or a wrong check digit.
    """
    lengths = (14,) if whole else (8, 12, 13, 14)
    if len(gtin) not in lengths or not gtin.isascii() or not gtin.isdigit():
        raise UsageError(
            f"a GTIN has {' or '.join(map(str, lengths))} digits",
            "in a Digital Link a shorter GTIN has zeros before it",
        )
    padded = gtin.zfill(14)
    if (due := check_digit(padded[:13])) != int(padded[13]):
        raise UsageError(
            f"the check digit of GTIN {gtin} is wrong: {due} is due, not {padded[13]}",
            "compare it with the product's bar code",
        )
    if not padded.strip("0"):
        raise UsageError("a GTIN of zeros alone names no product", "give the product's GTIN")
    return padded


def names_item(path: str) -> bool:
    """Whether `path` holds a segment that GS1 takes for the key GTIN, or the word for it."""
    return any(part.lower() in {GTIN, "gtin"} for part in path.split("/")[1:])


def faults(path: str, query: str, spec: CodeSpec) -> Iterator[Fault]:
    """Why GS1's readers refuse the address, if it is meant as a Digital Link.

    `path` begins with a slash; in one of both `{code}` stands for the codes of `spec`.
    """
    link = _meant(_parts(path))
    if link is None:
        return
    yield from _order(link)
    yield from _value(link.key, KEYS[link.key].format, link.value, spec)
    yield from _checked(KEYS[link.key], link.value)
    for identifier, value in link.pairs:
        if identifier in QUALIFIERS:
            yield from _value(identifier, QUALIFIERS[identifier], value, spec)
    yield from _attributes(link, query.replace(PLACEHOLDER, _CODE), spec)


def warnings(path: str, query: str) -> Iterator[str]:
    """What looks like a Digital Link to some readers or people, and is none."""
    parts = _parts(path)
    if _meant(parts) is not None:
        return
    if (key := _taken_for_key(parts)) is not None:
        yield (
            f"readers of GS1 Digital Links take /{key}/ in the path for a {KEYS[key].title}: "
            "if it is none, write the path without it"
        )
    elif any(name.lower() in {"gtin", "itip"} for name in parts):
        yield (
            "GS1 has withdrawn words such as gtin and ser from Digital Links: their readers want "
            "/01/GTIN/21/{code}"
        )
    elif parts[-2:-1] == ["21"] or re.search(r"(?:^|&)21=", query):
        yield (
            "21 is the name of GS1's serial numbers, but no /01/GTIN stands before it: readers of "
            "GS1 Digital Links take the address for none"
        )


def _taken_for_key(parts: list[str]) -> str | None:
    """The key that GS1's engine finds: from the end of the path, over pairs it knows."""
    for at in range(len(parts) - 2, -1, -2):
        name = parts[at]
        if name in KEYS:
            return name
        if not identifiers.is_known(name):
            return None
    return None


def _parts(path: str) -> list[str]:
    return path.replace(PLACEHOLDER, _CODE).split("/")[1:]


def _meant(parts: list[str]) -> _DigitalLink | None:
    """The Digital Link that a path is meant as: the last key whose value or sequel says so."""
    for at in range(len(parts) - 2, -1, -1):
        key = parts[at]
        if key not in KEYS:
            continue
        value, after = parts[at + 1], parts[at + 2 :]
        pairs = tuple(zip(after[::2], after[1::2], strict=False))
        link = _DigitalLink(key, value, pairs, tuple(after[len(pairs) * 2 :]))
        if _is_value(key, value, last=not after) or _has_qualifier(link):
            return link
    return None


def _is_value(key: str, value: str, *, last: bool) -> bool:
    """Whether the value shows that the key is meant: by its digits, for a GTIN also fewer."""
    digits = KEYS[key].digits
    literal = value.partition(_CODE)[0]
    # Without digits of its own a key begins with a company's number, which no random code has.
    if re.match(rf"[0-9]{{{digits or COMPANY}}}", literal):
        return key != "8013"  # a GMN ends in check characters of all before them
    if key != GTIN or not re.fullmatch(r"[0-9]{8}|[0-9]{12,13}", value):
        return False
    # A date or a number of one's own may stand after /01/ as well: the check digit tells.
    right = check_digit(value[:-1]) == int(value[-1])
    return right or (last and len(value) > 8)


def _has_qualifier(link: _DigitalLink) -> bool:
    named = {name for sequence in KEYS[link.key].qualifiers for name in sequence}
    words = {word for word, number in WORDS.items() if number in named}
    return any(name.lower() in named | words for name, _ in link.pairs)


def _order(link: _DigitalLink) -> Iterator[Fault]:
    """The pairs after the key: each of them a qualifier, in GS1's order, none twice."""
    key = KEYS[link.key]
    if link.rest == ("",) or (link.rest and not link.rest[-1]):
        yield Fault("a GS1 Digital Link must not end in a slash", (f"write …{_end(link)}",))
        return
    found = tuple(name for name, _ in link.pairs)
    for sequence in key.qualifiers or ((),):
        places = [sequence.index(name) if name in sequence else -1 for name in found]
        if not link.rest and -1 not in places and places == sorted(set(places)):
            return
    if word := next((name for name in found if name.lower() in WORDS), None):
        hint = f"write {WORDS[word.lower()]} for {word}"
    elif link.key in {GTIN, "8006"}:
        hint = ORDER
    else:
        allowed = " or ".join(" then ".join(names) for names in key.qualifiers)
        hint = f"after it may follow {allowed}" if allowed else "its value ends the path"
    yield Fault(
        f"in the path of a GS1 Digital Link something follows the {key.title} that GS1 does not "
        "allow there, or not in this order",
        (hint, "other data belong in the query, named by letters: ?c=3"),
    )


def _end(link: _DigitalLink) -> str:
    pairs = ((link.key, link.value), *link.pairs)
    return "".join(f"/{name}/{value}" for name, value in pairs[-1:]).replace(_CODE, PLACEHOLDER)


def _value(identifier: str, form: str, value: str, spec: CodeSpec) -> Iterator[Fault]:
    """Whether the value has its format, with whatever code stands in it."""
    known = KEYS.get(identifier)
    title = f"{known.title} ({identifier})" if known else f"AI {identifier}"
    title = "GS1 serial number (AI 21)" if identifier == "21" else f"GS1 {title}"
    if not value:
        yield Fault(f"the value of the {title} is empty", ("leave out the pair, or fill it in",))
        return
    if identifier == GTIN and re.fullmatch(r"[0-9]{8}|[0-9]{12,13}", value):
        hint = f"with zeros before it: /01/{value.zfill(14)}"
        yield Fault("in a GS1 Digital Link a GTIN has 14 digits", (hint,))
        return
    prefix, code, suffix = (unquote(part, "latin-1") for part in value.partition(_CODE))
    alien = "".join(sorted(set(spec.symbols) - identifiers.SET_82)) if code else ""
    if alien:
        yield Fault(f"a {title} cannot hold {alien}", ("take another alphabet",))
        return
    most = re.fullmatch(r"X\.\.(\d+)", form)
    length = len(prefix) + len(suffix) + (spec.length if code else 0)
    if most and length > int(most[1]):
        yield Fault(
            f"a {title} has at most {most[1]} characters, this one {length}: {len(prefix)} "
            f"before the code, {spec.length if code else 0} of the code, {len(suffix)} after it",
            ("mint shorter codes, or take a template without /01/…/21/",),
        )
        return
    samples = [prefix + symbol * spec.length + suffix for symbol in spec.symbols]
    if not all(identifiers.fits(form, sample) for sample in (samples if code else [prefix])):
        yield Fault(
            f"the value of the {title} is not of its form, {form.replace('D6', 'N6 (YYMMDD)')}",
            ("N are digits, X characters of GS1's set 82: letters, digits and most signs",),
        )


def _checked(known: PrimaryKey, value: str) -> Iterator[Fault]:
    """The check digit that stands in the value of a key."""
    digits = value[: known.checked]
    if not known.checked or not re.fullmatch(rf"[0-9]{{{known.checked}}}", digits):
        return
    if not digits.strip("0"):
        yield Fault(f"a {known.title} of zeros alone names nothing", ("write the real one",))
    if (due := check_digit(digits[:-1])) != int(digits[-1]):
        yield Fault(
            f"the check digit of {known.title} {digits} is wrong: {due} is due, not {digits[-1]}",
            ("compare it with the product's bar code",),
        )


def _attributes(link: _DigitalLink, query: str, spec: CodeSpec) -> Iterator[Fault]:
    """The query: numbers as names are GS1's, and each of them is an attribute, once."""
    seen = {link.key, *(name for name, _ in link.pairs)}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not re.fullmatch(r"[0-9]+", name):
            continue
        form = identifiers.attribute(name, link.key)
        in_path = name in QUALIFIERS and (name != "10" or "235" not in seen)
        if in_path and link.key in {GTIN, "8006"}:
            yield Fault(f"AI {name} belongs in the path of a GS1 Digital Link", (ORDER,))
        elif name in seen:
            yield Fault(f"AI {name} stands twice in the GS1 Digital Link", ("leave out one",))
        elif form is None:
            yield Fault(
                f"{name}= in the query is no attribute that a GS1 Digital Link of this key takes",
                ("name data of your own with letters: ?c=3",),
            )
        else:
            yield from _value(name, form, value.replace("+", " "), spec)
            if known := identifiers.alike(name):
                yield from _checked(known, value)
        seen.add(name)
    if alone := identifiers.missing(sorted(seen)):
        yield Fault(
            f"AI {alone} says something only beside others, which the GS1 Digital Link lacks",
            ("leave it out, or see the GS1 General Specifications, section 4.13",),
        )

"""What phones make of a payload template: a link, or not; and what stops them.

Pure. `template.check` has passed before. A *fault* is refused where a template is chosen:
`mint`, `plan`, `export --base` and `--gtin`. A template in the books is never refused, its
faults are warnings then, because its codes are minted and may be printed. Sources: RFC 3986
(URIs), the WHATWG URL Standard (what browsers do), the Android reference of `<data>` (schemes
are compared with their case); `host` and `digital_link` name theirs.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import UsageError
from . import digital_link, host
from .fault import Fault
from .spec import CodeSpec
from .template import BARE, PLACEHOLDER, check, split

_EXAMPLE = "write for example https://q.example.cn/{code}"
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PORT = re.compile(r"[A-Za-z][A-Za-z0-9.\-]*:[0-9]{1,5}(?:[/?#]|$)")
_HOST = re.compile(r"[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+(?:[/?#:]|$)")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_DOTS = re.compile(r"(?:\.|%2[Ee]){1,2}")
# GitHub Flavored Markdown, section 6.9, does not count these to a link that ends in them, nor a
# closing parenthesis.
_TRAILING = "?!.,:*_~"


class _Link(NamedTuple):
    """The parts of a template that is a link. `None`: the part is not there."""

    scheme: str
    authority: str
    path: str
    query: str | None
    fragment: str | None


def chosen(template: str, spec: CodeSpec) -> tuple[str, ...]:
    """Warnings about a template that somebody chooses now. Raises `UsageError` for a fault."""
    check(template)
    for message, hints in _faults(template, spec):
        raise UsageError(message, *hints)
    return tuple(_warnings(template, spec))


def recorded(template: str, spec: CodeSpec) -> tuple[str, ...]:
    """Warnings about a template of the books; what would be refused today is one of them."""
    found = tuple(
        f"{message}; minted today, this address would be refused: scan a test package before "
        "you print"
        for message, _ in _faults(template, spec)
    )
    return found[:1] or tuple(_warnings(template, spec))


def _faults(template: str, spec: CodeSpec) -> Iterator[Fault]:
    """The faults, the first of which decides."""
    if template == BARE:
        return
    address = _taken_apart(template)
    if address is None:
        yield from _no_link(template)
        return
    yield from _text_faults(template, address)
    yield from host.faults(address.authority)
    yield from digital_link.faults(address.path, address.query or "", spec)


def _taken_apart(template: str) -> _Link | None:
    found = _ADDRESS.fullmatch(template)
    return _Link(**found.groupdict()) if found else None


def _no_link(template: str) -> Iterator[Fault]:
    """Text that is no link is allowed if nothing in it suggests one."""
    if (scheme := _SCHEME.match(template)) and not _PORT.match(template):
        if re.fullmatch("https?", scheme[1], re.IGNORECASE):
            yield Fault(f"after {scheme[1]}: two slashes and a host are missing", (_EXAMPLE,))
            return
        yield Fault(
            f"an address that begins with {scheme[1][:20]}: opens no scan page",
            (_EXAMPLE, "an app is opened by a page of yours; {code} alone makes bare codes"),
        )
        return
    text = template.replace(PLACEHOLDER, "0")
    if re.search(r"[/?#@:]|[A-Za-z0-9\-]\.[A-Za-z]{2,}|www\.", text):
        meant = (f"write https://{template}",) if _HOST.match(template) else (_EXAMPLE,)
        quoted = ('write it without quotes; in cmd.exe only " are quotes',)
        yield Fault(
            "the text looks like an address, but has no https:// before it",
            (*meant, *(quoted if template[:1] == "'" else ())),
        )


def _text_faults(template: str, address: _Link) -> Iterator[Fault]:
    if address.scheme not in {address.scheme.lower(), address.scheme.upper()}:
        yield Fault(
            f"{address.scheme}:// is in mixed case, and some readers compare it with its case",
            (f"write {address.scheme.lower()}:// or {address.scheme.upper()}://",),
        )
    if PLACEHOLDER in address.authority:
        yield Fault(
            "the code stands in the host of the address",
            ("put a slash before it: a code in a host goes through name servers in the clear",),
        )
    if any(_BROKEN_PERCENT.search(part) for part in split(template)):
        yield Fault(
            "a % in the address is not followed by two hex digits",
            ("write a percent sign itself as %25",),
        )
    if _CONTROL.search(template):
        yield Fault("the address holds a percent-encoded control character", ("take it out",))
    if "$" + PLACEHOLDER in template:
        yield Fault("a $ stands before {code}", ("write {code}, without $",))
    if any(_DOTS.fullmatch(part) for part in address.path.split("/")):
        yield Fault(
            "the path holds . or .. between slashes, which phones take out before they ask",
            ("write the path that is meant",),
        )


def _warnings(template: str, spec: CodeSpec) -> Iterator[str]:
    if template == BARE:
        return
    address = _taken_apart(template)
    if address is None:
        yield "the QR symbols will hold text and no link: phones will show it, and open nothing"
        return
    if address.scheme.lower() == "http":
        yield (
            "http:// sends the code unencrypted, so that others on the way can read it and use "
            "it: https:// is better"
        )
    yield from host.warnings(address.authority)
    if address.fragment is not None and PLACEHOLDER in address.fragment:
        yield (
            "the code stands after #, and phones do not send that part to a server: the page "
            "itself has to read it"
        )
    if "//" in address.path:
        yield "two slashes in a row in the path: many servers answer as if there were one"
    yield from _ending(template, spec)
    yield from digital_link.warnings(address.path, address.query or "")


def _ending(template: str, spec: CodeSpec) -> Iterator[str]:
    """Programs that find links in text, as chats do, end a link before certain signs."""
    if template[-1] in _TRAILING + ")":
        yield (
            f"the address ends in {template[-1]}, which programs that find links in text leave off"
        )
    lost = sorted(set(spec.symbols) & set(_TRAILING))
    if template.endswith(PLACEHOLDER) and lost:
        yield (
            f"{len(lost)} of {len(spec.symbols)} codes end in {' or '.join(lost)}, which programs "
            "that find links in text leave off: put something after {code}"
        )

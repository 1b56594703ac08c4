"""The host of an address: whether it is one, and whether the phones of buyers reach it.

Pure. Sources: RFC 1123 section 2.1 and RFC 1034 section 3.1 (names and their lengths), RFC 5891
(Punycode after xn--), the WHATWG URL Standard section 3.5 (what browsers take for a number),
RFC 6761, RFC 6762 and RFC 8375 (names that stay in a house).
"""

import ipaddress
import re
from collections.abc import Iterator

from .fault import Fault

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?")
LONGEST = 253  # characters of a host
# A host whose last label is such a number is an IPv4 address, whatever stands before it.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LOCAL = ("localhost", "local", "test", "invalid", "internal", "home.arpa", "lan", "onion")
_EXAMPLE = "write for example https://q.example.cn/{code}"


def faults(authority: str) -> Iterator[Fault]:
    """What is wrong with the part between `//` and the next slash."""
    if "@" in authority:
        yield Fault(
            "the address holds a user's name before the host",
            ("take out what stands before the @",),
        )
        return
    host, port = _taken_apart(authority)
    if port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65_536):
        yield Fault("the port of the address is no number from 1 to 65535", (_EXAMPLE,))
    if host.startswith("["):
        if _ip(host) is None:
            yield Fault("the address in brackets is no IPv6 address", (_EXAMPLE,))
    elif not host:
        yield Fault("the address has no host", (_EXAMPLE,))
    else:
        yield from _name_faults(host)


def warnings(authority: str) -> Iterator[str]:
    """Why phones elsewhere may not reach the host."""
    host = _taken_apart(authority)[0].lower()
    if (number := _ip(host)) is not None:
        if number.is_global:
            yield "the host is an IP address: it cannot move any more once it is printed"
        else:
            yield "the host is a private or reserved IP address: phones elsewhere do not reach it"
    elif "." not in host or any(host == end or host.endswith(f".{end}") for end in _LOCAL):
        yield f"the host {host[:60]} is a local name, which the phones of buyers do not find"


def _name_faults(host: str) -> Iterator[Fault]:
    labels = host.split(".")
    if labels[-1] == "":
        yield Fault("the host ends in a dot", ("leave the dot out",))
    if "" in labels:
        yield Fault("the host has two dots in a row, or begins with a dot", (_EXAMPLE,))
    if wrong := next((label for label in labels if not _LABEL.fullmatch(label)), None):
        yield Fault(
            f"{wrong[:63]!r} is no name in a host: it has 1 to 63 letters, digits and hyphens, and "
            "no hyphen at its ends",
            (_EXAMPLE, "an underscore is allowed in names of records, and in no host"),
        )
    if len(host) > LONGEST:
        yield Fault(f"the host is longer than {LONGEST} characters", (_EXAMPLE,))
    if _NUMBER.fullmatch(labels[-1]) and _ip(host) is None:
        yield Fault(
            "the host ends in a number, so that browsers take it for an IPv4 address, and it is "
            "none",
            (_EXAMPLE,),
        )
    if not all(map(_is_name, labels)):
        yield Fault("a name in the host begins with xn-- and is not in Punycode", (_EXAMPLE,))


def _taken_apart(authority: str) -> tuple[str, str | None]:
    """Host and port; the port is None if there is no colon."""
    found = re.fullmatch(r"(\[[^\]]*\]|[^\[:][^:]*|)(?::(.*))?", authority)
    return (found[1], found[2]) if found else (authority, None)


def _is_name(label: str) -> bool:
    if not label.lower().startswith("xn--"):
        return True
    try:
        name = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return False
    return not name.isascii() and name.isprintable()


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The number that a host is: IPv6 in brackets, IPv4 without; None if it is none."""
    in_brackets = re.fullmatch(r"\[(.*)\]", host)
    try:
        if in_brackets:
            return ipaddress.IPv6Address(in_brackets[1])
        return ipaddress.IPv4Address(host)
    except ValueError:
        return None

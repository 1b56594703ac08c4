"""The backend's address: which URLs a line accepts, and which lead to this machine. Pure.

What is accepted is a part of RFC 3986 on which every URL parser agrees: a name by the rules of
DNS or an IP address, a port that exists, a path of plain segments. Everything else is refused
before anything is booked, with the reason: an address that the HTTP library chokes on later
would leave an order booked and a service dead.
"""

import ipaddress
import re

from ...codegen.errors import UsageError
from ...codegen.invocation import STRAY_HINTS, stray_characters

_FORM = "write for example https://scan.example.com, or http://127.0.0.1:8765"
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.ASCII,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*", re.ASCII)
_IDNA = "write a name in its xn-- form, and a path with %XX"
URL_CHARS, HOST_CHARS = 1_000, 253


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, is this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def checked_url(base_url: str, name: str = "the backend's address") -> tuple[str, bool]:
    """`base_url` without its last slash, and whether it leads to this machine.

    Raises `UsageError` for an address that is not https, or http to this machine, and for
    what not every program reads alike; `name` is how the error calls it. The error quotes
    nothing: an address may hold a password.
    """
    if stray := stray_characters(base_url):
        raise UsageError(f"{name} {stray}", *STRAY_HINTS)
    if not base_url.isascii():
        raise UsageError(f"{name} holds other characters than ASCII", _IDNA)
    found = _URL.fullmatch(base_url) if len(base_url) <= URL_CHARS else None
    if found is None:
        raise UsageError(f"{name} is not http(s)://host[:port][/path]", _FORM)
    scheme, authority, path = found["scheme"].lower(), found["authority"], found["path"] or ""
    if "@" in authority:
        raise UsageError(f"{name} holds a user or password", "leave them out")
    if scheme not in ("http", "https") or found["query"] or found["fragment"]:
        raise UsageError(f"{name} is not http(s)://host[:port][/path]", _FORM)
    host = _checked_host(authority, name)
    _check_path(path, name)
    loopback = is_loopback(host)
    if scheme == "http" and not loopback:
        raise UsageError(f"{name} is plain http, which is spoken only to this machine", "use https")
    return base_url.rstrip("/"), loopback


def _checked_host(authority: str, name: str) -> str:
    """The host, without brackets. Raises `UsageError`."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or not parts["host"]:
        raise UsageError(f"{name} is not http(s)://host[:port][/path]", _FORM)
    if parts["port"] and not 1 <= int(parts["port"]) <= 65_535:
        raise UsageError(f"{name} names a port that there is not", "ports are 1 to 65535")
    host = parts["host"]
    try:
        if host.startswith("[") and "%" not in host:  # no zone: it means something here alone
            return str(ipaddress.IPv6Address(host[1:-1]))
        labels = host.removesuffix(".").split(".")
        if labels[-1].isdigit() or re.fullmatch(r"0[xX][0-9A-Fa-f]*", labels[-1]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise UsageError(f"{name} holds a malformed IP address", _FORM) from None
    if len(host) > HOST_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise UsageError(f"{name} holds what is no host name", _FORM)
    return host


def _check_path(path: str, name: str) -> None:
    if not _PATH.fullmatch(path):
        raise UsageError(f"{name} holds a path that is not written as in a URL", _FORM)
    if "//" in path or any(part in (".", "..") for part in _dots(path).split("/")):
        raise UsageError(
            f"{name} holds a path with empty or dotted parts", "write the path plainly"
        )


def _dots(path: str) -> str:
    return re.sub("%2[eE]", ".", path)

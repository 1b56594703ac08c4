"""The backend's address: which URLs a line accepts, and which lead to this machine. Pure."""

import ipaddress
from urllib.parse import urlsplit

from ...codegen.errors import UsageError

_FORM = "write for example https://scan.example.com, or http://127.0.0.1:8765"


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


def checked_url(base_url: str) -> tuple[str, bool]:
    """`base_url` without its last slash, and whether it leads to this machine.

    Raises `UsageError` for an address that is not https, or http to this machine.
    """
    try:
        url = urlsplit(base_url)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise UsageError("the backend's address is no URL", _FORM) from None
    if url.scheme not in ("http", "https") or not host or url.query or url.fragment:
        raise UsageError("the backend's address is not http(s)://host[:port][/path]", _FORM)
    if url.username or url.password:
        raise UsageError("the backend's address holds a user or password", "leave them out")
    loopback = is_loopback(host)
    if url.scheme == "http" and not loopback:
        raise UsageError("plain http is spoken only to this machine", "use https")
    return base_url.rstrip("/"), loopback

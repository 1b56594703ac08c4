"""Who sends a request: a signer, or this machine if the server was started to trust it.

1. A signed request is judged by its signature alone.
2. Its name: a signature is good for this backend's names. Else somebody who runs another
   backend that knows the same keys could pass the request on.
3. Its signature (`signatures`, which numbers its own steps).
4. Its nonce, kept from now on.
5. An unsigned request is let in from this machine, if that is trusted: not what a proxy on
   it forwards, as far as that shows, nor what a web page here sends under a foreign name
   (DNS rebinding).
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi import Request

from ..client.address import is_loopback
from .backend import Backend
from .nonces import Nonce
from .sender import LOOPBACK, Sender
from .signatures import unauthorised, verify
from .throttle import caller

_PROXY_HEADERS = ("forwarded", "via", "x-real-ip")


async def authorise(request: Request) -> Sender:
    """The sender of this request. Raises `Problem` unauthorised."""
    backend: Backend = request.app.state.backend
    if "signature-input" in request.headers and backend.senders is not None:  # 1
        return await _signer(request, backend)
    peer = request.client.host if request.client else ""
    trusted = backend.trust_loopback
    if not (trusted and is_loopback(peer) and is_loopback(_host(request)) and direct(request)):  # 5
        raise unauthorised(backend.now())
    return LOOPBACK


async def scanner(request: Request) -> Sender | None:
    """Who signed this scan; None: nobody, as phones do. Raises `Problem` unauthorised."""
    if "signature-input" not in request.headers:
        return None
    return await _signer(request, request.app.state.backend)


async def _signer(request: Request, backend: Backend) -> Sender:
    now = backend.now()
    if backend.senders is None or not _is_called(request, backend.names):  # 2
        raise unauthorised(now)
    signed = verify(request, await request.body(), backend.senders, now)  # 3
    if not await backend.fresh(Nonce(signed.sender.key_id, signed.nonce, signed.until)):  # 4
        raise unauthorised(now)
    return signed.sender


def address_of(request: Request, backend: Backend) -> str | None:
    """The address whose allowance of scans the request takes from; None for this machine."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getlist("x-forwarded-for")
    return caller(peer, forwarded, backend.proxies, direct=direct(request))


def direct(request: Request) -> bool:
    """Whether no proxy shows."""
    return is_direct(request.headers, request.scope["http_version"])


def is_direct(headers: Iterable[str], http_version: str) -> bool:
    """Whether no proxy shows. nginx, as it comes, names itself as host and speaks 1.0."""
    proxied = any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in headers)
    return not proxied and http_version != "1.0"


def _host(request: Request) -> str:
    """The name this server was called by; empty for a name that no client of ours sends."""
    host = request.headers.get("host", "")
    try:
        return "" if "@" in host else urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_called(request: Request, names: tuple[str, ...] | None) -> bool:
    """Whether the request is for one of `names`; a name without a port is good for any port."""
    if names is None:
        return True
    return _host(request) in names or request.headers.get("host", "").lower() in names

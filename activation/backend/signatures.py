"""Signatures of requests (RFC 9421).

The algorithm follows from the stored key, never from the message. A signature is good for
minutes and for one request: its nonce is kept as long as the signature would be good.

1. The request has one signature, within bounds; it names its key.
2. The key is known.
3. The signature is right: by that key, over what it must cover, at this time.
4. Its nonce has the agreed length.
5. Its nonce was never used: the caller finds that out, for it writes to the database.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import http_sf
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
)

from ...codegen.times import format_utc
from ..client.signing import COMPONENTS, TAG, VALID
from .problems import Problem
from .senders import Sender, Senders

if TYPE_CHECKING:
    from starlette.requests import Request

SKEW: Final = timedelta(seconds=60)  # by how much a sender's clock may be ahead
HEADER_BYTES: Final = 4_096
MIN_NONCE_CHARS: Final = 16
MAX_NONCE_CHARS: Final = 128


@dataclass(frozen=True)
class Signed:
    """A good signature. `nonce` is a digest of the text; it is kept until `until`."""

    sender: Sender
    nonce: str
    until: datetime


class _Message:
    """A request in the form that the library reads."""

    def __init__(self, request: "Request") -> None:
        scope = request.scope
        self.method: str = scope["method"]
        self.headers = request.headers
        path = (scope.get("raw_path") or scope["path"].encode()).decode("ascii")
        query = scope["query_string"].decode("ascii")
        host = request.headers.get("host", "")
        self.url = f"{scope['scheme']}://{host}{path}" + (f"?{query}" if query else "")


class _Verifier(HTTPMessageVerifier):
    """The library's verifier, by our clock."""

    def __init__(self, sender: Sender, now: datetime) -> None:
        keys = MappingKeyResolver(public_keys={sender.key_id: sender.key}, private_keys={})
        super().__init__(signature_algorithm=sender.algorithm, key_resolver=keys)
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:  # noqa: ANN401, ARG002 - the library's
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        if type(created) is not int or (expires is not None and type(expires) is not int):
            raise InvalidSignature("no time of creation")
        at = self._now.timestamp()
        end = created + VALID.total_seconds()
        end = end if expires is None else min(end, expires)
        if not created - SKEW.total_seconds() <= at <= end:
            raise InvalidSignature("not at this time")


def verify(request: "Request", body: bytes, senders: Senders, now: datetime) -> Signed:
    """The good signature at `now` of `request`, whose content is `body`.

    Raises `Problem` unauthorised, which shows a stranger no more than the server's time. The
    caller finds out whether the nonce is fresh.
    """
    try:
        sender = senders(_key_id(request))  # 1
        if sender is None:  # 2
            raise InvalidSignature("the key is not known")
        (found,) = _Verifier(sender, now).verify(  # 3
            _Message(request), expect_tag=TAG, require_components=COMPONENTS, body=body
        )
        nonce = found.nonce
        if nonce is None or not MIN_NONCE_CHARS <= len(nonce) <= MAX_NONCE_CHARS:  # 4
            raise InvalidSignature("no nonce")
    except (HTTPMessageSignaturesException, ValueError):
        raise unauthorised(now) from None
    digest = hashlib.sha256(nonce.encode("ascii")).hexdigest()
    return Signed(sender, digest, now + VALID + 2 * SKEW)


def _key_id(request: "Request") -> str:
    """The key that the request's only signature names. Nothing is proved by it yet."""
    fields = [request.headers.getlist(name) for name in ("signature-input", "signature")]
    if any(sum(map(len, lines)) > HEADER_BYTES or len(lines) != 1 for lines in fields):
        raise InvalidSignature("not one signature")
    try:
        labels: Any = http_sf.parse(fields[0][0].encode("ascii"), tltype="dictionary")
        ((_, parameters),) = labels.values()
        return str(parameters["keyid"])
    except (ValueError, KeyError, TypeError):
        raise InvalidSignature("not one signature") from None


def unauthorised(now: datetime) -> Problem:
    """The refusal. A sender whose clock is wrong sees that by the server's time."""
    return Problem(
        "unauthorised",
        "sign the request afresh, for the name this backend is called by, with a key that it "
        "knows and a clock that is right",
        server_time=format_utc(now, "seconds"),
    )

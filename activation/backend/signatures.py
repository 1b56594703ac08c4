"""Signatures of requests (RFC 9421).

The algorithm is the stored key's; a message that names another is refused (section 3.2). A
signature is good for minutes and for one request: its nonce is kept as long as the signature
would be good.

1. The request has one signature, within bounds, in the only form of it: what two readers could
   read in two ways is read by none. It covers what was agreed and nothing else, has the agreed
   parameters and no others, and names its key.
2. The key is known.
3. The signature is right: by that key, of that algorithm, at this time.
4. Its nonce was never used: the caller finds that out, for it writes to the database.
"""

import base64
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
from .sender import Sender
from .senders import Senders

if TYPE_CHECKING:
    from starlette.requests import Request

SKEW: Final = timedelta(seconds=60)  # by how much a sender's clock may be ahead
HEADER_BYTES: Final = 4_096
MIN_NONCE_CHARS: Final = 16
MAX_NONCE_CHARS: Final = 128
_NEEDED: Final = frozenset({"created", "expires", "keyid", "nonce", "tag"})
_DIGEST: Final = "content-digest"


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
        created, expires = sig_input.params["created"], sig_input.params["expires"]
        at = self._now.timestamp()
        end = min(expires, created + VALID.total_seconds())
        if not created - SKEW.total_seconds() <= at <= end:
            raise InvalidSignature("not at this time")


def verify(request: "Request", body: bytes, senders: Senders, now: datetime) -> Signed:
    """The good signature at `now` of `request`, whose content is `body`.

    Raises `Problem` unauthorised, which shows a stranger no more than the server's time. The
    caller finds out whether the nonce is fresh.
    """
    try:
        key_id, nonce = _formed(request, body)  # 1
        sender = senders(key_id)
        if sender is None:  # 2
            raise InvalidSignature("the key is not known")
        _Verifier(sender, now).verify(_Message(request), expect_tag=TAG, body=body)  # 3
    except (HTTPMessageSignaturesException, ValueError):
        raise unauthorised(now) from None
    digest = hashlib.sha256(nonce.encode("ascii")).hexdigest()
    return Signed(sender, digest, now + VALID + 2 * SKEW)


def _formed(request: "Request", body: bytes) -> tuple[str, str]:
    """Key id and nonce of the request's only signature. Nothing is proved by them yet.

    Raises `InvalidSignature` for a signature of any other form than the agreed.
    """
    fields = [request.headers.getlist(name) for name in ("signature-input", "signature")]
    if any(sum(map(len, lines)) > HEADER_BYTES or len(lines) != 1 for lines in fields):
        raise InvalidSignature("not one signature")
    try:
        parts, parameters = _only(fields[0][0])
        _only(fields[1][0])
        covered = sorted((name, *options) for name, options in parts)
    except (ValueError, TypeError):
        raise InvalidSignature("not one signature") from None
    digest = request.headers.getlist(_DIGEST)
    wanted = (*COMPONENTS, _DIGEST) if body or digest else COMPONENTS
    # Further components are what a proxy changes on the way, like the scheme of @target-uri.
    if covered != sorted((name,) for name in wanted):
        raise InvalidSignature("not covered as agreed")
    if parameters.keys() - {"alg"} != _NEEDED or not _is_digest(digest, body):
        raise InvalidSignature("not the agreed parameters, or another digest")
    key_id, nonce = parameters["keyid"], parameters["nonce"]
    if not isinstance(key_id, str) or not isinstance(nonce, str):
        raise InvalidSignature("another type of parameter")
    if not MIN_NONCE_CHARS <= len(nonce) <= MAX_NONCE_CHARS:
        raise InvalidSignature("not a nonce of the agreed length")
    return key_id, nonce


def _is_digest(fields: list[str], body: bytes) -> bool:
    """Whether every member of the `Content-Digest` (RFC 9530) is right; each algorithm once."""
    members = [member for field in fields for member in field.split(", ")]
    right = {
        f"{name}=:{base64.b64encode(hashing(body).digest()).decode('ascii')}:"
        for name, hashing in (("sha-256", hashlib.sha256), ("sha-512", hashlib.sha512))
    }
    return right.issuperset(members) and len(set(members)) == len(members)


def _only(text: str) -> tuple[Any, dict[str, Any]]:
    """Value and parameters of a dictionary's only member. Raises `ValueError` for any other text.

    Also for what is not as RFC 9651, section 4.1 writes it, such as a parameter given twice.
    """
    labels: Any = http_sf.parse(text.encode("ascii"), tltype="dictionary")
    ((value, parameters),) = labels.values()
    if http_sf.ser(labels) != text:
        raise ValueError("not in canonical form")
    return value, parameters


def unauthorised(now: datetime) -> Problem:
    """The refusal. A sender whose clock is wrong sees that by the server's time."""
    return Problem(
        "unauthorised",
        "sign the request afresh, for the name this backend is called by, with a key that it "
        "knows and a clock that is right",
        server_time=format_utc(now, "seconds"),
    )

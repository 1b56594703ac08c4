"""Request signatures (RFC 9421): what a line adds to a request to prove who sends it.

`HttpClient` calls the signer once for every attempt, retries included, after the request
is complete; a signature is never reused. The backend's half is `backend/signatures.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from ...codegen.errors import NotFound
from ...codegen.secret import Secret
from ...codegen.station.station import DEFAULT_LINE, Station

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TAG: Final = "mintmark"
# RFC 9421 section 2.2. A request with a body covers content-digest (RFC 9530) besides.
COMPONENTS: Final = ("@method", "@authority", "@path", "@query")
VALID: Final = timedelta(minutes=5)
NONCE_BYTES: Final = 16


class SignsRequests(Protocol):
    """Adds what proves the sender to a request about to be sent."""

    def __call__(self, request: "httpx2.Request", body: bytes, line: str | None) -> None:
        """Set headers on `request`, whose content is `body`, for `line`. Called per attempt."""
        ...


@dataclass(frozen=True)
class Key:
    """What to sign with: an Ed25519 key, or the bytes of a secret for hmac-sha256."""

    key_id: str
    private: "Ed25519PrivateKey | bytes" = field(repr=False)


@dataclass(frozen=True)
class Parameters:
    """The parameters of a signature (RFC 9421, section 2.3), and what it covers."""

    key: Key
    created: datetime
    nonce: str | None
    valid: timedelta = VALID
    covered: Sequence[str] = COMPONENTS


class RequestSigner:
    """The `SignsRequests` under the keys that `keys(line)` finds."""

    def __init__(
        self,
        keys: Callable[[str | None], Key],
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.keys, self.now, self.entropy = keys, now, entropy

    def __call__(self, request: "httpx2.Request", body: bytes, line: str | None) -> None:
        """See `SignsRequests`. Raises what `keys` raises."""
        nonce = self.entropy(NONCE_BYTES).hex()
        sign(request, body, Parameters(self.keys(line), self.now(), nonce))


def sign(request: "httpx2.Request", body: bytes, parameters: Parameters) -> None:
    """Sign `request`, and the digest of `body` unless that is empty (RFC 9421, section 3.1)."""
    from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
    from http_message_signatures.algorithms import ED25519, HMAC_SHA256

    key = parameters.key
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: key.private})
    algorithm = HMAC_SHA256 if isinstance(key.private, bytes) else ED25519
    HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver).sign(
        request,
        key_id=key.key_id,
        created=parameters.created,
        expires=parameters.created + parameters.valid,
        nonce=parameters.nonce,
        label=TAG,
        tag=TAG,
        covered_component_ids=parameters.covered,
        body=body or None,
    )


def line_keys(station: Station) -> Callable[[str | None], Key]:
    """Each line's own Ed25519 key (RFC 8032). Raises `NotFound` without any.

    If the key of a line is gone, its orders go out under the default line's: they were booked
    while the line's key was good, and the audit chain holds that line's signature. Of a shared
    home, whose lines lie at several stations, under that of the first line that is here.
    """

    # Read each time: a process runs for a year, and a key may be revoked and made anew.
    def found(line: str | None) -> Key:
        try:
            key = station.line(line or DEFAULT_LINE)
        except NotFound:
            if line not in (None, DEFAULT_LINE):
                return found(None)
            if station.config.ledger_url is None:
                raise
            here = sorted(station.key_file("line", DEFAULT_LINE).parent.glob("*.key"))
            if not here:
                raise
            key = station.line(here[0].stem)
        return Key(key.key_id, key.private)

    return found


def platform_key(station: Station, name: str) -> Callable[[str | None], Key]:
    """The key of the platform `name`, which signs scans and scan-ins. Raises `NotFound`."""
    found = station.platform(name)
    key = Key(found.key_id, found.private)
    return lambda _: key


def secret_key(secret: Secret, key_id: str) -> Callable[[str | None], Key]:
    """A secret shared with the backend, for a simple backend.

    All lines use it: the backend cannot tell them apart, and could sign itself.
    """
    key = Key(key_id, secret.reveal())
    return lambda _: key

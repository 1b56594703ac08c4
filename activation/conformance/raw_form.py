"""A request signed by hand, part by part (RFC 9421, section 2.5): no library makes a wrong one."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from ..client.signing import NONCE_BYTES, TAG, VALID, RequestSigner

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW: Final = timedelta(0)


@dataclass
class SignatureParts:
    """What is signed, before it is: components with their values, parameters as they are written.

    `headers` are set besides. `label` names the signature, `signature_label` its second field if
    that shall differ.
    """

    components: dict[str, str]
    parameters: dict[str, str]
    headers: dict[str, str]
    label: str = TAG
    signature_label: str | None = None

    @property
    def input(self) -> str:
        """The value of `@signature-params`."""
        names = " ".join(f'"{name}"' for name in self.components)
        return f"({names})" + "".join(f";{key}={value}" for key, value in self.parameters.items())


def _as_it_is(_: SignatureParts) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class RawForm:
    """`change` alters the parts of a good signature before it is made.

    `shift` is added to this machine's time; the signature is good for `valid` from then on.
    `private` signs in the place of the known key, under its id.
    """

    change: Callable[[SignatureParts], None] = field(default=_as_it_is)
    shift: timedelta = NOW
    valid: timedelta = VALID
    private: "Ed25519PrivateKey | None" = field(default=None, repr=False)

    def sign(self, signer: RequestSigner, request: "httpx2.Request", body: bytes) -> None:
        """Sign `request` in this form."""
        key = signer.keys(None)
        parts = self._parts(signer, request, body)
        lines = [f'"{name}": {value}' for name, value in parts.components.items()]
        message = "\n".join([*lines, f'"@signature-params": {parts.input}']).encode("ascii")
        private = self.private or key.private
        if isinstance(private, bytes):
            mac = HMAC(private, SHA256())
            mac.update(message)
            signature = mac.finalize()
        else:
            signature = private.sign(message)
        request.headers["signature-input"] = f"{parts.label}={parts.input}"
        label = parts.signature_label or parts.label
        request.headers["signature"] = f"{label}={byte_sequence(signature)}"
        for name, value in parts.headers.items():
            request.headers[name] = value

    def _parts(
        self, signer: RequestSigner, request: "httpx2.Request", body: bytes
    ) -> SignatureParts:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        created = int((signer.now() + self.shift).timestamp())
        parts = SignatureParts(
            {
                "@method": request.method,
                "@authority": request.headers["host"].lower(),
                "@path": path,
                "@query": f"?{query}",
            },
            {
                "created": str(created),
                "keyid": text(signer.keys(None).key_id),
                "expires": str(created + int(self.valid.total_seconds())),
                "nonce": text(signer.entropy(NONCE_BYTES).hex()),
                "tag": text(TAG),
            },
            {},
        )
        if body:
            parts.headers["content-digest"] = digest(body)
            parts.components["content-digest"] = parts.headers["content-digest"]
        self.change(parts)
        return parts


def with_nonce(nonce: str) -> RawForm:
    """The form with this nonce."""
    return RawForm(lambda parts: parts.parameters.update(nonce=text(nonce)))


def digest(body: bytes, name: str = "sha-256") -> str:
    """The Content-Digest (RFC 9530) of `body`."""
    function = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}[name]
    return f"{name}={byte_sequence(function(body).digest())}"


def byte_sequence(data: bytes) -> str:
    """A byte sequence of RFC 9651."""
    return f":{base64.b64encode(data).decode('ascii')}:"


def text(value: str) -> str:
    """A string of RFC 9651, of a value without quotation marks and backslashes."""
    return f'"{value}"'

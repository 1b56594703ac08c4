"""How the kit signs a request: as agreed, or wrongly, to see whether that is refused."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..client.signing import (
    COMPONENTS,
    NONCE_BYTES,
    VALID,
    Key,
    Parameters,
    RequestSigner,
    sign,
)
from .outcome import NotOffered

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True)
class SignatureForm:
    """`shift` is added to the clock's time; the signature is good for `valid` from then on.

    `key_id`: the id of another key. `confused`: signed with the public key, as if it were a
    shared secret.
    """

    shift: timedelta = timedelta(0)
    valid: timedelta = VALID
    covered: tuple[str, ...] = COMPONENTS
    digest: bool = True
    nonce: bool = True
    key_id: str | None = None
    confused: bool = False

    def sign(self, signer: RequestSigner, request: "httpx2.Request", body: bytes) -> None:
        """Sign `request` in this form. Raises `NotOffered` if the key can't be confused."""
        key = signer.keys(None)
        private = key.private
        if self.confused:
            if isinstance(private, bytes):
                raise NotOffered("a shared secret has no public key")
            private = private.public_key().public_bytes_raw()
        parameters = Parameters(
            Key(self.key_id or key.key_id, private),
            signer.now() + self.shift,
            signer.entropy(NONCE_BYTES).hex() if self.nonce else None,
            self.valid,
            self.covered,
        )
        sign(request, body if self.digest else b"", parameters)


AS_AGREED: Final = SignatureForm()

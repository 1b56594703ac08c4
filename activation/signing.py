"""The seam for request signatures (RFC 9421): who signs what a line sends.

`HttpClient` calls the signer once for every attempt, retries included, after the request
is complete; a signature is never reused.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx2


class Signer(Protocol):
    """Adds what proves the sender to a request about to be sent."""

    def __call__(self, request: "httpx2.Request", body: bytes) -> None:
        """Set headers on `request`, whose content is `body`. Called once an attempt."""
        ...

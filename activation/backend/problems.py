"""Refusals, as RFC 9457 problems. Raised by the store, rendered by the app."""

from typing import Any, Final

PREFIX: Final = "urn:mintmark:problem:"
MEDIA_TYPE: Final = "application/problem+json"

# name → (status, title). The names are part of the API: add, don't change.
KINDS: Final = {
    "invalid": (422, "The request is not of the agreed form"),
    "unauthorised": (401, "The sender is not known here"),
    "forbidden": (403, "The sender may not do this"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This address does not take this method"),
    "timeout": (408, "The request came too slowly"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The content is of another type than this address takes"),
    "key-unknown": (409, "This backend does not hold that fingerprint key"),
    "batch-differs": (409, "The batch is registered with other values"),
    "fingerprints-differ": (409, "Other fingerprints are held for these serials"),
    "fingerprints-missing": (409, "Fingerprints to be activated have not been uploaded"),
    "fingerprints-taken": (409, "A fingerprint belongs to another code"),
    "order-differs": (409, "The order id was used for another order"),
    "outside": (409, "The serials lie outside the batch"),
    "blocked": (409, "Ranges are in the way"),
    "count-differs": (409, "The order would touch another number of codes"),
    "count-required": (409, "Active codes are voided only with a count"),
    "nesting": (409, "A parent would lie within itself"),
    "child-taken": (409, "Children lie in a parent already"),
    "child-elsewhere": (409, "Children do not lie in the parent they were to leave"),
    "too-many": (429, "Too many scans from there"),
    "unavailable": (503, "The backend cannot answer now"),
    "internal": (500, "The backend failed"),
}


class Problem(Exception):
    """A refusal by name; `members` become further keys of the problem object."""

    def __init__(self, name: str, detail: str, **members: Any) -> None:  # noqa: ANN401 — JSON
        super().__init__(name)
        self.name = name
        self.status, self.title = KINDS[name]
        self.detail = detail
        self.members = members

    @classmethod
    def parse(cls, body: dict[str, Any]) -> "Problem":
        """The refusal that `body` once made of."""
        members = {k: v for k, v in body.items() if k not in ("type", "title", "status", "detail")}
        return cls(body["type"].removeprefix(PREFIX), body["detail"], **members)

    def body(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "type": PREFIX + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }

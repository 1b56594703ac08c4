"""What the backend writes to its log: the kind of a failure, and nothing that was sent.

A database's message may quote a row, and a statement's parameters are fingerprints. So a
record holds the exception's types and the first word of the statement.
"""

import logging
import re
from typing import Final

LOGGER: Final = logging.getLogger("mintmark.backend")
_STATEMENTS: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "COPY", "BEGIN", "COMMIT", "ROLLBACK", "SET"}
)


def failure(error: Exception, happened: str) -> None:
    """Log that the database failed. `happened` is a sentence of ours: what follows from it."""
    cause = getattr(error, "orig", None)
    kinds = [type(item).__name__ for item in (error, cause) if item is not None]
    LOGGER.error("%s: %s (%s)", happened, " from ".join(kinds), _statement(error))


def _statement(error: Exception) -> str:
    text = getattr(error, "statement", None) or ""
    word = re.match(r"\s*([A-Za-z]+)", text) if isinstance(text, str) else None
    kind = word[1].upper() if word else ""
    return kind if kind in _STATEMENTS else "no statement known"

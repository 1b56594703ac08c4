"""The backend's list of unknown scans, and what a check leaves in it: it can take that back."""

import threading
from collections.abc import Iterator
from typing import Final

from ...codegen.codes.fingerprint import fingerprint
from ...codegen.codes.spec import canonicalise
from ...codegen.secret import Secret
from .outcome import Broken, NotOffered, expect
from .probe import Probe

_RULES: Final = ("crockford32", "upper")


class Noise:
    """Fingerprints of the texts that were scanned and not known; and how many scans counted."""

    def __init__(self, fingerprint_key: Secret) -> None:
        self._key = fingerprint_key
        self._texts: set[str] = set()
        self._lock = threading.Lock()
        self.counted = 0

    def note(self, text: str, result: object) -> None:
        """Note the result of a scan of `text`."""
        with self._lock:
            if result == "unknown":
                self._texts.add(text)
            self.counted += result in ("genuine", "repeat")

    def fingerprints(self) -> set[bytes]:
        """Under every rule, because the backend may have kept a row for each."""
        return {
            fingerprint(folded.encode("ascii"), self._key)
            for text in self._texts
            for folded in _folded(text)
        }


def unknown_rows(probe: Probe) -> list[dict[str, object]]:
    """Every row of unknown scans. Raises `NotOffered` for more than 200 pages."""
    rows: list[dict[str, object]] = []
    at: int | None = 0
    for _ in range(200):
        answer = probe("GET", f"/v1/unknown-scans?after={at}")
        expect(answer.status, 200, "the status of unknown-scans")
        rows += answer.data["unknown"]
        following = answer.data["next"]
        if following is None:
            return rows
        if not answer.data["unknown"]:
            raise Broken("next is null where nothing follows", following)
        if following <= at:
            raise Broken("next grows", f"{at}, then {following}")
        at = following
    raise NotOffered("too many unknown scans to read")


def _folded(text: str) -> Iterator[str]:
    for rule in _RULES:
        try:
            yield canonicalise(rule, text)
        except ValueError:
            continue

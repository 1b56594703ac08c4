"""Unknown scans that `backend check` made and could not take back, noted in the home.

`trace` passes over them: a check would else be told as somebody who guesses codes.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from ...codegen import notes, times

NAME = "check.json"  # in the home; if it is lost, the rows are told as codes of nobody
KEPT = timedelta(days=90)  # as long as the reference backend keeps a row
MOST = 20_000
_BYTES = 2_000_000


def note(home: Path, fingerprints: Iterable[bytes], now: datetime) -> None:
    """Note that these rows are a check's own. If that fails, they are told as anybody's."""
    kept = _read(home, now)
    kept.update((fingerprint.hex(), times.format_utc(now)) for fingerprint in fingerprints)
    newest = sorted(kept.items(), key=lambda item: item[1])[-MOST:]
    with contextlib.suppress(OSError):
        notes.write(home / NAME, {"scans": dict(newest)})


def noted(home: Path, now: datetime) -> frozenset[bytes]:
    """The fingerprints of a check's own rows."""
    return frozenset(bytes.fromhex(text) for text in _read(home, now))


def _read(home: Path, now: datetime) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        scans = notes.read(home / NAME, _BYTES, {"scans"})["scans"]
        return {
            bytes.fromhex(text).hex(): str(at)
            for text, at in scans.items()
            if now - times.parse(at) < KEPT
        }
    return {}

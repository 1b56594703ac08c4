"""The backend's bounds, and how long it keeps things."""

from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True)
class BackendLimits:
    """Units stand in the names."""

    body_bytes: int = 1_048_576  # exactly a chunk of 65,536 fingerprints
    scan_body_bytes: int = 4_096
    body_seconds: float = 60.0
    code_chars: int = 128
    pending_seconds: int = 7 * DAY  # uploaded, not activated
    scan_answer_seconds: int = DAY  # how long a repeated scan_id gets its first answer again
    scan_answers_per_code: int = 64
    unknown_scans: int = 100_000  # rows; the oldest make room
    unknown_seconds: int = 90 * DAY
    refused_scans: int = 100_000  # rows; the oldest make room
    refused_seconds: int = 90 * DAY
    regions_per_code: int = 64
    sweep_seconds: int = 600  # between two looks for what has expired
    window_tiles: int = 4_096  # read, rewritten and written at a time
    page_attribute_chars: int = 500_000  # a page of ranges ends early here
    connections: int = 200
    replica_seconds: float = 10.0  # that a page read from a replica may be behind


DEFAULT_LIMITS = BackendLimits()

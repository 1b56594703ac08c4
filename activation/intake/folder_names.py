"""Names in a hot folder: which files are taken, and under which name one is kept."""

import hashlib
import os
from pathlib import Path

from ...codegen.errors import EnvironmentFailure
from ...codegen.file_systems import name_bytes
from ...codegen.files import hidden

KINDS = (".csv", ".jsonl", ".ndjson")
MARKER = ".done"
# What is added to a name in done/ and failed/: its result, while that is hidden.
_ADDED = len(hidden(Path("_.result.jsonl")).name) - 1
# Fewer bytes than these would leave nothing of a name but its digest.
_LEAST = 80

# A file that is still written bears such a name: its writer renames it when it is complete.
_BEING_WRITTEN = (
    *(".part", ".partial", ".filepart", ".tmp", ".temp", ".writing", ".swp", ".lock"),
    *(".crdownload", ".download", ".inprogress", MARKER),
)
_CSV = "save it as CSV UTF-8"
_WHAT_TO_DO = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".et", ".ods", ".numbers"), _CSV),
    **dict.fromkeys((".txt", ".tsv", ".tab", ".dat", ""), "name it .csv if it is a table"),
    **dict.fromkeys((".gz", ".zip", ".7z", ".rar", ".bz2", ".xz", ".zst"), "unpack it first"),
    ".json": "write an object per line, and name it .jsonl",
}


def ignored(name: str) -> bool:
    """Whether a file of that name is nothing to speak of: hidden, or still written."""
    return name.startswith((".", "~")) or name.lower().endswith((*_BEING_WRITTEN, "~"))


def not_taken(path: Path) -> str | None:
    """Why `path` is never taken, and what to do; None for a name that is."""
    suffix = path.suffix.lower()
    if suffix in KINDS:
        return None
    if path.is_dir():
        return None if path.name in ("done", "failed") else "a folder: files in it are not taken"
    todo = _WHAT_TO_DO.get(suffix, _CSV)
    return f"not taken: only .csv, .jsonl and .ndjson are; {todo}"


def check_names(folder: Path) -> None:
    """Raises `EnvironmentFailure` where results could not be named: before anything is booked."""
    if (longest := name_bytes(folder)) < _LEAST:
        raise EnvironmentFailure(
            f"names in {folder} may have {longest} bytes: too few for a file and its result",
            "watch a folder on another disk",
        )


def free(folder: Path, name: str) -> Path:
    """A name in `folder` that no file has: no earlier file is ever written over."""
    stem, suffix, count = Path(name).stem, Path(name).suffix, 1
    size = name_bytes(folder) - _ADDED
    path = folder / _fitting(stem, suffix, size)
    while os.path.lexists(path):
        count += 1
        path = folder / _fitting(stem, f".{count}{suffix}", size)
    return path


def _fitting(stem: str, end: str, size: int) -> str:
    """`stem` and `end`. Too long a stem is cut, and its digest tells it from others."""
    if len(os.fsencode(stem + end)) <= size:
        return stem + end
    end = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:12]}{end}"
    while stem and len(os.fsencode(stem + end)) > size:
        stem = stem[:-1]
    return stem + end


def result_of(target: Path) -> Path:
    """Where the results of a file that is kept as `target` are written."""
    return target.with_name(f"{target.name}.result.jsonl")


def shown(name: str) -> str:
    """A file's name for the books: bytes that are no text are spelled out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")

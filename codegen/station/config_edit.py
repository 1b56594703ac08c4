"""One setting of `mintmark.toml`, written or taken out: all that a person wrote stays."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from ..errors import Refused, UsageError
from ..files import write_atomically
from . import config

_HEADER = re.compile(r"\s*\[")


def set_value(home: Path, table: str, values: dict[str, str | None]) -> None:
    """Let the keys of `values` in `[table]` have these texts; None: let the key be gone.

    The file is replaced in one step, durably. Raises `Refused` if the file is written in a way
    that this cannot change, and `UsageError` if it is no settings file; nothing is changed then.
    """
    path = home / config.NAME
    text = path.read_bytes().decode("utf-8")
    changed = edited(text, table, values)
    _require_only(path, text, changed, table, values)
    write_atomically(path, changed.encode("utf-8"))


def edited(text: str, table: str, values: dict[str, str | None]) -> str:
    """`text` with the values set; a table that is missing comes last."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    header = re.compile(rf"\s*\[\s*{table}\s*\]\s*(#.*)?")
    start = next((n for n, line in enumerate(lines) if header.fullmatch(line.strip())), None)
    if start is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += end
        lines += [end, f"[{table}]{end}"]
        start = len(lines) - 1
    stop = next((n for n in range(start + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    for key, value in values.items():
        own = re.compile(rf"\s*{key}\s*=")
        lines[start + 1 : stop] = (kept := [x for x in lines[start + 1 : stop] if not own.match(x)])
        stop = start + 1 + len(kept)
        if value is not None:
            lines.insert(start + 1, f"{key} = {json.dumps(value, ensure_ascii=True)}{end}")
            stop += 1
    return "".join(lines)


def _require_only(
    path: Path, text: str, changed: str, table: str, values: dict[str, str | None]
) -> None:
    """Raises `Refused` if `changed` says anything else than `text` with the values set."""
    try:
        wanted: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise UsageError(f"{path}: {error}", "correct the file") from None
    of_table = {**wanted.get(table, {}), **values}
    wanted[table] = {key: value for key, value in of_table.items() if value is not None}
    try:
        fits = tomllib.loads(changed.removeprefix("\ufeff")) == wanted
    except ValueError:
        fits = False
    if not fits:
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value]
        gone = [key for key, value in values.items() if value is None]
        raise Refused(
            f"{path} is written in a way that a program cannot change",
            f"write into its table [{table}]: {'; '.join(lines) or 'nothing'}",
            *([f"and delete there: {', '.join(gone)}"] if gone else []),
        )

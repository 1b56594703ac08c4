"""Commands for who watches: tracing unknown scans, alarms, the day's report.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable
from typing import Any

COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = ()

"""The terminal: what is asked, shown and told on it, and how far a long phase has come.

All of it goes to stderr: stdout is for results.
"""

import getpass
import sys
import time
import warnings
from typing import Any

import typer

from .codegen import streams
from .codegen.errors import EnvironmentFailure

SHOWN_AFTER = 1.0  # seconds: a phase that ends sooner shows no progress


def prompt_hidden(prompt: str) -> str:
    """What is typed, without showing it. Raises `EnvironmentFailure` if the terminal cannot."""
    with warnings.catch_warnings():
        # It would read on, and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return str(typer.prompt(prompt, hide_input=True, err=True))
        except (getpass.GetPassWarning, OSError) as error:
            raise EnvironmentFailure(
                "the terminal is gone, or cannot hide what is typed", "give --passphrase-file F"
            ) from error


def prompt(question: str) -> str:
    """What is answered. Raises `EnvironmentFailure` if the terminal is gone."""
    try:
        return str(typer.prompt(question, err=True))
    except OSError as error:
        raise EnvironmentFailure("the terminal is gone", "run it at a terminal") from error


def notify(text: str) -> None:
    """Write a line for people to stderr."""
    print(streams.printable(text), file=sys.stderr, flush=True)


def show(secret: str) -> None:
    """Show a secret, once. Raises `EnvironmentFailure` if the terminal did not take it."""
    notify(secret)
    if error := streams.loss(sys.stderr):
        raise EnvironmentFailure(
            f"the terminal cannot be written: {streams.reason(error)}",
            "name a file for the password: --password-file F",
        )


class ProgressBar:
    """Shows a phase of more than a second: a bar, then a line that stays, with the rate.

    The bar has the number done, the rate per second, and the time left. It has no spinner,
    because a GBK console cannot print it.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase, self._task = "", 0
        self._began, self._before = 0.0, 0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done in `phase`."""
        now = time.monotonic()
        if phase != self._phase:
            self.close()
            self._phase, self._began, self._before = phase, now, done
        seconds = now - self._began
        if seconds < SHOWN_AFTER:
            return
        rate = f"{(done - self._before) / seconds:,.0f}/s"
        if done < total:
            self._show(done, total, rate)
        else:
            self.close()
            notify(f"{phase}: {total:,} in {seconds:,.1f} s, {rate}")

    def close(self) -> None:
        """Remove the bar, and restore the cursor."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._phase = None, ""

    def _show(self, done: int, total: int, rate: str) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(self._phase, total=total, rate=rate)
        self._bar.update(self._task, completed=done, total=total, rate=rate)


def _bar() -> Any:  # noqa: ANN401 - rich is imported here and nowhere else
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

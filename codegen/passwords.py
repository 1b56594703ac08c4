"""The password of an archive: whoever may have it gets it before anybody has the archive."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import Refused, UsageError
from .files import write_exclusively
from .invocation import Invocation
from .secret import Secret


def require_way(invocation: Invocation, file: Path | None) -> None:
    """Raises `UsageError` if nobody could get a password, `Refused` if `file` exists."""
    if file is None and invocation.show is None:
        raise UsageError(
            "there is no terminal to show the password on",
            "give --password-file F; the password is written there, readable by you alone",
        )
    if file is not None and file.exists():
        raise Refused(
            f"{file} exists already and is not overwritten", "name another file for the password"
        )


@contextlib.contextmanager
def handed_over(
    invocation: Invocation,
    file: Path | None,
    password: Secret,
    of: str,
    is_kept: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """The password `of` something is shown, or stands in the new `file`; `require_way` has passed.

    If the block fails, the file is removed, unless `is_kept()`.
    """
    if file is None:
        assert invocation.show is not None  # noqa: S101 - `require_way`
        invocation.show(f"password of {of}: {password.reveal().decode('ascii')}")
        yield
        return
    write_exclusively(file, password.reveal() + b"\n")
    try:
        invocation.tell_open(file)
        yield
    except BaseException:
        if not is_kept():
            file.unlink(missing_ok=True)
        raise

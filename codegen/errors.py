"""Every failure that mintmark reports on purpose: a class per exit code, and no more.

MintmarkError           1
  UsageError            2
  Refused               3
  NotFound              4
  IntegrityError        5
  EnvironmentFailure    6
"""

from typing import ClassVar


class MintmarkError(Exception):
    """A failure with a message of a single line, hints that can be acted on, and an exit code.

    `message` never quotes a code, key, passphrase or password. `hints` name the next
    thing to do. `details` become further keys of the JSON error object.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *hints: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints
        self.details = details


class UsageError(MintmarkError):
    """The command line, or a file named on it, is wrong."""

    exit_code = 2


class Refused(MintmarkError):
    """A state, a guard or a policy forbids it; nothing changed."""

    exit_code = 3


class NotFound(MintmarkError):
    """A batch, package, order, contact or code that does not exist here."""

    exit_code = 4


class IntegrityError(MintmarkError):
    """Tampered, truncated, wrong key, wrong passphrase; nothing was written."""

    exit_code = 5


class EnvironmentFailure(MintmarkError):
    """Disk full, no permission, ledger locked, service refused."""

    exit_code = 6

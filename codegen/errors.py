"""Every failure mintmark reports on purpose: one class per exit code, no more."""

from typing import ClassVar


class MintmarkError(Exception):
    """A failure with one clear line, hints that can be acted on, and an exit code.

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
    """A state, a guard or a policy says no; nothing changed."""

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

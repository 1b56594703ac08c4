"""What went wrong, told: every exception becomes an error of ours, with its exit code.

An error is a single `error:` line on stderr, then `hint:` lines; with --json, one object. No code
that was typed is repeated, and no traceback holds the text of an exception.
"""

import errno
import json
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from typer.exceptions import TyperException

from .codegen import streams
from .codegen.errors import EnvironmentFailure, MintmarkError, UsageError

INTERRUPTED = 130

_ENVIRONMENT = {
    errno.ENOSPC: ("the disk is full", "free some space, then run the same command again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, then run it again"),
    errno.EFBIG: ("a file would be larger than this system allows", "raise the limit"),
    errno.EROFS: ("the disk is read-only", "name a folder that can be written"),
    errno.EACCES: ("permission denied", "name a folder you may write, or ask its owner"),
    errno.EPERM: ("permission denied", "name a folder you may write, or ask its owner"),
    errno.EPIPE: ("another process ended before its work was done", "see: mintmark doctor"),
    errno.EBADF: ("a stream is not open for reading", "give it a file or a pipe: < FILE"),
    errno.ENOENT: ("no such file or folder", "name a file or folder that exists"),
    errno.ENOTDIR: ("not a folder", "name a folder"),
    errno.EEXIST: ("a file is in the way", "name a folder"),
    errno.EISDIR: ("a folder, not a file", "name a file"),
}


def _from_os(error: OSError) -> EnvironmentFailure:
    text = (error.strerror or type(error).__name__).lower()
    message, hint = _ENVIRONMENT.get(error.errno or 0, (text, "see: mintmark doctor"))
    path = f": {error.filename}" if error.filename else ""
    return EnvironmentFailure(f"{message}{path}", hint)


def _from_typer(error: TyperException, arguments: Sequence[str]) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mintmark"
    from .codegen import ids

    # Typer repeats whatever was typed.
    typed = {part: ids.shown(part, name=True) for part in _typed(arguments)}
    return UsageError(_replaced(error.format_message(), typed), f"see: {path} --help")


def _typed(arguments: Sequence[str]) -> Iterator[str]:
    """The words that were typed: names of options without their hyphens, and their values."""
    for word in arguments:
        name, _, value = word.partition("=") if word.startswith("-") else ("", "", word)
        yield from filter(None, (name.lstrip("-"), value, value.partition("=")[0]))


def _replaced(text: str, shown: Mapping[str, str]) -> str:
    """`text` without the words of `shown` that are not shown as they are, however quoted."""
    for word in sorted(shown, key=len, reverse=True):
        if shown[word] != repr(word):
            for form in {repr(word), repr(word)[1:-1], word}:
                text = text.replace(form, shown[word])
    return text


def without_codes(error: MintmarkError, arguments: Sequence[str]) -> MintmarkError:
    """`error` without what was typed where a path belongs, say, and looks like a code.

    The id of an order is its sender's own, who must find it again.
    """
    from .codegen import ids

    own = {word for before, word in pairwise(arguments) if before == "--order"}
    words = [word for word in arguments if word not in own and not word.startswith("--order=")]
    typed = {part: ids.A_CODE for word in words for part in ids.suspects(word)}
    error.message = _replaced(error.message, typed)
    error.hints = tuple(_replaced(hint, typed) for hint in error.hints)
    return error


class Booked(Exception):
    """A command ended by its cause, after it had booked something."""


_REPEATS = re.compile(r"\b(?:again|repeat)\b")
STANDS = "what was booked stands: look at it before you run this again: mintmark audit show"


def after_booking(error: BaseException, arguments: Sequence[str]) -> tuple[MintmarkError, int]:
    """What to say of `error`, and the exit code. No hint to run it again is left."""
    if isinstance(error, KeyboardInterrupt):
        return MintmarkError("interrupted, after something was booked", STANDS), INTERRUPTED
    found = known(error, arguments)
    kept = tuple(hint for hint in found.hints if not _REPEATS.search(hint))
    told = any("booked" in hint for hint in kept)
    found.hints = kept if told else (*kept, STANDS)
    return found, found.exit_code


def known(error: BaseException, arguments: Sequence[str]) -> MintmarkError:
    """`error` as one of ours; what nobody foresaw is a bug, and has exit code 1."""
    if isinstance(error, SystemExit):
        # Typer ends like this if the other end of any pipe is gone, uvicorn if it cannot serve.
        if isinstance(error.__context__, OSError):
            return _from_os(error.__context__)
        return EnvironmentFailure("the server ended by itself", "see what it wrote before this")
    if isinstance(error, MintmarkError):
        return error
    if isinstance(error, TyperException):
        return _from_typer(error, arguments)
    if isinstance(error, OSError):
        return _from_os(error)
    return MintmarkError(
        f"unexpected {type(error).__name__}: this is a bug",
        "run it again with --verbose and report it",
    )


def report(error: MintmarkError, code: int, *, as_json: bool) -> int:
    """Write the error to stderr; returns `code`."""
    if as_json:
        document = {
            "error": error.message,
            "hint": "\n".join(error.hints),
            "exit": code,
            **error.details,
        }
        print(json.dumps(document), file=sys.stderr)
    else:
        for label, text in (("error", error.message), *(("hint", hint) for hint in error.hints)):
            print(f"{label}: {streams.printable(text, lines=1)}", file=sys.stderr)
    return code


def interrupted(*, as_json: bool) -> int:
    """Say that Ctrl-C ended the command; returns its exit code."""
    if sys.stderr.isatty() and not as_json:
        print(file=sys.stderr)  # the terminal wrote ^C
    failure = MintmarkError("interrupted; nothing is half-done", "run it again when ready")
    return report(failure, INTERRUPTED, as_json=as_json)


def print_traceback() -> None:
    """Print the place of the error, without its text: an exception's text may hold a code."""
    _, error, trace = sys.exc_info()
    print("".join(traceback.format_tb(trace)), type(error).__name__, sep="", file=sys.stderr)

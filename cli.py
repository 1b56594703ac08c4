"""The command line: mounts the rooms' commands, prints results, maps errors to exit codes.

A command runs in five steps; the numbers below mark where each is carried out:

1. Parse. Typer turns the words into the arguments of a command.
2. Invocation. What the command gets from outside: home, operator, prompts, progress.
3. Command. It returns a `Result`, or raises a `MintmarkError`.
4. Print. The result goes to stdout, or the error and its hints to stderr.
5. Exit code. It comes from the result or the error, and from nothing else.
"""

# Rules of this interface (docs/cli.md has the tables):
# - stdout is for results. With --json it holds JSON objects, in ASCII, so that no console's
#   code page can break them.
# - Everything else goes to stderr: progress, warnings, errors.
# - An error is a single `error:` line that names what is wrong. `hint:` lines follow, and each
#   names something that the user can do. With --json the error is one JSON object.
# - A prompt appears only if stdin is a terminal.
# - No secret is taken from an argument, and none is shown in an error, a log or a traceback.
# - A phase that takes less than a second shows no progress.
# - Ctrl-C leaves nothing half-done.
# - What a command did stands, and so does its exit code, if its answer cannot be written.

import contextlib
import errno
import functools
import getpass
import inspect
import json
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from .activation import commands as activation_commands
from .activation.backend import commands as backend_commands
from .activation.conformance import commands as conformance_commands
from .activation.monitor import commands as monitor_commands
from .codegen import commands as codegen_commands
from .codegen import streams
from .codegen.errors import EnvironmentFailure, MintmarkError, UsageError
from .codegen.invocation import Invocation, check_words, setting
from .packaging import commands as packaging_commands

if TYPE_CHECKING:
    from .codegen.result import Result

INTERRUPTED = 130
SHOWN_AFTER = 1.0  # seconds: a phase that ends sooner shows no progress

GROUPS = {
    "batch": "The state of every code of a batch.",
    "contact": "The print shops' named persons.",
    "profile": "Print profiles: the form of a printer's files.",
    "package": "Packages handed to a print shop.",
    "orders": "Range orders, and the backend's answers.",
    "line": "A single process for all orders of a production line.",
    "audit": "The audit chain.",
    "alarms": "Messages to people when something goes wrong.",
    "report": "Reports over codes and orders.",
    "key": "The keys of lines and custodians.",
    "backend": "The reference scan backend.",
}


def _top() -> typer.Typer:
    return typer.Typer(
        name="mintmark",
        help="Mint a code per item, keep it sealed, package it for the printer, activate it.\n\n"
        "Start with: mintmark demo, or mintmark init.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
    )


app = _top()

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The home folder; or MINTMARK_HOME.", metavar="DIR"),
]
OperatorOption = Annotated[
    str | None,
    typer.Option(
        "--operator",
        help="Who is acting, for the audit chain; or MINTMARK_OPERATOR.",
        metavar="NAME",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="A traceback with an error.")]

# Accepted before the command and after it; the option after the command wins.
GLOBALS: dict[str, Any] = {
    "home": HomeOption,
    "operator": OperatorOption,
    "json_output": JsonOption,
    "verbose": VerboseOption,
}


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        typer.echo(f"mintmark {__version__}")
        raise Exit


@app.callback()
def root(
    context: typer.Context,
    home: HomeOption = None,
    operator: OperatorOption = None,
    json_output: JsonOption = False,
    verbose: VerboseOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="The version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Store the options that may stand before the command."""
    del version
    context.obj = {
        "home": home,
        "operator": operator,
        "json_output": json_output,
        "verbose": verbose,
    }


# --- mounting ----------------------------------------------------------------------


def mount(group: typer.Typer, name: str, command: Callable[..., "Result"]) -> None:
    """Add `command` to `group`, with the global options, and print its result.

    `command(invocation, …)` takes an `Invocation` first; the rest are Typer parameters.
    """

    @functools.wraps(command)
    def run(context: typer.Context, *args: Any, **kwargs: Any) -> "Result":  # noqa: ANN401
        # 1. Typer has parsed the words: split the global options from the command's own.
        after = {key: kwargs.pop(key) for key in GLOBALS}
        options = {key: after[key] or context.obj[key] for key in GLOBALS}
        _check_settings(kwargs.values())
        # 2. Invocation.
        progress = _Progress()
        invocation = _invocation(options, progress)
        with contextlib.closing(invocation), contextlib.closing(progress):
            # 3. Command.
            try:
                result = command(invocation, *args, **kwargs)
            except (KeyboardInterrupt, Exception) as error:
                if invocation.has_booked():
                    raise _Booked from error
                raise
            # 4. Print.
            _print(result, as_json=options["json_output"])
        return result

    parameters = _parameters(command)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__wrapped__
    group.command(name)(run)


def _check_settings(values: Iterable[object]) -> None:
    """Raises `UsageError` for a path that Typer took from a variable with stray characters."""
    for name in ("MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE"):
        if (raw := os.environ.get(name)) and Path(raw) in values:
            setting(name)


def _parameters(command: Callable[..., "Result"]) -> list[inspect.Parameter]:
    """The parameters that Typer reads: its context, the command's own, the global options."""
    own = list(inspect.signature(command).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        ),
        *(parameter.replace(kind=keyword) for parameter in own),
        *(
            inspect.Parameter(
                key, keyword, annotation=kind, default=None if "|" in str(kind) else False
            )
            for key, kind in GLOBALS.items()
        ),
    ]


def mount_name(group: typer.Typer, name: str, command: Callable[..., "Result"]) -> None:
    """Add the name and help of `command` to `group`, enough for a list of commands."""

    def named() -> None:
        """Stand in for a command; never run."""

    named.__doc__ = command.__doc__
    group.command(name)(named)


def _mount_all(
    top: typer.Typer, mount: Callable[[typer.Typer, str, Callable[..., "Result"]], None]
) -> None:
    groups = {name: typer.Typer(help=text, rich_markup_mode=None) for name, text in GROUPS.items()}
    rooms = (
        codegen_commands,
        packaging_commands,
        activation_commands,
        monitor_commands,
        backend_commands,
        conformance_commands,
    )
    for path, command in [pair for room in rooms for pair in room.COMMANDS]:
        *group, name = path.split()
        mount(groups[group[0]] if group else top, name, command)
    for name, group_app in groups.items():
        top.add_typer(group_app, name=name)


def _program(arguments: Sequence[str]) -> typer.Typer:
    """The program; if no command is named, its outline, which starts in half the time."""
    if any(not argument.startswith("-") for argument in arguments):
        return app
    outline = _top()
    outline.callback()(root)
    _mount_all(outline, mount_name)
    return outline


# --- 2. the invocation -------------------------------------------------------------


def _invocation(options: dict[str, Any], progress: "_Progress") -> Invocation:
    quiet = options["json_output"]
    terminal = sys.stdin is not None and sys.stdin.isatty()
    return Invocation(
        home=options["home"] or _default_home(),
        operator=options["operator"] or setting("MINTMARK_OPERATOR"),
        ask=_prompt if terminal else None,
        show=_show if sys.stderr.isatty() and not quiet else None,
        progress=progress if sys.stderr.isatty() and not quiet else lambda *_: None,
        notify=(lambda _: None) if quiet else _notify,
        checks=_checks,
        witness=_witness,
    )


def _checks() -> tuple[Any, ...]:
    """Checks of `doctor` from the other houses; those of codegen are in `codegen/doctor.py`."""
    from .activation.delivery import health
    from .activation.monitor import health as monitor_health

    return health.orders, health.backend, monitor_health.alarms


def _witness(station: Any) -> str | None:  # noqa: ANN401 - a `Station`, of a room below codegen's
    from .activation.delivery.witness import consult

    return consult(station)


def _default_home() -> Path:
    # Not by Typer: there the variable would win over an option that stands before the command.
    if named := setting("MINTMARK_HOME"):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("mintmark", appauthor=False)


def _prompt(prompt: str) -> str:
    with warnings.catch_warnings():
        # It would read on, and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return str(typer.prompt(prompt, hide_input=True, err=True))
        except (getpass.GetPassWarning, OSError) as error:
            raise EnvironmentFailure(
                "the terminal is gone, or cannot hide what is typed", "give --passphrase-file F"
            ) from error


def _notify(text: str) -> None:
    print(streams.printable(text), file=sys.stderr, flush=True)


def _show(secret: str) -> None:
    _notify(secret)
    if error := streams.loss(sys.stderr):
        raise EnvironmentFailure(
            f"the terminal cannot be written: {streams.reason(error)}",
            "name a file for the password: --password-file F",
        )


class _Progress:
    """Shows a phase of more than a second: a bar, then a line that stays, with the rate.

    The bar has the number done, the rate per second, and the time left. It has no spinner,
    because a GBK console cannot print it.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase, self._task = "", 0
        self._began, self._before = 0.0, 0

    def __call__(self, phase: str, done: int, total: int) -> None:
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
            _notify(f"{phase}: {total:,} in {seconds:,.1f} s, {rate}")

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


# --- 4. results and errors ---------------------------------------------------------


def _print(result: "Result", *, as_json: bool) -> None:
    texts = map(json.dumps, result.records()) if as_json else _printable(result)
    try:
        for text in texts:
            print(text, flush=result.live)
            if result.live and streams.loss(sys.stdout):
                break  # nobody hears the answers to what would still be read
        sys.stdout.flush()
    except KeyboardInterrupt:
        if result.live:
            raise
        # The work is done; nobody took its answer.
        streams.give_up(sys.stdout)
    if error := streams.loss(sys.stdout):
        _tell_unwritten(error, result, as_json=as_json)


def _printable(result: "Result") -> Iterable[str]:
    return map(streams.printable, result.lines())


def _tell_unwritten(error: OSError, result: "Result", *, as_json: bool) -> None:
    if isinstance(error, BrokenPipeError):
        return  # the reader has what it wanted
    warning, code = (
        f"the answer was not written to stdout: {streams.reason(error)}",
        result.exit_code,
    )
    if result.reads and code == 0:
        raise EnvironmentFailure(warning, "nothing was changed; have it written to another file")
    hint = "the command has done its work all the same; what it changed: mintmark audit show"
    if as_json:
        document = {"warning": warning, "hint": hint, "exit": code}
        print(json.dumps(document), file=sys.stderr)
    else:
        print(f"warning: {warning}", f"hint: {hint}", sep="\n", file=sys.stderr)


def _report(error: MintmarkError, code: int, *, as_json: bool) -> int:
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


_A_CODE = "(what may be a code)"


def _replaced(text: str, shown: Mapping[str, str]) -> str:
    """`text` without the words of `shown` that are not shown as they are, however quoted."""
    for word in sorted(shown, key=len, reverse=True):
        if shown[word] != repr(word):
            for form in {repr(word), repr(word)[1:-1], word}:
                text = text.replace(form, shown[word])
    return text


def _without_codes(error: MintmarkError, arguments: Sequence[str]) -> MintmarkError:
    """`error` without what was typed where a path belongs, say, and looks like a code.

    The id of an order is its sender's own, who must find it again.
    """
    from .codegen import ids

    own = {word for before, word in pairwise(arguments) if before == "--order"}
    typed: dict[str, str] = {}
    for word in _typed(arguments):
        if word not in own and (last := ids.suspect(word)):
            # A path is not always repeated as it was typed.
            typed |= {word: ids.masked(word), str(Path(word)): ids.masked(word), last: _A_CODE}
    error.message = _replaced(error.message, typed)
    error.hints = tuple(_replaced(hint, typed) for hint in error.hints)
    return error


class _Booked(Exception):
    """A command ended by its cause, after it had booked something."""


_REPEATS = re.compile(r"\b(?:again|repeat)\b")
_STANDS = "what was booked stands: look at it before you run this again: mintmark audit show"


def _after_booking(error: BaseException, arguments: Sequence[str]) -> tuple[MintmarkError, int]:
    """What to say of `error`, and the exit code. No hint to run it again is left."""
    if isinstance(error, KeyboardInterrupt):
        return MintmarkError("interrupted, after something was booked", _STANDS), INTERRUPTED
    known = _known(error, arguments)
    kept = tuple(hint for hint in known.hints if not _REPEATS.search(hint))
    told = any("booked" in hint for hint in kept)
    known.hints = kept if told else (*kept, _STANDS)
    return known, known.exit_code


def _known(error: BaseException, arguments: Sequence[str]) -> MintmarkError:
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


def run(arguments: Sequence[str]) -> int:
    """Run a command line; returns its exit code."""
    # 1. Parse; `mount` carries out the steps 2 to 5 of a command that was named.
    as_json = "--json" in arguments
    verbose = "--verbose" in arguments
    try:
        check_words(arguments)
        program = _program(arguments)
        done = program(args=list(arguments), prog_name="mintmark", standalone_mode=False)
        # Typer turns Ctrl-C into this code, and prints nothing.
        if done == INTERRUPTED:
            return _interrupted(as_json=as_json)
        # 5. Exit code: of the result, or of a text of help.
        return _helped(done, as_json=as_json) if isinstance(done, int) else int(done.exit_code)
    except Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, Abort):
        return _interrupted(as_json=as_json)
    except _Booked as stopped:
        known, code = _after_booking(stopped.__cause__ or stopped, arguments)
        return _report(_without_codes(known, arguments), code, as_json=as_json)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the one place where a bug becomes exit 1
        if verbose:
            _print_traceback()
        # 4. Print the error; 5. it has the exit code.
        known = _known(error, arguments)
        return _report(_without_codes(known, arguments), known.exit_code, as_json=as_json)


def _helped(code: int, *, as_json: bool) -> int:
    """The exit code of `--help` and `--version`, whose text is all there was to do."""
    error = streams.loss(sys.stdout)
    if error is None:
        return code
    failure = EnvironmentFailure(
        f"the text was not written to stdout: {streams.reason(error)}",
        "read it at a terminal, or have it written to another file",
    )
    if isinstance(error, BrokenPipeError):
        return failure.exit_code
    return _report(failure, failure.exit_code, as_json=as_json)


def _interrupted(*, as_json: bool) -> int:
    if sys.stderr.isatty() and not as_json:
        print(file=sys.stderr)  # the terminal wrote ^C
    failure = MintmarkError("interrupted; nothing is half-done", "run it again when ready")
    return _report(failure, INTERRUPTED, as_json=as_json)


def _print_traceback() -> None:
    """Print the place of the error, without its text: an exception's text may hold a code."""
    _, error, trace = sys.exc_info()
    print("".join(traceback.format_tb(trace)), type(error).__name__, sep="", file=sys.stderr)


def _leave_no_core() -> None:
    """Forbid core dumps of this process and its workers: they would hold keys and codes."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The entry point of the `mintmark` script."""
    streams.secure()
    _leave_no_core()
    raise SystemExit(run(sys.argv[1:]))


_mount_all(app, mount)

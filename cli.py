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
import functools
import gc
import inspect
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import Abort, Exit

from . import failures, terminal
from .activation import commands as activation_commands
from .activation.backend import commands as backend_commands
from .activation.conformance import commands as conformance_commands
from .activation.monitor import commands as monitor_commands
from .codegen import commands as codegen_commands
from .codegen import ledger_commands, station_commands, streams, vault_commands
from .codegen.errors import EnvironmentFailure
from .codegen.invocation import Invocation, check_words, setting
from .packaging import commands as packaging_commands
from .packaging import locate_commands
from .packaging.epcis import commands as epcis_commands

if TYPE_CHECKING:
    from .codegen.result import Result

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
    "ledger": "The ledger as a whole: where it lies, its schema.",
    "vault": "The sealed batches as a whole: where they lie.",
    "key": "The keys of lines, platforms and custodians.",
    "station": "The stations that share a home.",
    "backend": "The reference scan backend.",
}
_SETTINGS = (
    *("MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE", "MINTMARK_LEDGER", "MINTMARK_VAULT"),
    *("MINTMARK_VAULT_ENDPOINT", "MINTMARK_VAULT_REGION", "MINTMARK_VAULT_CREDENTIALS"),
)
_OF_TWO_WORDS = ("associate run",)
_FIRST_SECOND = 1.0


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
        progress = terminal.ProgressBar()
        invocation = _invocation(options, progress)
        with contextlib.closing(invocation), contextlib.closing(progress):
            # 3. Command.
            try:
                result = command(invocation, *args, **kwargs)
            except (KeyboardInterrupt, Exception) as error:
                if invocation.has_booked():
                    raise failures.Booked from error
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
    """Raises `UsageError` for a value that Typer took from a variable with stray characters."""
    given = tuple(values)
    for name in _SETTINGS:
        if (raw := os.environ.get(name)) and (raw in given or Path(raw) in given):
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


def program(arguments: Sequence[str] | None = None) -> typer.Typer:
    """The program; given `arguments`, only what they name of it can be run.

    Of every other command it has the name and the help: to read the options of all of them takes
    as long as many a command.
    """
    top = _top()
    top.callback()(root)
    groups = {name: typer.Typer(help=text, rich_markup_mode=None) for name, text in GROUPS.items()}
    rooms = (
        codegen_commands,
        ledger_commands,
        station_commands,
        vault_commands,
        packaging_commands,
        locate_commands,
        epcis_commands,
        activation_commands,
        monitor_commands,
        backend_commands,
        conformance_commands,
    )
    for path, command in [pair for room in rooms for pair in room.COMMANDS]:
        first, _, name = path.partition(" ")
        # A command that has a second form, as `associate run`, is no group of commands.
        grouped = name and first in groups
        called = name if grouped else path
        put = mount if arguments is None or called in arguments else mount_name
        put(groups[first] if grouped else top, called, command)
    for name, group_app in groups.items():
        top.add_typer(group_app, name=name)
    return top


def _joined(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, the name of a command of two words as one."""
    words = list(arguments)
    for name in _OF_TWO_WORDS:
        first, second = name.split()
        for at in range(len(words) - 1):
            if (words[at], words[at + 1]) == (first, second):
                return [*words[:at], name, *words[at + 2 :]]
    return words


# --- 2. the invocation -------------------------------------------------------------


def _invocation(options: dict[str, Any], progress: terminal.ProgressBar) -> Invocation:
    quiet = options["json_output"]
    interactive = sys.stdin is not None and sys.stdin.isatty()
    return Invocation(
        home=options["home"] or _default_home(),
        operator=options["operator"] or setting("MINTMARK_OPERATOR"),
        ask=terminal.prompt_hidden if interactive else None,
        question=terminal.prompt if interactive else None,
        show=terminal.show if sys.stderr.isatty() and not quiet else None,
        progress=progress if sys.stderr.isatty() and not quiet else lambda *_: None,
        notify=(lambda _: None) if quiet else terminal.notify,
        checks=_checks,
        witness=_witness,
    )


def _checks() -> tuple[Any, ...]:
    """Checks of `doctor` from the other houses; those of codegen are in `codegen/doctor.py`."""
    from .activation.away.health import away
    from .activation.delivery import health
    from .activation.monitor import health as monitor_health

    return health.orders, away, health.backend, monitor_health.alarms


def _witness(station: Any) -> str | None:  # noqa: ANN401 - a `Station`, of a room below codegen's
    from .activation.delivery.witness import consult

    return consult(station)


def _default_home() -> Path:
    # Not by Typer: there the variable would win over an option that stands before the command.
    if named := setting("MINTMARK_HOME"):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("mintmark", appauthor=False)


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


def run(arguments: Sequence[str]) -> int:
    """Run a command line; returns its exit code."""
    # 1. Parse; `mount` carries out the steps 2 to 5 of a command that was named.
    as_json = "--json" in arguments
    verbose = "--verbose" in arguments
    try:
        check_words(arguments)
        words = _joined(arguments)
        done = program(words)(args=words, prog_name="mintmark", standalone_mode=False)
        # Typer turns Ctrl-C into this code, and prints nothing.
        if done == failures.INTERRUPTED:
            return failures.interrupted(as_json=as_json)
        # 5. Exit code: of the result, or of a text of help.
        return _helped(done, as_json=as_json) if isinstance(done, int) else int(done.exit_code)
    except Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, Abort):
        return failures.interrupted(as_json=as_json)
    except failures.Booked as stopped:
        known, code = failures.after_booking(stopped.__cause__ or stopped, arguments)
        return failures.report(failures.without_codes(known, arguments), code, as_json=as_json)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the one place where a bug becomes exit 1
        if verbose:
            failures.print_traceback()
        # 4. Print the error; 5. it has the exit code.
        known = failures.without_codes(failures.known(error, arguments), arguments)
        return failures.report(known, known.exit_code, as_json=as_json)


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
    return failures.report(failure, failure.exit_code, as_json=as_json)


def _leave_no_core() -> None:
    """Forbid core dumps of this process and its workers: they would hold keys and codes."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def collecting_later() -> Iterator[None]:
    """Leave cyclic garbage alone in the first second of the block, as long as most commands take.

    What is imported stays, and looking through all of it again and again is an eighth of a start.
    So it is not looked through later either, when a line may be waiting.
    """
    timer = threading.Timer(_FIRST_SECOND, _collect_what_comes)
    timer.daemon = True
    gc.disable()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        _collect_what_comes()
        # Or zxing-cpp tells stderr of leaks when Python ends: 3.1.1, findings/.
        gc.unfreeze()


def _collect_what_comes() -> None:
    gc.freeze()
    gc.enable()


def main() -> None:
    """The entry point of the `mintmark` script."""
    with collecting_later():
        streams.secure()
        _leave_no_core()
        code = run(sys.argv[1:])
    raise SystemExit(code)

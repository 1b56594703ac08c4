"""The modules that the program imports before it works: a line starts it for every reel."""

import contextlib
import gc
import io
import subprocess
import sys

import contract_document
import pytest
import typer.main

from mintmark import cli

# The only modules of ours that `--help` may import.
OURS = {
    "mintmark",
    *("mintmark.activation", "mintmark.activation.commands", "mintmark.cli", "mintmark.codegen"),
    *("mintmark.failures", "mintmark.terminal"),
    *(
        f"mintmark.codegen.{name}"
        for name in ("commands", "errors", "invocation", "progress", "ranges", "streams", "times")
    ),
    "mintmark.codegen.station_commands",
    *("mintmark.codegen.ledger_commands", "mintmark.codegen.vault_commands"),
    *(
        f"mintmark.codegen.ranges.{name}"
        for name in ("attributes", "lifecycle", "roles", "serials", "windows")
    ),
    *("mintmark.codegen.ranges.tiling", "mintmark.codegen.secret"),
    *("mintmark.packaging", "mintmark.packaging.commands"),
    "mintmark.packaging.locate_commands",
    *("mintmark.packaging.epcis", "mintmark.packaging.epcis.commands"),
    *("mintmark.activation.backend", "mintmark.activation.backend.commands"),
    *("mintmark.activation.conformance", "mintmark.activation.conformance.commands"),
    *("mintmark.activation.intake", "mintmark.activation.intake.commands"),
    "mintmark.activation.intake.packing_commands",
    "mintmark.activation.intake.range_commands",
    *("mintmark.activation.monitor", "mintmark.activation.monitor.commands"),
    *("mintmark.activation.stock", "mintmark.activation.stock.commands"),
    *("mintmark.activation.orders", "mintmark.activation.orders.commands"),
}


PRINT_MODULES = "import sys\nsys.stdout = sys.__stdout__\nprint('\\n'.join(sys.modules))"


def imported(code):
    """The names of the modules that a new Python has imported after `code`."""
    words = [sys.executable, "-c", f"{code}\n{PRINT_MODULES}"]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    return set(done.stdout.splitlines())


@pytest.fixture
def timers(monkeypatch):
    """The timers that were made; they wait for `function` to be called."""
    made = []

    class Timer:
        def __init__(self, seconds, function):
            self.seconds, self.function, self.cancelled = seconds, function, False
            made.append(self)

        def start(self):
            assert self.daemon

        def cancel(self):
            self.cancelled = True

        def join(self):
            assert self.cancelled

    monkeypatch.setattr(cli.threading, "Timer", Timer)
    return made


def test_garbage_is_collected_once_the_program_has_started(timers):
    """A service would grow otherwise; no test waits for the second that it takes."""
    with cli.collecting_later():
        assert not gc.isenabled()
        (timer,) = timers
        timer.function()
        assert gc.isenabled()
        assert gc.get_freeze_count()
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_garbage_is_collected_after_a_command_that_ends_before(timers):
    with contextlib.suppress(KeyboardInterrupt), cli.collecting_later():
        assert not gc.isenabled()
        raise KeyboardInterrupt
    assert gc.isenabled()
    assert not gc.get_freeze_count()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_hardly_more_than_typer_and_rich(argument):
    quiet = "import io, sys; sys.stdout = io.StringIO(); from mintmark import cli"
    baseline = imported("import typer, rich, inspect, json, textwrap")
    more = imported(f"{quiet}; cli.run(['{argument}'])") - baseline
    ours = {name for name in more if name.split(".")[0] == "mintmark"}
    assert ours <= OURS
    theirs = {name.split(".")[0] for name in more - ours} - set(sys.stdlib_module_names)
    assert theirs <= {"typer"}
    # Modules of Python itself that are slow to import.
    assert not more & {"asyncio", "email", "hashlib", "hmac", "http", "importlib.metadata", "ssl"}


def output(program, *arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            program(args=list(arguments), prog_name="mintmark", standalone_mode=False)
        except Exception as error:  # noqa: BLE001 - the outline must fail in the same way
            print(type(error).__name__, error)
    return out.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["--help"], ["--version"], ["--json"], ["--no"], ["-"], ["nothing"], ["orders"]),
        *(["mint", "--help"], ["--json", "mint"], ["orders", "--help"], ["orders", "nothing"]),
        *(["orders", "show", "--help"], ["line", "--help"], ["associate", "--help"], ["associate"]),
        *(["associate run", "--help"], ["mint", "activate"], ["activate", "--serials"], ["show"]),
    ],
)
def test_what_is_not_named_is_left_out_unseen(arguments):
    assert output(cli.program(arguments), *arguments) == output(cli.program(), *arguments)


def test_every_command_is_whole_when_it_is_named():
    whole = contract_document.commands()
    assert len(whole) > 50
    for path, command in whole.items():
        words = cli._joined(path.split())
        tree = typer.main.get_command(cli.program(words))
        for word in words:
            tree = tree.commands[word]
        assert [each.opts for each in tree.params] == [each.opts for each in command.params]
        assert tree.help == command.help

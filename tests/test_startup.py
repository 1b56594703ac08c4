"""A production line starts the program for every reel: what it imports before it works."""

import contextlib
import io
import subprocess
import sys

import pytest

from mintmark import cli

# Beside Python's own modules, typer and rich, which the measure is.
OURS = {
    "mintmark",
    *("mintmark.activation", "mintmark.activation.commands", "mintmark.cli", "mintmark.codegen"),
    *(f"mintmark.codegen.{name}" for name in ("commands", "errors", "invocation", "ranges")),
    *(f"mintmark.codegen.ranges.{name}" for name in ("attributes", "lifecycle", "serials")),
    *("mintmark.codegen.ranges.tiling", "mintmark.codegen.secret"),
    *("mintmark.packaging", "mintmark.packaging.commands"),
    *("mintmark.activation.backend", "mintmark.activation.backend.commands"),
    *("mintmark.activation.intake", "mintmark.activation.intake.commands"),
    *("mintmark.activation.monitor", "mintmark.activation.monitor.commands"),
    *("mintmark.activation.orders", "mintmark.activation.orders.commands"),
}


def imported(code):
    """Names of the modules in a new Python after `code`."""
    told = f"{code}\nimport sys\nsys.stdout = sys.__stdout__\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True)
    return set(done.stdout.splitlines())


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_hardly_more_than_typer_and_rich(argument):
    quiet = "import io, sys; sys.stdout = io.StringIO(); from mintmark import cli"
    measure = imported("import typer, rich, inspect, json, textwrap")
    more = imported(f"{quiet}; cli.run(['{argument}'])") - measure
    ours = {name for name in more if name.split(".")[0] == "mintmark"}
    assert ours <= OURS
    theirs = {name.split(".")[0] for name in more - ours} - set(sys.stdlib_module_names)
    assert theirs <= {"typer"}
    # Python's own costly ones.
    assert not more & {"asyncio", "email", "hashlib", "hmac", "http", "importlib.metadata", "ssl"}


def said(program, *arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            program(args=list(arguments), prog_name="mintmark", standalone_mode=False)
        except Exception as error:  # noqa: BLE001 - which one is what is compared
            print(type(error).__name__, error)
    return out.getvalue()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["--json"], ["--no"], ["-"]])
def test_the_outline_says_what_the_whole_program_says(arguments):
    outline = cli._program(arguments)
    assert outline is not cli.app
    assert said(outline, *arguments) == said(cli.app, *arguments)


@pytest.mark.parametrize("arguments", [["mint", "--help"], ["--json", "mint"], ["nothing"]])
def test_where_a_command_is_named_it_is_the_whole_program(arguments):
    assert cli._program(arguments) is cli.app

"""The command line keeps its contract: every row of contract.py, through real processes."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import contract
import pytest
from contract_shapes import SHAPES, problems
from contract_worlds import Worlds, answering, books, damage, files, leftovers
from mintmark import cli

WAIT = 60
POSIX = os.name == "posix"

# A process that meets what can't be arranged from outside; everything else is the program.
AROUND = {
    "disk": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({0}, {0}));",
    "locked": "from mintmark.codegen.ledger import database as d; d.WAIT = 0.2;",
    "same": (
        "from mintmark.codegen.station.station import Station as S;"
        "S.new_id = lambda _: 'AAAA-AAAAAAAA';"
    ),
}
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("MINTMARK_")}


@pytest.fixture(scope="session")
def byte_code(tmp_path_factory):
    """Compiled modules of the child processes: start-up is most of their time."""
    folder = tmp_path_factory.mktemp("byte-code")
    return {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    return Worlds(tmp_path_factory.mktemp("worlds"))


def start(words, root, environment, how=""):
    kind, _, rest = how.partition(" ")
    program = ["-m", "mintmark"]
    if kind in AROUND:
        program = ["-c", AROUND[kind].format(rest) + "from mintmark.cli import main; main()"]
    return subprocess.Popen(
        [sys.executable, *program, *words],
        cwd=root,
        env={**ENVIRONMENT, "MINTMARK_HOME": "home", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=POSIX,
    )


def interrupt(process, root, pattern):
    """Ctrl-C, which reaches the whole group, once a file of `pattern` is there."""
    end = time.monotonic() + WAIT
    while not any(root.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {pattern}"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)


@contextlib.contextmanager
def lock_on(home):
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()


@contextlib.contextmanager
def meanwhile(row, root, facts):
    """What `row.how` says happens around the process."""
    with contextlib.ExitStack() as stack:
        if row.how == "locked":
            stack.enter_context(lock_on(root / "home"))
        if row.how == "port taken":
            taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            facts["port"] = taken.getsockname()[1]
        if row.how == "same id":
            (root / "sent").mkdir()
            (root / "sent" / "AAAA-AAAAAAAA.zip").write_bytes(b"an earlier package")
        yield


def parametrized():
    """Disk limits and Ctrl-C are POSIX; elsewhere these rows are not there."""
    rows = [row for row in contract.ROWS if POSIX or not row.how.startswith(("disk", "interrupt"))]
    names = [f"{row.command}: {row.says}" for row in rows]
    return pytest.mark.parametrize("row", rows, ids=names)


@parametrized()
# The commands run in this process open databases that their own process would close by ending.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_row(row, worlds, byte_code, tmp_path, monkeypatch):
    root = tmp_path / "world"
    facts = worlds.copy(row.world, root)
    if row.damage:
        damage(root, row.damage, facts)
    environment = dict(byte_code)
    with contextlib.ExitStack() as stack:
        if row.backend:
            url = stack.enter_context(answering(row.backend, root))
            environment["MINTMARK_BACKEND_URL"] = url
        stack.enter_context(meanwhile(row, root, facts))
        before = state(root)
        process = start([*row.words(facts), "--json"], root, environment, row.how)
        if row.how.startswith("interrupt"):
            interrupt(process, root, row.how.split()[1])
        out, err = process.communicate(row.stdin.format(**facts), timeout=WAIT)
        assert "Traceback" not in err
        assert process.returncode == row.exit, out + err
        assert not leftovers(root)
        if row.exit and not row.result:
            document = failure(row, out, err)
            unchanged(row, root, before)
            if not row.how:
                monkeypatch.setattr(os, "environ", {**os.environ, **environment})
                in_words(row, root, facts, document, monkeypatch)
        else:
            success(row, out)


def state(root):
    return files(root), books(root) if (root / "home" / "ledger.db").exists() else ({}, [])


def success(row, out):
    documents = [json.loads(line) for line in out.splitlines()]
    assert documents
    assert len(documents) == 1 or row.argv == "locate -"
    for document in documents:
        assert not problems(document, SHAPES[row.command])
    assert {key: documents[0][key] for key in row.wants} == row.wants
    assert out.isascii()


def failure(row, out, err):
    """One JSON object on stderr, nothing on stdout."""
    assert not out
    document = json.loads(err)
    assert {"error", "hint", "exit"} <= document.keys()
    assert document["exit"] == row.exit
    assert row.error in document["error"]
    assert document["error"].splitlines() == [document["error"]]
    assert document["hint"].strip()
    return document


def unchanged(row, root, before):
    """Files, books and the chain are as they were, but for what the books say of it."""
    (old_files, (old_tables, old_events)), (new_files, (tables, events)) = before, state(root)
    assert new_files == old_files
    assert events == [*old_events, *row.events]
    if row.events:
        # What an attempt leaves: its events, and a package that is marked as abandoned.
        del old_tables["packages"], tables["packages"]
    assert tables == old_tables


def in_words(row, root, facts, document, monkeypatch):
    """The same again for people: one `error:` line, then hints, and the same message."""
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.chdir(root)
    monkeypatch.setenv("MINTMARK_HOME", "home")
    monkeypatch.setattr(sys, "stdin", io.StringIO(row.stdin.format(**facts)))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert cli.run(row.words(facts)) == row.exit
    assert not out.getvalue()
    lines = err.getvalue().splitlines()
    while lines and lines[0].startswith("warning: "):
        del lines[0]
    assert lines[0] == f"error: {document['error']}"
    assert len(lines) > 1
    assert lines[1:] == [f"hint: {hint}" for hint in document["hint"].splitlines()]


# --- the table itself ------------------------------------------------------------------


def test_every_command_has_a_row_of_success_and_one_of_failure():
    told = {row.command for row in contract.ROWS if not row.exit}
    failed = {row.command for row in contract.ROWS if row.exit and not row.result}
    everything = set(contract.commands())
    assert told == failed == everything == SHAPES.keys()


def test_every_exit_code_has_a_row():
    assert {row.exit for row in contract.ROWS} == contract.EXIT_CODES.keys() - {1}


def test_no_two_rows_are_called_alike():
    names = [(row.command, row.exit, row.says) for row in contract.ROWS]
    assert len(names) == len(set(names))


def test_the_document_is_fresh():
    written = contract.DOCUMENT.read_text("utf-8") if contract.DOCUMENT.exists() else ""
    assert written == contract.document(), f"run: {contract.REGENERATE}"


@pytest.mark.parametrize("name", SHAPES)
def test_help_has_an_example_that_names_the_command(name):
    text = contract.help_of(name)
    assert re.search(rf"^Example:\n  mintmark {name}\b", text, re.MULTILINE)


@pytest.mark.parametrize("words", [[], *([name] for name in cli.GROUPS)], ids=str)
def test_no_line_of_a_list_of_commands_is_cut(words, byte_code):
    done = subprocess.run(
        [sys.executable, "-m", "mintmark", *words, "--help"],
        env={**ENVIRONMENT, **byte_code, "COLUMNS": "80"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert "Commands:" in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2]
    assert not done.stderr


def test_the_shapes_are_strict():
    shape = {"a": "count", "b": ["id"], "c": "text?", "d": "x | y"}
    good = {"a": 1, "b": ["AAAA-AAAAAAAA"], "c": None, "d": "y"}
    assert not problems(good, shape)
    for key, bad in {"a": True, "b": ["x"], "c": 1, "d": "z"}.items():
        assert problems({**good, key: bad}, shape)
    assert problems({**good, "e": 1}, shape)
    assert problems({key: good[key] for key in "abc"}, shape)

"""The command line keeps its contract: every row of contract.py, through the program.

The first row of each command, the first of each exit code, and each row with trouble (a full disk,
Ctrl-C) starts the program. The first row of each command and exit code runs as a process of its
own as well, forked from one that has imported the program: starting it is most of a row's time.
The other rows run in this process. Each failure then runs once more without --json, as people see
it.
"""

import contextlib
import io
import json
import re
import shutil
import socket
import sqlite3
import sys

import contract
import contract_document
import pytest
from contract_process import POSIX, interrupt, start
from contract_shapes import SHAPES, problems
from contract_worlds import answering, books, damage, files, leftovers
from patience import PATIENCE

from mintmark import cli
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify


def first(*name):
    """The ids of the rows that are the first with those values of those attributes."""
    found = {}
    for row in contract.ROWS:
        found.setdefault(tuple(getattr(row, part) for part in name), id(row))
    return frozenset(found.values())


STARTED = first("command") | first("exit")
FORKED = first("command", "exit") - STARTED


def parametrized():
    """The rows as test parameters; disk limits and Ctrl-C exist on POSIX only."""
    rows = [
        row for row in contract.ROWS if POSIX or not row.trouble.startswith(("disk", "interrupt"))
    ]
    return pytest.mark.parametrize("row", rows, ids=[f"{r.command}: {r.case}" for r in rows])


def way(row, processes):
    """How `row` is run: as a process that is started or forked, or in this process."""
    if row.trouble or id(row) in STARTED:
        return started
    if id(row) not in FORKED:
        return here

    def forked(row, facts, root, environment, _, *more):
        stdin = row.stdin.format(**facts)
        return processes([*row.words(facts), *more], root, environment, stdin)

    return forked


@parametrized()
def test_row(row, worlds, processes, tmp_path, monkeypatch):
    root = tmp_path / "world"
    facts = worlds.copy(row.world, root)
    if row.damage:
        damage(root, row.damage, facts)
    environment = {**processes.byte_code, "MINTMARK_HOME": "home"}
    with contextlib.ExitStack() as stack:
        if row.backend:
            url = stack.enter_context(answering(row.backend, root))
            environment["MINTMARK_BACKEND_URL"] = facts["url"] = url
        stack.enter_context(meanwhile(row, root, facts))
        before = state(root)
        run = way(row, processes)
        code, out, err = run(row, facts, root, environment, monkeypatch, "--json")
        assert "Traceback" not in err
        assert code == row.exit, out + err
        assert not leftovers(root)
        if row.exit and not row.result:
            document = failure(row, out, err)
            unchanged(row, root, before)
            if not row.trouble:
                in_words(here(row, facts, root, environment, monkeypatch), document)
        else:
            success(row, out)
    shutil.rmtree(tmp_path)


def started(row, facts, root, environment, _, *more):
    process = start([*row.words(facts), *more], root, environment, row.trouble)
    if row.trouble.startswith("interrupt"):
        interrupt(process, root, row.trouble.split()[1])
    out, err = process.communicate(row.stdin.format(**facts), timeout=PATIENCE)
    return process.returncode, out, err


def here(row, facts, root, environment, monkeypatch, *more):
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.chdir(root)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    stdin = io.BytesIO(row.stdin.format(**facts).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin, "utf-8"))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run([*row.words(facts), *more])
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def meanwhile(row, root, facts):
    """Arrange the part of `row.trouble` that can be arranged from outside the process."""
    with contextlib.ExitStack() as stack:
        if row.trouble == "locked":
            stack.enter_context(lock_on(root / "home"))
        if row.trouble == "port taken":
            taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            facts["port"] = taken.getsockname()[1]
        if row.trouble == "same id":
            (root / "sent").mkdir()
            (root / "sent" / "AAAA-AAAAAAAA.zip").write_bytes(b"an earlier package")
        yield


@contextlib.contextmanager
def lock_on(home):
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()


def state(root):
    return files(root), books(root)


def success(row, out):
    documents = [json.loads(line) for line in out.splitlines()]
    assert documents
    assert len(documents) == 1 or row.argv.startswith("locate -")
    for document in documents:
        assert not problems(document, SHAPES[row.command])
    assert {key: documents[0][key] for key in row.expected} == row.expected
    assert out.isascii()


def failure(row, out, err):
    """Assert that stderr holds a JSON object and stdout nothing; returns the object."""
    assert not out
    document = json.loads(err)
    assert {"error", "hint", "exit"} <= document.keys()
    assert document["exit"] == row.exit
    assert row.error in document["error"]
    assert document["error"].splitlines() == [document["error"]]
    assert document["hint"].strip()
    return document


def unchanged(row, root, before):
    """Assert that files, tables and chain are as before, except for `row.events`."""
    (old_files, (old_tables, old_events)), (new_files, (tables, events)) = before, state(root)
    assert new_files == old_files
    assert events[: len(old_events)] == old_events
    assert [event[1] for event in events[len(old_events) :]] == list(row.events)
    if row.command == "deliver":  # the number of attempts changes without an event
        tables.pop("deliveries", None)
        old_tables.pop("deliveries", None)
    if "ExportBegun" in row.events:  # an attempt leaves a package marked as abandoned
        assert len(tables.pop("packages")) == len(old_tables.pop("packages")) + 1
    assert tables == old_tables
    if row.events:
        with Ledger.open(root / "home" / "ledger.db", utc_now) as ledger:
            assert verify(ledger).ok


def in_words(done, document):
    """Assert the same failure without --json: an `error:` line with the message, then hints."""
    code, out, err = done
    assert code == document["exit"]
    assert not out
    lines = err.splitlines()
    while lines[0].startswith("warning: "):
        del lines[0]
    assert lines[0] == f"error: {document['error']}"
    assert lines[1:] == [f"hint: {hint}" for hint in document["hint"].splitlines()]


# --- the vault, byte by byte --------------------------------------------------------------


@pytest.mark.parametrize("name", contract.VAULT_FILES)
def test_the_doctor_sees_any_byte_of_the_vault(name, worlds, tmp_path, monkeypatch):
    root = tmp_path / "world"
    facts = worlds.copy("minted", root)
    path = root / contract.VAULT.format(**facts)
    path = path.with_name(f"{path.name}.{name}")
    whole = path.read_bytes()
    row = contract.Row("", "doctor --json")
    offsets = sorted({0, 1, len(whole) - 2, len(whole) - 1, *range(7, len(whole), len(whole) // 6)})
    for offset in offsets:
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        code, out, _ = here(row, facts, root, {"MINTMARK_HOME": "home"}, monkeypatch)
        assert code == 5, offset
        found = {item["check"] for item in json.loads(out)["findings"] if item["level"] == "error"}
        assert "vault" in found
    path.write_bytes(whole)
    code, _, _ = here(row, facts, root, {"MINTMARK_HOME": "home"}, monkeypatch)
    assert code == 0


# --- the table itself ------------------------------------------------------------------


def test_every_command_has_a_row_of_success_and_a_row_of_failure():
    succeeded = {row.command for row in contract.ROWS if not row.exit}
    failed = {row.command for row in contract.ROWS if row.exit and not row.result}
    assert succeeded == failed == set(contract_document.commands()) == SHAPES.keys()


def test_every_exit_code_has_a_row():
    assert {row.exit for row in contract.ROWS} == contract.EXIT_CODES.keys() - {1}


def test_no_two_rows_have_the_same_name():
    names = [(row.command, row.exit, row.case) for row in contract.ROWS]
    assert len(names) == len(set(names))


def test_the_document_is_fresh():
    path, make = contract_document.DOCUMENT, contract_document.REGENERATE
    written = path.read_text("utf-8") if path.exists() else ""
    assert written == contract_document.document(), f"stale; run: {make}"


@pytest.mark.parametrize("name", SHAPES)
def test_help_has_an_example_that_names_the_command(name):
    _, example = contract_document.texts(contract_document.commands()[name])
    assert re.match(rf"mintmark {name}\b", example)


@pytest.mark.parametrize("words", [[], *([name] for name in cli.GROUPS)], ids=str)
def test_no_line_of_a_list_of_commands_is_cut(words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Commands:" in out
    assert "..." not in out.partition("Commands:")[2]


def test_the_shapes_are_strict():
    shape = {"a": "count", "b": ["id"], "c": "text?", "d": "x | y"}
    good = {"a": 1, "b": ["AAAA-AAAAAAAA"], "c": None, "d": "y"}
    assert not problems(good, shape)
    for key, bad in {"a": True, "b": ["x"], "c": 1, "d": "z"}.items():
        assert problems({**good, key: bad}, shape)
    assert problems({**good, "e": 1}, shape)
    assert problems({key: good[key] for key in "abc"}, shape)

"""Standard streams that are closed, full, or read by nobody; words that are no text."""

import contextlib
import errno
import functools
import getpass
import io
import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from unittest import mock

import pytest
from contract_process import POSIX, inherited, interrupt, program
from contract_worlds import leftovers
from patience import PATIENCE

from mintmark import cli, failures, terminal
from mintmark.codegen import stdin, streams
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ledger import database

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is full")

UNWRITTEN = "the answer was not written to stdout"
# What becomes of the streams → what is said of an answer that was not written.
STREAMS = {
    "<&-": "",
    "</dev/null 2>/dev/null": "",
    ">&-": f"{UNWRITTEN}: it is closed",
    ">/dev/full": f"{UNWRITTEN}: the disk is full",
    ">&- <&-": f"{UNWRITTEN}: it is closed",
    "2>&-": "",
    "2>/dev/full": "",
    ">&- 2>&-": "",
    "<&- >&- 2>&-": "",
    ">/dev/full 2>/dev/full": "",
    "| head -c 0": "",
}
HARD = (">&-", ">/dev/full", "<&- >&- 2>&-")


class World:
    """A copy of a prepared world, and the program in it, its streams redirected by a shell."""

    def __init__(self, facts, root, processes):
        self.facts, self.root, self.processes = facts, root, processes
        self.environment = {**inherited(), "MINTMARK_HOME": "home", **processes.byte_code}

    def start(self, words, redirection=""):
        line = f'set -o pipefail; {{ "$@"; }} {redirection}'
        if "|" not in redirection:
            line = f'exec "$@" {redirection}'
        return subprocess.Popen(
            ["bash", "-c", line, "bash", *program(), *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=POSIX,
        )

    def run(self, line, redirection="", given=""):
        process = self.start([w.format(**self.facts) for w in line.split()], redirection)
        out, err = process.communicate(given, timeout=PATIENCE)
        assert "Traceback" not in err
        assert "Exception ignored" not in err
        assert "this is a bug" not in err
        return process.returncode, out, err

    def json(self, line):
        """What a command answers whose streams are as usual."""
        words = [word.format(**self.facts) for word in f"{line} --json".split()]
        code, out, err = self.processes(words, self.root, self.environment)
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def world(worlds, tmp_path, processes):
    def made(name):
        root = tmp_path / "world"
        return World(worlds.copy(name, root), root, processes)

    return made


# --- the work counts -------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", " --json"])
def test_a_mint_counts_whatever_becomes_of_its_answer(world, options):
    here = world("fresh")
    chosen = HARD if options else STREAMS
    for redirection in chosen:
        said = STREAMS[redirection]
        code, _, err = here.run(f"mint --quantity 100{options}", redirection)
        assert code == 0, redirection
        assert said in err
        assert bool(said) == (UNWRITTEN in err)
        assert " again" not in err
        if said and options:
            assert json.loads(err)["exit"] == 0
    assert len(here.json("batch list")["batches"]) == len(chosen)
    assert here.json("audit verify")["ok"]
    assert here.json("doctor")["ok"]
    assert not leftovers(here.root)


def test_an_order_keeps_its_exit_code_and_is_booked_once(world):
    here = world("packaged")
    for number, redirection in enumerate(HARD, 1):
        line = f"activate {{batch}} --serials {number} --order reel-{number}"
        code, _, err = here.run(line, redirection)
        assert code == 75, redirection
        assert STREAMS[redirection] in err
        assert " again" not in err
    assert len(here.json("orders list")["orders"]) == number
    assert here.json("audit verify")["ok"]


def test_a_home_and_its_keys_are_made_without_any_stream(world):
    here = world("none")
    line = "init --passphrase-file pass.txt"
    assert here.run(line, "<&- >&- 2>&-") == (0, "", "")
    assert here.json("doctor")["ok"]
    assert here.json("mint --quantity 100")["quantity"] == 100


def test_the_answer_is_all_the_work_of_what_only_reads(world):
    here = world("active")
    for line, due in (
        ("batch list", 6),
        ("audit show --json", 6),
        ("batch show none", 4),
        ("doctor", 6),
        ("plan --diameter 20", 6),
        ("activate {batch} --serials 501 --dry-run", 6),
        ("assign --where lot=L42 --set lot=L43", 6),
        ("package receipt {package} --printed 1 --dry-run", 6),
    ):
        for redirection in HARD:
            code, _, err = here.run(line, redirection)
            assert code == due, (line, redirection)
            assert (STREAMS[redirection] if due == 6 else "error: ") in err or "2>" in redirection
    assert here.run("batch list", "| head -c 0")[0] == 0


def test_an_error_has_its_exit_code_though_nobody_reads_it(world):
    here = world("none")
    for redirection in ("2>&-", "2>/dev/full", "<&- >&- 2>&-"):
        for options in ("", "--json --verbose "):
            assert here.run(f"{options}mint --nothing", redirection) == (2, "", "")


@pytest.mark.parametrize("line", ["--help", "--version", "mint --help"])
def test_help_that_was_not_written_says_so(world, line):
    here = world("none")
    for redirection, why in ((">/dev/full", "the disk is full"), (">&-", "it is closed")):
        code, _, err = here.run(line, redirection)
        assert code == 6
        error, hint = err.splitlines()
        assert error == f"error: the text was not written to stdout: {why}"
        assert hint.startswith("hint: ")
    assert here.run(line, ">&- 2>&-") == (6, "", "")
    code, out, _ = here.run(line, "<&- 2>&-")
    assert (code, bool(out)) == (0, True)


# --- stdin -----------------------------------------------------------------------------


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null", "<&- >&-"])
def test_without_stdin_nobody_is_asked_and_nothing_is_made(world, redirection):
    here = world("none")
    code, _, err = here.run("init", redirection)
    assert code == 2
    assert "no terminal to ask at" in err
    assert "--passphrase-file" in err
    assert not (here.root / "home").exists()


def test_a_closed_stdin_holds_nothing(world):
    here = world("packaged")
    for redirection in ("<&-", "</dev/null"):
        assert here.run("locate -", redirection)[0] == 4
        code, _, err = here.run("orders apply -", redirection)
        assert (code, "no order" in err) == (2, True)
        assert here.run("line run", redirection) == (0, "", "")


# --- services --------------------------------------------------------------------------


@pytest.mark.parametrize("redirection", [">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("backend serve --data served --port 0", "home/local-backend.json"),
        ("deliver --watch --health-file health.json", "health.json"),
        ("orders watch hot", "hot/done/first.csv"),
    ],
)
def test_a_service_works_and_stops_without_a_log(world, line, there, redirection):
    here = world("packaged")
    (here.root / "hot").mkdir()
    row = f"action,batch,serials\nactivate,{here.facts['batch']},1-5\n"
    (here.root / "hot" / "first.csv").write_text(row, "ascii")
    process = here.start(line.split(), redirection)
    interrupt(process, here.root, there)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")
    assert here.json("audit verify")["ok"]


def test_a_backend_says_if_others_may_read_its_books(world):
    here = world("packaged")
    books = here.root / "served"
    for mode, said in ((None, False), (0o640, True), (0o600, False)):
        if mode is not None:
            (found,) = books.glob("*.sqlite3")
            found.chmod(mode)
        process = here.start(["backend", "serve", "--data", "served", "--port", "0"])
        interrupt(process, here.root, "home/local-backend.json")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert ("warning: others may read served" in err) == said
        assert ("chmod 600 served" in err) == said


def test_a_line_ends_with_its_first_answer_that_nobody_gets(world):
    here = world("packaged")
    order = {"action": "activate", "batch": here.facts["batch"], "serials": "1", "order": "a"}
    later = {**order, "serials": "2", "order": "b"}
    given = f"{json.dumps(order)}\n{json.dumps(later)}\n"
    code, _, err = here.run("line run", ">/dev/full", given)
    assert code == 6
    error, hint = err.splitlines()
    assert error == "error: the answers cannot be written: the disk is full"
    assert hint == "hint: what was ordered is booked: see mintmark orders list"
    assert [row["order"] for row in here.json("orders list")["orders"]] == ["a"]
    assert here.run("line run", ">&-", given)[0] == 6
    assert [row["order"] for row in here.json("orders list")["orders"]] == ["a"]


def test_codes_are_read_no_further_than_they_are_answered(world):
    here = world("packaged")
    process = here.start(["locate", "-"], ">/dev/full")
    process.stdin.write(f"{here.facts['code']}\n")
    process.stdin.flush()
    # Its stdin is still open.
    assert process.wait(PATIENCE) == 6
    assert UNWRITTEN in process.stderr.read()
    process.communicate()


# --- the outlets -----------------------------------------------------------------------

_STRAY = """
import os, subprocess, sys
from mintmark.codegen import streams
streams.secure()
with open("book", "wb") as book:
    print("stray"); print("stray", file=sys.stderr)
    os.write(1, b"stray"); os.write(2, b"stray")
    child = "import os; os.write(1, b'stray'); os.write(2, b'stray'); os.read(0, 9)"
    subprocess.run([sys.executable, "-c", child], check=True)
    sys.exit(book.fileno())
"""


@pytest.mark.parametrize("redirection", ["<&- >&- 2>&-", ">&- 2>&-", ">&-", "2>&-", "<&- 2>&-"])
def test_no_file_gets_the_descriptor_of_a_closed_stream(tmp_path, redirection):
    words = ["bash", "-c", f'exec "$@" {redirection}', "bash", sys.executable, "-c", _STRAY]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode > 2
    assert not (tmp_path / "book").read_bytes()


class Disk(io.RawIOBase):
    """Is full where `room` is false."""

    def __init__(self, room):
        super().__init__()
        self.room, self.text = iter(room), b""

    def writable(self):
        return True

    def write(self, data):
        room = next(self.room)
        if room is None:
            return None
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.text += bytes(data)
        return len(data)


def outlet(room, *, ends):
    disk = Disk(room)
    stream = io.TextIOWrapper(io.BufferedWriter(disk), encoding="utf-8")
    return disk, streams.Outlet(stream, None, ends=ends)


@pytest.mark.parametrize("lacks", [False, None])
def test_a_log_goes_on_when_there_is_room_and_an_answer_has_no_hole(lacks):
    for ends, text in ((False, b"13"), (True, b"1")):
        disk, stream = outlet([True, lacks, True], ends=ends)
        lost = []
        for number in "123":
            stream.write(number)
            lost.append(streams.loss(stream) is not None)
        assert disk.text == text
        assert lost == [False, True, ends]


def test_a_password_that_is_not_seen_is_an_error(monkeypatch):
    _, stream = outlet([False], ends=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(EnvironmentFailure) as caught:
        terminal.show("password of package P: SECRET")
    assert "SECRET" not in caught.value.message
    assert any("--password-file" in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    ("text", "lines", "shown"),
    [
        ("\x1b[31mred\x07", 0, "\\x1b[31mred\\x07"),
        ("one\ttwo\nthree", 0, "one\ttwo\nthree"),
        ("one\ttwo\nerror: three\r", 1, "one\ttwo\\nerror: three\\r"),
        ("\x9b2J\u2028", 1, "\\x9b2J\\u2028"),
        ("华信 — naïve", 1, "华信 — naïve"),
    ],
)
def test_no_control_character_reaches_a_terminal(text, lines, shown):
    assert streams.printable(text, lines=lines) == shown


def test_an_error_is_one_line_whatever_was_typed(capsys):
    assert cli.run(["orders", "apply", "no\x1b[2J\nerror: such.csv"]) in (2, 4, 6)
    error, *hints = capsys.readouterr().err.splitlines()
    assert "\\x1b[2J\\nerror: such" in error
    assert all(hint.startswith("hint: ") for hint in hints)


def test_a_terminal_that_cannot_hide_a_passphrase_is_not_asked(monkeypatch):
    def shows(*_, **__):
        warnings.warn("echo", getpass.GetPassWarning, stacklevel=1)
        raise AssertionError("it went on")

    monkeypatch.setattr("typer.prompt", shows)
    with pytest.raises(EnvironmentFailure) as caught:
        terminal.prompt_hidden("passphrase")
    assert caught.value.hints == ("give --passphrase-file F",)


class Stuck(io.RawIOBase):
    """Takes nothing, until Ctrl-C."""

    def writable(self):
        return True

    def write(self, _):
        raise KeyboardInterrupt


MINTS = ["mint", "--quantity", "100"]


def ends(error):
    def end(*_, **__):
        raise error

    return end


@pytest.mark.parametrize(
    ("place", "words", "listed"),
    [
        ("mintmark.codegen.mint.result_of", MINTS, "batches"),
        (
            "mintmark.activation.intake.order_and_deliver.deliver",
            ["activate", "{batch}", "--serials", "1"],
            "orders",
        ),
    ],
)
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted, after something was booked"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 6, "the disk is full"),
    ],
)
def test_what_was_booked_is_not_to_be_run_again(  # noqa: PLR0917 - a table
    world, monkeypatch, capsys, place, words, listed, error, code, said
):
    here = world("packaged")
    before = len(here.json(LISTS[listed])[listed])
    monkeypatch.setattr(place, ends(error))
    words = ["--home", str(here.root / "home"), *(w.format(**here.facts) for w in words)]
    assert cli.run(words) == code
    line, hint = capsys.readouterr().err.splitlines()
    assert line == f"error: {said}"
    assert hint == f"hint: {failures.STANDS}"
    assert len(here.json(LISTS[listed])[listed]) == before + 1


LISTS = {"batches": "batch list", "orders": "orders list"}


def test_an_interrupt_within_the_commit_is_told_by_what_the_books_say(world, monkeypatch, capsys):
    here = world("fresh")
    words = ["--home", str(here.root / "home"), *MINTS]
    writing = database.writing

    @contextlib.contextmanager
    def stops(engine, *, after, **more):
        with writing(engine, **more) as connection:
            yield connection
            if not after:
                raise KeyboardInterrupt
        raise KeyboardInterrupt

    for after in (False, True):
        monkeypatch.setattr(database, "writing", functools.partial(stops, after=after))
        assert cli.run(words) == 130
        monkeypatch.setattr(database, "writing", writing)
        assert ("run it again when ready" in capsys.readouterr().err) == (not after)
        assert len(here.json("batch list")["batches"]) == after


def test_an_interrupted_export_leaves_nothing_and_may_be_run_again(world, monkeypatch, capsys):
    here = world("minted")
    monkeypatch.setattr("mintmark.packaging.export.preflight", ends(KeyboardInterrupt()))
    monkeypatch.chdir(here.root)
    line = "export {batch} --to li --out sent --password-file p.txt --passphrase-file pass.txt"
    words = ["--home", "home", *line.format(**here.facts).split()]
    assert cli.run(words) == 130
    assert "nothing is half-done" in capsys.readouterr().err
    assert not leftovers(here.root)


def test_an_answer_that_is_interrupted_is_work_that_is_done(world, monkeypatch, capsys):
    here = world("fresh")
    stream = io.TextIOWrapper(io.BufferedWriter(Stuck()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", streams.Outlet(stream, None, ends=True))
    home = str(here.root / "home")
    assert cli.run(["--home", home, "mint", "--quantity", "100"]) == 0
    err = capsys.readouterr().err
    assert f"{UNWRITTEN}: it was interrupted" in err
    assert " again" not in err
    assert len(here.json("batch list")["batches"]) == 1


def test_a_stdin_that_cannot_be_read_is_told(world):
    here = world("packaged")
    for line in ("locate -", "orders apply -", "line run", "activate {batch} --codes -"):
        code, _, err = here.run(line, "0>other")
        assert (code, err.splitlines()[0]) == (6, "error: a stream is not open for reading")


@pytest.mark.parametrize("line", ["orders apply -", "line run", "locate -"])
def test_a_stdin_that_does_not_wait_is_waited_for(world, line):
    here = world("packaged")
    order = {"action": "activate", "batch": here.facts["batch"], "serials": "1", "order": "a"}
    given = here.facts["code"] if line == "locate -" else json.dumps(order)
    # Another program that shares the pipe has switched it, and writes a line in two pieces.
    script = "import os, sys; os.set_blocking(0, False);os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *program(), *line.split()],
        cwd=here.root,
        env=here.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    out, err = process.communicate(f"{given}\n", timeout=PATIENCE)
    assert process.returncode == (0 if line != "orders apply -" else 75), err
    assert out.strip()
    assert not err


def test_reads_of_a_pipe_that_does_not_wait_wait():
    ready, given = threading.Event(), b"serial"
    out, into = os.pipe()
    os.set_blocking(out, False)

    def write():
        assert ready.wait(PATIENCE)
        os.write(into, given)
        os.close(into)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(out, encoding="utf-8") as opened, mock.patch.object(sys, "stdin", opened):
        real = os.read

        def read(descriptor, size):
            try:
                return real(descriptor, size)
            finally:
                ready.set()

        with mock.patch.object(os, "read", read):
            assert stdin.whole(100) == given
    writer.join()


def test_another_programs_closed_pipe_is_told(capsys, monkeypatch):
    def gone(_):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(cli, "_invocation", lambda *_: gone(None))
    assert cli.run(["batch", "list"]) == 6
    error, hint = capsys.readouterr().err.splitlines()
    assert "another process ended" in error
    assert hint.startswith("hint: ")


# --- words that are no text ------------------------------------------------------------

BAD = os.fsdecode(b"K7QM\xff")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["batch", "show", BAD], "word 3 of the command line"),
        (["--home", BAD, "batch", "list"], "the word after --home"),
        (["mint", "--quantity", "9", f"--product={BAD}"], "the value of --product"),
        (["mint", "--quantity", BAD, "--json"], "the word after --quantity"),
        (["mint", f"--{BAD}=9"], "word 2 of the command line"),
        ([BAD], "word 1 of the command line"),
        (["line", "run", "--", BAD], "word 4 of the command line"),
    ],
)
def test_a_word_that_is_no_text_is_named_and_not_repeated(world, words, place):
    here = world("none")
    process = here.start(words)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert "K7QM" not in err
    if "--json" in words:
        assert json.loads(err)["error"] == f"{place} is not UTF-8"
    else:
        error, hint = err.splitlines()
        assert error == f"error: {place} is not UTF-8"
        assert hint.startswith("hint: ")
    assert not (here.root / "home").exists()


def test_a_variable_that_is_no_text_is_named_and_not_repeated(world):
    here = world("none")
    for name in ("MINTMARK_HOME", "MINTMARK_OPERATOR"):
        here.environment.pop("MINTMARK_OPERATOR", None)
        here.environment[name] = BAD
        code, _, err = here.run("batch list")
        assert (code, err) == (2, f"error: {name} is not UTF-8\nhint: write it in UTF-8\n")
        here.environment["MINTMARK_HOME"] = "home"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "6.6×10⁹ 万 𠮷"), ("gbk", "6.6×10^9 万 ?"), ("ascii", "6.6x10^9 ? ?")],
)
def test_a_power_of_ten_reads_as_one_in_every_encoding(encoding, shown):
    written = io.BytesIO()
    outlet = streams.Outlet(io.TextIOWrapper(written, encoding=encoding), None, ends=False)
    outlet.write("6.6×10⁹ 万 𠮷")
    outlet.flush()
    assert written.getvalue().decode(encoding) == shown

"""Standard streams that are closed, full, or read by nobody; words that are no text."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from contract_process import POSIX, inherited, interrupt, program
from contract_worlds import leftovers
from patience import PATIENCE

from mintmark import cli
from mintmark.codegen import streams
from mintmark.codegen.errors import EnvironmentFailure

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

    def __init__(self, facts, root, environment):
        self.facts, self.root = facts, root
        self.environment = {**inherited(), "MINTMARK_HOME": "home", **environment}

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
        code, out, err = self.run(f"{line} --json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def world(worlds, tmp_path, byte_code):
    def made(name):
        root = tmp_path / "world"
        return World(worlds.copy(name, root), root, byte_code)

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
    for line, due in (("batch list", 6), ("audit show --json", 6), ("batch show none", 4)):
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
        cli._show("password of package P: SECRET")
    assert "SECRET" not in caught.value.message
    assert any("--password-file" in hint for hint in caught.value.hints)


class Stuck(io.RawIOBase):
    """Takes nothing, until Ctrl-C."""

    def writable(self):
        return True

    def write(self, _):
        raise KeyboardInterrupt


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
    for line in ("locate -", "orders apply -"):
        code, _, err = here.run(line, "0>other")
        assert (code, err.splitlines()[0]) == (6, "error: a stream is not open for reading")


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

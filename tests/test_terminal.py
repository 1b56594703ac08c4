"""The program at a terminal, in a pipe, interrupted, and two of it at a time."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from contract_process import POSIX, inherited, interrupt, program, start
from contract_worlds import books, files, leftovers
from patience import PATIENCE

NAME = "A𠮷👍"  # GBK has only the first character


class World:
    """A copy of a prepared world, and the program in it."""

    def __init__(self, worlds, name, root, environment):
        self.facts = worlds.copy(name, root)
        self.root = root
        self.environment = {"MINTMARK_HOME": "home", **environment}

    def start(self, line, **environment):
        words = [word.format(**self.facts) for word in line.split()]
        return start(words, self.root, {**self.environment, **environment})

    def run(self, line, code=0, **environment):
        process = self.start(line, **environment)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, out + err
        assert "Traceback" not in err
        return out, err

    def json(self, line, code=0, **environment):
        out, err = self.run(f"{line} --json", code, **environment)
        return json.loads(out or err)

    def state(self):
        return files(self.root), books(self.root)


@pytest.fixture
def world(worlds, tmp_path, byte_code):
    return lambda name: World(worlds, name, tmp_path / "world", byte_code)


# --- options ---------------------------------------------------------------------------


def test_options_stand_before_the_command_and_after_it(world):
    here = world("fresh")
    for line in (
        "--home home --json contact list",
        "contact list --home home --json",
        "--home none --json contact list --home home",
    ):
        out, _ = here.run(line, MINTMARK_HOME="nowhere")
        assert json.loads(out)["contacts"][0]["contact"] == "li"
    here.run("contact add wang --name W --operator Ms-Wang")
    assert here.json("--operator Li audit show")["events"][-1]["operator"] == "Ms-Wang"


@pytest.mark.parametrize("line", ["", "batch", "count", "batch count", "batch list --all"])
def test_a_wrong_line_is_one_error_and_one_hint(world, line):
    out, err = world("none").run(line, 2)
    assert not out
    assert re.fullmatch(r"error: .+\nhint: see: mintmark.* --help\n", err)


def test_the_version(world):
    out, err = world("none").run("--version")
    assert re.fullmatch(r"mintmark \d+\.\d+\.\d+\n", out)
    assert not err


@pytest.mark.skipif(not POSIX, reason="Windows knows no core dumps")
def test_no_core_dump_is_left():
    script = """
import resource, sys
from mintmark import cli
sys.argv = ["mintmark", "--version"]
try:
    cli.main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE))
"""
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[-1] == "(0, 0)"


# --- pipes and code pages --------------------------------------------------------------


def test_a_console_in_gbk_shows_what_it_can(world):
    here = world("fresh")
    for encoding in ("gbk", "ascii"):
        out, _ = here.run(
            f"contact add in-{encoding} --name {NAME}", PYTHONIOENCODING=encoding, PYTHONUTF8="0"
        )
        assert out.startswith(f"in-{encoding}  A?")
    out, _ = here.run("contact list --json", PYTHONIOENCODING="gbk")
    assert [row["name"] for row in json.loads(out)["contacts"][:2]] == [NAME] * 2


def test_a_closed_pipe_is_no_error(world):
    here = world("active")
    for line, code in (("batch show {batch}", 0), ("--help", 6), ("audit show --json", 0)):
        reading, writing = os.pipe()
        os.close(reading)
        words = [word.format(**here.facts) for word in line.split()]
        try:
            done = subprocess.run(
                [*program(), *words],
                cwd=here.root,
                env={**inherited(), **here.environment},
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.PIPE,
                check=False,
                encoding="utf-8",
            )
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (code, "")


# --- two processes at once -------------------------------------------------------------


def ended(*processes):
    """Wait for all; returns exit code and JSON of each."""
    streams = [process.communicate(timeout=PATIENCE) for process in processes]
    return [
        (process.returncode, json.loads(out or err))
        for process, (out, err) in zip(processes, streams, strict=True)
    ]


def test_two_mints_at_once_both_mint(world):
    here = world("fresh")
    line = "mint --quantity 20000 --json"
    done = ended(here.start(line), here.start(line))
    assert [code for code, _ in done] == [0, 0]
    batches = here.json("batch list")["batches"]
    assert {row["batch"] for row in batches} == {found["batch"] for _, found in done}
    assert here.json("doctor")["ok"]
    assert not leftovers(here.root)


def test_two_mints_with_the_same_reference_make_a_single_batch(world):
    here = world("fresh")
    line = "mint --quantity 20000 --ref plan-8 --json"
    done = ended(here.start(line), here.start(line))
    assert [code for code, _ in done] == [0, 0]
    assert len({found["batch"] for _, found in done}) == 1
    assert sum(found["repeated"] for _, found in done) == 1
    assert len(here.json("batch list")["batches"]) == 1
    assert not leftovers(here.root)


def test_two_exports_of_the_same_range_make_a_single_package(world):
    here = world("minted")
    line = "export {{batch}} --to li --serials 1-5000 --passphrase-file pass.txt --json {}"
    out = "--out out-{0} --password-file password-{0}.txt"
    done = ended(*(here.start(line.format(out.format(n))) for n in "ab"))
    assert sorted(code for code, _ in done) == [0, 3]
    left = {path.name for path in here.root.glob("out-*")}
    assert len(left) == len(list(here.root.glob("password-*"))) == 1
    assert here.json("batch show {batch}")["states"]["packaged"] == 5_000
    assert here.json("doctor")["ok"]
    assert not leftovers(here.root)


def test_two_orders_with_the_same_id_are_a_single_order(world):
    here = world("packaged")
    line = "activate {batch} --serials 1-500 --order reel-1 --json"
    done = ended(here.start(line), here.start(line))
    assert [code for code, _ in done] == [75, 75]
    assert len(here.json("orders list")["orders"]) == 1
    assert here.json("audit verify")["ok"]


# --- the terminal ----------------------------------------------------------------------

if POSIX:
    import pty
    import select

    @contextlib.contextmanager
    def terminal(here, words, **environment):
        """A process at a new terminal; yields its `Screen`."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            words,
            cwd=here.root,
            env={**inherited(), **here.environment, "TERM": "xterm", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            yield Screen(process, ours)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(ours)

    class Screen:
        def __init__(self, process, ours):
            self.process = process
            self.text = ""
            self._ours = ours
            self._seen = 0

        def until(self, text):
            """Read until `text` appears, after the text of the call before."""
            while text not in self.text[self._seen :]:
                assert self._more(), self.text
            self._seen = self.text.index(text, self._seen) + len(text)

        def type(self, line):
            os.write(self._ours, f"{line}\n".encode())

        def end(self):
            """Read everything to the end; returns the exit code."""
            while self._more():
                pass
            return self.process.wait(PATIENCE)

        def _more(self):
            ready, _, _ = select.select([self._ours], [], [], PATIENCE)
            assert ready, self.text
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # the end of the output, on Linux
                return False
            self.text += data.decode("utf-8", "replace")
            return bool(data)

    def at_terminal(here, line):
        """The program at a terminal."""
        return terminal(here, [*program(), *(word.format(**here.facts) for word in line.split())])

    PROMPT, AGAIN = "for the custodian key: ", "(again): "
    SECRET = "a passphrase nobody sees"

    def test_init_asks_twice_and_shows_neither(world):
        here = world("none")
        with at_terminal(here, "init") as screen:
            screen.until(PROMPT)
            screen.type(SECRET)
            screen.until(AGAIN)
            screen.type(SECRET)
            assert screen.end() == 0
        assert SECRET not in screen.text
        assert (here.root / "home" / "mintmark.toml").exists()
        assert (here.root / "custodian.key").exists()

    def test_init_with_two_different_answers_makes_nothing(world):
        here = world("none")
        before = here.state()
        with at_terminal(here, "init") as screen:
            screen.until(PROMPT)
            screen.type(SECRET)
            screen.until(AGAIN)
            screen.type("another passphrase")
            assert screen.end() == 2
        assert "error: the two passphrases differ" in screen.text
        assert here.state() == before

    def test_ctrl_c_at_a_prompt_makes_nothing(world):
        here = world("none")
        before = here.state()
        with at_terminal(here, "init") as screen:
            screen.until(PROMPT)
            os.killpg(screen.process.pid, signal.SIGINT)
            assert screen.end() == 130
        assert "error: interrupted" in screen.text
        assert here.state() == before

    def test_export_shows_the_password_at_the_terminal_and_it_opens(world):
        here = world("minted")
        line = "export {batch} --to li --serials 1-1000 --out sent"
        with at_terminal(here, line) as screen:
            screen.until("passphrase of the custodian key: ")
            screen.type("correct horse battery staple")
            assert screen.end() == 0
        password = re.search(r"password of package (\S+): (\S+)", screen.text)
        (here.root / "typed.txt").write_text(password[2] + "\n", "ascii")
        archive = f"sent/{password[1]}.zip"
        assert here.json(f"package verify {archive} --password-file typed.txt")["ok"]
        # The password was on the screen only: no file but ours holds it.
        others = [p for p in here.root.rglob("*") if p.is_file() and p.name != "typed.txt"]
        assert not [p for p in others if password[2].encode() in p.read_bytes()]

    def test_progress_has_no_colour_with_no_color_set(world):
        colour = re.compile(r"\x1b\[[0-9;]*[34][0-9;]*m")
        script = (
            "from mintmark import terminal as t; t.SHOWN_AFTER = 1e-9; progress = t.ProgressBar();"
            "[progress('minting', n, 3) for n in (1, 2, 3)]"
        )
        here = world("none")
        for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            words = [sys.executable, "-c", script]
            with terminal(here, words, **environment) as screen:
                assert screen.end() == 0
            assert "minting" in screen.text
            assert bool(colour.search(screen.text)) == coloured

    # --- Ctrl-C ------------------------------------------------------------------------

    def test_an_interrupted_export_gives_the_serials_back(world):
        here = world("fresh")
        here.facts["batch"] = here.json("mint --quantity 600000")["batch"]
        before, (tables, events) = here.state()
        line = "export {batch} --to li --out sent --password-file p.txt --passphrase-file pass.txt"
        process = here.start(f"{line} --json")
        interrupt(process, here.root, "sent/.*.part")
        ((code, document),) = ended(process)
        assert (code, document["exit"]) == (130, 130)
        after, (new_tables, new_events) = here.state()
        assert after == before
        assert [event[1] for event in new_events[len(events) :]] == [
            "ExportBegun",
            "ExportAbandoned",
        ]
        assert new_tables["tiles"] == tables["tiles"]
        assert here.json("audit verify")["ok"]

    def test_a_stopped_backend_leaves_no_announcement(world):
        here = world("queued")
        for number in (signal.SIGINT, signal.SIGTERM):
            server = here.start("backend serve --data scan-backend --port 0")
            assert server.stderr.readline().startswith("serving http://127.0.0.1:")
            assert here.json("deliver")["queued"] == 0
            os.killpg(server.pid, number)
            out, err = server.communicate(timeout=PATIENCE)
            assert (server.returncode, err) == (0, "")
            assert out.startswith("stopped serving http://127.0.0.1:")
            assert not (here.root / "home" / "local-backend.json").exists()
        assert here.json("orders show reel-1")["status"] == "acknowledged"

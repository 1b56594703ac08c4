"""Commands on a home whose books are damaged, or cannot be written: each says what it is."""

import contextlib
import io
import json
import random
import shutil
import sqlite3

import pytest
from places_kit import no_more_room, read_only_folder

from mintmark import cli

READING = (
    *("audit verify", "audit show", "batch list", "batch show {batch}", "orders list"),
    *("package list", "package show {package}", "package unit {unit}", "contact list"),
    *("key list", "locate {code}", "report daily", "doctor"),
)
WRITING = (
    *("activate {batch} --serials 1100-1110", "void {batch} --serials 1210-1220 --reason lost"),
    *("deliver", "mint --quantity 5 --ref plan-7", "mint --quantity 5", "alarms send"),
    *("contact add wu --name Wu", "key new line9", "package receipt {package} --spoiled 1201"),
    "reconcile {batch}",
)
# What 5 says to do; the last: a batch that the books no longer know lies in the vault.
HINTS = ("ledger.db back", "audit verify", "bring the newest home back")


@pytest.fixture
def run(monkeypatch):
    """A command's exit code and JSON, in this process and the home that `at` names."""
    monkeypatch.setenv("MINTMARK_BACKEND_URL", "http://127.0.0.1:9")

    def run(folder, words, facts):
        monkeypatch.chdir(folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run([*words.format(**facts).split(), "--home", "home", "--json"])
        answers = (out.getvalue() + err.getvalue()).splitlines()
        return code, [json.loads(line) for line in answers]

    return run


def world(worlds, root):
    """A home with a bit of everything, and a target for alarms that nobody answers at."""
    facts = worlds.copy("lost", root)
    with (root / "home" / "mintmark.toml").open("a", encoding="utf-8") as settings:
        settings.write('boss = "json://127.0.0.1:9/"\n')
    return facts


def rows(path):
    """The rows that SQLite reads of a file, or None."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            return [text for text in connection.iterdump() if text.startswith("INSERT")]
        except (sqlite3.Error, UnicodeDecodeError, ValueError):
            return None


def test_no_flipped_bit_of_the_ledger_ends_a_command_in_a_bug(worlds, tmp_path, run):
    """Also where it hits values, texts, times and JSON: exit 5, or nothing that matters was hit."""
    root = tmp_path / "world"
    facts = world(worlds, root)
    path = root / "home" / "ledger.db"
    good, before = path.read_bytes(), rows(path)
    source = random.Random(5)
    used = [at for at, byte in enumerate(good) if byte]
    noticed = 0
    for _ in range(40):
        data = bytearray(good)
        data[source.choice(used)] ^= 1 << source.randrange(8)
        for words in (*source.sample(READING + WRITING, 3), "audit verify"):
            path.write_bytes(data)
            code, answers = run(root, words, facts)
            assert code != 1, (words, answers)
            if code == 5:
                assert any(word in json.dumps(answers) for word in HINTS)
        noticed += code == 5
        # What verify passes holds the very same rows.
        path.write_bytes(data)
        assert code == 5 or rows(path) == before
    assert noticed > 15


@pytest.mark.parametrize(
    "edit",
    [
        "units SET first = 0",
        "units SET first = last + 1",
        "reported_serials SET last = first - 1",
        "tiles SET last = 0 WHERE first > 1",
    ],
)
def test_rows_of_serials_that_are_none_are_damage(worlds, tmp_path, run, edit):
    root = tmp_path / "world"
    facts = worlds.copy("reported", root)
    with contextlib.closing(sqlite3.connect(root / "home" / "ledger.db")) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        assert connection.execute(f"UPDATE {edit}").rowcount
        connection.commit()
    codes = {}
    for words in (
        *("package receipt {package} --printed 1501", "package show {package}", "audit verify"),
        "activate {batch} --serials 1501-1510",
    ):
        codes[words], answers = run(root, words, facts)
        assert codes[words] != 1, (words, answers)
    assert codes["audit verify"] == 5
    assert 5 in (
        codes["package receipt {package} --printed 1501"],
        codes["activate {batch} --serials 1501-1510"],
    )


def test_a_home_that_may_only_be_read_answers(worlds, run):
    with read_only_folder() as (folder, locked):
        root = folder / "world"
        facts = world(worlds, root)
        before = rows(root / "home" / "ledger.db")
        with locked():
            for words in READING:
                code, answers = run(root, words, facts)
                assert code == 0, (words, answers)
            findings = answers[0]["findings"]
            (said,) = (item for item in findings if "nothing can be booked" in item["message"])
            assert "write permission" in said["hint"]
            for words in (words for words in WRITING if "plan-7" not in words):
                code, answers = run(root, words, facts)
                assert (code, answers[0]["exit"]) == (6, 6), (words, answers)
                assert answers[0]["hint"]
            assert "cannot be written" in run(root, WRITING[6], facts)[1][0]["error"]
        assert rows(root / "home" / "ledger.db") == before


def test_a_home_on_a_full_disk_answers(worlds, tmp_path, run):
    root = tmp_path / "world"
    facts = world(worlds, root)
    before = rows(root / "home" / "ledger.db")
    shutil.rmtree(root / "out")
    with no_more_room():
        for words in READING:
            code, answers = run(root, words, facts)
            assert code == 0, (words, answers)
        code, answers = run(root, WRITING[0], facts)
        assert (code, "is full" in answers[0]["error"]) == (6, True)
        assert "make room" in answers[0]["hint"]
    assert rows(root / "home" / "ledger.db") == before

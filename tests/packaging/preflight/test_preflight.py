"""Preflight: the archive through programs that are not ours."""

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats import reading
from mintmark.packaging.formats.sampling import every, sampled
from mintmark.packaging.preflight import foreign
from mintmark.packaging.preflight import preflight as module
from mintmark.packaging.preflight.foreign import Program, installed
from mintmark.packaging.preflight.preflight import depth, preflight
from mintmark.packaging.profiles.files import builtin


def script(text, *more):
    """A program that runs Python."""
    return Program("fake", (sys.executable, "-c", text, *more))


def pour(made, path):
    """What an unzip program writes for `made`: all entries, one after the other."""
    path.write_bytes(b"".join(made.entries().values()))
    return path


CAT = "import sys; sys.stdin.readline(); sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"


def extract(seven_zip, made, name):
    """One entry by 7-Zip; the password goes to its standard input."""
    return subprocess.run(
        [seven_zip, "e", "-so", "-bd", str(made.path), name],
        input=made.password.reveal() + b"\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
    ).stdout


def test_seven_zip_reads_every_file(maker, seven_zip):
    made = maker()
    for unit in made.packed.units:
        data = extract(seven_zip, made, unit.name).decode("ascii")
        rows = list(csv.DictReader(io.StringIO(data, newline=""), strict=True))
        assert [int(row["serial"]) for row in rows] == list(range(unit.first, unit.last + 1))
        assert [row["code"] for row in rows] == [made.codes[int(row["serial"])] for row in rows]
        assert all(row["url"] == "https://q.example.cn/" + row["code"] for row in rows)
    assert extract(seven_zip, made, "README.txt").startswith(b"\xef\xbb\xbf")


def test_seven_zip_sees_aes_256_and_neutral_names(made, seven_zip):
    listing = subprocess.run(
        [seven_zip, "l", "-slt", str(made.path)], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    listed = listing.split("----------")[1]
    methods = [line for line in listed.splitlines() if line.startswith("Method = ")]
    assert len(methods) == len(made.entries())
    assert all("AES-256" in line for line in methods)
    assert listed.count("Encrypted = +") == len(methods)
    assert listed.count("Modified = 1980-01-01") == len(methods)
    assert "Comment = \n" in listed or "Comment" not in listed


def test_preflight_with_what_is_installed(made, seven_zip):
    done = preflight(made.path, made.password, made.packed, made.trusted)
    assert done.reader == "7-Zip"
    assert "opened by 7-Zip" in done.summary


@pytest.mark.skipif(os.name == "nt", reason="there bsdtar asks at the console")
def test_each_installed_program_alone(made, seven_zip):
    programs = installed()
    assert "7-Zip" in {program.name for program in programs}
    for program in programs:
        done = preflight(made.path, made.password, made.packed, made.trusted, [program])
        assert done.reader == program.name


def test_without_a_program_it_says_so(made):
    done = preflight(made.path, made.password, made.packed, made.trusted, [])
    assert done.reader is None
    assert "no 7-Zip" in done.summary


def test_a_program_that_does_not_start_is_passed_over(made, tmp_path):
    gone = Program("gone", (str(tmp_path / "gone"),))
    good = script(CAT, str(pour(made, tmp_path / "all")))
    done = preflight(made.path, made.password, made.packed, made.trusted, [gone, good])
    assert done.reader == "fake"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda data: b"", "data/0001.csv"),
        (lambda data: data[:-1], "manifest.sig"),
        (lambda data: data + b"x", "the end"),
        (lambda data: data.replace(b"\r\n11,", b"\r\n12,", 1), "data/0002.csv"),
        (lambda data: data.replace(b"PNG", b"PNX"), "qr/sample-1.png"),
    ],
)
def test_a_program_that_reads_something_else(made, tmp_path, change, names):
    path = pour(made, tmp_path / "all")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError, match=f"fake reads {names} otherwise"):
        preflight(made.path, made.password, made.packed, made.trusted, [script(CAT, str(path))])


def test_a_program_that_ends_badly(made, tmp_path):
    bad = script(CAT + "; sys.exit(2)", str(pour(made, tmp_path / "all")))
    with pytest.raises(IntegrityError, match="exit code 2"):
        preflight(made.path, made.password, made.packed, made.trusted, [bad])


def test_a_program_that_hangs_is_stopped(made, monkeypatch):
    monkeypatch.setattr(foreign, "_SECONDS", 0.3)
    hang = script("import threading; threading.Event().wait()")
    with pytest.raises(IntegrityError, match=r"data/0001\.csv"):
        preflight(made.path, made.password, made.packed, made.trusted, [hang])


def test_a_program_that_never_reads_its_input(made, tmp_path):
    deaf = script(
        CAT.replace("sys.stdin.readline()", "sys.stdin.close()"), str(pour(made, tmp_path / "a"))
    )
    assert preflight(made.path, made.password, made.packed, made.trusted, [deaf]).reader


SPY = """
import os, sys
out, data = sys.argv[1:3]
sid = os.getsid(0) == os.getpid() if hasattr(os, "getsid") else True
seen = repr((sys.argv, dict(os.environ), sys.stdin.readline(), sid))
open(out, "w", encoding="utf-8").write(seen)
sys.stdout.buffer.write(open(data, "rb").read())
"""


def test_the_password_is_on_standard_input_alone(made, tmp_path):
    out = tmp_path / "seen"
    spy = script(SPY, str(out), str(pour(made, tmp_path / "all")))
    preflight(made.path, made.password, made.packed, made.trusted, [spy])
    import ast

    argv, environment, line, own_session = ast.literal_eval(out.read_text(encoding="utf-8"))
    password = made.password.reveal().decode("ascii")
    assert line == password + "\n"
    assert password not in repr(argv) + repr(environment)
    # Without a controlling terminal it cannot ask a person there instead.
    assert own_session
    assert argv[-1] == str(made.path)


def test_another_archive_than_was_written(maker, tmp_path):
    made, other = maker(), maker()
    with pytest.raises(IntegrityError, match="not the one that was written"):
        preflight(made.path, made.password, other.packed, made.trusted, [])
    for field in ("archive_sha256", "manifest_sha256"):
        altered = replace(made.packed, **{field: "0" * 64})
        with pytest.raises(IntegrityError, match="not the one that was written"):
            preflight(made.path, made.password, altered, made.trusted, [])


def test_a_damaged_archive_fails_before_any_program_starts(made, tmp_path):
    path = tmp_path / "a.zip"
    data = bytearray(made.path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="not as it was made"):
        preflight(path, made.password, made.packed, made.trusted, [script("raise SystemExit")])


HANGING = """
import sys, threading
sys.stdout.buffer.write(bytes(65536))
sys.stdout.flush()
threading.Event().wait()
"""


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(65536))",
        HANGING,
    ],
    ids=["endless", "hanging"],
)
def test_no_process_is_left(made, monkeypatch, text):
    started = []
    popen = subprocess.Popen

    def spy(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", spy)
    with pytest.raises(IntegrityError):
        preflight(made.path, made.password, made.packed, made.trusted, [script(text)])
    assert [process.poll() is not None for process in started] == [True]


def test_programs_found_on_path():
    found = installed(lambda name: f"/opt/{name}" if name in ("7zz", "bsdtar") else None)
    names = [program.name for program in found]
    assert names == (["7-Zip", "bsdtar"] if os.name == "posix" else ["7-Zip"])
    assert Path(found[0].command[0]) == Path("/opt/7zz")
    assert not any(word.startswith(("-p", "--pass")) for item in found for word in item.command)


# --- how many symbols another decoder reads ----------------------------------------------


def eager(read):
    """A decoder that counts its calls."""
    asked = []

    def decode(picture):
        asked.append(1)
        return read(picture)

    return asked, decode


@pytest.mark.parametrize("name", ["png", "pdf-sheet"])
def test_symbols_are_read_all_or_a_sample_that_is_stated(maker, monkeypatch, name):
    made = maker(profile=builtin(name), serials=(Range(3, 7), Range(11, 40)), unit_size=20)
    monkeypatch.setattr(module, "ALL_UP_TO", 30)
    monkeypatch.setattr(module, "SAMPLE", 7)
    for full, number, said in (
        (False, 7, "7 of 35 symbols, chosen at random, read back"),
        (True, 35, "all 35 symbols read back"),
    ):
        asked, decode = eager(reading.decode)
        monkeypatch.setattr(reading, "decode", decode)
        choose = depth(os.urandom, full=full)
        done = preflight(made.path, made.password, made.packed, made.trusted, [], choose=choose)
        assert len(asked) == number
        assert said in done.summary
        monkeypatch.undo()
        monkeypatch.setattr(module, "ALL_UP_TO", 30)
        monkeypatch.setattr(module, "SAMPLE", 7)


def test_of_few_symbols_all_are_read(maker):
    made = maker(profile=builtin("svg"))
    choose = depth(os.urandom, full=False)
    done = preflight(made.path, made.password, made.packed, made.trusted, [], choose=choose)
    assert (done.decoded, done.symbols) == (25, 25)


@pytest.mark.parametrize("name", ["svg", "pdf-sheet"])
@pytest.mark.parametrize("said", [None, b"https://q.example.cn/0000000000000000"])
def test_a_symbol_that_says_something_else_fails(maker, monkeypatch, name, said):
    made = maker(profile=builtin(name))
    monkeypatch.setattr(reading, "decode", lambda _: said)
    with pytest.raises(IntegrityError):
        preflight(made.path, made.password, made.packed, made.trusted, [])


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=6),
    st.data(),
    st.integers(0, 2**32),
)
def test_a_sample_lies_within_the_serials(gaps, data, seed):
    ranges, at = [], 1
    for gap, length in gaps:
        ranges.append(Range(at + gap, at + gap + length))
        at = ranges[-1].last + 1
    everything = [serial for piece in ranges for serial in every(piece)]
    number = data.draw(st.integers(1, len(everything)))
    chosen = sampled(tuple(ranges), number, Random(seed).randbytes)
    found = [serial for piece in ranges for serial in chosen(piece)]
    assert len(set(found)) == len(found) == number
    assert set(found) <= set(everything)
    assert found == sorted(found)
    assert list(chosen(Range(1, at + 9))) == found

"""The foreign program: in parts it reads what it reads in one, and it finds wrong keys."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.packaging.preflight import archive, foreign
from mintmark.packaging.preflight.foreign import ForeignReader, Program, installed, parts
from mintmark.packaging.preflight.preflight import preflight
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.zip import keys, reader
from mintmark.packaging.zip.writer import Written

CHOOSES = Program("fake", ("x",), (), "+{}", "-{}")
RUN_HERE = installed()


def stretched(monkeypatch):
    """The salts that our own reader stretches."""
    salts, real = [], keys.stretch
    for module in (archive, reader):
        monkeypatch.setattr(
            module, "stretch", lambda salt, password: salts.append(salt) or real(salt, password)
        )
    return salts


NAMES = st.from_regex(r"\A(qr/0001/|data/)?[0-9a-z]{0,3}[02468b]\.(png|csv)\Z")


@given(st.lists(NAMES, max_size=60), NAMES, st.integers(1, 20), st.integers(1, 9))
def test_each_entry_is_in_one_part_and_its_options_choose_it(names, other, processes, least):
    entries = [Written(name, 1, "") for name in names]
    before, foreign._ENTRIES = foreign._ENTRIES, least
    try:
        found = parts(CHOOSES, entries, processes)
    finally:
        foreign._ENTRIES = before
    assert len(found) <= max(1, min(processes, len(entries) // least))
    assert sorted(e for part in found for e in part.entries) == sorted(entries)
    ends = [[option[2:] for option in part.options] for part in found]
    readers = 0
    for part, own in zip(found, ends, strict=True):
        # What the options say, in the words of the programs: only these, or all but these.
        leave = part is found[0]
        chosen = [e for e in entries if leave != any(e.name.endswith(end) for end in own)]
        assert chosen == list(part.entries)
        assert all(option[:2] == ("-*" if leave else "+*") for option in part.options)
        # bsdtar fails if it is told to read what is not there.
        assert all(any(name.endswith(end) for name in names) for end in own)
        readers += leave != any(other.endswith(end) for end in own)
    assert readers == 1, "nor is an entry left out that nobody expects"


def test_a_program_that_cannot_choose_reads_all_in_one():
    entries = [Written(f"{n}.png", 1, "") for n in range(5_000)]
    assert parts(Program("fake", ("x",)), entries, 8) == [((), entries)]


@pytest.mark.parametrize("name", ["png", "csv"])
def test_installed_programs_read_an_archive_in_parts(maker, monkeypatch, name):
    made = maker(profile=builtin(name), unit_size=2)
    monkeypatch.setattr(foreign, "_ENTRIES", 3)
    monkeypatch.setattr(foreign, "cores", lambda: 4)
    number = len(parts(CHOOSES, made.packed.entries, 5))
    assert number > 1
    assert RUN_HERE
    started, start = [], foreign._start
    monkeypatch.setattr(foreign, "_start", lambda *a: started.append(start(*a)) or started[-1])
    for count, program in enumerate(RUN_HERE, 1):
        done = preflight(made.path, made.password, made.packed, made.trusted, [program])
        assert done.reader == program.name
        assert len(started) == count * number
    assert all(process.returncode == 0 for process in started)


def test_any_entry_that_a_part_reads_otherwise_is_found(maker, monkeypatch):
    made = maker(profile=builtin("png"))
    monkeypatch.setattr(foreign, "_ENTRIES", 9)
    monkeypatch.setattr(foreign, "cores", lambda: 4)
    entries = made.packed.entries
    for at in (0, 3, 4, len(entries) - 1):
        wrong = list(entries)
        wrong[at] = wrong[at]._replace(sha256="0" * 64)
        reading = ForeignReader(RUN_HERE[0], made.path, made.password, wrong)
        with pytest.raises(IntegrityError, match=f"reads {entries[at].name} otherwise"):
            reading.require()
        reading.end()
        # An entry that nobody expects.
        reading = ForeignReader(
            RUN_HERE[0], made.path, made.password, entries[:at] + entries[at + 1 :]
        )
        with pytest.raises(IntegrityError, match="otherwise"):
            reading.require()
        reading.end()


def scripts(tmp_path, text):
    """A program that chooses, and is a script beside the real one."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n", "ascii")
    path.chmod(0o700)
    return replace(RUN_HERE[0], command=(str(path), *RUN_HERE[0].command))


@pytest.mark.skipif(os.name == "nt", reason="scripts of sh")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        # An old program that knows no such options; one that reads a part of its part.
        ('for w; do shift; case $w in -[ix]r*) ;; *) set -- "$@" "$w";; esac; done; "$@"',
         "otherwise"),
        ('"$@" | head -c 9000', "otherwise"),
        ('"$@"; echo more', "reads the end otherwise"),
        ('"$@"; exit 1', "ended with exit code 1"),
        ('"$@"; kill -9 $$', "ended with exit code -9"),
        ("exit 0", "otherwise"),
    ],
)  # fmt: skip
def test_a_program_that_chooses_or_ends_otherwise_is_no_witness(
    maker, monkeypatch, tmp_path, text, told
):
    made = maker(profile=builtin("png"))
    monkeypatch.setattr(foreign, "_ENTRIES", 9)
    monkeypatch.setattr(foreign, "cores", lambda: 2)
    assert len(parts(RUN_HERE[0], made.packed.entries, 2)) == 2
    checked = (made.path, made.password, made.packed, made.trusted)
    assert preflight(*checked, [scripts(tmp_path, 'exec "$@"')]).reader == RUN_HERE[0].name
    with pytest.raises(IntegrityError, match=told):
        preflight(*checked, [scripts(tmp_path, text)])


@pytest.mark.skipif(os.name == "nt", reason="scripts of sh")
def test_what_a_script_started_is_ended_with_it(maker, tmp_path):
    """`7z` may be a script; while the program behind it holds the pipe, reading would not end."""
    made, started = maker(), tmp_path / "started"
    os.mkfifo(started)
    program = scripts(tmp_path, f"sleep 1000 & echo > {started}; wait")
    reading = ForeignReader(program, made.path, made.password, made.packed.entries)
    assert started.read_text("ascii") == "\n"
    reading.end()
    with pytest.raises(IntegrityError, match="otherwise"):
        reading.require()


# --- whose keys our own reader takes (docs/adr/0037) ---------------------------------------


def test_with_a_foreign_program_only_the_papers_are_stretched_again(maker, monkeypatch):
    made = maker(profile=builtin("png"))
    salts = stretched(monkeypatch)
    preflight(made.path, made.password, made.packed, made.trusted, RUN_HERE)
    assert 0 < len(salts) <= 8
    salts.clear()
    preflight(made.path, made.password, made.packed, made.trusted, [])
    assert len(set(salts)) == len(made.packed.entries)


@pytest.mark.parametrize("program", [None, *RUN_HERE], ids=lambda found: found and found.name)
@pytest.mark.parametrize(
    ("which", "gone"),
    [
        *((0, "verifier"), (9, "verifier"), (24, "verifier"), (9, "cipher")),
        # Nobody decrypts with this key: only the tag tells of it.
        *((0, "tag"), (24, "tag")),
    ],
)
def test_wrong_keys_of_any_entry_are_found(maker, monkeypatch, which, gone, program):
    """PBKDF2 gone wrong in the writer, once: all that it writes fits its own wrong keys."""
    real, asked = keys.stretch, []

    def wrong(salt, password):
        asked.append(salt)
        made = real(salt, password)
        if len(asked) - 1 == which:
            return made._replace(**{gone: bytes(len(getattr(made, gone)))})
        return made

    monkeypatch.setattr(keys, "stretch", wrong)
    monkeypatch.setattr(keys, "cores", lambda: 1)
    made = maker(profile=builtin("png"))
    monkeypatch.undo()
    programs = [] if program is None else [program]
    told = "reads .* otherwise|exit code" if programs else "not as it was made"
    with pytest.raises(IntegrityError, match=told):
        preflight(made.path, made.password, made.packed, made.trusted, programs)


def test_keys_of_another_password_are_not_taken(maker, monkeypatch):
    made, other = maker(), maker()
    salts = stretched(monkeypatch)
    packed = replace(made.packed, keys=other.packed.keys)
    preflight(made.path, made.password, packed, made.trusted, RUN_HERE)
    assert len(set(salts)) == len(made.packed.entries)

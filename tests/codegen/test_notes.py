"""A small file of the home is read as it was written, or not at all."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen import notes

DOCUMENT = {"after": 17, "backend": "https://scan.example.com", "more": [None, {"b": 1, "a": True}]}
MOST = 1_000


def test_what_was_written_is_read(tmp_path):
    notes.write(tmp_path / "a.json", DOCUMENT)
    assert notes.read(tmp_path / "a.json", MOST) == DOCUMENT
    assert notes.read(tmp_path / "a.json", MOST, set(DOCUMENT)) == DOCUMENT


@given(st.data())
def test_a_flipped_bit_changes_nothing_or_is_told(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("notes") / "a.json"
    whole = bytearray(notes.dump(notes.with_check(DOCUMENT)))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    try:
        found = notes.read(path, MOST, set(DOCUMENT))
    except ValueError:
        return
    assert found == DOCUMENT  # white space has changed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"a"',
        "[" * 900,
        '{"after": 1}',
        json.dumps({**DOCUMENT, "further": 1}),
        json.dumps({**DOCUMENT, "check": None}),
        json.dumps({**DOCUMENT, "more": "a" * MOST}),
        json.dumps({**DOCUMENT, "after": 18, "check": notes.with_check(DOCUMENT)["check"]}),
    ],
)
def test_what_is_not_whole_is_not_read(tmp_path, text):
    (tmp_path / "a.json").write_text(text, "ascii")
    with pytest.raises(ValueError):
        notes.read(tmp_path / "a.json", MOST, set(DOCUMENT))


def test_a_file_of_an_earlier_version_has_no_checksum(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(DOCUMENT), "ascii")
    assert notes.read(tmp_path / "a.json", MOST, set(DOCUMENT)) == DOCUMENT


def test_what_is_no_file_is_not_read(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ValueError):
        notes.read(tmp_path / "a.json", MOST)
    with pytest.raises(FileNotFoundError):
        notes.read(tmp_path / "b.json", MOST)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "c.json")
        with pytest.raises(ValueError):
            notes.read(tmp_path / "c.json", MOST)

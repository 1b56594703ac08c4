"""Running commands over what was harmed, and judging what they say."""

import contextlib
import io
import json
import re
import sys
from dataclasses import dataclass
from unittest import mock

from torture.flip_world import watched

from mintmark import cli
from mintmark.codegen.errors import MintmarkError

_CODE = re.compile(r"[0-9A-Z]{16}")
_VAGUE = (
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"\b[0-9a-f]{16,128}\b"), "HEX"),
    (re.compile(r"[0-9.]+ GB free"), "FREE"),
)
_IDS = (re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{8,12}\b"), "ID")


@dataclass(frozen=True)
class Answer:
    """What a command said: its exit code, and its answer without what differs every time."""

    exit: int
    text: str
    error: str


def ask(root, words, codes, stdin="", *, ids=True):
    """Run a command; asserts what holds for every command, whatever was harmed.

    `ids`: those in the answer are the same each time.
    """
    out, err = io.StringIO(), io.StringIO()
    source = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with (
        contextlib.chdir(root),
        mock.patch.object(sys, "stdin", source),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli.run(["--home", "home", *words, "--json", "--verbose"])
    said, told = out.getvalue(), err.getvalue()
    assert code != 1, told
    shown = codes.intersection(_CODE.findall(said + told))
    assert not shown, f"{len(shown)} codes shown"
    return Answer(code, _plain(said, root, ids=ids), _error(code, said, told))


def watch(root, codes):
    """What a hot folder's watcher logs in a few looks."""
    try:
        logged = repr(watched(root))
    except (MintmarkError, OSError) as error:
        return Answer(getattr(error, "exit_code", 6), "", str(error))
    assert "this is a bug" not in logged
    assert not codes.intersection(_CODE.findall(logged))
    return Answer(0, _plain(logged, root, ids=True), "")


def _error(code, said, told):
    if said:
        return ""
    document = json.loads(told.strip().splitlines()[-1])
    assert document["exit"] == code
    assert document["error"].splitlines() == [document["error"]]
    assert document["hint"].strip()
    return document["error"]


def _plain(text, root, *, ids):
    text = text.replace(str(root), "ROOT")
    for pattern, word in (*_VAGUE, *([] if ids else [_IDS])):
        text = pattern.sub(word, text)
    return text

"""Running commands over what was harmed, and judging what they say."""

import contextlib
import io
import json
import logging
import re
import sys
from dataclasses import dataclass
from unittest import mock

from contract_worlds import answering, backend_named
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


@contextlib.contextmanager
def backend(root):
    """The backend of the folder `root`, and that it logs no traceback; yields if it serves."""
    with contextlib.ExitStack() as stack:
        logged = stack.enter_context(_logged())
        try:
            url = stack.enter_context(answering("real", root))
        except MintmarkError as error:
            refused = error
        else:
            refused = None
            stack.enter_context(backend_named(url))
        if refused is not None:
            assert refused.hints
            assert refused.exit_code in (5, 6)
        yield refused is None
        assert not [record for record in logged if record.exc_info], logged


@contextlib.contextmanager
def _logged():
    """What is logged meanwhile, by uvicorn too."""
    records = []
    keeper = logging.Handler()
    keeper.emit = records.append
    loggers = [logging.getLogger(name) for name in ("", "uvicorn.error")]
    for logger in loggers:
        logger.addHandler(keeper)
    try:
        yield records
    finally:
        for logger in loggers:
            logger.removeHandler(keeper)


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

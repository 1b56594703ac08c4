"""A shared home with a batch, and the switch of its ledger."""

import json

import pytest
from away_kit import shared_home

from mintmark import cli


@pytest.fixture
def made(tmp_path, monkeypatch):
    home, (batch,), switch = shared_home(tmp_path, monkeypatch)
    yield home, batch, switch
    home.close()


@pytest.fixture
def run(made, capsys):
    """Runs a command with --json; its exit code, the object it printed, and stderr."""
    home, _, _ = made

    def call(*words):
        code = cli.run(["--home", str(home.path), *words, "--json"])
        told = capsys.readouterr()
        lines = [json.loads(line) for line in told.out.splitlines()]
        error = [json.loads(line) for line in told.err.splitlines()]
        return code, (lines or error or [None])[0]

    return call

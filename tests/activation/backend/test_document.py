"""docs/activation-api.md as a stranger meets it: without a home, with a shell, curl, the page."""

import hmac
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from backend_kit import BACKEND_KEY
from patience import PATIENCE
from print_kit import program

from mintmark.activation.backend.beside_home import TRIAL_KEY, ServeRequest, Trust, serve
from mintmark.activation.backend.database import FILE, sqlite_url
from mintmark.activation.backend.store import Store
from mintmark.codegen.codes.fingerprint import key_id
from mintmark.codegen.errors import EnvironmentFailure, NotFound
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.station.keys import read_fingerprint_key, write_fingerprint_key

DOCUMENT = (Path(__file__).parents[3] / "docs/activation-api.md").read_text("utf-8")
TRIAL = DOCUMENT.partition("## To try it")[2].partition("## The reference backend in service")[0]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def stranger(tmp_path):
    """A machine without a home, where `mintmark` is on the path."""
    command = tmp_path / "bin" / "mintmark"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mintmark "$@"\n', "ascii")
    command.chmod(0o700)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINTMARK_")}
    path = os.pathsep.join((str(command.parent), os.environ["PATH"]))
    return environment | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PATH": path}


def test_a_stranger_runs_every_block_as_it_stands(stranger, tmp_path):
    """In one shell, in their order; only the port is another, for it may be taken here."""
    blocks = re.findall(r"```sh\n(.*?)```", TRIAL, re.DOTALL)
    port, _ = str(free_port()), program("curl")
    script = "".join(f"{block}\necho; echo ---\n" for block in blocks).replace("8765", port)
    done = subprocess.run(
        [program("bash"), "-c", f"set -e\ntrap 'kill $!; wait $!' EXIT\n{script}"],
        cwd=tmp_path,
        env=stranger,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [text.strip() for text in done.stdout.split("---")]
    health, batch, upload, order, window, packed, page, parents, *watched, scan, scan_in = (
        json.loads(text or "null") for text in answers[:-1]
    )
    key = read_fingerprint_key(tmp_path / "backend" / TRIAL_KEY)
    assert health["fingerprint_key_id"] == batch["fingerprint_key_id"] == key_id(key)
    assert (upload, order["applied_count"], scan["result"]) == (None, 500, "unknown")
    assert (window["action"], window["applied_count"]) == ("assign", 100)
    assert watched == [
        *({"refused": [], "next": None}, {"repeats": [], "next": None}),
        {"batch": "7Q2M-0K4T9WXA", "regions": [], "next": None},
    ]
    held = [(piece["serials"], piece["state"], piece["held"]) for piece in page["ranges"]]
    assert held == [
        *(([1, 400], "active", 400), ([401, 500], "inactive", 0)),
        *(([501, 600], "active", 100), ([601, 1000], "inactive", 0)),
    ]
    shown = json.loads(re.search(r"```json\n(\{\"order\".*?\})\n```", TRIAL, re.DOTALL)[1])
    assert order == shown
    shown = re.findall(r"```json\n(\{.*?\})\n```", TRIAL, re.DOTALL)
    assert [json.loads(text) for text in shown if '"links"' in text] == [parents]
    assert packed in map(json.loads, shown)
    (told,) = [json.loads(text) for text in shown if '"opened_count"' in text]
    assert scan_in == told | {"at": scan_in["at"]}
    (told,) = [json.loads(text) for text in shown if '"held"' in text]
    values = [[part[key] for key in ("serials", "state", "attributes")] for part in told["ranges"]]
    assert values == [
        [part[key] for key in ("serials", "state", "attributes")] for part in page["ranges"]
    ]
    assert "no home: a trial, with the fingerprint key backend/trial.key" in done.stderr
    assert key.reveal().hex() not in done.stdout + done.stderr


def test_without_its_packages_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "mintmark.activation.backend.serve", raising=False)
    request = ServeRequest(tmp_path, None, "127.0.0.1", 0, 1)
    with pytest.raises(EnvironmentFailure) as missing:
        serve(Invocation(home=tmp_path / "none"), request, Trust(True, None, None, False))
    assert "mintmark[backend]" in missing.value.hints[0]


def refused(tmp_path, data, *, unsigned=True):
    invocation = Invocation(home=tmp_path / "none")
    database = None if data else "postgresql:///nobody"
    trust = Trust(True, None, None, unsigned)
    # On a port that is taken, so that a server which begins all the same ends.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        request = ServeRequest(data, database, "127.0.0.1", taken.getsockname()[1], 1)
        with pytest.raises(NotFound) as caught:
            serve(invocation, request, trust)
    return caught.value


def test_without_a_home_only_a_trial_makes_a_key(tmp_path):
    data = tmp_path / "backend"
    for place, unsigned in ((data, False), (None, True)):
        error = refused(tmp_path, place, unsigned=unsigned)
        assert "no mintmark home" in error.message
        assert "--unsigned" in error.hints[-1]
    assert not data.exists()


def test_books_of_another_key_get_no_key_of_a_trial(tmp_path):
    """With it, not one of their codes would be known."""
    data = tmp_path / "backend"
    data.mkdir()
    Store(sqlite_url(data)).close()
    before = sorted(path.name for path in data.iterdir())
    assert FILE in before
    assert "was not made by a trial" in refused(tmp_path, data).message
    assert sorted(path.name for path in data.iterdir()) == before


def test_the_key_and_its_id_are_made_as_the_document_says(tmp_path):
    [message, example] = re.search(
        r"over the 27 bytes `([^`]+)`.*?: `([0-9a-f]{16})` for the key 00 01 02 … 1f",
        DOCUMENT,
        re.DOTALL,
    ).groups()
    assert len(message) == 27
    key = bytes(range(32))
    assert hmac.digest(key, message.encode("ascii"), "sha256")[:8].hex() == example
    assert BACKEND_KEY.reveal() == key
    assert key_id(BACKEND_KEY) == example
    write_fingerprint_key(tmp_path / "fingerprint.key", BACKEND_KEY)
    written = json.loads((tmp_path / "fingerprint.key").read_text("utf-8"))
    shown = json.loads(re.search(r'^(\{"format".*\})$', DOCUMENT, re.MULTILINE)[1])
    assert written["key"] == key.hex()
    assert (set(written), written["format"]) == (set(shown), shown["format"])


def test_the_document_names_each_problem_where_it_says_which_comes_first():
    """But those of a failure."""
    table = DOCUMENT.partition("## Which refusal comes first")[2].partition("## ")[0]
    named = set(re.findall(r"`([a-z-]+)`", table))
    problems = set(re.findall(r"^\| `([a-z-]+)` \| \d{3} \|", DOCUMENT, re.MULTILINE))
    assert problems - named == {"unavailable", "internal"}

"""The folder for a backend's team: all that they need is in it, and no more than they may have."""

import hashlib
import hmac
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from contract_worlds import backend_named, command
from patience import PATIENCE
from sealing import HANDED_OUT

from mintmark import cli
from mintmark.activation.backend.senders import FileSenders
from mintmark.activation.handover import export as exporting
from mintmark.activation.handover.contents import VECTORS
from mintmark.codegen.codes.spec import ALPHABETS
from mintmark.codegen.file_systems import Mount

# Whether the reference backend keeps all of the contract is asked elsewhere.
AREAS = ("--only", "register", "--only", "scans.once")
SERVE, CHECK = "mintmark backend serve ", "mintmark backend check http://127.0.0.1:8000 "


@pytest.fixture(scope="module")
def world(worlds, tmp_path_factory):
    """A home with lines `default` and `line-2`, and its folder; line `gone` is revoked."""
    root = tmp_path_factory.mktemp("handover") / "world"
    worlds.copy("packaged", root)
    command(root, "key", "new", "line-2")
    gone = command(root, "key", "new", "gone")["key_id"]
    command(root, "key", "revoke", gone, "--reason", "PC stolen")
    command(root, "key", "export", "--backend", "handover")
    return root


def process(root, words):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MINTMARK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "mintmark", *words],
        cwd=root,
        env={**inherited, "MINTMARK_HOME": "nowhere"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def read(world, name):
    return json.loads((world / "handover" / name).read_text("ascii"))


def key_of(world):
    return bytes.fromhex(read(world, "fingerprint.key")["key"])


# --- what is in it ----------------------------------------------------------------------


def test_the_answer_lists_the_files_that_are_there(world):
    answer = command(world, "key", "export", "--backend", "again")
    files = (path for path in (world / "again").rglob("*") if path.is_file())
    found = {path.relative_to(world / "again").as_posix() for path in files}
    assert sorted(answer["files"]) == sorted(found)
    assert Path(answer["folder"]) == world / "again"
    assert answer["fingerprint_key_id"] == read(world, "health.json")["fingerprint_key_id"]
    assert all(name.isascii() for name in found)
    assert {name: (world / "again" / name).read_bytes() for name in found - {"README.txt"}} == {
        name: (world / "handover" / name).read_bytes() for name in found - {"README.txt"}
    }


def test_the_lines_are_those_that_may_sign_and_the_backend_reads_them(world):
    path = world / "handover" / "lines.toml"
    lines = tomllib.loads(path.read_text("utf-8"))["line"]
    assert [line["name"] for line in lines] == ["default", "line-2"]
    assert lines == command(world, "key", "export")["line"]
    senders = FileSenders(path)
    assert all(senders(line["key_id"]).actions is None for line in lines)


def test_platforms_stand_beside_the_lines_and_the_limits_are_comments_that_hold(world):
    app = command(world, "key", "new", "--platform", "guide-app")
    command(world, "key", "export", "--backend", "with-app")
    path = world / "with-app" / "lines.toml"
    text = path.read_text("ascii")
    platform = FileSenders(path)(app["key_id"])
    assert (platform.name, platform.platform, platform.parties) == ("guide-app", True, None)
    assert not platform.actions
    # As the backend's operator narrows them down: what is proposed there is understood.
    path.write_text(re.sub(r"^# (?=[a-z]+ = )", "", text, flags=re.MULTILINE), "ascii")
    narrow = FileSenders(path)
    platform = narrow(app["key_id"])
    assert (platform.parties, platform.attributes) == ({"guide", "store"}, {"dealer": "D7"})
    assert platform.actions == {"scan_in"}
    assert platform.batches == ("K7QM-*",)
    lines = tomllib.loads(path.read_text("ascii"))["line"]
    assert all(narrow(line["key_id"]).attributes == {"dealer": "D7"} for line in lines)
    command(world, "key", "revoke", app["key_id"], "--reason", "closed")


def test_the_key_is_the_homes_in_the_form_that_every_command_reads(world):
    copy, own = world / "handover" / "fingerprint.key", world / "home" / "keys" / "fingerprint.key"
    assert copy.read_bytes() == own.read_bytes()


def test_id_health_and_self_check_follow_from_the_key_by_hmac_alone(world):
    key = key_of(world)
    key_id = hmac.digest(key, b"mintmark fingerprint key id", "sha256")[:8].hex()
    assert (world / "handover" / "fingerprint-key-id.txt").read_text("ascii") == f"{key_id}\n"
    scheme = "hmac-sha256-128"
    assert read(world, "health.json") == {
        "api": "v1",
        "scheme": scheme,
        "fingerprint_key_id": key_id,
    }
    check = read(world, "self-check.json")
    assert (check["scheme"], check["key_id"]) == (scheme, key_id)
    assert {item["rule"] for item in check["fingerprints"]} == {"upper", "crockford32"}
    for item in check["fingerprints"]:
        made = hmac.new(key, item["canonical"].encode("ascii"), hashlib.sha256).digest()[:16]
        assert item["fingerprint"] == made.hex()


def test_what_is_checked_with_the_key_can_be_no_code(world):
    allowed = set("".join(ALPHABETS.values())) | set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    for item in read(world, "self-check.json")["fingerprints"]:
        assert set(item["canonical"]) - allowed


def test_vectors_and_api_are_the_projects_own(world):
    for name in VECTORS:
        found = (world / "handover" / "vectors" / name).read_bytes()
        assert found == (HANDED_OUT / name).read_bytes()
    assert {path.name for path in HANDED_OUT.iterdir()} == set(VECTORS)
    api = yaml.safe_load((world / "handover" / "openapi.yaml").read_text("utf-8"))
    assert "/v1/orders/{order}" in api["paths"]


def test_only_the_key_file_holds_the_key_and_it_is_its_owners_alone(world):
    folder, key = world / "handover", key_of(world)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert (key in data or key.hex().encode() in data.lower()) is (
            path.name == "fingerprint.key"
        )
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in (".", "fingerprint.key")]
    assert os.name == "nt" or modes == [0o700, 0o600]


def test_nothing_that_is_said_holds_the_key(world, capsys, monkeypatch):
    monkeypatch.chdir(world)
    assert cli.run(["--home", "home", "key", "export", "--backend", "said"]) == 0
    out, err = capsys.readouterr()
    assert key_of(world).hex() not in out + err
    for word in ("secret", "encrypted", "no mail", "who has the key", read(world, "health.json")):
        text = word if isinstance(word, str) else word["fingerprint_key_id"]
        assert text in out


# --- the README ---------------------------------------------------------------------------


@pytest.fixture
def readme(world):
    return (world / "handover" / "README.txt").read_bytes().decode("utf-8-sig")


def test_chinese_comes_first_and_every_file_is_explained_in_both(world, readme):
    assert "\n" not in readme.replace("\r\n", "")
    chinese, english = readme.split("mintmark: for the team")
    assert re.search("[一-鿿]", english) is None
    files = (path for path in (world / "handover").rglob("*") if path.is_file())
    for text in (chinese, english):
        assert not [path.name for path in files if path.name not in text]
        assert text.count(read(world, "health.json")["fingerprint_key_id"]) == 3
        assert "$" not in text


def commands(text, beginning=""):
    lines = (line.removeprefix(" " * 5) for line in text.splitlines() if line.startswith(" " * 5))
    return [line for line in lines if line.startswith(beginning)]


def test_both_languages_name_the_same_commands(readme):
    chinese, english = readme.split("mintmark: for the team")
    assert len(commands(chinese)) == 6
    assert commands(chinese) == commands(english)


@contextmanager
def served(world, readme, *more):
    """The reference backend, by the README's command, in a folder without a home."""
    (line,) = set(commands(readme, SERVE))
    words = shlex.split(line)[1:]
    words[words.index("--port") + 1] = "0"
    child = process(world / "handover", [*words, "--data", str(world / "scan"), *more])
    try:
        yield re.search(r"http://\S+", child.stderr.readline())[0]
    finally:
        child.terminate()
        child.communicate(timeout=PATIENCE)


def test_a_backend_with_these_files_takes_the_homes_signed_orders(world, readme):
    with served(world, readme) as url:
        (batch,) = (item["batch"] for item in command(world, "batch", "list")["batches"])
        with urllib.request.urlopen(f"{url}/v1/health", timeout=PATIENCE) as answer:
            assert read(world, "health.json").items() <= json.load(answer).items()
        order = ("activate", batch, "--serials", "1-10")
        with backend_named(url):
            for line in ("default", "line-2"):
                done = command(world, *order, "--line", line)
                assert done["delivery"] == "acknowledged"
                order = ("freeze", *order[1:])


@pytest.mark.parametrize(
    ("beginning", "more"), [(CHECK, ("--unsigned",)), ("mintmark --home trial backend check ", ())]
)
def test_the_checks_run_as_they_are_written(world, readme, beginning, more):
    """The second with the home for the trial's: the backend has its folder."""
    (line,) = set(commands(readme, beginning))
    with served(world, readme, *more) as url:
        words = re.sub(r"https?://\S+", url, line).replace("--home trial", "--home ../home")
        child = process(world / "handover", [*shlex.split(words)[1:], *AREAS, "--json"])
        out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, out + err
    results = {item["result"] for item in json.loads(out)["clauses"]}
    assert "pass" in results
    assert "fail" not in results


# --- refusals -----------------------------------------------------------------------------


def test_a_home_without_a_line_that_may_sign_has_nothing_to_hand_over(
    worlds, tmp_path, monkeypatch, capsys
):
    facts = worlds.copy("fresh", tmp_path / "world")
    command(tmp_path / "world", "key", "revoke", facts["line"], "--reason", "old")
    monkeypatch.chdir(tmp_path / "world")
    assert cli.run(["--home", "home", "key", "export", "--backend", "out"]) == 3
    assert "no line" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_network_drive_is_warned_of(world, capsys, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setattr(exporting, "mount_of", lambda _: Mount("nfs4", "nas:/share"))
    assert cli.run(["--home", "home", "key", "export", "--backend", "shared"]) == 0
    assert "network drive (nfs4)" in capsys.readouterr().err

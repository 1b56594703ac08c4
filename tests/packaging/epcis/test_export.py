"""The file that `audit export` leaves: with codes only in an archive, whole or not at all."""

import json
import subprocess

import pytest
from contract_worlds import command

from mintmark import cli
from mintmark.packaging.epcis import telling

CODES = ("--with-codes", "--password-file", "new.txt", "--passphrase-file", "pass.txt")
TELL = ("audit", "export", "--epcis", "--out")


@pytest.fixture
def world(worlds, tmp_path):
    """A home with 500 active codes, and the codes of its package."""
    root = tmp_path / "world"
    facts = worlds.copy("active", root)
    return root, facts


def test_codes_are_told_into_an_archive_alone(world, seven_zip):
    root, _ = world
    plain = command(root, *TELL, "plain.jsonld")
    told = command(root, *TELL, "told.zip", *CODES)
    assert (told["events"], told["names"]) == (plain["events"], plain["names"])
    password = (root / "new.txt").read_text("ascii").strip()
    subprocess.run(
        [seven_zip, "x", "-y", "-bd", f"-p{password}", "told.zip"],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    opened = json.loads((root / "epcis.jsonld").read_text("utf-8"))
    names = [name for event in opened["epcisBody"]["eventList"] for name in event["epcList"]]
    scanned = command(root, "locate", names[6].rsplit(":", 1)[1])
    assert (scanned["serial"], scanned["state"]) == (7, "active")
    codes = {name.rsplit(":", 1)[1] for name in names}
    assert len(codes) == 500  # two of them are told of twice: they were voided
    held = (root / "plain.jsonld").read_text("utf-8") + str(told)
    assert not [code for code in codes if code in held]
    assert (root / "told.zip").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("more", [(), CODES])
def test_a_failure_leaves_no_file(world, more, monkeypatch, capsys):
    root, _ = world
    before = set(root.iterdir())

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(telling.document, "events", fail)
    monkeypatch.chdir(root)
    assert cli.run(["--home", "home", *TELL, "told", *more]) == 6
    assert "the disk is full" in capsys.readouterr().err
    assert set(root.iterdir()) == before


def test_a_key_that_does_not_open_a_batch_is_an_alarm(world, monkeypatch, capsys):
    root, _ = world
    phrase = ("--passphrase-file", "pass.txt")
    command(root, "key", "custodian", "deputy.key", *phrase)
    command(root, "key", "admit", "deputy.key.pub", "--name", "Zhao Min")
    monkeypatch.chdir(root)
    deputy = ("--custodian-key", "deputy.key")
    assert cli.run(["--home", "home", *TELL, "told.zip", *CODES, *deputy]) == 5
    assert "does not open batch" in capsys.readouterr().err
    assert not (root / "told.zip").exists()
    assert not (root / "new.txt").exists()
    shown = command(root, "audit", "show", "--limit", "1000")["events"]
    kinds = [event["body"]["kind"] for event in shown if event["type"] == "Incident"]
    assert kinds[-2:] == ["codes-told", "custodian-key-refused"]

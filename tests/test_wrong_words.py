"""What a person gave is of another kind than was asked for: the hints name the right one."""

import json
from pathlib import Path

import pytest
from contract_worlds import answering

from mintmark import cli

NEW = "--out sent --password-file new.txt --passphrase-file pass.txt"


@pytest.fixture
def refused(worlds, tmp_path, monkeypatch, capsys):
    """A command's hint, when it is refused with `code` in the world `name`."""
    facts = worlds.copy("packaged", tmp_path / "world")
    monkeypatch.chdir(tmp_path / "world")
    monkeypatch.setenv("MINTMARK_HOME", "home")

    def run(code, *argv):
        words = [word.format(**facts) for word in argv]
        assert cli.run([*words, "--json"]) == code
        hint = json.loads(capsys.readouterr().err)["hint"]
        assert cli.run(words) == code
        assert capsys.readouterr().err.endswith(f"hint: {hint}\n")
        return hint, facts

    return run


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ("batch show {package}", "name its batch: {batch}"),
        ("batch show {unit}", "name its batch: {batch}"),
        ("package show {unit}", "name its package: {package}"),
        ("package show {batch}", "see: mintmark package list --batch {batch}"),
        ("activate {batch} --unit {package}", "see: mintmark package show {package}"),
        ("activate {batch} --unit {batch}", "see: mintmark package list --batch {batch}"),
        ("activate {batch} --unit li", "see: mintmark package list"),
        ("orders show {batch}", "see: mintmark orders list --batch {batch}"),
        ("batch show li", "see: mintmark batch list"),
    ],
)
def test_an_id_of_another_kind_leads_to_the_one_that_was_meant(refused, argv, hint):
    said, facts = refused(4, *argv.split())
    assert said == hint.format(**facts)


def test_a_private_key_where_the_public_half_belongs(refused):
    said, _ = refused(5, "key", "admit", "stranger/custodian.key", "--name", "Zhao Min")
    assert said.startswith("give custodian.key.pub;")


@pytest.mark.parametrize("name", ["{archive}", "pass.txt", "empty.txt"])
def test_no_key_at_all_where_a_public_key_belongs(refused, name):
    said, _ = refused(5, "key", "admit", name, "--name", "Zhao Min")
    assert said.startswith("give the file of a custodian's public key;")


def test_a_public_key_where_the_private_half_belongs(refused):
    said, _ = refused(
        5, "export", "{batch}", "--to", "li", *NEW.split(), "--custodian-key",
        "stranger/custodian.pub",
    )  # fmt: skip
    assert said == "give the private key's file, which its custodian keeps"
    Path("c.key").write_bytes(Path("stranger/custodian.key").read_bytes())
    Path("c.key.pub").write_bytes(Path("stranger/custodian.pub").read_bytes())
    said, _ = refused(
        5, "export", "{batch}", "--to", "li", *NEW.split(), "--custodian-key", "c.key.pub"
    )
    assert said == "give c.key, which its custodian keeps"


@pytest.mark.parametrize("argv", ["trace", "reconcile {batch}"])
def test_a_question_that_a_backend_leaves_open_is_no_order(refused, argv, monkeypatch, tmp_path):
    with answering("away", tmp_path / "world") as url:
        monkeypatch.setenv("MINTMARK_BACKEND_URL", url)
        said, _ = refused(6, *argv.split())
    assert "repeat the command" in said
    assert "order" not in said

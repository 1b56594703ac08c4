"""A program in Node, written from the two pages of the formats, reads what mintmark wrote.

It opens a custodian's key file with its passphrase, and a batch of the command line to the last
code; and it takes and refuses the vectors that it should.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from node_kit import NODE
from patience import PATIENCE
from sealing import TESTS

from mintmark import cli
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys
from mintmark.codegen.station.station import Station

HERE = Path(__file__).parent
PASSPHRASE = "九个词 better than one"
OTHER = "another passphrase"
BATCHES = (
    ("--quantity", "65600"),
    ("--quantity", "40", "--alphabet", "digits", "--length", "24"),
    ("--quantity", "1", "--alphabet", "custom:-._~ABC", "--length", "64"),
)


def node(program, *words, stdin, code=0):
    done = subprocess.run(
        [NODE, str(HERE / program), *map(str, words)],
        input=stdin,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},  # node:sqlite calls itself a candidate
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


# --- the vectors ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outcomes():
    """Vector → (the vector, what the program made of it)."""
    found = {
        f"{folder}/{path.stem}": json.loads(path.read_text("ascii"))
        for folder in ("custodian-key", "sealed")
        for path in (TESTS / "vectors" / folder).glob("*.json")
    }
    made = json.loads(node("read_vectors.mjs", stdin=json.dumps(found).encode())[0])
    return {name: (vector, made[name]) for name, vector in found.items()}


def named(folder):
    return sorted(path.stem for path in (TESTS / "vectors" / folder).glob("*.json"))


@pytest.mark.parametrize("name", named("custodian-key"))
def test_it_reads_or_refuses_a_key_file_where_it_should(outcomes, name):
    vector, found = outcomes[f"custodian-key/{name}"]
    asked = found.pop("asked", None)
    if vector["expected"]:
        assert found == vector["expected"]
    else:
        assert found["refused"] == vector["refused"]
    assert asked in (None, vector["refused"] != "form")


@pytest.mark.parametrize("name", named("sealed"))
def test_it_reads_or_refuses_a_batch_as_it_should(outcomes, name):
    vector, found = outcomes[f"sealed/{name}"]
    expected = vector["expected"]
    assert found.get("codes") == expected["codes"]
    if expected["codes"] is None:
        assert (found["refused"], found["frame"]) == ("sealed", expected["frame"])
    # It reads no run.
    vouched = expected["digests"] or name == "run-flipped"
    assert found["vouched"] == bool(vouched and expected["codes"])


# --- a real home ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(root, batches): a home made by the command line, its keys at their real cost."""
    root = tmp_path_factory.mktemp("world")
    (root / "pass.txt").write_bytes(b"\xef\xbb\xbf" + f"{PASSPHRASE}\r\nmore\n".encode())
    (root / "other.txt").write_text(OTHER, "ascii")
    key, words = str(root / "custodian.key"), ("--passphrase-file", str(root / "pass.txt"))
    command(root, "init", "--custodian-key", key, *words)
    batches = [mint(root, *batch) for batch in BATCHES]
    deputy = str(root / "deputy.key")
    command(root, "key", "custodian", deputy, "--passphrase-file", str(root / "other.txt"))
    command(root, "key", "admit", f"{deputy}.pub", "--name", "Zhao Min")
    ids = [
        json.loads((root / name).read_bytes())["key_id"] for name in ("custodian.key", "deputy.key")
    ]
    to = ("--to", ids[0], "--to", ids[1])
    command(root, "key", "rewrap", *to, "--batch", batches[1], "--custodian-key", key, *words)
    return root, batches


def command(root, *words):
    assert cli.run(["--home", str(root / "home"), *words]) == 0


def mint(root, *words):
    before = {path.name for path in (root / "home" / "vault").iterdir()}
    command(root, "mint", "--accept-weak", *words)
    (made,) = {path.name for path in (root / "home" / "vault").glob("*.mint.json")} - before
    return made.removesuffix(".mint.json")


def unsealed(root, batch, key_file, passphrase):
    """The codes, by mintmark."""
    station = Station(root / "home", operator=None, now=utc_now)
    custodian = keys.read_custodian_key(root / key_file, lambda: Secret(passphrase.encode()))
    reader = station.vault.unseal(
        batch,
        station.station_keys,
        station.wrap_keys,
        custodian.public.key_id,
        custodian.sealing,
    )
    blocks = reader.codes(Range(1, reader.header.quantity))
    codes, length = b"".join(block for _, block in blocks).decode("ascii"), reader.header.length
    station.close()
    return [codes[at : at + length] for at in range(0, len(codes), length)]


def words(root, batch, key_file="custodian.key"):
    home = root / "home"
    return (
        *(home / "ledger.db", home / "vault", batch, root / key_file),
        home / "keys" / "fingerprint.key",
    )


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_every_code_of_a_minted_batch_is_read(world, number):
    root, batches = world
    batch, given = batches[number], (root / "pass.txt").read_bytes()
    out, _ = node("read_sealed.mjs", *words(root, batch), stdin=given)
    codes = unsealed(root, batch, "custodian.key", PASSPHRASE)
    assert len(codes) == int(BATCHES[number][1])
    assert out.splitlines() == codes


def test_a_deputy_reads_what_a_custodian_wrapped_anew(world):
    root, batches = world
    out, _ = node("read_sealed.mjs", *words(root, batches[1], "deputy.key"), stdin=OTHER.encode())
    assert out.splitlines() == unsealed(root, batches[1], "deputy.key", OTHER)
    _, why = node(
        *("read_sealed.mjs", *words(root, batches[0], "deputy.key")), stdin=OTHER.encode(), code=5
    )
    assert "not sealed to this custodian" in why


def test_the_passphrase_alone_opens_it(world):
    root, batches = world
    for given in (b"", f"{PASSPHRASE} ".encode(), PASSPHRASE.encode("gb18030")):
        out, why = node("read_sealed.mjs", *words(root, batches[2]), stdin=given, code=5)
        assert not out
        assert "wrong passphrase" in why

"""The snippets of docs/snippets, each run in its language on the shared vectors."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SNIPPETS, VECTORS = ROOT / "docs" / "snippets", ROOT / "activation" / "vectors"
# A snippet is tested if its language is installed.
RUNTIMES = {
    "backend.py": [sys.executable],
    "backend.mjs": [shutil.which("node")],
    # A small heap is enough: java compiles the file as it runs it.
    "Backend.java": [shutil.which("java"), "-Xmx128m"],
}
INSTALLED = [name for name, command in RUNTIMES.items() if command[0]]

# The names of two backends with the same keys. The vectors' requests are signed for the first.
OURS, OTHERS = "www.example.com scan.example.com", "scan-test.example.com example.com"


def load(name):
    return json.loads((VECTORS / name).read_text("utf-8"))


def questions():
    """(question, answer), from the vectors."""
    for vector in load("canonical.json"):
        text = vector["text"].encode("utf-8").hex()
        yield f"canonical\t{vector['rule']}\t{text}", vector["canonical"] or "-"
    document = load("fingerprints.json")
    for vector in document["fingerprints"]:
        yield f"fingerprint\t{document['key']}\t{vector['canonical']}", vector["fingerprint"]
    document = load("signatures.json")
    (key,) = [key for key in document["keys"] if "public_key" in key]
    for vector in document["vectors"]:
        headers = {name.lower(): text for name, text in vector["headers"].items()}
        if '"factory-1"' in headers["signature-input"]:
            continue  # the shared secret: the snippets know one Ed25519 key
        fields = [str(vector["now"]), vector["method"]]
        fields += [headers["host"], vector["path"], vector["query"]]
        fields += [headers.get("content-digest", ""), headers["signature-input"]]
        fields += [headers["signature"], vector["body"].encode("utf-8").hex()]
        for hosts in (OURS, OTHERS):
            good = vector["good"] and hosts is OURS
            words = ["verify", key["key_id"], key["public_key"], hosts, *fields]
            yield "\t".join(words), "good" if good else "bad"
    # A header longer than servers accept is refused, and no stack overflows.
    for inputs in ("mintmark=(" + '"a" ' * 20_000 + ")", 'mintmark=("a")' + ";a=b" * 20_000):
        yield "\t".join([*words[:-3], inputs, *words[-2:]]), "bad"


@pytest.mark.parametrize("name", INSTALLED)
def test_it_agrees_with_the_vectors(name):
    inputs, expected = zip(*questions(), strict=True)
    assert {"good", "bad", "-"} <= {*expected}
    done = subprocess.run(
        [*RUNTIMES[name], str(SNIPPETS / name)],
        input="\n".join(inputs) + "\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    triples = zip(inputs, answers, expected, strict=True)
    assert not [triple for triple in triples if triple[1] != triple[2]]


def test_every_snippet_has_a_runtime():
    assert "backend.py" in INSTALLED
    assert {path.name for path in SNIPPETS.iterdir() if path.is_file()} == set(RUNTIMES)

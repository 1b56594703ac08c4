"""The snippets of docs/snippets, each run in its language on the shared vectors.

A small program of `tests/snippets` imports the snippet, and answers a question per line.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from node_kit import NODE

ROOT = Path(__file__).resolve().parents[1]
SNIPPETS, VECTORS = ROOT / "docs" / "snippets", ROOT / "activation" / "vectors"
PROGRAMS = ROOT / "tests" / "snippets"
# Java is tested if it is installed.
INSTALLED = ["backend.py", "backend.mjs", *(["Backend.java"] if shutil.which("javac") else [])]

# The names of two backends with the same keys. The vectors' requests are signed for the first.
OURS, OTHERS = "www.example.com scan.example.com", "scan-test.example.com example.com"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Runs a snippet on questions; gives its answers."""
    folder = tmp_path_factory.mktemp("classes")
    commands = {
        "backend.py": [sys.executable, "-B", PROGRAMS / "questions.py", SNIPPETS],
        "backend.mjs": [NODE, PROGRAMS / "questions.mjs", SNIPPETS],
        # A small heap is enough.
        "Backend.java": ["java", "-Xmx128m", "-cp", folder, "Questions"],
    }
    if "Backend.java" in INSTALLED:
        sources = [SNIPPETS / "Backend.java", PROGRAMS / "Questions.java"]
        subprocess.run(["javac", "-J-Xmx256m", "-d", folder, *sources], check=True)

    def run(name, questions):
        done = subprocess.run(
            list(map(str, commands[name])),
            input="\n".join(questions) + "\n",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


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
    for key in document["keys"]:
        secret = key.get("secret", "").encode("ascii").hex()
        known = ("key", key["key_id"], key["algorithm"], key.get("public_key", secret))
        yield "\t".join(known), "known"
    for vector in document["vectors"]:
        headers = {name.lower(): text for name, text in vector["headers"].items()}
        fields = [str(vector["now"]), vector["method"]]
        fields += [headers["host"], vector["path"], vector["query"]]
        fields += [headers.get("content-digest", ""), headers["signature-input"]]
        fields += [headers["signature"], vector["body"].encode("utf-8").hex()]
        (named,) = {key["key_id"] for key in document["keys"] if key["key_id"] in fields[6]} or {""}
        for hosts in (OURS, OTHERS):
            good = vector["good"] and hosts is OURS
            yield "\t".join(["verify", hosts, *fields]), f"good {named}" if good else "bad"
    # A header longer than servers accept is refused, and no stack overflows.
    for inputs in (
        'mintmark=("a"' + ' "a"' * 20_000 + ")",
        'mintmark=("a")' + ";a=1" * 20_000,
        'mintmark=("a");a="' + "a" * 20_000,
    ):
        for length in (len(inputs), 4_096):
            words = ["verify", OURS, *fields[:6], inputs[:length], *fields[7:]]
            yield "\t".join(words), "bad"


@pytest.mark.parametrize("name", INSTALLED)
def test_it_agrees_with_the_vectors(name, answers):
    inputs, expected = zip(*questions(), strict=True)
    assert {"bad", "-", "good factory-1", "good 0a1b2c3d4e5f6071"} <= {*expected}
    triples = zip(inputs, answers(name, inputs), expected, strict=True)
    assert not [triple for triple in triples if triple[1] != triple[2]]


@pytest.mark.parametrize("name", INSTALLED)
def test_a_nonce_is_used_once_also_after_a_restart(name, answers, tmp_path):
    """Seven minutes later it is forgotten: by then its signature is too old, by any clock."""
    file, nonce = tmp_path / "nonces", 'a "nonce" of \\ 24 signs'

    def asked(*pairs):
        return answers(name, [f"nonce\t{file}\t{k}\t{n}\t{now}" for k, n, now in pairs])

    first = asked(("k", nonce, 1_000), ("k", nonce, 1_001), ("other", nonce, 1_001))
    assert first == ["fresh", "used", "fresh"]
    assert asked(("k", nonce, 1_420), ("k", "n" * 16, 1_420)) == ["used", "fresh"]
    assert asked(("k", nonce, 1_421), ("k", "n" * 16, 1_421)) == ["fresh", "used"]


def test_every_snippet_has_a_program_that_asks_it():
    # What a platform signs is tested where it is scanned with it: test_values.py.
    named = {path.name for path in SNIPPETS.iterdir() if path.is_file()}
    assert named - {"signed_scan.py"} == {
        "backend.py",
        "backend.mjs",
        "Backend.java",
    }
    assert len(list(PROGRAMS.iterdir())) == 3

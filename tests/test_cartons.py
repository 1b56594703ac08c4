"""The story of docs/cartons.md: its commands as they are written there, with real processes."""

import csv
import io
import json
import random
import re
import shlex
import shutil
from pathlib import Path

import pytest
import pyzipper
from clients_kit import INSTALLED, MODULES, SOURCES, run
from contract_worlds import answering
from node_kit import NODE

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "cartons.md").read_text("utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
BOTTLES, CAPS, CARTONS = "K7QM-3T9A2BCD", "K7QM-7H2N4PQR", "K7QM-8Z4N5P6R"
NAMES = iter((BOTTLES, CAPS, CARTONS, "pallets"))
SSCC = "069012340000000016"
READER = """
[readers.packing]
parent = "last"
per_parent = 24
"""


class Factory:
    """A home that the story's commands are typed in."""

    def __init__(self, root, processes):
        self.root, self.processes, self.names = root, processes, {}
        self.environment = {"MINTMARK_HOME": "home"}
        self.passwords = {}

    def type(self, line, code=0):
        """The JSON objects that a line of the story answers."""
        for name, own in self.names.items():
            line = line.replace(name, own)
        words = shlex.split(line)
        assert words.pop(0) == "mintmark"
        scans = ""
        if "<" in words:
            scans = (self.root / words[-1]).read_text("ascii")
            words = words[: words.index("<")]
        if words[0] == "export":
            words += ["--passphrase-file", "pass.txt"]
        if words[:2] != ["associate", "run"]:
            words.append("--json")
        ended, out, err = self.processes(words, self.root, self.environment, scans)
        assert ended == code, f"{line}\n{out}{err}"
        answers = [json.loads(answer) for answer in out.splitlines()]
        if words[0] == "mint":
            self.names[next(NAMES)] = answers[0]["batch"]
        return answers

    def addresses(self, package):
        """What the labels of a package show, by serial, as the printer opens it."""
        found = {}
        with pyzipper.AESZipFile(package["archive"]) as archive:
            archive.setpassword(self.passwords[package["package"]])
            for name in archive.namelist():
                if name.startswith("data/"):
                    rows = csv.DictReader(io.StringIO(archive.read(name).decode("ascii")))
                    found |= {int(row["serial"]): row["url"] for row in rows}
        return found


def scan(root, bottles, cartons):
    """The files of scans that a packing line would send."""
    chance = random.Random(7)

    def carton(number):
        held = [bottles[n] for n in range(number * 24 - 23, number * 24 + 1)]
        chance.shuffle(held)
        return [*held, cartons[number]]

    labels = [cartons[number] for number in range(1, 41)]
    chance.shuffle(labels)
    files = {
        "carton-1.txt": carton(1),
        "cartons-2-to-40.txt": [text for number in range(2, 41) for text in carton(number)],
        "pallet.txt": [*labels, f"]C100{SSCC}"],
        "found.txt": [bottles[100]],
    }
    for name, texts in files.items():
        (root / name).write_text("".join(f"{text}\r\n" for text in texts), "ascii")


@pytest.fixture
def factory(worlds, tmp_path, processes):
    worlds.copy("fresh", tmp_path / "world")
    made = Factory(tmp_path / "world", processes)
    with (made.root / "home" / "mintmark.toml").open("a", encoding="utf-8") as settings:
        settings.write(READER)
    with answering("real", made.root) as url:
        made.environment["MINTMARK_BACKEND_URL"] = url
        yield made


def test_the_story_goes_as_it_is_told(factory):
    told, packages = {}, {}
    for line in LINES:
        if line.startswith("mintmark associate --codes - --count 24"):
            opened = [factory.addresses(packages[n]) for n in (BOTTLES, CARTONS)]
            scan(factory.root, *opened)
        answers = factory.type(line)
        if line.startswith("mintmark export"):
            password = factory.root / shlex.split(line)[-1]
            factory.passwords[answers[0]["package"]] = password.read_bytes().strip()
            packages[line.split()[2]] = answers[0]
        told[line] = answers
    bottles, caps, cartons, pallets = map(factory.names.get, (BOTTLES, CAPS, CARTONS, "pallets"))
    run_of = next(answers for line, answers in told.items() if "associate run" in line)
    assert [answer["parent"]["serial"] for answer in run_of] == list(range(2, 41))
    assert {answer["children_count"] for answer in run_of} == {24}
    looked, did = (answers[0] for line, answers in told.items() if "--carton" in line)
    assert (looked["items_count"], looked["dry_run"]) == (960, True)
    assert (did["items_count"], did["delivery"]) == (960, "acknowledged")
    found = told["mintmark locate - < found.txt"][0]
    assert (found["batch"], found["serial"]) == (bottles, 100)
    carton, pallet = found["within"]
    assert (carton["batch"], carton["serial"]) == (cartons, 5)
    assert (pallet["batch"], pallet["sscc"]) == (pallets, SSCC)
    # No code of the pallet was ever printed, so no order concerns it; the carton was sold with it.
    assert found["attributes"]["dealer"] == carton["attributes"]["dealer"] == "D7"
    assert [other["batch"] for other in found["pairs"]] == [caps]
    assert found["package"] == packages[BOTTLES]["package"]
    judged = judge(factory.root)
    assert (judged["success"], judged["errors"]) == (True, [])
    events = json.loads((factory.root / "events.jsonld").read_text("utf-8"))["epcisBody"]
    kinds = [(event["action"], event["bizStep"]) for event in events["eventList"]]
    assert kinds.count(("ADD", "packing")) == 42
    assert kinds.count(("DELETE", "unpacking")) == 1
    # The bottle that broke, and its cap.
    assert kinds.count(("DELETE", "decommissioning")) == 2
    assert ("OBSERVE", "shipping") in kinds


def judge(root):
    """What epcis2.js says of the events that were told."""
    assert (INSTALLED / ".installed").exists(), "make .clients/.installed"
    (root / "node_modules").symlink_to(MODULES, target_is_directory=True)
    shutil.copy(SOURCES / "epcis.cjs", root)
    return json.loads(run(NODE, "epcis.cjs", "events.jsonld", folder=root))

"""The playbook's commands, run in order, section by section, as a shift leader would."""

import itertools
import re
import shlex
from pathlib import Path

import pytest
from broken_backends import Forgetful
from contract_worlds import answering
from line_kit import Backend, client, opened
from proxy import Proxy

from mintmark.activation.backend import serve
from mintmark.activation.client.wire import ScanIn
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.serials import Range

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "playbook.md").read_text("utf-8")
ORDERED = "PUT", "/v1/orders"
# (section, command) → its exit code, if it is not 0.
EXITS = {
    ("A misprint", "package receipt"): 75,  # the spoiled codes are void here, not yet there
    ("The backend is down for a day", "reconcile"): 3,  # it was restored from an older copy
    ("An answer was lost", "reconcile"): 3,  # until it is booked that it was compared
    ("Bringing a home back", "doctor"): 5,  # until it is decided
}


def sections():
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        if blocks:
            yield part.splitlines()[0], [block.splitlines() for block in blocks]


SECTIONS = dict(sections())


class Desk:
    """A home with a reel at the backend, a second one packaged, and the playbook's names."""

    def __init__(self, facts, root, processes):
        self.root, self.processes = root, processes
        self.environment = {"MINTMARK_HOME": "home"}
        self.names = {
            "K7QM-3T9A2BCD": facts["batch"],
            "K7QM-9X2C4DEF": facts["package"],
            "K7QM-5N8R2GHT": facts["unit"],
            "KEY-OF-CUSTODIAN": facts["custodian"],
        }

    def run(self, line, code):
        for name, own in self.names.items():
            line = line.replace(name, own)
        words = shlex.split(line)
        assert words.pop(0) == "mintmark"
        words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
        if words[0] == "export" or words[:2] in (["key", "custodian"], ["key", "rewrap"]):
            words += ["--passphrase-file", "pass.txt"]
        if words[0] == "export":
            words += ["--password-file", "package.password"]
        ended, out, err = self.processes(words, self.root, self.environment)
        assert ended == code, f"{line}\n{out}{err}"
        if target:
            (self.root / target).write_text(out, "utf-8")
        return out


@pytest.fixture
def desk(worlds, tmp_path, processes):
    return Desk(worlds.copy("active", tmp_path / "world"), tmp_path / "world", processes)


def expected(section, line):
    for (heading, command), code in EXITS.items():
        if heading == section and line.startswith(f"mintmark {command}") and "--apply" not in line:
            return code
    return 0


@pytest.mark.parametrize("section", ["A reel is lost", "A misprint", "The wrong lot was activated"])
def test_a_mistake_is_corrected(section, desk):
    with answering("real", desk.root) as url:
        desk.environment["MINTMARK_BACKEND_URL"] = url
        for line in itertools.chain(*SECTIONS[section]):
            desk.run(line, expected(section, line))
        assert "agree" in desk.run("mintmark reconcile K7QM-3T9A2BCD", 0)


@pytest.fixture
def sold(worlds, tmp_path, processes):
    """Ten bottles for Zhejiang: one scanned in Jiangsu, all of them stopped, it scanned again."""
    desk = Desk(worlds.copy("sold", tmp_path / "world"), tmp_path / "world", processes)
    with answering("real", desk.root) as url:
        desk.environment["MINTMARK_BACKEND_URL"] = url
        yield desk


def test_a_stolen_reel_is_scanned(sold):
    look, stop = SECTIONS["A stolen reel is being scanned"]
    told = [sold.run(line, 0) for line in look]
    assert "STOPPED" in told[0]
    assert "D-7" in told[1]
    for line in stop:
        sold.run(line, 0)
    sold.run("mintmark activate --unit K7QM-5N8R2GHT", 3)


def test_goods_are_in_the_wrong_province(sold):
    look, allow = SECTIONS["Goods in the wrong province"]
    told = [sold.run(line, 0) for line in look]
    assert "DIVERTED" in told[0]
    assert all("D-7" in out for out in told[:3])
    for line in allow:
        sold.run(line, 0)
    assert "DIVERTED" not in sold.run("mintmark trace", 0)


def test_the_key_of_a_platform_is_lost(sold):
    renew, undo = SECTIONS["A platform's key is lost"]
    sold.run("mintmark key new guide-app --platform", 0)
    out = sold.run("mintmark key list", 0)
    (old,) = re.findall(r"([0-9a-f]{16})  platform", out)
    sold.names["KEY-OF-PLATFORM"] = old
    for line in renew:
        sold.run(line, 0)
    exported = (sold.root / "lines.toml").read_text("utf-8")
    assert "guide-app-2" in exported
    assert old not in exported
    url, batch = sold.environment["MINTMARK_BACKEND_URL"], sold.names["K7QM-3T9A2BCD"]
    with opened(sold.root / "home") as station, client(url, station) as other:
        other.put_scan_in(ScanIn("night", "D-7", (), (CodeRanges(batch, (Range(1, 5),)),)))
    told = [sold.run(line, 0) for line in undo]
    assert "5 codes" in told[1]
    sold.run("mintmark find --where 'scanned_in>=2026-11-20'", 4)  # none any more


def test_the_backend_comes_back_without_its_data(desk, tmp_path):
    down, back = SECTIONS["The backend is down for a day"]
    desk.environment["MINTMARK_BACKEND_URL"] = "http://127.0.0.1:9"
    desk.run("mintmark activate K7QM-3T9A2BCD --serials 501-600", 75)
    for line in down:
        desk.run(line, 75 if line == "mintmark deliver" else 0)
    (desk.root / "scan-backend").rename(tmp_path / "lost")
    with answering("real", desk.root) as url:
        desk.environment["MINTMARK_BACKEND_URL"] = url
        for line in back:
            desk.run(line, expected("The backend is down for a day", line))
        desk.run("mintmark reconcile K7QM-3T9A2BCD", 0)


def test_an_answer_is_lost_at_a_backend_that_forgets(desk, monkeypatch):
    (commands,) = SECTIONS["An answer was lost"]
    lost = ["drop answer"]

    def fault(request):
        return lost.pop() if lost and (request.method, request.path[:10]) == ORDERED else ""

    monkeypatch.setattr(serve, "Store", Forgetful)
    with (
        Backend(desk.root / "scan-backend", desk.root / "home") as backend,
        Proxy(backend.url, fault) as proxy,
    ):
        desk.environment["MINTMARK_BACKEND_URL"] = backend.url
        desk.run("mintmark freeze K7QM-3T9A2BCD --serials 1", 0)
        desk.environment["MINTMARK_BACKEND_URL"] = proxy.url
        desk.run("mintmark activate K7QM-3T9A2BCD --serials 501-600", 75)
        assert "1 refused" in desk.run("mintmark deliver", 6)
        told = [desk.run(line, expected("An answer was lost", line)) for line in commands]
        assert "in doubt" in told[0]
        assert "perhaps applied before: this backend forgets orders" in told[1]
        desk.run("mintmark reconcile K7QM-3T9A2BCD", 0)


def test_a_deputy_exports_while_the_custodian_is_away(desk):
    prepare, check = SECTIONS["The custodian is absent"]
    for line in prepare:
        out = desk.run(line, 0)
        if line == "mintmark key list":
            (deputy,) = re.findall(r"^([0-9a-f]{16})  custodian  Zhao Min", out, re.MULTILINE)
            desk.names["KEY-OF-DEPUTY"] = deputy
    (desk.root / "custodian.key").unlink()
    for line in check:
        desk.run(line, 0)
    assert list((desk.root / "outbox").glob("*.zip"))


def test_an_older_copy_is_noticed_and_its_batches_are_retired(worlds, tmp_path, processes):
    root = tmp_path / "world"
    desk = Desk(worlds.copy("older", root), root, processes)
    ask, decide = SECTIONS["Bringing a home back"]
    with answering("real", root) as url:
        desk.environment["MINTMARK_BACKEND_URL"] = url
        for line in ask:
            assert "older copy" in desk.run(line, expected("Bringing a home back", line))
        for line in decide:
            desk.run(line, 0)


def test_every_section_is_run():
    run = {"A reel is lost", "A misprint", "The wrong lot was activated"}
    run |= {"The backend is down for a day", "An answer was lost", "The custodian is absent"}
    run |= {"Bringing a home back", "A stolen reel is being scanned"}
    run |= {"Goods in the wrong province", "A platform's key is lost"}
    assert set(SECTIONS) == run

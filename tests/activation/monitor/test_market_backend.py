"""The market watched through the command line, with the reference backend and real scans."""

import json

import pytest
from line_kit import Backend, client, home_with_batches

from mintmark import cli
from mintmark.codegen.station import keys


class Watch:
    """A home of 300 codes, 1 to 200 in a package; a backend; commands as people give them."""

    def __init__(self, tmp_path, backend, home, batch, capsys):
        self.home, self.batch, self.backend, self.capsys = home, batch, backend, capsys
        self.codes = home.codes(batch)

    def do(self, *words, code=0):
        assert cli.run(["--home", str(self.home.path), "--json", *words]) == code
        return json.loads(self.capsys.readouterr().out)

    def read(self, *words):
        assert cli.run(["--home", str(self.home.path), *words]) == 0
        return self.capsys.readouterr().out

    def scan(self, serial, region=None):
        with client(self.backend.url) as phone:
            return phone.scan(self.codes[serial - 1], region=region)

    def kinds(self):
        with self.home.station().ledger.read() as view:
            found = [event.change for event in view.events(0, 10_000)]
        return sorted(change.kind for change in found if type(change).__name__ == "Incident")


@pytest.fixture
def watch(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)
    home, (batch,) = home_with_batches(tmp_path)
    with Backend(tmp_path / "backend", home.path) as backend:
        monkeypatch.setenv("MINTMARK_BACKEND_URL", backend.url)
        yield Watch(tmp_path, backend, home, batch, capsys)
    home.close()


def test_a_diverted_case_is_found_by_the_next_mornings_report(watch):
    batch = watch.batch
    watch.do("activate", batch, "--serials", "1-100")
    watch.do("assign", batch, "--serials", "1-48", "--set", "region=浙江省", "--set", "dealer=D-7")
    watch.scan(5, "330106")
    watch.scan(7, "CN")
    watch.scan(60, "CN-JS")  # it may be sold anywhere
    assert watch.do("report", "daily")["diverted"] == 0
    for serial in (6, 8):
        watch.scan(serial, "320506")
    report = watch.do("report", "daily")
    assert (report["diverted"], report["market_detail"], report["incidents"]) == (2, None, 1)
    assert "codes scanned outside their region: mintmark trace" in watch.read("report", "daily")
    found = watch.do("trace")
    (case,) = found["market"]
    assert (case["serials"], case["dealer"]) == ([[6, 6], [8, 8]], "D-7")
    assert (case["region"], case["seen_in"]) == ("浙江省", "CN-JS")
    assert (case["contact"], case["codes"], case["scans"]) == ("li", 2, 2)
    assert watch.kinds() == ["diverted"]
    assert "seen in CN-JS 江苏, meant for 浙江省" in watch.read("trace")


def test_a_reel_that_was_stolen_and_is_sold_is_an_alarm(watch):
    batch = watch.batch
    watch.do("activate", batch, "--serials", "1-100")
    watch.do("freeze", batch, "--serials", "1-50")
    watch.do("void", batch, "--serials", "51-60", "--reason", "stolen", "--count", "10")
    watch.do("revoke", batch, "--serials", "61-70")
    for serial in (7, 7, 55, 65):
        watch.scan(serial)
    found = watch.do("trace", "--new")
    assert (found["stopped"], found["incidents"], found["lacking"]) == (3, 1, [])
    assert [(case["serials"], case["answered"], case["scans"]) for case in found["market"]] == [
        ([[7, 7]], "frozen", 2),
        ([[55, 55]], "void", 1),
        ([[65, 65]], "inactive", 1),
    ]
    assert watch.do("trace", "--new")["incidents"] == 0
    watch.scan(8)
    assert watch.do("trace", "--new")["incidents"] == 1
    assert watch.kinds() == ["scans-stopped"] * 2


def test_one_code_in_many_hands_is_an_alarm(watch):
    file = watch.home.path / "mintmark.toml"
    file.write_text(
        file.read_text("utf-8").replace("[alarms]\n", "[alarms]\ncopied_scans = 2\n"), "utf-8"
    )
    watch.do("activate", watch.batch, "--serials", "1-100")
    watch.do("assign", watch.batch, "--serials", "9", "--set", "max_scans=2")
    for serial, scans in ((5, 3), (9, 4), (6, 4), (10, 1)):
        for _ in range(scans):
            watch.scan(serial)
    found = watch.do("trace")
    assert [(case["serials"], case["allowed"], case["scans"]) for case in found["market"]] == [
        ([[6, 6]], 1, 4)
    ]
    assert watch.kinds() == ["copied"]

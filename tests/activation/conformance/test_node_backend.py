"""The backend in one file of docs/snippets, as a process of Node: the kit finds nothing in it.

It shares no line with the reference backend, so where the two differ, one of them, the kit or the
document is wrong.
"""

import itertools
import json
import os
import random
import re
import subprocess
from datetime import UTC, datetime, timedelta

import httpx2
import packing_kit
import pytest
from backend_kit import make_batch
from node_backend_kit import SNIPPET, new_folder, served
from node_kit import NODE

from mintmark.activation.conformance.depth import Depth
from mintmark.activation.conformance.sequence import clauses as sequences
from mintmark.codegen.ranges import attributes, values


@pytest.fixture
def folder(tmp_path):
    return new_folder(tmp_path)


def failures(result):
    return [line for line in result.lines() if " pass" not in line] if result.failed else []


@pytest.fixture
def as_long_as_usual(monkeypatch):
    """Generated sequences of a usual check; those of a thorough one: MINTMARK_TORTURE=1."""
    if "MINTMARK_TORTURE" not in os.environ:
        for lengths in (sequences.LENGTHS, sequences.MEETINGS):
            monkeypatch.setitem(lengths, Depth.THOROUGH, lengths[Depth.NORMAL])


@pytest.mark.usefixtures("as_long_as_usual")
def test_it_keeps_every_clause_and_forgets_nothing_when_it_is_killed(folder):
    lines = ("--lines", folder.path / "lines.toml")
    names = ("line", "second", "platform", "dealer")
    options = {f"{name}_key": folder.key(name) for name in names}
    trace = folder.path / "trace.jsonl"
    with served(folder, *lines) as url:
        result = folder.check(url, **options, thorough=True, trace=trace)
        assert failures(result) == []
        unoffered = {clause.id for clause in result.clauses if clause.result == "not offered"}
        assert unoffered == set()
    # The second key is revoked meanwhile.
    text = lines[1].read_text("utf-8")
    lines[1].write_text(text[: text.rindex("[[line]]")], "utf-8")
    with served(folder, *lines) as url:
        again = folder.check(url, **options, again=trace)
        assert failures(again) == []
        assert again.passed > 0


def test_it_keeps_every_clause_unsigned(folder):
    with served(folder, "--unsigned") as url:
        result = folder.check(url, unsigned=True, quick=True)
    assert failures(result) == []
    unoffered = {c.id.partition(".")[0] for c in result.clauses if c.result == "not offered"}
    assert unoffered == {"signing", "scopes", "aggregations", "platforms", "parties"}


def test_it_packs_as_code_by_code(folder):
    """The kit sends what it has a clause for; this sends anything."""
    with served(folder, "--unsigned") as url, httpx2.Client(base_url=url) as http:
        number = itertools.count()
        key_id = http.get("/v1/health").json()["fingerprint_key_id"]
        for name, quantity in packing_kit.QUANTITIES.items():
            body = make_batch(quantity, name, fingerprint_key_id=key_id).body()
            assert http.put(f"/v1/batches/{name}", json=body).status_code == 200

        def send(body):
            return http.put(f"/v1/aggregations/{next(number)}", json=body)

        def void(batch, serial):
            body = {"batch": batch, "action": "void", "serials": [[serial, serial]]}
            assert http.put(f"/v1/orders/{next(number)}", json=body).is_success

        def read(batch):
            page = http.get(f"/v1/batches/{batch}/parents").json()
            return [[*link["serials"], tuple(link["parent"].values())] for link in page["links"]]

        seen = packing_kit.walk(random.Random(14), 150, send, void, read)
    assert seen >= {None, "blocked", "nesting", "child-taken", "child-elsewhere"}


def test_guesses_from_an_address_are_cut_short(folder):
    """What the kit cannot see: it calls from this machine, which is not limited."""
    with served(folder, "--unsigned", "--proxied") as url, httpx2.Client(base_url=url) as http:

        def scan(number, address):
            via = {"X-Forwarded-For": f"203.0.113.9, {address}"}
            return http.post("/v1/scans", json={"code": f"ZZZ{number}"}, headers=via)

        answers = [scan(number, "198.51.100.1") for number in range(21)]
        assert [answer.status_code for answer in answers] == [200] * 20 + [429]
        assert answers[-1].json()["type"] == "urn:mintmark:problem:too-many"
        assert (
            0 < int(answers[-1].headers["retry-after"]) == answers[-1].json()["retry_after"] <= 30
        )
        # The last address is the proxy's word, those before it the sender's own.
        assert scan(1, "198.51.100.2").status_code == 200
        page = http.post("/ZZZ1", headers={"X-Forwarded-For": "198.51.100.1"})
        assert page.status_code == 429
        # What a proxy forwards is not from this machine.
        forwarded = http.get("/v1/unknown-scans", headers={"X-Forwarded-For": "127.0.0.1"})
        assert forwarded.status_code == 401
        assert len(http.get("/v1/unknown-scans").json()["unknown"]) == 20


def test_the_page_counts_when_its_button_is_pressed(folder):
    with served(folder, "--unsigned") as url, httpx2.Client(base_url=url) as http:
        page = http.get("/ZZZ%E8%8C%B6%")
        scan_id = re.search(r'name="scan_id" value="([^"]+)"', page.text)[1]
        assert http.head("/ZZZ").status_code == 200
        assert http.get("/v1/unknown-scans").json()["unknown"] == []
        for _ in range(2):
            checked = http.post("/zzz1", data={"scan_id": scan_id})
            assert (checked.status_code, "Ask the brand" in checked.text) == (200, True)
        (row,) = http.get("/v1/unknown-scans").json()["unknown"]
        assert row["count"] == 2
        assert http.post("/ZZZ%E8%8C%B6%", data={}).status_code == 200
        assert http.get("/v1/unknown-scans").json()["unknown"] == [row]


MALFORMED = (
    "line = 5",
    "[[line]",
    '[[line]]\nname = "x"',
    'name = "x"\n[[line]]',
    "{line}colour = 3",
    '{line}colour = "red"',
    '{line}constructor = ["red"]',
    "{line}{line}",
    '{line}name = "twice"',
    '{line}actions = ["destroy"]',
    '{line}actions = "freeze"',
    '{line}batches = ["[AB]*"]',
    "{line}batches = [1]",
    '{line}upload = "no"',
    '{line}secret_file = "nothing"',
    '{line}parties = ["guide"]',
    '{line}kind = "line"',
    '{line}attributes = {dealer = ""',
    "{line}attributes = {dealer = 7}",
    '{line}attributes = {expires_at = "2099-01-01T00:00:00Z"}',
    '{line}attributes = {"window.a" = "x"}',
    '{line}attributes = {colour = "red"}',
    '{platform}parties = ["consumer"]',
    '{platform}actions = ["freeze"]',
    "{platform}upload = false",
    '{platform}layers = ["native"]',
    "{line}{platform}",
)
READ = """
import { parseLines } from SNIPPET;
const say = (toml) => {
  try { return [...parseLines(toml, '.').values()].map(({ key, ...line }) => line); }
  catch { return null; }
};
console.log(JSON.stringify(TEXTS.map(say)));
"""


def test_it_reads_the_lines_that_mintmark_writes_and_no_others(folder):
    line = folder.line("third")
    good = [
        "# none",
        line,
        f'\ufeff{line}upload = false # no\r\nactions = []\nbatches = [ "A-*", "B-?" ]\r\n',
    ]
    platform = line.replace("[[line]]", "[[platform]]")
    more = 'attributes = { dealer = "D7", "native.x" = "a{b" }\nactions = ["scan_in"]\n'
    good.append(line + more + platform.replace('key_id = "', 'key_id = "0'))
    places = {"{line}": line, "{platform}": platform}
    texts = [*good, *(filled(text, places) for text in MALFORMED)]
    script = READ.replace("SNIPPET", json.dumps(SNIPPET.as_uri())).replace(
        "TEXTS", json.dumps(texts)
    )
    command = [str(NODE), "--input-type=module", "--eval", script]
    done = subprocess.run(command, capture_output=True, check=True)
    none, one, narrow, both, *malformed = json.loads(done.stdout)
    whole = {"algorithm": "ed25519"}
    assert (none, one) == ([], [whole])
    assert narrow == [whole | {"upload": False, "actions": [], "batches": ["A-*", "B-?"]}]
    bound = {"actions": ["scan_in"], "attributes": {"dealer": "D7", "native.x": "a{b"}}
    assert both == [whole | bound, whole | {"isPlatform": True, "actions": []}]
    assert malformed == [None] * len(MALFORMED)


def filled(text, places):
    for name, table in places.items():
        text = text.replace(name, table)
    return text


WORTH = """
import { worth } from SNIPPET;
console.log(JSON.stringify(CASES.map(([attributes, now]) => worth(attributes, now))));
"""
KEYS = ("campaign", "product", "dealer", "max_scans", "gate", "activity.x", "guide_scans")


def some_attributes(draw, more=()):
    """Some of the keys, each with one of a few values; among `more`, with null."""
    kinds = {"max_scans": [1, 2, 3], "guide_scans": [5], "gate": ["scan_in"]}
    chosen = draw.sample(KEYS, draw.randrange(1, 5))
    return {key: draw.choice([*kinds.get(key, ["a", "b"]), *more]) for key in chosen}


def some_window(draw, hours):
    """A window whose ends are among `hours`; the zones of its day are those people have."""
    begins, ends = sorted(draw.sample(hours, 2))
    zone = draw.choice(["Z", "+08:00", "-05:30", "+14:00", "+00:00"])
    day = [f"{hour:02}:{draw.choice([0, 30]):02}{zone}" for hour in draw.sample(range(24), 2)]
    daily = draw.choice([None, day])
    return {
        "from": draw.choice([begins, None]) if daily else begins,
        "until": draw.choice([ends, None]),
        "daily": daily,
        "attributes": some_attributes(draw, [None]),
    }


def test_it_tells_what_a_code_is_worth_as_the_ledger_does():
    """Random windows and gates, at their very edges, a second before, and in between."""
    draw = random.Random(15)
    start = datetime(2026, 11, 30, tzinfo=UTC)
    hours = [(start + timedelta(hours=n / 2)).isoformat() for n in range(96)]
    cases = []
    for _ in range(1_500):
        held = some_attributes(draw) | draw.choice([{}, {"scanned_in": hours[0]}])
        names = draw.sample(["a", "b", "c", "2", "z-1"], draw.randrange(5))
        held |= {f"window.{name}": some_window(draw, hours) for name in names}
        seconds = draw.choice([0, -1, 1, 900])
        now = datetime.fromisoformat(draw.choice(hours)) + timedelta(seconds=seconds)
        cases.append((attributes.check(held), now))
    wanted = [dict(values.at(attributes.from_json(held), now)) for held, now in cases]
    sent = [[held, int(now.timestamp())] for held, now in cases]
    script = WORTH.replace("SNIPPET", json.dumps(SNIPPET.as_uri())).replace(
        "CASES", json.dumps(sent)
    )
    command = [str(NODE), "--disable-warning=ExperimentalWarning", "--input-type=module"]
    done = subprocess.run(command, input=script.encode(), capture_output=True, check=True)
    assert json.loads(done.stdout) == wanted
    assert len({json.dumps(found, sort_keys=True) for found in wanted}) > 300


def test_it_is_small_enough_to_be_read():
    """It grows with the contract: windows, parties, scan-ins and who watches are 270 lines."""
    assert len(SNIPPET.read_text("utf-8").splitlines()) < 1_040
    assert max(map(len, SNIPPET.read_text("utf-8").splitlines())) <= 120

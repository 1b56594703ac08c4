"""`backend check` with its options: parts, traces, and an earlier check asked again."""

import json
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial

import pytest
from backend_kit import BACKEND_KEY, settings
from conformance_kit import thrown_away
from patience import PATIENCE

from mintmark.activation.backend.senders import FileSenders
from mintmark.activation.backend.serve import Server
from mintmark.activation.client import trial_scans
from mintmark.activation.conformance.check import CheckRequest, run
from mintmark.activation.conformance.noise import Noise
from mintmark.activation.conformance.recorded import read
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.invocation import Invocation, utc_now
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys

NARROW = 'actions = ["freeze", "dissociate"]\nbatches = ["*-narrow"]\nlayers = []\nupload = false\n'
PLATFORM = 'parties = ["guide", "dealer"]\nactions = ["scan_in"]\nbatches = ["*-narrow"]\n'
DEALER = 'actions = ["assign", "scan_in"]\nbatches = ["*-narrow"]\nattributes = {dealer = "D7"}\n'
KEYS = {"default": "", "narrow": NARROW, "platform": PLATFORM, "dealer": DEALER}
# What an earlier check leaves behind for every clause that asks again, in few requests.
PART = (
    *("orders.once", "orders.refusal-stays", "read.head", "facts.told", "scans.scan-id"),
    *("counters.each", "scopes.permitted", "aggregations.associate", "parties.scan-id"),
    *("platforms.dealer", "scan-ins.refused"),
)


class Site:
    """A backend that reads its lines from a file, and the keys that go with it."""

    def __init__(self, root):
        self.root, self.database = root, root / "books"
        keys.write_fingerprint_key(root / "fingerprint.key", BACKEND_KEY)
        self.lines = root / "lines.toml"
        self.texts = {}
        for name, scope in KEYS.items():
            kind = "platform" if name == "platform" else "line"
            key = keys.new_signing_key(kind, name, os.urandom)
            keys.write_signing_key(root / f"{name}.key", key)
            self.texts[name] = (
                f'[[{kind}]]\nname = "{name}"\nkey_id = "{key.key_id}"\nalgorithm = "ed25519"\n'
                f'public_key = "{key.public.hex()}"\n{scope}'
            )
        self.know(*KEYS)
        files = {name: root / f"{name}.key" for name in ("platform", "dealer")}
        self.others = {f"{name}_key": path for name, path in files.items()}

    def know(self, *names):
        self.lines.write_text("\n".join(self.texts[name] for name in names), "utf-8")

    @contextmanager
    def up(self):
        with thrown_away():
            yield from self._up()

    def _up(self):
        ready = threading.Event()
        senders = partial(FileSenders, self.lines)
        wanted = settings(
            self.database, now=utc_now, trust_loopback=False, senders=senders, names=("127.0.0.1",)
        )
        server = Server("127.0.0.1", 0, wanted, ready=lambda _: ready.set())
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            self.url = server.url
            yield self
        finally:
            server.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def check(self, now=utc_now, **options):
        request = CheckRequest(
            fingerprint_key=self.root / "fingerprint.key",
            line_key=self.root / "default.key",
            **options,
        )
        return run(Invocation(self.root / "no-home", now=now), self.url, request)

    def damage(self, statement):
        with closing(sqlite3.connect(self.database / "backend.sqlite3")) as connection:
            assert connection.execute(statement).rowcount
            connection.commit()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def failing(result):
    return {clause.id for clause in result.clauses if clause.result == "fail"}


def test_a_part_is_tried_with_what_must_go_first_and_nothing_else(site):
    with site.up():
        result = site.check(only=("orders.once", "register.again"), seed=5)
        again = site.check(only=("orders.once",), seed=5)
    names = [clause.id for clause in result.clauses]
    assert names == ["register.health", "register.new", "register.again", "orders.once"]
    assert (result.failed, result.seed, len(result.batches)) == (0, 5, 1)
    assert result.batch != again.batch, "the same seed, another batch"


def test_a_name_of_no_clause_is_answered_with_those_that_are_close(site):
    site.url = "http://127.0.0.1:9"
    with pytest.raises(UsageError, match="'ordres'") as error:
        site.check(only=("orders", "ordres"))
    assert "did you mean orders" in error.value.hints[0]
    with pytest.raises(UsageError) as error:
        site.check(only=("0123456789ABCDEF",))
    assert "0123456789ABCDEF" not in str(error.value)


def test_a_trace_holds_every_exchange_with_its_clause_and_no_key(site):
    trace = site.root / "check.jsonl"
    with site.up():
        site.check(
            only=("scans.genuine", "scopes.permitted", "platforms.reads", "platforms.bound"),
            second_key=site.root / "narrow.key",
            **site.others,
            trace=trace,
        )
        with pytest.raises(Refused, match="exists already"):
            site.check(only=("register",), trace=trace)
    text = trace.read_text("ascii")
    header, *exchanges = map(json.loads, text.splitlines())
    assert header["format"] == "mintmark-check-trace/1"
    assert {"mintmark", "url", "batch", "seed", "depth"} <= set(header)
    assert {line["clause"] for line in exchanges} >= {"register.new", "scans.genuine", "leave"}
    assert {line["key"] for line in exchanges} == {"first", "second", "platform", "dealer"}
    scans = [line for line in exchanges if line["path"] == "/v1/scans"]
    assert [json.loads(line["answer"])["result"] for line in scans] == ["genuine", "repeat"]
    for name in ("fingerprint.key", *(f"{name}.key" for name in KEYS)):
        document = json.loads((site.root / name).read_text("ascii"))
        secret = document.get("ed25519") or document["key"]
        assert secret not in text
    if os.name == "posix":
        assert trace.stat().st_mode & 0o077 == 0


@pytest.fixture
def earlier(site):
    """A check that was traced, its backend up again, the second key revoked since."""
    trace = site.root / "check.jsonl"
    with site.up():
        second = {"second_key": site.root / "narrow.key"}
        before = site.check(only=PART, **second, **site.others, trace=trace)
        assert failing(before) == set(), "\n".join(before.lines())
    site.know("default", "platform", "dealer")
    site.again = partial(site.check, again=trace, second_key=site.root / "narrow.key")
    return site


def test_a_backend_that_was_restarted_answers_as_before(earlier):
    with earlier.up():
        result = earlier.again()
        twice = earlier.again()
    for found in (result, twice):
        assert failing(found) == set(), "\n".join(found.lines())
        assert found.passed == len(found.clauses), "\n".join(found.lines())


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("DELETE FROM orders WHERE answer NOT LIKE '%urn:%'", {"again.answers"}),
        ("DELETE FROM orders WHERE answer LIKE '%urn:%'", {"again.refusals"}),
        ("UPDATE orders SET identity = '{}'", {"again.answers", "again.refusals"}),
        ("DELETE FROM nonces", {"again.nonces"}),
        ("DELETE FROM heads", {"again.head"}),
        ("DELETE FROM scan_answers", {"again.scan-ids"}),
        ("UPDATE scans SET scans = 0", {"again.states", "again.counters"}),
        ("DELETE FROM fingerprints", {"again.counters", "again.scan-ids"}),
        ("DELETE FROM live_runs", {"again.states"}),
    ],
)
def test_a_backend_that_forgot_is_pointed_at(earlier, statement, broken):
    earlier.damage(statement)
    with earlier.up():
        result = earlier.again()
    assert failing(result) >= broken, "\n".join(result.lines())
    assert failing(result) - broken <= {"again.differs"}


def test_a_backend_that_was_restored_from_before_the_check_has_forgotten_all(earlier):
    earlier.database = earlier.root / "empty"
    with earlier.up():
        result = earlier.again()
    kept = {clause.id for clause in result.clauses if clause.result == "pass"}
    assert kept == {"again.health", "again.revoked"}


def test_a_second_key_that_is_known_still_is_not_revoked(earlier):
    earlier.know("default", "narrow")
    with earlier.up():
        assert failing(earlier.again()) == {"again.revoked"}


def test_a_nonce_whose_signature_would_be_old_says_nothing(earlier):
    ahead = timedelta(minutes=4, seconds=1)
    trace = earlier.root / "check.jsonl"
    lines = trace.read_bytes().splitlines(keepends=True)
    older = [json.loads(line) for line in lines]
    for line in older[1:]:
        line["at"] = (utc_now() - ahead).isoformat()
    trace.write_text("".join(json.dumps(line) + "\n" for line in older), "ascii")
    with earlier.up():
        result = earlier.again()
    (nonces,) = [clause for clause in result.clauses if clause.id == "again.nonces"]
    assert (nonces.result, failing(result)) == ("not offered", set())
    assert nonces.why


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"format": "mintmark-check-trace/1"}\n',
        b"[" * 9_999 + b"\n",
    ],
)
def test_what_is_no_trace_is_refused(data, tmp_path):
    path = tmp_path / "trace"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="no trace of a check"):
        read(path)
    with pytest.raises(NotFound):
        read(tmp_path / "nothing")


def test_of_a_check_that_was_killed_the_whole_lines_are_read(earlier):
    trace = earlier.root / "check.jsonl"
    whole = read(trace)
    trace.write_bytes(trace.read_bytes()[:-30])
    assert read(trace).exchanges == whole.exchanges[:-1]


def test_the_unknown_scans_are_taken_back(site):
    with site.up():
        result = site.check(only=("scans.unknown", "scans.pending", "facts.row-leaves"))
    assert (result.failed, result.unknown) == (0, 0)
    with closing(sqlite3.connect(site.database / "backend.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM unknown_scans").fetchone() == (0,)


def test_options_that_exclude_each_other_are_refused(site):
    site.url, some = "http://127.0.0.1:9", site.root / "default.key"
    with pytest.raises(UsageError, match="--quick and --thorough"):
        site.check(quick=True, thorough=True)
    with pytest.raises(UsageError, match="--unsigned and --line-key"):
        site.check(unsigned=True)
    with pytest.raises(UsageError, match="--again and --only"):
        site.check(again=some, only=("orders",))


def test_noise_is_every_text_that_was_not_known_under_both_rules():
    noise = Noise(BACKEND_KEY)
    for text, result in (("OIL", "unknown"), ("oil", "unknown"), ("X", "genuine"), ("", "unknown")):
        noise.note(text, result)
    assert len(noise.fingerprints()) == 2  # OIL, and 011
    assert noise.counted == 1


def test_rows_that_stay_are_noted_for_the_trace(tmp_path):
    left = {bytes(16), bytes([1]) * 16}
    trial_scans.note(tmp_path, left, utc_now())
    trial_scans.note(tmp_path, {bytes([2]) * 16}, utc_now())
    assert trial_scans.noted(tmp_path, utc_now()) == left | {bytes([2]) * 16}


def test_a_clause_that_is_named_is_tried_however_quick_the_check_is(site):
    with site.up():
        result = site.check(only=("facts.before-many",), quick=True)
        area = site.check(only=("times",), quick=True)
    assert result.clauses[-1].result == "pass"
    assert "not run" in {clause.result for clause in area.clauses}


def test_a_second_key_that_is_the_first_is_refused(site):
    site.url = "http://127.0.0.1:9"
    with pytest.raises(UsageError, match="signs everything else"):
        site.check(second_key=site.root / "default.key")
    with pytest.raises(UsageError, match="the key of --platform-key as well"):
        site.check(**site.others | {"dealer_key": site.root / "platform.key"})


def test_a_trace_with_another_fingerprint_key_is_refused(earlier):
    keys.write_fingerprint_key(earlier.root / "other.key", Secret(b"\1" * 32))
    (earlier.root / "other.key").replace(earlier.root / "fingerprint.key")
    with pytest.raises(UsageError, match="another fingerprint key"):
        earlier.again()

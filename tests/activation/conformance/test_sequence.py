"""Made-up sequences at real backends: none differs at the reference, and faults are told short."""

import json
import re

import pytest
from sequence_kit import tried
from sqlalchemy import delete, update

from mintmark.activation.backend import tables
from mintmark.activation.backend.store import Store
from mintmark.activation.conformance.depth import Depth
from mintmark.activation.conformance.leave import leave
from mintmark.activation.conformance.outcome import Broken, NotOffered
from mintmark.activation.conformance.sequence import books, clauses, phones, world
from mintmark.activation.conformance.sequence.clauses import SEQUENCE
from mintmark.activation.conformance.sequence.generate import sequence
from mintmark.activation.conformance.sequence.play import Play
from mintmark.activation.conformance.sequence.steps import (
    FORMS,
    DrawnCode,
    OrderStep,
    ScanStep,
    UploadStep,
)
from mintmark.activation.conformance.sequence.themes import THEMES

CLAUSES = {clause.name.partition(".")[2]: clause for clause in SEQUENCE}
WHOLE = UploadStep(0, 1, tuple(DrawnCode(0, serial) for serial in range(1, 13)))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A trial at the reference backend, for all tests that leave it as it is."""
    with tried(tmp_path_factory.mktemp("reference"), depth=Depth.QUICK, seed=13) as trial:
        yield trial


def played(trial, name, *seeds, length=30):
    """The first difference of any of these runs."""
    theme = THEMES[name]
    for seed in seeds:
        run = Play(trial, theme.scans)
        found = run.run(tuple(sequence(f"{seed}", theme, length)))
        if found:
            return found
    return None


def broken(trial, name, *seeds):
    """How the clause of this name fails, with the first of these seeds that makes it fail."""
    for seed in seeds or (trial.seed,):
        trial.seed = seed
        try:
            CLAUSES[name].attempt(trial)
        except Broken as failure:
            return failure
    pytest.fail("the clause holds")


def order(number, action, *serials, **more):
    return OrderStep(number, 0, action, serials, **more)


# --- the reference backend ---


@pytest.mark.parametrize("name", THEMES)
def test_the_reference_backend_does_what_the_model_says(reference, name):
    found = played(reference, name, 1, 2)
    assert found is None, "\n".join((*found.lines, *vars(found.difference).values()))


def test_the_clauses_hold_and_leave_no_unknown_scan_behind(tmp_path):
    with tried(tmp_path, depth=Depth.QUICK, seed=13) as trial:
        trial.register()
        for name in ("scans", "fingerprints"):
            CLAUSES[name].attempt(trial)
        assert trial.noise.fingerprints()
        left = leave(trial)
        assert left.unknown == frozenset()
        assert left.scans > 0
        assert trial.probe("GET", "/v1/unknown-scans?after=0").data["unknown"] == []


def test_a_run_leaves_its_batches_void(reference):
    run = Play(reference)
    assert run.run((WHOLE, order(1, "activate", (1, 5)), order(2, "freeze", (5, 6)))) is None
    for name in run.stage.names:
        (item,) = reference.probe("GET", f"/v1/batches/{name}?after=0").data["ranges"]
        assert item["state"] == "void"


# --- a model that is wrong differs from the reference ---


def counts_anew(seen, counted, now):
    return "genuine" if seen.state == "active" else seen.state


def skips_nothing(self, standing):
    return False


def asks_no_count(self, standing):
    return False


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("scans", (phones, "verdict", counts_anew)),
        ("scans", (phones, "PUBLIC", frozenset({"lot"}))),
        ("orders", (books._Guard, "passes", skips_nothing)),
        ("orders", (books._Guard, "needs_count", asks_no_count)),
        ("orders", (books._Guard, "elsewhere", asks_no_count)),
        ("orders", (world, "FINAL", frozenset({"blocked"}))),
        ("attributes", (world, "patch_of", lambda step, _: dict(step.attributes))),
        ("ids", (OrderStep, "content", lambda self: self)),
        ("scans", (phones.Phones, "delivered", lambda *_: None)),
    ],
)
def test_a_wrong_model_is_found_out(reference, monkeypatch, name, fault):
    monkeypatch.setattr(*fault)
    assert played(reference, name, *range(1, 12)) is not None


# --- a backend that is wrong is told in a few steps ---


class Absolving(Store):
    """Takes codes that come back from void for new ones: their counters begin anew."""

    def order(self, order, now):
        answer = super().order(order, now)
        if order.action == "unvoid" and not order.dry_run:
            with self._database.write() as connection:
                for piece in order.serials:
                    inside = tables.scans.c.serial.between(piece.first, piece.last)
                    connection.execute(update(tables.scans).where(inside).values(scans=0))
        return answer


class Forgetting(Store):
    """Keeps no answers: an order that comes again is an order anew."""

    def order(self, order, now):
        answer = super().order(order, now)
        with self._database.write() as connection:
            connection.execute(delete(tables.orders).where(tables.orders.c.order_id == order.order))
        return answer


def told(failure):
    """The lines after the registrations, without the ids of the run."""
    own = re.search(r"/v1/batches/(\S+)-A ", failure.steps[0])[1]
    return [line.replace(own, "X") for line in failure.steps[len(FORMS) :]]


def test_a_counter_that_begins_anew_is_told_in_five_steps(tmp_path):
    with tried(tmp_path, Absolving, depth=Depth.QUICK) as trial:
        failure = broken(trial, "scans", *range(1, 40))
    lines = told(failure)
    bodies = [json.loads(line[line.index("{") :]) for line in lines if "/v1/orders/" in line]
    assert [body["action"] for body in bodies] == ["activate", "void", "unvoid"]
    assert sum("the code of serial" in line for line in lines if line.startswith("POST")) >= 1
    assert len(lines) <= 7
    assert "scan" in f"{failure.expected}"


def test_an_answer_that_is_not_kept_is_told_in_a_few_steps(tmp_path):
    with tried(tmp_path, Forgetting, depth=Depth.NORMAL, seed=3) as trial:
        failure = broken(trial, "ids")
    assert len(told(failure)) <= 4


def test_the_same_seed_makes_the_same_steps_and_other_ids(tmp_path):
    failures = []
    with tried(tmp_path, Forgetting, depth=Depth.QUICK, seed=5) as trial:
        failures = [broken(trial, "ids") for _ in range(2)]
    assert told(failures[0]) == told(failures[1])
    assert failures[0].steps[0] != failures[1].steps[0]


def test_no_text_holds_a_code(tmp_path):
    with tried(tmp_path, Absolving, depth=Depth.QUICK) as trial:
        run = Play(trial)
        steps = [
            WHOLE,
            order(1, "activate", (1, 3)),
            *(ScanStep(DrawnCode(0, 2), 1, typed) for typed in range(4)),
            order(2, "void", (1, 3), count=3),
            order(3, "unvoid", (1, 3)),
        ]
        found = run.run(tuple(steps))
        assert found is not None
        text = "\n".join((*found.lines, found.difference.expected, found.difference.found))
        assert "the code of serial 2" in text
        for serial in range(1, 13):
            for typed in range(4):
                code = run.stage.typed(DrawnCode(0, serial), typed)
                assert code.strip().upper().replace("-", "") not in text.upper().replace("-", "")
                assert code not in text
            assert run.stage.fingerprint(DrawnCode(0, serial)).hex() not in text


# --- backends that answer less, or anything ---


class Around:
    """An app before which some requests are answered by `told`: a status and a body."""

    def __init__(self, app, asked, told, headers=()):
        self._app, self._asked, self._told, self._headers = app, asked, told, headers
        self.calls = 0

    async def __call__(self, scope, receive, send):
        self.calls += scope["type"] == "http" and self._asked(scope)
        if scope["type"] != "http" or not self._asked(scope) or self.calls <= self._told[2]:
            await self._app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        status, body, _ = self._told
        headers = [(b"content-length", str(len(body)).encode()), *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def scans_of(scope):
    return scope["method"] == "POST"


def test_without_scans_the_run_goes_on_without_them(tmp_path):
    with tried(tmp_path, around=lambda app: Around(app, scans_of, (404, b"{}", 0))) as trial:
        run = Play(trial)
        theme = THEMES["scans"]
        assert run.run(tuple(sequence("1", theme, 30))) is None
        assert not any(isinstance(step, ScanStep) for step in run.played)
        assert any(isinstance(step, OrderStep) for step in run.played)
        with pytest.raises(NotOffered):
            CLAUSES["scans"].attempt(trial)
        CLAUSES["fingerprints"].attempt(trial)


def test_a_limit_on_scans_is_no_fault(tmp_path):
    later = ((b"retry-after", b"1800"),)
    with tried(tmp_path, around=lambda a: Around(a, scans_of, (429, b"{}", 5), later)) as trial:
        run = Play(trial)
        assert run.run(tuple(sequence("1", THEMES["scans"], 40))) is None
        assert run.quiet
        assert sum(isinstance(step, ScanStep) for step in run.played) == 4


@pytest.mark.parametrize("body", [b"", b"[]", b'{"ranges": 3, "next": null}', b"{}", b"null"])
def test_readings_of_any_form_at_all_are_told(tmp_path, body):
    def reading(scope):
        return scope["method"] == "GET" and "/v1/batches/" in scope["path"]

    with tried(tmp_path, around=lambda app: Around(app, reading, (200, body, 0))) as trial:
        found = Play(trial).run((WHOLE,))
        assert found is not None
        assert found.lines[-1].startswith("GET /v1/batches/")


def test_a_backend_without_a_clock_is_asked_nothing_of_time(tmp_path):
    def hidden(app):
        async def wrapped(scope, receive, send):
            async def without(message):
                if message["type"] == "http.response.start":
                    message["headers"] = [*message.get("headers", ()), (b"date", b"yesterday")]
                await send(message)

            await app(scope, receive, without)

        return wrapped

    with tried(tmp_path, around=hidden) as trial:
        run = Play(trial)
        assert run.world.beginning is None
        assert run.run(tuple(sequence("2", THEMES["attributes"], 30))) is None
        orders = [step for step in run.played if isinstance(step, OrderStep)]
        assert orders
        assert not any(step.effective_at or step.expires_at for step in orders)


def test_each_theme_has_a_clause_with_a_text():
    assert [clause.name for clause in SEQUENCE] == [f"sequence.{name}" for name in THEMES]
    assert {*clauses.TEXTS} == {*THEMES}

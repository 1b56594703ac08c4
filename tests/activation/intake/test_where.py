"""Orders for codes that meet conditions: shown first, then an order per batch, all or none."""

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from line_kit import Backend, home_with_batches, opened

from mintmark import cli
from mintmark.activation.orders import plan, sheets
from mintmark.activation.orders.form import MESSAGE_FIELDS, from_object, from_row
from mintmark.activation.orders.group import place
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials, ByUnit
from mintmark.codegen.errors import Refused, UsageError
from mintmark.codegen.ledger.changes import Ordered
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range


@pytest.fixture
def made(tmp_path):
    home, batches = home_with_batches(tmp_path, 2, 60, 60)
    with opened(home.path) as station:
        for batch in batches:
            give(station, batch, "1-20", region="Hunan", lot="L1")
            give(station, batch, "31-40", region="Hunan")
            give(station, batch, "51-60", region="Hubei")
        book(station, OrderRequest(Action.VOID, batches[0], BySerials("5"), reason="lost"))
        yield station, batches


@pytest.fixture
def run(made, capsys):
    station, _ = made

    def command(*words):
        """(exit code, what it printed as JSON, or its error)."""
        code = cli.run(["--home", str(station.home), "--json", *words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or printed.err.splitlines()[-1])

    return command


def give(station, batch, serials, **values):
    book(station, OrderRequest(Action.ASSIGN, batch, BySerials(serials), attributes=values))


def ordered(station):
    with station.ledger.read() as view:
        return [e.change for e in view.events(limit=10_000) if isinstance(e.change, Ordered)]


def states(station, batch, text):
    first, _, last = text.partition("-")
    with station.ledger.read() as view:
        tiles = view.select(batch, (Range(int(first), int(last or first)),))
        return {tile.value.state for tile in tiles}


def ranges(answer):
    return {order["batch"]: order["serials"] for order in answer["orders"]}


ACTIONS = {
    Action.ACTIVATE: ("packaged", State.ACTIVE, ()),
    Action.FREEZE: ("packaged", State.FROZEN, ()),
    Action.UNFREEZE: ("frozen", State.PACKAGED, ()),
    Action.REVOKE: ("active", State.PACKAGED, ()),
    Action.VOID: ("packaged", State.VOID, ("--reason", "unused")),
    Action.UNVOID: ("void", State.PACKAGED, ()),
    Action.ASSIGN: ("packaged", State.PACKAGED, ("--set", "dealer=D7")),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_order_takes_conditions_shows_first_and_then_does_it(made, run, action):
    station, (first, second) = made
    before, after, more = ACTIONS[action]
    prepare = {"frozen": "freeze", "active": "activate", "void": "void"}.get(before)
    if prepare:
        reason = "other" if prepare == "void" else None
        for batch in (first, second):
            request = OrderRequest(Action(prepare), batch, BySerials("31-60"), reason=reason)
            book(station, request)
    words = [action.value, "--where", f"state={before}", "--where", "region=Hunan", *more]
    booked = len(ordered(station))
    code, shown = run(*words)
    assert (code, shown["dry_run"], shown["delivery"], shown["order"]) == (0, True, None, None)
    assert shown["where"] == [f"state={before}", "region=Hunan"]
    wanted = {first: [[31, 40]], second: [[31, 40]]}
    if before == "packaged":
        wanted = {first: [[1, 4], [6, 20], [31, 40]], second: [[1, 20], [31, 40]]}
    elif before == "void":
        wanted[first] = [[5, 5], [31, 40]]
    assert ranges(shown) == wanted
    assert shown["states"][before] == shown["codes"] == shown["applied_count"]
    assert [order["states"][before] for order in shown["orders"]] == [
        order["codes"] for order in shown["orders"]
    ]
    assert len(ordered(station)) == booked
    code, done = run(*words, "--yes")
    assert (code, done["delivery"], ranges(done)) == (75, "queued", wanted)
    names = [order["order"] for order in done["orders"]]
    assert names == [done["order"], f"{done['order']}.part-2"]
    assert states(station, first, "31-40") == states(station, second, "31-40") == {after}
    assert verify(station.ledger).ok


def test_nothing_is_done_unless_the_count_is_right(made, run):
    station, (first, second) = made
    words = ["freeze", "--where", "region=Hubei"]
    before = len(ordered(station))
    for wrong in ("19", "21"):
        code, error = run(*words, "--count", wrong)
        assert (code, error["count"], error["codes"]) == (3, 20, 20)
        assert f"not {wrong}" in error["error"]
    assert len(ordered(station)) == before
    code, done = run(*words, "--count", "20", "--dry-run")
    assert (code, done["dry_run"]) == (0, True)
    code, done = run(*words, "--count", "20")
    assert (code, done["codes"], done["dry_run"]) == (75, 20, False)
    assert states(station, first, "51-60") == states(station, second, "51-60") == {State.FROZEN}


def test_a_batch_serials_a_package_and_a_unit_narrow_it(made, run):
    station, (first, second) = made
    with station.ledger.read() as view:
        package = view.packages(second)[0].package
        unit = view.units(package)[0].unit
    words = ["freeze", "--where", "region=Hunan"]
    for more, wanted in (
        ([second], {second: [[1, 20], [31, 40]]}),
        ([first, "--serials", "3-35"], {first: [[3, 4], [6, 20], [31, 35]]}),
        (["--package", package.lower()], {second: [[1, 20], [31, 40]]}),
        (["--unit", unit], {second: [[1, 20], [31, 40]]}),
        (["--code", f"{first}:7"], {first: [[7, 7]]}),
        (["--where", f"batch={first.lower()}"], {first: [[1, 4], [6, 20], [31, 40]]}),
        (["--where", f"package={package}"], {second: [[1, 20], [31, 40]]}),
        (["--where", f"unit in {unit.lower()}"], {second: [[1, 20], [31, 40]]}),
        (["--where", f"unit!={unit}"], {first: [[1, 4], [6, 20], [31, 40]]}),
        (["--where", "contact=LI; minted_at>2026-01-01", second], {second: [[1, 20], [31, 40]]}),
    ):
        code, shown = run(*words, *more)
        assert (code, ranges(shown)) == (0, wanted), more


def test_what_is_refused(made, run):
    station, (first, _) = made
    before = len(ordered(station))
    words = ["freeze", "--where", "region=Hunan"]
    for wanted, more, why in (
        (2, ["--serials", "1-3"], "Missing argument"),
        (2, [first, "--serials", "1", "--unit", "X"], "named once"),
        (2, ["--carton", f"{first}:1"], "a carton and conditions"),
        (2, ["--where", "colour=red"], "unknown in a condition"),
        (2, ["--where", "lot=a,b"], "one value or several"),
        (2, ["--where", ""], "names no key"),
        (4, ["--where", "batch=A1B2-C3D4E5F6"], "batch"),
        (4, ["--where", "package=A1B2-C3D4E5F6"], "package"),
        (4, ["--where", "unit=A1B2-C3D4E5F6-1"], "unit"),
        (4, ["--where", "contact=nobody"], "contact"),
        (4, ["--where", "lot=L9"], "no codes meet"),
        (4, ["A1B2-C3D4E5F6"], "batch"),
        (2, ["--both"], "no other batch"),
    ):
        code, error = run(*words, *more, "--yes")
        assert code == wanted, (more, error)
        assert why in error["error"], more
    for words, why in (
        (["freeze", first, "--serials", "1", "--yes"], "--yes goes with --where"),
        (["assign", "--where", "lot=L1", "--yes"], "nothing to assign"),
        (["void", "--where", "lot=L1", "--yes"], "needs a reason"),
    ):
        code, error = run(*words)
        assert (code, why in error["error"]) == (2, True), words
    assert len(ordered(station)) == before


def test_codes_in_other_states_stand_in_the_way(made, run):
    station, (first, second) = made
    book(station, OrderRequest(Action.ACTIVATE, second, BySerials("33-34")))
    words = ["activate", "--where", "region=Hunan"]
    before = len(ordered(station))
    code, error = run(*words, "--yes")
    assert code == 3
    assert f"batch {second}: 33-34 active" in error["error"]
    assert "'state in packaged'" in error["hint"]
    assert error["blocked"] == [{"batch": second, "serials": [[33, 34]], "state": "active"}]
    assert len(ordered(station)) == before
    code, done = run(*words, "--where", "state=packaged", "--yes")
    assert (code, done["codes"]) == (75, 57)
    assert states(station, second, "31-40") == {State.ACTIVE}
    # Those that are on sale are voided only by their number.
    code, error = run("void", "--where", "state=active", "--reason", "other", "--yes")
    assert (code, error["count"]) == (3, 59)
    code, done = run("void", "--where", "state=active", "--reason", "other", "--count", "59")
    assert (code, states(station, first, "31-40")) == (75, {State.VOID})


def test_void_codes_are_meant_by_unvoid_alone_or_by_name(made, run):
    _, (first, _) = made
    code, error = run("unvoid", first, "--where", "lot=L1", "--yes")
    assert (code, "'state in void'" in error["hint"]) == (3, True)
    for condition in ("state=void", "state in void,frozen"):
        code, shown = run("unvoid", "--where", condition)
        assert (code, ranges(shown)) == (0, {first: [[5, 5]]})
    code, error = run("freeze", "--where", "state=void", "--yes")
    assert (code, "void already" in error["error"]) == (3, True)
    assert run("assign", first, "--where", "state!=packaged", "--set", "lot=x")[0] == 4


def test_all_orders_of_a_call_are_booked_or_none(made, run):
    station, (first, second) = made
    code, done = run("freeze", "--where", "region=Hunan", "--yes", "--order", "recall-7")
    assert (code, done["order"]) == (75, "recall-7")
    with station.ledger.read() as view:
        events = [view.order(name) for name in ("recall-7", "recall-7.part-2")]
    assert events[0].ordered_at == events[1].ordered_at
    give(station, second, "55", **{f"property.k{n}": "x" for n in range(60)})
    before = len(ordered(station))
    full = [f"property.j{n}=x" for n in range(5)]
    sets = [word for value in full for word in ("--set", value)]
    code, _ = run("assign", "--where", "region=Hubei", *sets, "--yes")
    assert (code, len(ordered(station))) == (3, before)
    assert states(station, first, "51-60") == {State.PACKAGED}


def test_the_same_order_id_is_answered_as_before(made, run):
    station, (first, second) = made
    words = ["assign", "--where", "region=Hubei", "--set", "region=Hebei", "--order", "move-1"]
    assert run(*words, "--count", "20")[0] == 75
    before = len(ordered(station))
    # Nothing meets the conditions any more: that is what the order did.
    code, again = run(*words, "--count", "20")
    assert (code, again["repeated"], again["changed"], again["codes"]) == (75, True, False, 20)
    assert len(ordered(station)) == before
    give(station, first, "51", region="Hubei")
    code, again = run(*words, "--count", "20")
    assert (code, again["orders"][0]["undone"]) == (3, [[51, 51]])
    code, error = run("assign", "--where", "lot=L1", *words[3:], "--count", "20")
    assert (code, "says something else" in error["error"]) == (3, True)
    assert run(*words[:3], "--set", "region=X", *words[5:], "--count", "20")[0] == 3
    assert len(ordered(station)) == before + 1
    assert states(station, second, "1-4") == {State.PACKAGED}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(st.sets(st.integers(1, 30), min_size=1), st.integers(1, 4))
def test_many_ranges_become_several_orders(made, run, serials, most):
    station, (_, batch) = made
    give(station, batch, "1-60", role=None)
    give(station, batch, ",".join(map(str, sorted(serials))), role="carton")
    try:
        whole, plan.RANGES_PER_ORDER = plan.RANGES_PER_ORDER, most
        code, shown = run("assign", "--where", "role=carton", "--set", "campaign=C1")
    finally:
        plan.RANGES_PER_ORDER = whole
    assert code == 0
    assert all(len(order["serials"]) <= most for order in shown["orders"])
    found = [s for o in shown["orders"] for a, b in o["serials"] for s in range(a, b + 1)]
    assert found == sorted(serials)
    assert shown["codes"] == len(found) == shown["states"]["packaged"]


def test_what_scripts_read_of_assign_is_there_still(made, run):
    code, shown = run("assign", "--where", "region=Hunan", "--set", "dealer=D9")
    assert code == 0
    assert {"codes", "dry_run", "attributes", "orders", "notes"} <= shown.keys()
    assert (shown["codes"], shown["attributes"]) == (59, {"dealer": "D9"})
    for order in shown["orders"]:
        kept = {"batch", "serials", "codes", "order", "delivery", "detail"}
        assert kept <= order.keys()
        assert order["order"] is order["delivery"] is order["detail"] is None


def test_what_is_named_may_change_between_look_and_booking(made):
    station, (first, _) = made
    fields = {"action": "freeze", "where": "region=Hubei", "count": 20}
    request = from_object(fields, station.config.time_zone)
    real, calls = station.ledger.commit, []

    def late(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            give(station, first, "55", region="Hunan")
        return real(*arguments, **options)

    station.ledger.commit = late
    with pytest.raises(Refused):
        place(station, request)
    station.ledger.commit = real
    assert states(station, first, "51-60") == {State.PACKAGED}


ZONE = ZoneInfo("Asia/Shanghai")
REEL = {"action": "freeze", "count": 3}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"action": "freeze", "where": "lot=L1"}, "only with count"),
        (REEL | {"where": ["lot=L1"], "carton": "A1B2-C3D4E5F6:1"}, "a carton and conditions"),
        (REEL | {"where": 7}, "text, or a list of texts"),
        (REEL | {"where": ["lot=L1", 7]}, "text, or a list of texts"),
        (REEL | {"where": []}, "no condition is given"),
        (REEL | {"where": "lot=a,b"}, "one value or several"),
        (REEL | {"where": "lot=L1", "serials": "1-3"}, "batch is missing"),
        (REEL | {"serials": "1-3"}, "batch is missing"),
        (REEL | {"code": "SECRET2345SECRET", "where": "lot=L1"}, "neither BATCH:SERIAL nor"),
        (REEL | {"code": "A1B2-C3D4E5F6:1", "unit": "U"}, "named once"),
    ],
)
def test_fields_that_are_refused(fields, why):
    with pytest.raises(UsageError, match=why):
        from_object(fields, ZONE)


def test_fields_say_what_options_say():
    request = from_object(REEL | {"where": ["lot=L1", "state = active"]}, ZONE)
    assert (request.batch, request.selection.where.texts()) == ("", ("lot=L1", "state=active"))
    row = {"action": "freeze", "count": "3", "where": "lot=L1；state=active"}
    assert from_row(row, ZONE) == request
    shown = {"action": "freeze", "where": "lot=L1", "dry_run": True}
    assert from_object(shown, ZONE, MESSAGE_FIELDS).dry_run
    narrow = REEL | {"where": "lot=L1", "unit": "U", "batch": "a1b2-c3d4e5f6"}
    request = from_object(narrow, ZONE)
    assert (request.batch, request.selection.within) == ("A1B2-C3D4E5F6", ByUnit("U"))
    code = from_object({"action": "freeze", "code": "SECRET2345SECRET"}, ZONE, MESSAGE_FIELDS)
    assert "SECRET" not in repr(code)


def test_a_table_cut_short_within_a_condition_is_refused():
    head = b"action,count,where\nfreeze,3,lot=L4"
    with pytest.raises(UsageError, match="a condition that may go on"):
        sheets.read(head)
    (row,) = sheets.read(head + b"2\n")
    assert row.fields["where"] == "lot=L42"
    with pytest.raises(UsageError, match="a code's serial that may go on"):
        sheets.read(b"action,code\nfreeze,A1B2-C3D4E5F6:1")


def test_with_a_backend_all_of_it_is_acknowledged(made, run, tmp_path, monkeypatch):
    station, (first, second) = made
    with Backend(tmp_path / "backend", station.home) as backend:
        monkeypatch.setenv("MINTMARK_BACKEND_URL", backend.url)
        code, done = run("activate", "--where", "region=Hunan", "--count", "59")
        assert (code, done["delivery"]) == (0, "acknowledged")
        assert {order["batch"] for order in done["orders"]} == {first, second}
        code, done = run("freeze", "--code", f"{second}:1")
        assert (code, done["batch"], done["applied"]) == (0, second, [[1, 1]])

"""`assign --where`: shown first, then one order per batch, matching what the naive model says."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from line_kit import home_with_batches, opened

from mintmark import cli
from mintmark.activation.intake import by_attribute
from mintmark.activation.intake.by_attribute import assign_by_attribute
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import ByAttributes, BySerials
from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.ledger.changes import Ordered
from mintmark.codegen.ranges.lifecycle import Action


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home, batches = home_with_batches(tmp_path_factory.mktemp("home"), 2, 60, 60)
    with opened(home.path) as station:
        for batch in batches:
            give(station, batch, "1-20", region="Hunan", lot="L1")
            give(station, batch, "31-40", region="Hunan")
            give(station, batch, "51-60", region="Hubei")
        book(station, OrderRequest(Action.VOID, batches[0], BySerials("5"), reason="lost"))
        yield station, batches


def give(station, batch, serials, **values):
    book(station, OrderRequest(Action.ASSIGN, batch, BySerials(serials), attributes=values))


def assign(station, carried, batch="", *, dry_run=True, **values):
    request = OrderRequest(
        Action.ASSIGN, batch, ByAttributes(carried), attributes=values, dry_run=dry_run
    )
    return assign_by_attribute(station, None, request, every_batch=not batch)


def ordered(station):
    with station.ledger.read() as view:
        return sum(isinstance(e.change, Ordered) for e in view.events(limit=10_000))


def ranges(result):
    return {order.batch: [piece.pair() for piece in order.serials] for order in result.orders}


def test_what_matches_is_shown_and_nothing_is_changed(made):
    station, (first, second) = made
    before = ordered(station)
    shown = assign(station, {"region": "Hunan"}, dealer="D7")
    assert ranges(shown) == {
        first: [[1, 4], [6, 20], [31, 40]],  # void codes never match
        second: [[1, 20], [31, 40]],
    }
    assert (shown.codes, shown.dry_run, shown.exit_code) == (59, True, 0)
    assert any("--yes" in line for line in shown.lines())
    assert ordered(station) == before


def test_several_conditions_must_all_hold_and_none_means_absent(made):
    station, (first, second) = made
    assert ranges(assign(station, {"region": "Hunan", "lot": "L1"}, second, dealer="D")) == {
        second: [[1, 20]]
    }
    assert ranges(assign(station, {"region": None}, first, dealer="D")) == {
        first: [[21, 30], [41, 50]]
    }
    with pytest.raises(NotFound):
        assign(station, {"region": "Xinjiang"}, dealer="D")


def test_what_speaks_of_one_order_is_refused(made):
    station, _ = made
    for more in ({"count": 3}, {"order": "mine"}):
        carried = ByAttributes({"region": "Hunan"})
        request = OrderRequest(Action.ASSIGN, "", carried, attributes={"lot": "x"}, **more)
        with pytest.raises(UsageError):
            assign_by_attribute(station, None, request, every_batch=True)
    with pytest.raises(UsageError):
        assign(station, {"region": "Hunan"})
    with pytest.raises(UsageError):
        assign(station, {}, dealer="D")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.sets(st.integers(1, 30), min_size=1), st.integers(1, 4))
def test_many_ranges_become_several_orders(made, serials, most):
    station, (_, batch) = made
    give(station, batch, "1-60", role=None)
    give(station, batch, ",".join(map(str, sorted(serials))), role="guide")
    try:
        whole, by_attribute.RANGES_PER_ORDER = by_attribute.RANGES_PER_ORDER, most
        shown = assign(station, {"role": "guide"}, campaign="C1")
    finally:
        by_attribute.RANGES_PER_ORDER = whole
    assert all(len(order.serials) <= most for order in shown.orders)
    found = [s for order in shown.orders for p in order.serials for s in range(p.first, p.last + 1)]
    assert found == sorted(serials)


def test_yes_books_one_order_per_batch(made):
    station, (first, second) = made
    before = ordered(station)
    done = assign(station, {"region": "Hubei"}, dry_run=False, region="Hebei")
    assert ranges(done) == {first: [[51, 60]], second: [[51, 60]]}
    assert (done.exit_code, {order.delivery for order in done.orders}) == (75, {"queued"})
    assert ordered(station) == before + 2
    with pytest.raises(NotFound):
        assign(station, {"region": "Hubei"}, dealer="D")


def test_on_the_command_line(made, capsys):
    station, (first, _) = made
    home = ["--home", str(station.home), "--json"]
    words = ["assign", "--where", "region=Hunan", "--set", "dealer=D9"]
    assert cli.run([*home, *words]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert cli.run([*home, *words, "--yes", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert cli.run([*home, *words, "--yes"]) == 75
    assert json.loads(capsys.readouterr().out)["codes"] == 59
    assert cli.run([*home, *words, "--serials", "1"]) == 2
    assert cli.run([*home, "assign", "--set", "dealer=D9"]) == 2
    assert cli.run([*home, "assign", first, "--serials", "1", "--set", "dealer=D9"]) == 75
    capsys.readouterr()

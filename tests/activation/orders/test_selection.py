"""The ways to name the codes of an order, and the serials that each leads to."""

from itertools import product
from zoneinfo import ZoneInfo

import pytest
from line_kit import home_with_batches, opened, packaged

from mintmark.activation.orders import form
from mintmark.activation.orders.selection import (
    ByPackage,
    ByScannedCodes,
    BySerials,
    ByUnit,
    resolve,
    selection,
)
from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.ranges import serials

GIVEN = {"serials": "1-5", "unit": "U", "package": "P", "codes": ("A", "B")}
MEANS = (BySerials("1-5"), ByUnit("U"), ByPackage("P"), ByScannedCodes(("A", "B")))


@pytest.mark.parametrize("which", [*product([False, True], repeat=4)])
def test_exactly_one_way_is_given(which):
    options = {name: GIVEN[name] for name, given in zip(GIVEN, which, strict=True) if given}
    if sum(which) == 1:
        assert selection(**options) == MEANS[which.index(True)]
    else:
        with pytest.raises(UsageError, match="named once"):
            selection(**options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home, (batch,) = home_with_batches(tmp_path_factory.mktemp("home"), 1, 3_000, 200)
    other = packaged(home, 20, 10, units=2)
    home.close()
    with opened(home.path) as station:
        yield station, batch, other


def pairs(station, batch, selected):
    return serials.to_pairs(resolve(station, batch, selected))


def names(station, batch):
    with station.ledger.read() as view:
        (package,) = [row.package for row in view.packages() if row.batch == batch]
    return package, [f"{package}-0", f"{package}-1"]


def test_units_and_packages_lead_to_their_serials(made):
    station, batch, other = made
    package, units = names(station, other)
    assert pairs(station, other, ByPackage(package.lower())) == [[1, 10]]
    assert [pairs(station, other, ByUnit(unit)) for unit in units] == [[[1, 5]], [[6, 10]]]
    for selected in (ByPackage(package), ByUnit(units[0])):
        with pytest.raises(UsageError, match=f"belongs to batch {other}"):
            resolve(station, batch, selected)
    for selected in (ByPackage("NONE"), ByUnit("NONE")):
        with pytest.raises(NotFound):
            resolve(station, batch, selected)


def test_serials_end_with_the_batch(made):
    station, batch, other = made
    assert pairs(station, batch, BySerials("all")) == [[1, 3_000]]
    assert pairs(station, other, BySerials("7-")) == [[7, 20]]
    with pytest.raises(NotFound):
        resolve(station, "NONE", BySerials("1"))


@pytest.mark.parametrize(("count", "fits"), [(1_000, True), (1_001, False)])
def test_an_order_takes_a_thousand_ranges(made, count, fits):
    station, batch, _ = made
    selected = BySerials(";".join(str(2 * n + 1) for n in range(count)))
    if fits:
        assert len(resolve(station, batch, selected)) == count
    else:
        with pytest.raises(UsageError, match="1,001 ranges"):
            resolve(station, batch, selected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("１～５；７", [[1, 5], [7, 7]]),
        ("1至5、7", [[1, 5], [7, 7]]),
        ("1, 990", [[1, 1], [990, 990]]),
        ("1-480,490-500", [[1, 480], [490, 500]]),
    ],
)
def test_orders_take_the_spellings_that_receipts_take(made, text, expected):
    station, batch, _ = made
    assert pairs(station, batch, BySerials(text)) == expected


@pytest.mark.parametrize("text", ["1,990", "1~1,990", "1，990", "1 990", "1'990", "1.990"])
def test_orders_refuse_digits_that_may_be_grouped(made, text):
    station, batch, _ = made
    with pytest.raises(UsageError, match="are grouped"):
        resolve(station, batch, BySerials(text))


def test_json_pairs_never_become_digits_that_may_be_grouped(made):
    station, batch, _ = made
    order = {"action": "freeze", "batch": batch, "serials": [[1, 1], [990, 990]]}
    request = form.from_object(order, ZoneInfo("Asia/Shanghai"))
    assert pairs(station, batch, request.selection) == [[1, 1], [990, 990]]

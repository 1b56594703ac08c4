"""The account of a package's receipts, against the naive model: serial by serial."""

import dataclasses

import model
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.receipts import (
    NOT_REPLACED,
    SHOWN,
    Account,
    ReceiptEntry,
    UnitAccount,
    cut,
)
from mintmark.codegen.ranges.serials import Range

N = 12
UNITS = {"U1": range(1, 5), "U2": range(5, 6), "U3": range(8, N + 1)}  # 6 and 7: not packaged
SERIALS = st.sets(st.integers(1, N), max_size=4)
ENTRIES = st.lists(
    st.tuples(st.sampled_from([None, *UNITS]), SERIALS, SERIALS, st.integers(0, 3)), max_size=3
)


@st.composite
def likely(draw):
    """A receipt that is likely to be accepted: every serial at most once, in its unit."""
    entries = []
    for unit, held in UNITS.items():
        fates = draw(st.lists(st.sampled_from("-ps"), min_size=len(held), max_size=len(held)))
        named = {
            fate: {s for s, its in zip(held, fates, strict=True) if its == fate} for fate in "ps"
        }
        entries.append((unit, named["p"], named["s"], draw(st.integers(0, 2))))
    chosen = draw(st.lists(st.sampled_from(entries), unique_by=lambda part: part[0], min_size=1))
    return [*chosen, (None, set(), set(), draw(st.integers(0, 1)))]


def new_account():
    units = (UnitAccount(name, Range(held[0], held[-1])) for name, held in UNITS.items())
    return Account("P", tuple(units))


def entry(unit, printed, spoiled, number):
    return ReceiptEntry(unit, serials.of(printed), serials.of(spoiled), number)


def as_set(ranges):
    return {serial for piece in ranges for serial in range(piece.first, piece.last + 1)}


def booked(reports, receipt):
    """The model's refusal of `receipt`, or None once it is booked there."""
    try:
        reports.reported, reports.numbers, _, _ = reports.judge(receipt, final=False)
    except model.Refusal as refusal:
        return refusal
    return None


def same_refusal(details, refusal):
    """The details of an error hold what the model refused first."""
    if refusal.why == "over":
        assert list(details) == ["over"]
        assert all(part["difference"] > 0 for part in details["over"])
    else:
        assert details[refusal.why] == [list(pair) for pair in model.runs(refusal.serials)]
        assert details[f"{refusal.why}_count"] == len(refusal.serials)


def agree(account, reports):
    """Sums and closing are the model's, before a final receipt and after it."""
    found = dataclasses.asdict(account.totals())
    assert (found.pop("packaged"), found.pop("final")) == (len(reports.serials), False)
    assert found == reports.totals()
    closing = account.closing()
    rest = reports.judge([], final=True)[3]
    reports.final = True
    sums = dataclasses.asdict(closing.totals)
    assert (sums.pop("packaged"), sums.pop("final")) == (len(reports.serials), True)
    assert sums == reports.totals()
    reports.final = False
    assert as_set(closing.unused) == set(rest)
    for unit, held in UNITS.items():
        if unit in closing.counted:
            assert not set(held) & set(rest)


# More labels counted for the package than are left over outside of the units counted alone.
@example([[("U1", set(), set(), 1), ("U2", {5}, set(), 0), ("U3", set(range(8, 13)), set(), 0),
           (None, set(), set(), 2)]])  # fmt: skip
@given(st.lists(likely() | ENTRIES, max_size=4))
def test_receipts_add_up_as_the_models_do(receipts):
    account = new_account()
    reports = model.Receipts(model.Books(N, "packaged"), UNITS)
    for receipt in receipts:
        entries = [entry(*part) for part in receipt]
        refusal = booked(reports, receipt)
        if refusal is None:
            account = account.add(entries)
        elif refusal.why != "nothing":
            with pytest.raises(Refused) as caught:
                account.add(entries)
            same_refusal(caught.value.details, refusal)
    agree(account, reports)


def test_of_many_contradictions_a_hundred_are_shown_and_all_counted():
    odd = tuple(Range(serial, serial) for serial in range(101, 501, 2))
    with pytest.raises(Refused) as caught:
        new_account().add([ReceiptEntry(None, odd, (), 0)])
    assert len(caught.value.details["outside"]) == SHOWN == 100
    assert caught.value.details["outside_count"] == 200


def test_a_unit_of_another_package_is_not_found():
    with pytest.raises(NotFound, match="no unit 'U9' in package P"):
        new_account().add([entry("U9", [], [], 1)])


def test_a_negative_number_of_labels_is_a_usage_error():
    with pytest.raises(UsageError):
        new_account().add([entry("U1", [], [], 2), entry("U1", [], [], -1)])


def test_a_full_unit_is_not_too_full():
    account = new_account().add([entry("U1", [1, 2], [], 2), entry("U2", [5], [], 0)])
    assert account.uncertain == 2
    with pytest.raises(Refused, match="unit U1 holds 4 codes") as caught:
        account.add([entry("U1", [], [4], 0)])
    assert caught.value.details["over"] == [
        {"unit": "U1", "packaged": 4, "told": 5, "difference": 1}
    ]


@given(SERIALS.map(lambda held: held - {6, 7}))
def test_cutting_keeps_every_serial_in_its_unit(held):
    pieces = list(cut(serials.of(held), new_account().units))
    found = {(unit, s) for unit, piece in pieces for s in range(piece.first, piece.last + 1)}
    assert found == {(unit, s) for unit, inside in UNITS.items() for s in inside if s in held}


def test_reasons_that_leave_no_gap():
    assert [str(reason) for reason in NOT_REPLACED] == [
        "unused",
        "overprint",
        "expired",
        "recalled",
    ]

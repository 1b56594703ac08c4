"""What is scheduled, scanned in or put into a window is looked through for codes as orders are."""

import pytest

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

AT = "2026-12-01T10:00:00.000000Z"


def window(text):
    held = {"campaign": text}
    return {"from": AT, "until": None, "daily": None, "attributes": held}


def scheduled(batch, *, order="S", reason=None, attributes=None):
    serials = (Range(1, 1),)
    more = {"reason": reason, "attributes": attributes or {}}
    return c.Scheduled(order, AT, batch, Action.FREEZE, serials, **more)


CASES = {
    "order": lambda batch, code: scheduled(batch, order=code),
    "reason": lambda batch, code: scheduled(batch, reason=f"found {code} outside"),
    "attribute": lambda batch, code: scheduled(batch, attributes={"lot": code}),
    "attribute of a window": lambda batch, code: scheduled(
        batch, attributes={"window.december": window(code)}
    ),
    "attribute in a glued word": lambda batch, code: c.Ordered(
        "O", batch, Action.ASSIGN, (Range(1, 1),), attributes={"window.x": window(f"x-{code}")}
    ),
    "detail": lambda _, code: c.ScheduleEnded("S", "refused", f"in the way: {code}"),
    "scan_in": lambda _, code: c.ScannedIn(code, 1, "D7", AT, ()),
    "dealer": lambda _, code: c.ScannedIn("I", 1, f"D7 {code}", AT, ()),
}


@pytest.mark.parametrize("case", CASES)
def test_no_book_takes_a_code(home, case):
    batch = home.mint(10).batch
    code = home.codes(batch)[2]
    station = home.station()
    with station.ledger.read() as view:
        before = view.head()
    with pytest.raises(UsageError, match="is or holds a code") as caught:
        station.ledger.commit(station.author, CASES[case](batch, code))
    assert caught.value.details["holds_code"] == case.split()[0]
    assert code not in f"{caught.value.message} {caught.value.hints}"
    with station.ledger.read() as view:
        assert view.head() == before


def test_what_is_no_code_is_taken(home):
    batch = home.mint(10).batch
    station = home.station()
    attributes = {"max_scans": 2, "window.december": window("DECEMBER2026")}
    station.ledger.commit(station.author, scheduled(batch, attributes=attributes, reason="recall"))
    station.ledger.commit(station.author, c.ScannedIn("D7-2026-12-01-1", 1, "D7", AT, ()))

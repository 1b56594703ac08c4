"""Orders by commands while the ledger is out of reach, and what becomes of them when it is back."""

import pytest
from away_kit import incidents, orders
from line_kit import packaged

from mintmark.activation.away.keeper import Keeper
from mintmark.codegen.ranges.serials import Range


def activate(run, batch, serials, order, *more):
    return run("activate", batch, "--serials", serials, "--order", order, *more)


def test_an_order_waits_here_and_is_booked_first_when_the_ledger_is_back(made, run):
    home, batch, switch = made
    switch.away = True
    code, told = activate(run, batch, "1-10", "reel-1", "--set", "lot=L42")
    assert (code, told["delivery"], told["away"], told["order"]) == (75, "queued", True, "reel-1")
    assert "waits at this station" in told["detail"]
    code, _ = run("freeze", batch, "--serials", "1-5", "--order", "stop-1")
    assert code == 75
    switch.away = False
    code, told = run("unfreeze", batch, "--serials", "1-2", "--order", "go-1")
    assert code == 75  # no backend is configured
    assert "away" not in told
    assert [(name, action) for name, action, _ in orders(home)] == [
        ("reel-1", "activate"),
        ("stop-1", "freeze"),
        ("go-1", "unfreeze"),
    ]


def test_an_order_without_an_id_gets_one_and_keeps_it(made, run):
    home, batch, switch = made
    switch.away = True
    _, told = run("activate", batch, "--serials", "1-10")
    switch.away = False
    code, sent = run("deliver")
    assert (code, sent["away_booked"], sent["away_waiting"]) == (75, 1, 0)
    assert [name for name, *_ in orders(home)] == [told["order"]]


def test_the_same_order_again_waits_once(made, run):
    home, batch, switch = made
    switch.away = True
    assert activate(run, batch, "1-10", "reel-1")[1]["repeated"] is False
    assert activate(run, batch, "1-10", "reel-1")[1]["repeated"] is True
    code, told = activate(run, batch, "1-11", "reel-1")
    assert code == 3
    assert "says something else" in told["error"]
    switch.away = False
    run("deliver")
    assert [name for name, *_ in orders(home)] == ["reel-1"]


def test_an_order_that_the_books_refuse_steps_aside_and_those_behind_go_on(made, run):
    home, batch, switch = made
    switch.away = True
    activate(run, batch, "1-10", "first")
    run("unfreeze", batch, "--serials", "20-30", "--order", "wrong")  # they are not frozen
    activate(run, batch, "290-400", "outside")  # the batch has 300
    activate(run, batch, "11-20", "last")
    switch.away = False
    code, told = run("deliver")
    assert (code, told["away_booked"], told["away_refused"]) == (3, 2, 2)
    assert [name for name, *_ in orders(home)] == ["first", "last"]
    code, here = run("orders", "away")
    assert [(one["order"], one["exit"]) for one in here["refused"]] == [
        ("wrong", 3),
        ("outside", 2),
    ]
    assert [each.facts.order for each in incidents(home, "away-refused")] == ["wrong", "outside"]
    code, found = run("doctor")
    levels = {(f["level"], f["message"]) for f in found["findings"] if f["check"] == "away"}
    assert any(level == "error" and "refused then: 2" in text for level, text in levels)
    for order in ("wrong", "outside"):
        code, here = run("orders", "away", "--discard", order)
        assert code == 0
    assert here == {"waiting": [], "refused": []}
    assert len(incidents(home, "away-discarded")) == 2
    _, found = run("doctor")
    assert [f["level"] for f in found["findings"] if f["check"] == "away"] == ["ok"]


@pytest.mark.parametrize(
    "words",
    [
        ("--unit", "{unit}"),
        ("--package", "{package}"),
        ("{batch}", "--serials", "@{file}"),
        ("--code", "{batch}:7"),
        ("--where", "lot=", "--where", "state=packaged", "--yes"),
        ("{batch}", "--serials", "all", "--at", "2090-12-01 06:00"),
        ("{batch}", "--serials", "1-9", "--effective-at", "2026-12-01", "--count", "9"),
    ],
)
def test_every_way_to_name_codes_without_a_code_can_wait(made, run, words, tmp_path):
    home, batch, switch = made
    with home.station().ledger.read() as view:
        (package,) = view.packages()
        unit = view.units(package.package)[0].unit
    file = tmp_path / "serials.txt"
    file.write_text("1-3;7\n", encoding="utf-8")
    facts = {"batch": batch, "unit": unit, "package": package.package, "file": file}
    words = [word.format(**facts) for word in words]
    _, would = run("activate", *words, "--dry-run")
    switch.away = True
    code, told = run("activate", *words, "--order", "reel")
    assert (code, told["away"]) == (75, True)
    file.unlink()
    switch.away = False
    assert run("deliver")[1]["away_booked"] == 1
    code, done = run("orders", "show", "reel")
    assert done["status"] in ("queued", "scheduled")
    if "applied" in would and done["status"] == "queued":
        assert [touched for *_, touched in orders(home)] == [
            tuple(Range(*pair) for pair in would["applied"])
        ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("activate", "{batch}", "--serials", "1-x"), 2),
        (("void", "{batch}", "--serials", "1-5"), 2),  # no reason
        (("activate", "ZZZZ-AAAAAAAA", "--serials", "1-5"), 4),
        (("activate", "{batch}", "--serials", "1-5", "--line", "nine"), 4),
        (("activate", "{batch}", "--serials", "1-5", "--dry-run"), 6),
        (("activate", "{batch}", "--from-code", "{code}", "--to-code", "{other}"), 6),
        (("activate", "--code", "{code}"), 6),
        (("activate", "--carton", "{code}"), 6),
        (("orders", "cancel", "reel-1"), 6),
        (("deliver",), 6),
    ],
)
def test_what_can_be_judged_away_is_judged_and_what_cannot_wait_is_not_taken(
    made, run, words, code
):
    home, batch, switch = made
    codes = home.codes(batch)
    switch.away = True
    facts = {"batch": batch, "code": codes[3], "other": codes[9]}
    assert run(*(word.format(**facts) for word in words))[0] == code
    assert Keeper(home.station()).queue.is_empty


def test_no_file_of_the_queue_holds_a_code_wherever_it_was_typed(made, run):
    home, batch, switch = made
    code = home.codes(batch)[4]
    switch.away = True
    words = ("activate", batch, "--serials", "1-5")
    assert run(*words, "--reason", code)[0] == 75
    assert run(*words, "--set", f"lot={code}")[0] == 75
    assert run(*words, "--set", f"campaign=x {code.lower()}")[0] == 75
    told = run(*words, "--order", code)
    assert told[0] == 75
    kept = [path.read_bytes() for path in (home.path / "away").rglob("*") if path.is_file()]
    names = [path.name for path in (home.path / "away").rglob("*")]
    assert len(kept) >= 5
    for found in (*kept, *(name.encode() for name in names), repr(told).encode()):
        assert code.lower().encode() not in found.lower()
    switch.away = False
    _, told = run("deliver")
    assert told["away_refused"] == 4
    kept = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    for found in (*kept, repr(run("orders", "away")).encode()):
        assert code.lower().encode() not in found.lower()


def test_what_waits_is_shown_while_the_ledger_is_away(made, run):
    _, batch, switch = made
    switch.away = True
    activate(run, batch, "1-10", "reel-1")
    code, told = run("orders", "show", "reel-1")
    assert (code, told["status"], told["away"], told["batch"]) == (0, "queued", True, batch)
    code, told = run("orders", "list")
    assert (code, [row["order"] for row in told["orders"]]) == (0, ["reel-1"])
    assert run("orders", "show", "reel-2")[0] == 6
    assert run("orders", "list", "--status", "refused")[0] == 6
    code, told = run("orders", "away")
    assert (code, told["waiting"][0]["order"]) == (0, "reel-1")


def test_packing_waits_as_well(made, run):
    home, batch, switch = made
    cartons = packaged(home, 4, 4, role="carton")
    words = ("associate", batch, "--serials", "1-4", "--parent", f"{cartons}:2", "--order", "box")
    switch.away = True
    code, told = run(*words)
    assert (code, told["away"], told["delivery"]) == (75, True, "queued")
    assert run("dissociate", "--carton", f"{cartons}:2", "--all", "--order", "out")[0] == 75
    ends = ("--from-code", "K7QM3T9A2BCDKKKK", "--to-code", "K7QM3T9A2BCDKKKX")
    code, _ = run("associate", batch, *ends, "--parent", f"{cartons}:2")
    assert code == 6
    switch.away = False
    told = run("deliver")[1]
    assert (told["away_booked"], run("orders", "away")[1]["refused"]) == (2, [])
    assert [(name, action) for name, action, _ in orders(home)] == [
        ("box", "associate"),
        ("out", "dissociate"),
    ]


def test_a_commit_whose_answer_was_lost_books_once(made, run):
    home, batch, switch = made
    switch.lose = 1
    code, told = activate(run, batch, "1-10", "reel-1")
    assert (code, told["away"]) == (75, True)
    code, told = run("deliver")
    assert told["away_booked"] == 1
    assert [name for name, *_ in orders(home)] == ["reel-1"]


def test_a_file_of_orders_waits_row_by_row(made, run, tmp_path):
    home, batch, switch = made
    file = tmp_path / "orders.csv"
    rows = f"activate,{batch},1-10,one\nfreeze,{batch},1-3,two\nactivate,{batch},x,three\n"
    file.write_text(f"action,batch,serials,order\n{rows}", encoding="utf-8")
    switch.away = True
    code, told = run("orders", "apply", str(file))
    assert code == 3  # the third is no order
    assert [(row["status"], row["exit"]) for row in told["results"]] == [
        ("queued", 75),
        ("queued", 75),
        ("refused", 2),
    ]
    code, told = run("orders", "apply", str(file))
    assert [row["repeated"] for row in told["results"]] == [True, True, False]
    switch.away = False
    run("deliver")
    assert [name for name, *_ in orders(home)] == ["one", "two"]


def test_a_home_of_its_own_has_no_queue(made, run):
    home, batch, _ = made
    text = (home.path / "mintmark.toml").read_text(encoding="utf-8")
    (home.path / "mintmark.toml").write_text(text.partition("[ledger]\nurl")[0], encoding="utf-8")
    assert activate(run, batch, "1-10", "reel-1")[0] == 75
    assert not (home.path / "away").exists()
    _, found = run("doctor")
    assert not [f for f in found["findings"] if f["check"] == "away"]

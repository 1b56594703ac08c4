"""What runs for a shift while the ledger is away: a hot folder, a service, a packing line."""

import io
import json
import time
from contextlib import nullcontext

import pytest
from away_kit import orders, share_books, shared_home
from hall_kit import make_hall
from line_kit import Backend, client

from mintmark.activation.association.resolving import CodeReader
from mintmark.activation.away.drain import drain
from mintmark.activation.away.keeper import Keeper
from mintmark.activation.away.written import write_range
from mintmark.activation.delivery.deliver import Courier
from mintmark.activation.delivery.service import HealthFile, Service
from mintmark.activation.intake.hot_folder import HotFolder
from mintmark.activation.intake.inbox import Inbox
from mintmark.activation.intake.line_courier import LineCourier
from mintmark.activation.intake.packing_stream import PackingStream
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.away import VaultAway
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.scans.framing import Framer
from mintmark.codegen.scans.settings import read_tables


@pytest.fixture
def steady(monkeypatch):
    """A clock of this process that a test moves, so that nothing rests for real seconds."""
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_hot_folder_takes_files_while_the_ledger_is_away(tmp_path, monkeypatch):
    home, (batch,), switch = shared_home(tmp_path, monkeypatch)
    folder = tmp_path / "drop"
    folder.mkdir()
    looks, told = [], []
    hot = HotFolder(
        station=home.station(),
        connect=lambda: nullcontext(None),
        folder=folder,
        wait=looks.append,
        stopped=lambda: len(looks) >= 3,
        log=lambda event, **details: told.append((event, details)),
    )
    (folder / "a.csv").write_text(
        f"action,batch,serials,order\nactivate,{batch},1-5,one\nfreeze,{batch},1-5,two\n", "utf-8"
    )
    switch.away = True
    assert (hot.run().files, (folder / "done" / "a.csv").exists()) == (1, True)
    result = (folder / "done" / "a.csv.result.jsonl").read_text("ascii").splitlines()
    assert [(json.loads(line)["status"], json.loads(line)["exit"]) for line in result] == [
        ("queued", 75),
        ("queued", 75),
    ]
    assert max(looks) <= 15  # a file that comes meanwhile does not wait for minutes
    switch.away = False
    looks.clear()
    HotFolder(
        station=home.station(),
        connect=lambda: nullcontext(None),
        folder=folder,
        wait=looks.append,
        stopped=lambda: len(looks) >= 1,
        log=lambda event, **details: told.append((event, details)),
    ).run()
    assert [name for name, *_ in orders(home)] == ["one", "two"]
    home.close()


def test_a_service_starts_and_waits_and_books_what_waits_when_the_ledger_is_back(
    tmp_path, monkeypatch, steady
):
    home, (batch,), switch = shared_home(tmp_path, monkeypatch)
    station = home.station()
    keeper = Keeper(station)
    for name, action in (("one", "activate"), ("no", "unvoid"), ("two", "freeze")):
        request = OrderRequest(Action(action), batch, BySerials("1-5"), order=name)
        config = station.config
        keeper.append(write_range(request, config.home_id, config.time_zone))
    turns, told = [], []

    def wait(seconds):
        turns.append(seconds)
        steady[0] += 60
        switch.away = len(turns) < 2

    switch.away = True
    Service(
        station=station,
        connect=lambda: nullcontext(None),
        wait=wait,
        stopped=lambda: len(turns) >= 4,
        log=lambda event, **details: told.append((event, details.get("order"))),
        health=HealthFile(None, station.now()),
    ).run()
    events = [event for event, _ in told]
    assert events.index("hindered") < events.index("away-booked")
    assert [pair for pair in told if pair[0].startswith("away-")] == [
        ("away-booked", "one"),
        ("away-booked", "two"),
        ("away-refused", "no"),
    ]
    assert max(turns) <= 15
    home.close()


def test_a_packing_line_goes_on_with_codes_that_it_can_find(tmp_path, monkeypatch):
    hall = make_hall(tmp_path, items=12, cartons=3)
    switch = share_books(hall.home, monkeypatch)
    station = hall.home.station()
    settings = read_tables({"belt": {"parent": "last", "per_parent": 2}})["belt"]
    items, cartons = hall.codes[hall.items], hall.codes[hall.cartons]

    def answers(*codes):
        source = io.BytesIO("\n".join((*codes, "")).encode("utf-8"))
        inbox = Inbox(source.read, Framer(settings.terminators))
        inbox.start()
        said = []
        stream.run(inbox, said.append)
        return said

    stream = PackingStream(
        station,
        LineCourier(station, None, time.monotonic),
        CodeReader(station, settings),
        place=settings.parent,
        each=2,
    )
    (first,) = answers(items[0], items[1], cartons[0])
    assert "away" not in first
    switch.away = True
    (second,) = answers(items[2], items[3], cartons[1])
    assert (second["ok"], second["exit"], second["away"]) == (True, 75, True)
    kept = b"".join(p.read_bytes() for p in (hall.home.path / "away").iterdir() if p.is_file())
    assert not any(code.encode() in kept for code in (*items, *cartons))
    (strange,) = answers("K7QM3T9A2BCDKKKK", items[5], cartons[2])
    assert (strange["ok"], strange["exit"]) == (False, 6)
    switch.away = False
    assert len(drain(Keeper(station)).booked) == 1
    assert hall.inside(station, 2) == [3, 4]
    hall.home.close()


def test_an_order_is_booked_and_put_off_while_the_store_is_away(tmp_path, monkeypatch):
    home, (batch,), _ = shared_home(tmp_path, monkeypatch)
    station = home.station()
    book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-5"), order="one"))
    real = type(station.vault).fingerprints

    def away(*_):
        raise VaultAway("the vault's store does not answer")

    with Backend(tmp_path / "backend", home.path) as backend, client(backend.url) as http:
        monkeypatch.setattr(type(station.vault), "fingerprints", away)
        report = Courier(station, http).deliver()
        assert (report.delivered, report.detail) == ([], "the vault's store does not answer")
        with station.ledger.read() as view:
            assert view.order("one").status == "queued"
        monkeypatch.setattr(type(station.vault), "fingerprints", real)
        assert Courier(station, http).deliver().delivered == ["one"]
    home.close()


def test_a_text_that_may_be_a_code_waits_while_the_store_cannot_be_asked(made, run, monkeypatch):
    home, batch, _ = made
    code = home.codes(batch)[3]
    vault = type(home.station().vault)

    def away(*_):
        raise VaultAway("the vault's store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(vault, "lists", away)
        words = ("activate", batch, "--serials", "1-5", "--reason", code, "--order", "one")
        assert run(*words)[0] == 75
        assert orders(home) == []
    assert run("deliver")[1]["away_refused"] == 1
    assert orders(home) == []

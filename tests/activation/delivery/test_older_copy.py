"""An older copy of a home is noticed: by the backend's head, or by the vault; and what follows."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import timedelta

import pytest
from line_kit import Backend, client, home_with_batches, opened
from station_kit import batch_files

from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Away, Declined, ProblemDetails
from mintmark.activation.conformance import check
from mintmark.activation.delivery import conversation, health, witness
from mintmark.activation.delivery.deliver import Courier, deliver
from mintmark.activation.delivery.witness import Witness, ask
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import IntegrityError, Refused
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.settle_copy import settle
from mintmark.codegen.station import older_copy
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Fresh, Handoff, PrintOptions
from mintmark.packaging.profiles import files

HEAD = "ab" * 32


def packaged(station, batch, first, last):
    package = station.new_id()
    unit = c.Unit(f"{package}-0", "data/0001.csv", first, last, last - first + 1, "00" * 32)
    (key,) = (key.key_id for key in station.custodians())
    station.ledger.commit(
        station.author,
        c.ExportBegun(package, batch, (Range(first, last),), "li", "csv"),
        c.Packaged(package, "{code}", "b.zip", 1, "0" * 64, "0" * 64, key, (unit,)),
    )


def order(station, line, batch, serials, action=Action.ACTIVATE):
    book(station, OrderRequest(action, batch, BySerials(serials)))
    return deliver(station, line)


@dataclass
class World:
    """A home that packaged and activated 201-250 since the copy at `copy` was made."""

    path: object
    copy: object
    backend: Backend
    batch: str
    key_file: object
    url: str = ""

    def restore(self):
        shutil.rmtree(self.path)
        shutil.copytree(self.copy, self.path)

    @contextlib.contextmanager
    def at_work(self):
        with opened(self.path) as station, client(self.url, station) as line:
            yield station, line


@pytest.fixture
def world(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with Backend(tmp_path / "backend", home.path) as backend:
        made = World(home.path, tmp_path / "copy", backend, batch, home.key_file, backend.url)
        with made.at_work() as (station, line):
            order(station, line, batch, "1-50")
        shutil.copytree(home.path, made.copy)
        with made.at_work() as (station, line):
            packaged(station, batch, 201, 250)
            order(station, line, batch, "201-250")
        yield made


def asking(line):
    """What `audit settle` is given: it asks over `line`."""
    return lambda station: ask(station, line)


def nobody(_station):
    """No backend is configured."""


def reconciled(station, line, batch, *, apply=False):
    ask(station, line)
    return reconcile(station, line, batch, apply=apply)


def findings(station):
    checks = (health.orders, health.backend)
    return [f for f in doctor(station, checks, repair=False).findings if f.level == "error"]


def incidents(station, kind=older_copy.NOTICED):
    with station.ledger.read() as view:
        return [event.change for event in view.incidents(kind)]


def export_of(world, station, batch, folder):
    home_path, key_file = world.path, world.key_file
    (folder / "pass.txt").write_bytes(b"nine words are better than one")
    profile = files.find("csv", home_path).profile
    wanted = Fresh(batch, "li", PrintOptions(profile), "next:10")
    keys = (key_file, folder / "pass.txt")
    call = Invocation(home_path, witness=witness.consult)
    call.opened.append(station)
    return export(call, wanted, Handoff(folder / "out", folder / "password.txt", *keys))


def test_the_home_that_sent_the_head_is_the_newest_and_a_newer_event_changes_nothing(world):
    with world.at_work() as (station, line):
        assert ask(station, line) is Witness.NEWEST
        packaged(station, world.batch, 251, 260)  # booked, and the backend does not know
        assert ask(station, line) is Witness.NEWEST
        assert not findings(station)
        assert not incidents(station)


def test_an_older_copy_is_refused_by_whatever_would_use_its_books(world, tmp_path, monkeypatch):
    world.restore()
    monkeypatch.setenv("MINTMARK_BACKEND_URL", world.url)
    with world.at_work() as (station, line):
        assert [found.check for found in findings(station)] == ["backend"]
        assert not incidents(station)  # doctor books nothing
        with pytest.raises(IntegrityError, match="older copy") as caught:
            reconciled(station, line, world.batch, apply=True)
        assert "--newer-home lost" in caught.value.hints[1]
        assert "--newer-home none" in caught.value.hints[2]
        assert len(incidents(station)) == 1
        with pytest.raises(IntegrityError, match="older copy"):
            export_of(world, station, world.batch, tmp_path)
        assert not (tmp_path / "out").exists()
        assert len(incidents(station)) == 1  # once for one head
        states = [piece.state for piece in line.batch_page(world.batch).ranges]
        assert states.count("active") == 2  # nothing was taken back
        assert verify(station.ledger).ok


def test_what_was_noticed_holds_without_the_backend_and_after_another_order(world):
    """The line goes on, and its order brings a head that is in this chain."""
    world.restore()
    with world.at_work() as (station, line):
        assert order(station, line, world.batch, "51-60").queued == 0
        assert ask(station, line) is Witness.NEWEST
        world.backend.stop()
        with pytest.raises(IntegrityError, match="older copy"):
            older_copy.refuse_older(station)
        assert [found.check for found in findings(station)] == ["copies"]


def test_the_first_order_of_an_older_copy_asks_before_it_brings_its_head(world):
    world.restore()
    with world.at_work() as (station, line):
        order(station, line, world.batch, "51-60")
        (noticed,) = incidents(station)
        assert noticed.facts.head
        assert noticed.facts.order


def test_the_newer_home_brought_back_is_well(world, tmp_path):
    shutil.copytree(world.path, tmp_path / "newer")
    world.restore()
    with world.at_work() as (station, line):
        assert ask(station, line) is Witness.OLDER
    shutil.rmtree(world.path)
    shutil.copytree(tmp_path / "newer", world.path)
    with world.at_work() as (station, line):
        assert ask(station, line) is Witness.NEWEST
        older_copy.refuse_older(station)
        assert not findings(station)


def test_a_home_whose_newer_one_is_lost_goes_on_without_its_old_batches(
    world, tmp_path, monkeypatch
):
    world.restore()
    monkeypatch.setenv("MINTMARK_BACKEND_URL", world.url)
    with world.at_work() as (station, line):
        with pytest.raises(Refused, match="nothing to settle"):
            settle(station, "lost", "disk burnt", nobody)
        assert findings(station)  # books nothing: the decision asks for itself
        done = settle(station, "lost", "disk burnt", asking(line))
        assert (done.retired, len(done.heads)) == ((world.batch,), 1)
        older_copy.refuse_older(station)
        assert ask(station, line) is Witness.NEWEST  # decided about
        assert not findings(station)
        with pytest.raises(Refused, match="is retired"):
            export_of(world, station, world.batch, tmp_path)
        with pytest.raises(Refused, match="is retired"):
            reconcile(station, line, world.batch, apply=True)
        assert reconcile(station, line, world.batch).different == 50  # shown, and left alone
        assert order(station, line, world.batch, "51-60").queued == 0  # known packages go on
        assert verify(station.ledger).ok


def test_a_batch_minted_after_the_decision_is_exported(world, tmp_path, monkeypatch):
    home, _ = home_with_batches(tmp_path / "other")
    world.restore()
    monkeypatch.setenv("MINTMARK_BACKEND_URL", world.url)
    with world.at_work() as (station, line):
        ask(station, line)
        settle(station, "lost", "disk burnt", asking(line))
        batch = home.mint(20, station=station, url="HTTPS://T.EXAMPLE.COM/{code}").batch
        assert export_of(world, station, batch, tmp_path).batch == batch


def test_a_made_up_head_is_disowned_and_no_batch_is_lost(world, tmp_path, monkeypatch):
    """Somebody with a line's key sends one; the next good order replaces it anyway."""
    monkeypatch.setenv("MINTMARK_BACKEND_URL", world.url)
    with world.at_work() as (station, line):
        forged = wire.Order("FORGED", world.batch, "assign", ((1, 1),), audit_head=HEAD)
        line.order(forged)
        with pytest.raises(IntegrityError, match=HEAD[:16]):
            reconciled(station, line, world.batch)
        settle(station, "none", "the key of line 3 was stolen", asking(line))
        assert reconcile(station, line, world.batch).equal
        assert export_of(world, station, world.batch, tmp_path).batch == world.batch
        line.order(wire.Order("AGAIN", world.batch, "assign", ((1, 1),), audit_head="cd" * 32))
        assert ask(station, line) is Witness.OLDER  # another head is another sign


def test_a_check_of_the_backend_is_no_sign(world):
    call = Invocation(world.path)
    with world.at_work() as (station, line):
        call.opened.append(station)
        # Its clauses of heads alone: they bring some.
        found = check.run(call, world.url, check.CheckRequest(unsigned=True, only=("read",)))
        assert (found.failed, found.passed > 3) == (0, True)
        assert ask(station, line) is Witness.NEWEST


@pytest.mark.parametrize("what", ["another home", "no orders yet", "restored"])
def test_a_backend_that_knows_less_is_no_sign(world, tmp_path, what):
    with world.at_work() as (station, _):
        if what == "restored":
            with client(world.url, station) as line:
                older = line.head(station.config.home_id)
                order(station, line, world.batch, "51-60")
                assert line.head(station.config.home_id) != older
            asked = Telling(older)
        else:
            home, _ = home_with_batches(tmp_path / "other")
            own = home.path if what == "another home" else world.path
            second = Backend(tmp_path / "backend2", own)
            with second as other, client(other.url) as line:
                said = ask(station, line)
            assert said is Witness.NOTHING
            return
        assert ask(station, asked) is Witness.NEWEST


@dataclass
class Deaf:
    """A client of a backend of which nobody learns the head; it takes orders."""

    real: object
    asked: int = 0

    def as_line(self, _line):
        return self

    def head(self, _home):
        self.asked += 1
        raise Away("it redirects")

    def __getattr__(self, name):
        return getattr(self.real, name)


def test_a_question_without_an_answer_stops_no_order_and_leaves_the_trace(world, monkeypatch):
    """A gateway that lets orders pass, and not the question."""
    world.restore()
    with world.at_work() as (station, line):
        head = line.head(station.config.home_id)
        deaf = Deaf(line)
        courier = Courier(station, deaf)
        for serial in (51, 52):
            book(station, OrderRequest(Action.ACTIVATE, world.batch, BySerials(str(serial))))
            assert courier.deliver().delivered
            assert line.head(station.config.home_id) == head
        assert deaf.asked == 1  # it may take seconds: not with every order
        monkeypatch.setattr(conversation, "ASKED_AGAIN", timedelta(0))
        deaf.head = line.head
        book(station, OrderRequest(Action.ACTIVATE, world.batch, BySerials("53")))
        assert courier.deliver().delivered
        assert len(incidents(station)) == 1
        assert ask(station, line) is Witness.NEWEST  # orders bring heads again


def test_a_correction_brings_no_head(world):
    with world.at_work() as (station, line):
        head = line.head(station.config.home_id)
        line.order(wire.Order("ELSEWHERE", world.batch, "freeze", ((1, 5),)))
        (correction,) = reconciled(station, line, world.batch, apply=True).orders
        assert correction.delivery == "acknowledged"
        assert line.head(station.config.home_id) == head


@dataclass
class Telling:
    """A client that answers one question, or fails at it."""

    answer: object = None

    def head(self, _home):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, Witness.NOT_OFFERED),
        (Away("down"), Witness.SILENT),
        (Declined(ProblemDetails(403, "forbidden", "", "")), Witness.SILENT),
    ],
)
def test_no_answer_stops_nothing(world, answer, said):
    with opened(world.path) as station:
        assert ask(station, Telling(answer)) is said
        assert ask(station, None) is Witness.UNCONFIGURED
        older_copy.refuse_older(station)
        assert not incidents(station)


def test_nobody_is_asked_without_a_backend_and_one_that_is_away_is_told(world, monkeypatch):
    with opened(world.path) as station:
        monkeypatch.delenv("MINTMARK_BACKEND_URL", raising=False)
        assert witness.consult(station) is None
        for url in ("http://127.0.0.1:9", "no address"):
            monkeypatch.setenv("MINTMARK_BACKEND_URL", url)
            assert witness.consult(station) == witness.UNASKED


def test_a_ledger_without_its_wal_is_noticed_by_the_vault(tmp_path):
    """The batch was booked in ledger.db-wal, and its files are there."""
    home, _ = home_with_batches(tmp_path)
    station = home.station()
    with sqlite3.connect(home.path / "ledger.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()  # keeps the WAL from folding
        batch = home.mint(5, station=station).batch
        shutil.copytree(home.path, tmp_path / "copy")
        assert (tmp_path / "copy" / "ledger.db-wal").stat().st_size
    reader.close()
    home.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / "copy" / f"ledger.db{suffix}").unlink()
    with opened(tmp_path / "copy") as copy:
        assert older_copy.unbooked(copy) == (batch,)
        with pytest.raises(
            IntegrityError, match=f"older than the vault, which holds batch {batch}"
        ):
            home.mint(5, station=copy)
        assert [found.check for found in findings(copy)] == ["copies"]
        assert settle(copy, "lost", "the WAL is gone", nobody).vault_only == (batch,)
        assert home.mint(5, station=copy).batch != batch
        assert not findings(copy)
        assert verify(copy.ledger).ok


def test_files_of_another_home_in_the_vault_are_no_sign(tmp_path):
    home, _ = home_with_batches(tmp_path)
    for name in batch_files("ZZZZ-00000000"):
        (home.path / "vault" / name).write_bytes(b"{}")
    with opened(home.path) as station:
        assert not older_copy.unbooked(station)
        found = doctor(station, (), repair=False)
        assert found.ok
        assert [f.message for f in found.findings if "ZZZZ-00000000" in f.message]


def test_a_decision_needs_a_reason_and_a_word_that_is_one(world):
    world.restore()
    with world.at_work() as (station, line):
        ask(station, line)
        for word, reason in (("gone", "x"), ("lost", " "), ("lost", "a\nb"), ("lost", "x" * 201)):
            with pytest.raises(Exception, match=r"--newer-home|the reason"):
                settle(station, word, reason, nobody)
        assert older_copy.signs(station).heads

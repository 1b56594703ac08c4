"""After a crash: all files and a ledger row, or neither. The process really dies."""

import contextlib
import hashlib
import json
import shutil

import pytest
from children import DIED, finish, start, waiting
from station_kit import Home, batch_files, make_home

from mintmark.codegen import notes
from mintmark.codegen.errors import IntegrityError, NotFound
from mintmark.codegen.files import hidden
from mintmark.codegen.ledger.chain import encode
from mintmark.codegen.ledger.changes import (
    ContactAdded,
    ExportBegun,
    KeyAdded,
    KeyRevoked,
    Packaged,
    Unit,
)
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.recover import check_intent, recover, unsettled
from mintmark.codegen.station import keys
from mintmark.codegen.station.intent_document import MOST_BYTES

# Fault points of a mint and the first piece of each phase of its progress, in order; the
# batch is rolled forward from `noted` on.
BACK = ["intent", "generate", "sort", "digest", "made"]
FORWARD = ["noted", "renamed .sealed", "renamed .fingerprints", "renamed .run"]
FORWARD += ["renamed .wraps.json", "renamed .mint.json", "published", "minted"]


def settle(home):
    return list(recover(home.station()))


def well(home):
    """The vault and the ledger tell the same, nothing is half-done, the chain holds."""
    rows, station = home.rows(), home.station()
    assert home.files() == batch_files(*rows)
    for batch, row in rows.items():
        station.vault.verify(batch, station.station_keys, station.wrap_keys)
        record = station.vault.parts(batch).record.read_bytes()
        assert hashlib.sha256(record).hexdigest() == row.mint_record_sha256
        assert len(home.codes(batch)) == row.quantity
    found = verify(station.ledger)
    assert found.ok, found.problem
    assert unsettled(station) == []
    return set(rows)


@pytest.fixture(scope="module")
def graveyard(tmp_path_factory):
    """A home per point at which a mint died; the last mint had a ref."""
    alive = make_home(tmp_path_factory.mktemp("alive"))
    folder = tmp_path_factory.mktemp("graveyard")
    pallets = {"role": "pallet", "sscc": ["6901234", 3, 500]}
    jobs = [{"quantity": 20, "die": number, **pallets} for number in range(len(BACK + FORWARD))]
    jobs.append({"quantity": 20, "die": len(BACK) + 1, "ref": "MES-1"})
    homes = [shutil.copytree(alive.path, folder / str(number)) for number in range(len(jobs))]
    deaths = [[str(home), job] for home, job in zip(homes, jobs, strict=True)]
    assert finish(start(alive, deaths=deaths)) == [DIED] * len(jobs)
    return [Home(home, alive.key_file, alive.custodian) for home in homes]


@pytest.fixture
def dead(graveyard, tmp_path):
    """`dead(number)`: a copy of that home, for one test."""
    copies = []

    def copy(number):
        grave = graveyard[number]
        path = shutil.copytree(grave.path, tmp_path / f"copy-{len(copies)}")
        copies.append(Home(path, grave.key_file, grave.custodian))
        return copies[-1]

    yield copy
    for home in copies:
        home.close()


@pytest.mark.parametrize(("number", "point"), list(enumerate(BACK + FORWARD)))
def test_killed_anywhere_it_is_all_or_nothing(dead, number, point):
    home = dead(number)
    (left,) = unsettled(home.station()) or [None]
    sentences = settle(home)
    batches = well(home)
    if point == "minted":  # the last point: all is done
        assert (left, sentences) == (None, [])
        assert len(batches) == 1
    else:
        assert batches == ({left} if point in FORWARD else set())
        assert len(sentences) == 1
        assert left in sentences[0]
    for row in home.rows().values():
        numbers = row.sscc_prefix, row.sscc_extension, row.sscc_first
        assert (row.role, *numbers) == ("pallet", "6901234", 3, 500)
    assert settle(home) == []
    assert home.mint(20).batch not in batches
    well(home)


def test_the_next_mint_settles_what_was_left(dead):
    home = dead(-1)
    said = []
    again = home.mint(20, ref="MES-1", notify=said.append)
    assert again.repeated
    assert well(home) == {again.batch}
    assert len(said) == 1


def test_killed_while_it_recovers_it_is_recovered_again(dead):
    """The second process dies at the renaming that it took over from the first."""
    home = dead(len(BACK))
    (subject,) = unsettled(home.station())
    assert finish(start(home, quantity=20, die=1)) is None
    assert unsettled(home.station()) == [subject]
    settle(home)
    assert well(home) == {subject}


def test_a_copy_of_the_home_settles_its_own_files_only(dead, tmp_path):
    """The mint may be alive beside the original: its lock is not seen from the copy."""
    home = dead(len(BACK))
    before = home.files()
    copy = Home(shutil.copytree(home.path, tmp_path / "copy"), home.key_file, home.custodian)
    settle(copy)
    assert len(well(copy)) == 1
    copy.close()
    assert home.files() == before


def test_a_living_mint_is_left_alone(dead):
    home = dead(0)
    settle(home)
    with waiting(home, quantity=20, wait="noted") as child:
        assert unsettled(home.station()) == []
        assert settle(home) == []
        batch = finish(child)["batch"]
    assert well(home) == {batch}


# --- a complete batch that does not hold together --------------------------------------


@pytest.fixture
def home(dead):
    """A batch died in it right after its first file was renamed."""
    return dead(len(BACK) + 1)


@pytest.fixture
def cut_short(home):
    (batch,) = unsettled(home.station())
    return batch


def quarantined(home):
    folder = home.path / "vault" / "quarantine"
    return {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_batch_goes_to_quarantine(home, cut_short, at, damage):
    parts = home.station().vault.parts(cut_short)
    before = {final.name: _present(final).read_bytes() for final in parts}
    path = _present(parts[at])
    data = before[parts[at].name]
    if damage == "gone":
        path.unlink()
        del before[parts[at].name]
    else:
        spoiled = data[:-1] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes(spoiled)
        before[parts[at].name] = spoiled
    (sentence,) = settle(home)
    assert "quarantine" in sentence
    assert home.rows() == {}
    assert quarantined(home) == before
    assert home.files() == set(before)
    assert settle(home) == []
    assert len(home.codes(home.mint(20).batch)) == 20


def _present(final):
    return final if final.exists() else hidden(final)


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"type": "Nonsense", "body": {}},
        {"type": "BatchMinted", "body": {}},
        {"type": "BatchMinted", "body": []},
        {"type": ["BatchMinted"], "body": None},
        {"type": "Incident", "body": {"kind": "x", "detail": "y"}},
    ],
)
def test_a_note_that_is_none_is_quarantined(home, cut_short, note):
    path = home.path / "work" / f"{cut_short}.json"
    notes.write(path, {**notes.read(path, MOST_BYTES), "note": note})
    assert "quarantine" in settle(home)[0]
    assert set(quarantined(home)) == batch_files(cut_short)
    assert home.rows() == {}


def test_a_note_with_another_address_is_not_booked(home, cut_short):
    """Its record, its run and its digests are right: the checksum alone tells."""
    path = home.path / "work" / f"{cut_short}.json"
    path.write_text(path.read_text("ascii").replace('"quantity": ', '"quantity":  1'), "ascii")
    with pytest.raises(IntegrityError, match="does not say what was being published"):
        settle(home)
    assert home.rows() == {}


def meanwhile(home, batch, act):
    """Act as if the intent of `batch` were not there yet; returns the intent's path."""
    path = home.path / "work" / f"{batch}.json"
    aside = path.rename(home.path / "aside.json")
    found = act()
    aside.rename(path)
    return path, found


@pytest.mark.parametrize("field", ["batch", "mint_record_sha256"])
def test_a_note_of_another_batch_is_not_believed(home, cut_short, field):
    path, other = meanwhile(home, cut_short, lambda: home.mint(20).batch)
    intent = notes.read(path, MOST_BYTES)
    intent["note"]["body"][field] = getattr(home.rows()[other], field)
    notes.write(path, intent)
    assert "quarantine" in settle(home)[0]
    assert set(quarantined(home)) == batch_files(cut_short)
    assert set(home.rows()) == {other}


def test_a_ref_that_was_used_meanwhile_quarantines(dead):
    """No code of the dead batch ever left the house: the living batch has the ref."""
    home = dead(-1)
    (batch,) = unsettled(home.station())
    _, living = meanwhile(home, batch, lambda: home.mint(20, ref="MES-1").batch)
    assert "quarantine" in settle(home)[0]
    assert set(home.rows()) == {living}
    assert set(quarantined(home)) == batch_files(batch)


def test_somebody_elses_file_stays_where_it_is(home, cut_short):
    parts = home.station().vault.parts(cut_short)
    assert hidden(parts.record).exists()
    parts.record.write_bytes(b"theirs")
    settle(home)
    assert parts.record.read_bytes() == b"theirs"
    kept = quarantined(home)
    assert set(kept) == batch_files(cut_short)
    assert b"theirs" not in kept.values()


def test_quarantine_overwrites_nothing(home, cut_short):
    folder = home.path / "vault" / "quarantine"
    folder.mkdir()
    (folder / f"{cut_short}.run").write_bytes(b"earlier")
    hidden(home.station().vault.parts(cut_short).record).write_bytes(b"spoiled")
    settle(home)
    assert quarantined(home)[f"{cut_short}.run"] == b"earlier"
    assert quarantined(home)[f"{cut_short}.mint.json"] == b"spoiled"


def test_an_intent_that_cannot_be_read_is_told_not_guessed(dead):
    home = dead(-2)
    (home.path / "work" / "X.json").write_text("{")
    with pytest.raises(IntegrityError, match=r"X\.json"):
        settle(home)


@pytest.mark.parametrize(
    ("kind", "subject", "name"),
    [
        ("mint", "ledger", "ledger.db"),
        ("mint", None, "ledger.db"),
        ("mint", None, "keys/station.key"),
        ("export", "ledger", "ledger.db"),
        ("export", None, "mintmark.toml"),
        ("export", None, "OUT/theirs.zip"),
        ("sieve", "station", "keys/station.key"),
        ("sieve", "ledger", "ledger.db"),
    ],
)
@pytest.mark.parametrize("note", [None, {"type": "BatchMinted", "body": {}}])
def test_an_intent_moves_no_file_that_is_not_its_own(home, kind, subject, name, note):
    subject = subject or home.station().new_id()
    (home.path.parent / "theirs.zip").write_bytes(b"theirs")
    (home.path.parent / ".theirs.zip.part").write_bytes(b"theirs too")
    kept = [
        *home.path.rglob("*.key"),
        *home.path.glob("*.toml"),
        *home.path.parent.glob("*theirs*"),
    ]
    before = [path.read_bytes() for path in kept]
    intent = {
        "kind": kind, "subject": subject, "note": note, "at": str(home.path / "work"),
        "files": [name.replace("OUT", str(home.path.parent))],
    }  # fmt: skip
    path = home.path / "work" / f"{subject}.json"
    path.write_text(json.dumps(intent), "ascii")
    with pytest.raises(IntegrityError, match="not its own"):
        settle(home)
    with pytest.raises(IntegrityError, match="not its own"):
        check_intent(home.station(), subject)
    assert [path.read_bytes() for path in kept] == before
    assert (home.path / "ledger.db").exists()
    assert path.exists()


# --- exports: the files are made by hand here, `packaging` has its own crash tests ------


class Export:
    """An export of a home, ended at the point that the test names."""

    def __init__(self, home, out):
        self.home, self.out = home, out
        out.mkdir()
        station = home.station()
        self.batch = home.mint(10).batch
        self.package = station.new_id()
        self.files = [out / f"{self.package}.zip", out / f"{self.package}.txt"]
        station.ledger.commit(station.author, ContactAdded("li", "Ms Li", None))
        self.begun = ExportBegun(self.package, self.batch, (Range(1, 10),), "li", "csv")
        self.change = Packaged(
            package=self.package,
            template="{code}",
            archive=self.files[0].name,
            archive_bytes=7,
            archive_sha256=hashlib.sha256(b"archive").hexdigest(),
            manifest_sha256="00" * 32,
            custodian_key_id=home.custodian.public.key_id,
            units=(Unit("0001", "data/0001.csv", 1, 10, 10, "00" * 32),),
        )

    def die(self, *, begun=True, written=True, noted=False, renamed=0, booked=False):
        station = self.home.station()
        publication = station.intents.begin("export", self.package, self.files)
        if begun:
            station.ledger.commit(station.author, self.begun)
        if written:
            hidden(self.files[0]).write_bytes(b"archive")
            hidden(self.files[1]).write_bytes(b"letter")
        if noted:
            kind, body = encode(self.change)
            publication.note({"type": kind, "body": body})
        for final in self.files[:renamed]:
            hidden(final).rename(final)
        if booked:
            station.ledger.commit(station.author, self.change)
        publication._lock.release()

    def ends(self):
        """(the package's status, states of the batch, names in the out folder)."""
        with self.home.station().ledger.read() as view:
            status = None
            with contextlib.suppress(NotFound):
                status = view.package(self.package).status
            counts = view.counts(self.batch)
            assert view.reserved(self.batch) == 0
        here = {state.value: count for state, count in counts.items() if count}
        return status, here, sorted(p.name for p in self.out.iterdir())


@pytest.fixture
def export(home, tmp_path):
    settle(home)
    return Export(home, tmp_path / "out")


SEALED, PACKAGED = {State.SEALED.value: 10}, {State.PACKAGED.value: 10}


@pytest.mark.parametrize(
    ("died", "status"),
    [
        ({"begun": False, "written": False}, None),
        ({"written": False}, "abandoned"),
        ({}, "abandoned"),
        ({"noted": True}, "packaged"),
        ({"noted": True, "renamed": 1}, "packaged"),
        ({"noted": True, "renamed": 2}, "packaged"),
        ({"noted": True, "renamed": 2, "booked": True}, "packaged"),
    ],
)
def test_an_export_is_all_or_nothing_too(home, export, died, status):
    export.die(**died)
    (sentence,) = settle(home)
    assert export.package in sentence
    if status == "packaged":
        assert export.ends() == (status, PACKAGED, sorted(p.name for p in export.files))
    else:
        assert export.ends() == (status, SEALED, [])
    assert settle(home) == []
    assert verify(home.station().ledger).ok


@pytest.mark.parametrize("instead", [b"", b"another archive"])
def test_an_export_whose_archive_was_replaced_is_booked(home, export, instead):
    """Another file bears its name now: the archive itself may be anywhere."""
    export.die(noted=True, renamed=2)
    export.files[0].write_bytes(instead)
    (sentence,) = settle(home)
    assert "left its folder" in sentence
    assert export.ends() == ("packaged", PACKAGED, sorted(path.name for path in export.files))
    assert export.files[0].read_bytes() == instead


@pytest.mark.parametrize("taken", [1, 2])
def test_an_export_whose_archive_was_taken_away_is_booked(home, export, taken):
    """A person saw a finished archive and moved it: its codes may be printed already."""
    export.die(noted=True, renamed=2)
    for path in export.files[:taken]:
        path.unlink()
    (sentence,) = settle(home)
    assert "left its folder" in sentence
    left = [path.name for path in export.files[taken:]]
    assert export.ends() == ("packaged", PACKAGED, left)
    assert settle(home) == []
    assert verify(home.station().ledger).ok


def test_a_taken_archive_that_cannot_be_booked_keeps_its_serials_reserved(home, export):
    export.die(noted=True, renamed=2)
    export.files[0].unlink()
    revoke_custodian(home)
    for _ in range(2):  # and so it stays, whoever comes
        (sentence,) = settle(home)
        assert "stay reserved" in sentence
    with home.station().ledger.read() as view:
        assert view.package(export.package).status == "begun"
        assert view.reserved(export.batch) == 10
    assert home.mint(10).batch


def test_an_export_whose_archive_is_not_what_was_noted_is_given_up(home, export):
    export.die(noted=True)
    hidden(export.files[0]).write_bytes(b"damaged")
    settle(home)
    assert export.ends() == ("abandoned", SEALED, [])


def test_an_export_whose_name_was_taken_is_given_up_and_the_file_stays(home, export):
    export.die(noted=True)
    export.files[1].write_bytes(b"theirs")
    settle(home)
    assert export.ends() == ("abandoned", SEALED, [export.files[1].name])
    assert export.files[1].read_bytes() == b"theirs"


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_an_export_of_a_custodian_revoked_since_is_given_up(home, export, renamed):
    """Its archive, renamed already or not, must not outlive the reservation."""
    export.die(noted=True, renamed=renamed)
    revoke_custodian(home)
    settle(home)
    assert export.ends() == ("abandoned", SEALED, [])


def revoke_custodian(home):
    """Another custodian is on the roster, and the first is not any more."""
    station, other = home.station(), keys.new_custodian_key(station_entropy).public
    station.ledger.commit(
        station.author,
        KeyAdded(
            other.key_id, "custodian", "second", other.sign_public.hex(), other.seal_public.hex()
        ),
        KeyRevoked(home.custodian.public.key_id, "left"),
    )


def station_entropy(count):
    return hashlib.shake_256(b"another custodian").digest(count)


def test_what_another_version_began_is_left_to_it(home, export):
    export.die(noted=True)
    (intent,) = (home.path / "work").glob("*.json")
    notes.write(intent, {**notes.read(intent, MOST_BYTES), "kind": "parade"})
    for _ in range(2):
        with pytest.raises(IntegrityError, match="parade"):
            settle(home)
    assert hidden(export.files[0]).exists()


def test_an_export_that_cannot_be_settled_stops_no_mint(home, export):
    export.die(noted=True)
    export.files[0].write_bytes(b"theirs")
    said = []
    home.mint(10, notify=said.append)
    assert export.package in said[0]

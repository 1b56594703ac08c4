"""`mint` of codes that belong together: roles, pairs, SSCCs; once, whatever happens meanwhile."""

import hashlib
import shutil

import pytest
from children import DIED, finish, start
from station_kit import Home, batch_files, make_home

from mintmark.codegen import mint_sscc, notes, sscc
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger.chain import canonical
from mintmark.codegen.ledger.changes import Incident
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.mint_request import MintRequest, digest
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.roles import ROLES
from mintmark.codegen.recover import recover, unsettled
from mintmark.codegen.station.intent_document import MOST_BYTES
from mintmark.codegen.station.older_copy import LOST

OURS = SsccRequest("6901234")
PALLET = {"role": "pallet", "sscc": OURS}


def at_point(number, act):
    """A failpoint that acts at the point with this number, once."""
    seen = []

    def failpoint(point):
        seen.append(point)
        if len(seen) == number + 1:
            act()

    return failpoint


def header(home, batch):
    station = home.station()
    return station.vault.reader(batch, station.station_keys).header


def blocks(home):
    return [(row.sscc_extension, row.sscc_first, row.quantity) for row in home.rows().values()]


# --- roles and pairs ---------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_a_role_stands_in_header_books_and_result(home, role):
    minted = home.mint(3, role=role)
    assert minted.role == header(home, minted.batch).role == home.rows()[minted.batch].role == role
    assert verify(home.station().ledger).ok


def test_a_partner_has_as_many_codes_and_says_whose_it_is(home):
    outer = home.mint(10, overage=5.0, role="outer").batch
    inner = home.mint(None, role="inner", pair_of=outer)
    again = home.mint(10, overage=5.0, role="guide", pair_of=outer)
    for minted in (inner, again):
        assert minted.quantity == 11
        assert minted.pair_of == header(home, minted.batch).pair_of == outer
    with home.station().ledger.read() as view:
        assert [row.batch for row in view.partners(inner.batch)] == sorted([outer, again.batch])


@pytest.mark.parametrize("quantity", [10, 12, 11.0])
def test_another_number_of_codes_is_no_partner(home, quantity):
    outer = home.mint(11).batch
    files = home.files()
    overage = 1.0 if quantity == 11.0 else 0.0
    with pytest.raises(Refused, match="has 11 codes, not") as refused:
        home.mint(int(quantity), overage=overage, pair_of=outer)
    assert "leave out --quantity" in refused.value.hints[0]
    assert home.files() == files


def test_a_partner_of_a_partner_is_named_by_the_root(home):
    outer = home.mint(5, role="outer").batch
    inner = home.mint(5, role="inner", pair_of=outer).batch
    with pytest.raises(Refused, match="itself") as refused:
        home.mint(5, role="guide", pair_of=inner)
    assert f"--pair-of {outer}" in refused.value.hints[0]


def test_two_codes_of_an_item_with_one_role_are_warned_of(home):
    told = []
    outer = home.mint(5).batch
    home.mint(5, pair_of=outer, notify=told.append)
    assert any(outer in line and "--role" in line for line in told)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"quantity": None}, UsageError),
        ({"quantity": None, "pair_of": "K7QM-3T9A2BCD"}, NotFound),
        ({"quantity": 10, "pair_of": "K7QM-3T9A2BCD"}, NotFound),
        ({"quantity": 10, "pair_of": ""}, NotFound),
        ({"quantity": None, "overage": 5.0, "pair_of": "K7QM-3T9A2BCD"}, UsageError),
        ({"role": "Karton"}, UsageError),
        ({"role": ""}, UsageError),
        ({"role": "item", "sscc": OURS}, UsageError),
        ({"role": "batch", "sscc": OURS}, UsageError),
        ({"role": "pallet", "sscc": SsccRequest("690")}, UsageError),
        ({"role": "pallet", "sscc": SsccRequest("690123456789012")}, UsageError),
        ({"role": "pallet", "sscc": SsccRequest("69O1234")}, UsageError),
        ({"role": "pallet", "sscc": SsccRequest("6901234", 10)}, UsageError),
        ({"role": "carton", "sscc": SsccRequest("6901234", 0, -1)}, UsageError),
        ({"role": "carton", "sscc": SsccRequest("6901234", 0, 10**9 - 9)}, UsageError),
        (
            {"role": "carton", "sscc": SsccRequest("690123456789", 0), "quantity": 10_001},
            UsageError,
        ),
    ],
)
def test_what_is_no_role_no_pair_and_no_block_leaves_nothing(home, asked, error):
    with pytest.raises(error) as refused:
        home.mint(**{"quantity": 10, **asked})
    assert refused.value.hints
    assert (home.files(), home.rows()) == (set(), {})


# --- SSCCs -------------------------------------------------------------------------------


def test_blocks_follow_one_another_and_no_number_is_given_twice(home):
    first = home.mint(10, **PALLET)
    assert first.sscc.first == 1
    assert first.sscc.first_sscc == sscc.build("6901234", 0, 1)
    assert first.sscc.last_sscc == sscc.build("6901234", 0, 10)
    assert home.mint(5, role="carton", sscc=OURS).sscc.first == 11
    assert home.mint(5, role="carton", sscc=SsccRequest("6901234", 3)).sscc.first == 1
    assert home.mint(5, role="carton", sscc=SsccRequest("6901234", 0, 900)).sscc.last == 904
    assert home.mint(1, **PALLET).sscc.first == 905
    assert home.mint(5, role="carton", sscc=SsccRequest("6901234", 0, 16)).sscc.first == 16
    numbers = [
        mint_sscc.sscc_of(row, serial)
        for row in home.rows().values()
        for serial in range(1, row.quantity + 1)
    ]
    assert len(set(numbers)) == 31
    assert all(map(sscc.is_sscc, numbers))
    assert verify(home.station().ledger).ok


@pytest.mark.parametrize("first", [1, 10, 91, 100, 50])
def test_a_block_that_another_batch_has_is_refused_before_codes_are_drawn(home, first):
    taken = home.mint(91, role="pallet", sscc=SsccRequest("6901234", 0, 10)).batch
    files, points = home.files(), []
    station = home.station(failpoint=points.append)
    with pytest.raises(Refused, match=taken) as refused:
        home.mint(10, station, role="carton", sscc=SsccRequest("6901234", 0, first))
    assert refused.value.hints
    assert points == []
    assert home.files() == files


def test_a_longer_prefix_shares_the_numbers(home):
    """Reference 512345678 of 6901234 is reference 12345678 of 69012345."""
    home.mint(10, role="pallet", sscc=SsccRequest("6901234", 0, 512_345_678))
    with pytest.raises(Refused):
        home.mint(1, role="pallet", sscc=SsccRequest("69012345", 0, 12_345_680))
    assert home.mint(1, role="pallet", sscc=SsccRequest("69012345", 0, 12_345_688)).sscc


def test_a_used_up_prefix_says_so(home):
    home.mint(2, role="pallet", sscc=SsccRequest("6901234", 0, 10**9 - 2))
    with pytest.raises(Refused, match="no 1 SSCCs left") as refused:
        home.mint(1, **PALLET)
    assert "--sscc-extension" in refused.value.hints[0]
    assert home.mint(1, role="pallet", sscc=SsccRequest("6901234", 1)).sscc.first == 1


@pytest.mark.parametrize("point", [0, 1])
def test_another_mint_of_the_prefix_meanwhile_moves_the_block(home, point):
    others = []

    def meanwhile():
        others.append(home.mint(7, **PALLET).batch)

    mine = home.mint(5, home.station(failpoint=at_point(point, meanwhile)), **PALLET)
    assert mine.sscc.first == 8
    assert sorted(blocks(home)) == [(0, 1, 7), (0, 8, 5)]


def test_a_first_number_that_was_taken_meanwhile_is_refused_and_nothing_left(home):
    others = []

    def meanwhile():
        others.append(home.mint(7, role="pallet", sscc=SsccRequest("6901234", 0, 3)).batch)

    station = home.station(failpoint=at_point(1, meanwhile))
    with pytest.raises(Refused, match="SSCC"):
        home.mint(5, station, role="carton", sscc=SsccRequest("6901234", 0, 1))
    assert home.files() == batch_files(*others)


def test_after_a_newer_home_was_lost_somebody_names_the_first_number(home):
    """The lost home may have given the numbers after the highest that is known here."""
    home.mint(10, **PALLET)
    station = home.station()
    station.ledger.commit(station.author, Incident(LOST, "the disk burnt"))
    for asked in (OURS, SsccRequest("6901234", 5)):
        with pytest.raises(Refused, match="newer home was lost") as refused:
            home.mint(10, role="pallet", sscc=asked)
        assert "--sscc-first" in refused.value.hints[0]
    assert home.mint(10, role="pallet", sscc=SsccRequest("6901234", 0, 500)).sscc.first == 500
    assert home.mint(10, **PALLET).sscc.first == 510


def test_two_processes_with_one_prefix_share_no_number(home):
    children = [start(home, quantity=50, role="pallet", sscc=["6901234"]) for _ in range(2)]
    assert all("batch" in finish(child) for child in children)
    assert sorted(blocks(home)) == [(0, 1, 50), (0, 51, 50)]


# --- --ref -------------------------------------------------------------------------------


def test_a_repeated_ref_finds_role_pair_and_numbers_again(home):
    outer = home.mint(5, role="outer").batch
    asked = {"role": "inner", "pair_of": outer, "ref": "A"}
    first = home.mint(5, **asked)
    assert home.mint(None, **asked).batch == first.batch
    pallet = home.mint(5, **PALLET, ref="P")
    again = home.mint(5, **PALLET, ref="P")
    assert (again.batch, again.sscc, again.repeated) == (pallet.batch, pallet.sscc, True)


@pytest.mark.parametrize(
    "change",
    [
        {"role": "carton"},
        {"sscc": None},
        {"sscc": SsccRequest("6901235")},
        {"sscc": SsccRequest("6901234", 1)},
        {"sscc": SsccRequest("6901234", 0, 1)},
        {"pair_of": "partner"},
    ],
)
def test_a_ref_of_another_role_pair_or_block_is_refused(home, change):
    partner = home.mint(5).batch
    home.mint(5, **PALLET, ref="P")
    asked = {**PALLET, **change}
    if "pair_of" in asked:
        asked["pair_of"] = partner
    with pytest.raises(Refused, match="this request differs"):
        home.mint(5, **asked, ref="P")


def test_a_request_of_before_roles_has_the_digest_that_it_had():
    spec = CodeSpec.of("crockford32", 16)
    request = MintRequest(10, "Tea", overage=5.0, url="https://q.example.cn/{code}", ref="A")
    before = canonical([spec.symbols, 16, 11, "Tea", "https://q.example.cn/{code}"])
    assert digest(request, spec) == hashlib.sha256(before).hexdigest()


# --- after a crash -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def died(tmp_path_factory):
    """A home in which a pallets' mint, paired, died at its first renaming."""
    home = make_home(tmp_path_factory.mktemp("died"))
    root = home.mint(20, role="carton").batch
    job = {"quantity": 20, "role": "pallet", "pair_of": root, "sscc": ["6901234", 4]}
    assert finish(start(home, die="renamed .sealed", **job)) is None, DIED
    home.close()
    return home, root


@pytest.fixture
def dead(died, tmp_path):
    home, root = died
    copy = Home(shutil.copytree(home.path, tmp_path / "home"), home.key_file, home.custodian)
    yield copy, root
    copy.close()


def test_what_is_adopted_has_its_role_partner_and_numbers(dead):
    home, root = dead
    (batch,) = unsettled(home.station())
    (told,) = recover(home.station())
    assert "now in the ledger" in told
    row = home.rows()[batch]
    assert (row.role, row.pair_of) == ("pallet", root)
    assert (row.sscc_prefix, row.sscc_extension, row.sscc_first) == ("6901234", 4, 1)
    assert verify(home.station().ledger).ok
    assert home.mint(5, role="carton", sscc=SsccRequest("6901234", 4)).sscc.first == 21


@pytest.mark.parametrize(
    "change",
    [
        {"role": "carton"},
        {"pair_of": None},
        {"sscc_first": 10**9},
        {"sscc_prefix": "69"},
        {"sscc_extension": None},
    ],
)
def test_a_note_that_differs_from_the_header_or_names_no_block_is_not_adopted(dead, change):
    home, _ = dead
    (batch,) = unsettled(home.station())
    path = home.path / "work" / f"{batch}.json"
    intent = notes.read(path, MOST_BYTES)
    intent["note"]["body"] |= change
    notes.write(path, intent)
    assert "quarantine" in next(iter(recover(home.station())))
    assert batch not in home.rows()


def test_numbers_that_another_batch_got_meanwhile_put_the_dead_one_into_quarantine(dead):
    """Nobody has printed its labels: its mint never said that it was done."""
    home, _ = dead
    (batch,) = unsettled(home.station())
    path = home.path / "work" / f"{batch}.json"
    aside = path.rename(home.path / "aside.json")
    living = home.mint(5, role="carton", sscc=SsccRequest("6901234", 4)).batch
    aside.rename(path)
    assert "quarantine" in next(iter(recover(home.station())))
    assert living in home.rows()
    assert batch not in home.rows()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_numbers_of_a_mint_that_was_stopped_are_free(home, error):
    def stop():
        raise error

    station = home.station(failpoint=at_point(8, stop))
    with pytest.raises(error):
        home.mint(10, station, **PALLET)
    assert home.mint(5, **PALLET).sscc.first == 1


def test_no_sscc_option_goes_without_the_prefix():
    assert mint_sscc.asked(None) is None
    assert mint_sscc.asked("6 901 234", None, 7) == SsccRequest("6901234", 0, 7)
    for others in ({"extension": 0}, {"first": 1}):
        with pytest.raises(UsageError, match="prefix"):
            mint_sscc.asked(None, **others)

"""`locate`: from a code, however it was typed, to its standing; never back."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_kit import make_home

from mintmark.codegen import locate as module
from mintmark.codegen.errors import IntegrityError, NotFound, UsageError
from mintmark.codegen.ledger.changes import ContactAdded, ExportBegun, Ordered, Packaged, Unit
from mintmark.codegen.locate import LocatedCode, locate
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range


@pytest.fixture(scope="module")
def minted(tmp_path_factory):
    """(home, {spec name: (batch, codes)}), a batch per canonical rule and another batch."""
    home = make_home(tmp_path_factory.mktemp("locate"))
    found = {}
    for name, asked in {
        "crockford": {},
        "small prefixes": {"prefix_bits": 16},
        "hex": {"alphabet": "hex", "length": 20},
    }.items():
        batch = home.mint(300, **asked).batch
        found[name] = batch, home.codes(batch)
    yield home, found
    home.close()


def located(home, code):
    (place,) = locate(home.station(), code, None).places
    return place.batch, place.serial, place.state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_any_code_of_any_batch_leads_to_its_serial(minted, data):
    home, found = minted
    name = data.draw(st.sampled_from(sorted(found)))
    batch, codes = found[name]
    serial = data.draw(st.integers(1, len(codes)))
    typed = "".join(data.draw(st.sampled_from([s, s.lower()])) for s in codes[serial - 1])
    assert located(home, typed) == (batch, serial, State.SEALED)


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code.lower(),
        lambda code: "-".join(code[at : at + 4] for at in range(0, 16, 4)),
        lambda code: " " + code[:8] + " " + code[8:] + " ",
        lambda code: code.replace("0", "O").replace("1", "I"),
        lambda code: code.replace("0", "o").replace("1", "l"),
    ],
)
def test_crockford_codes_are_folded(minted, typed):
    home, found = minted
    batch, codes = found["crockford"]
    for serial in (1, 150, 300):
        assert located(home, typed(codes[serial - 1])) == (batch, serial, State.SEALED)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "0000000000000000",
        "0" * 32,
        "x",
        "\0",
        "保管人",
        "7K3M" * 100,
        "-",
        " ",
        "\ud800",
        "ı" * 16,
    ],
)
def test_what_is_no_code_is_not_found(minted, code):
    home, _ = minted
    with pytest.raises(NotFound) as caught:
        locate(home.station(), code, None)
    assert caught.value.exit_code == 4
    assert not code or len(code) < 3 or code not in caught.value.message


def test_the_error_does_not_repeat_the_code(minted):
    home, found = minted
    _, codes = found["crockford"]
    almost = codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1")
    with pytest.raises(NotFound) as caught:
        locate(home.station(), almost, None)
    assert almost[:6] not in "".join([caught.value.message, *caught.value.hints])


def test_hex_codes_keep_their_hyphens_to_themselves(minted):
    home, found = minted
    _, codes = found["hex"]
    with pytest.raises(NotFound):
        located(home, f"{codes[0][:10]}-{codes[0][10:]}")


def test_another_homes_code_is_none_of_ours(home, other):
    mine, theirs = home.mint(10).batch, other.mint(10).batch
    for code in other.codes(theirs):
        with pytest.raises(NotFound):
            located(home, code)
    assert located(other, other.codes(theirs)[3]) == (theirs, 4, State.SEALED)
    assert located(home, home.codes(mine)[3]) == (mine, 4, State.SEALED)


def test_a_home_without_batches_has_no_codes(home):
    with pytest.raises(NotFound):
        located(home, "7K3MZZ19QPRS0042")
    result = locate(home.station(), None, "7K3MZZ19QPRS0042")
    (place,) = result.places
    assert place == LocatedCode(line=1, note=place.note, hint=place.hint)
    assert result.exit_code == 4


# --- many ------------------------------------------------------------------------------


def test_many_codes_keep_their_order_and_repeat(minted):
    home, found = minted
    lines, expected = [], []
    for name, (batch, codes) in found.items():
        for serial in range(1, 301, 7):
            lines += [codes[serial - 1].lower(), "nonsense " + name]
            expected += [(batch, serial), (None, None)]
    lines += lines[:3]
    expected += expected[:3]
    located = locate(home.station(), "-", "\r\n".join([*lines, "", "  ", ""]))
    assert [(place.batch, place.serial) for place in located.places] == expected
    records = list(located.records())
    assert len(records) == len(lines)
    keys = ("batch", "serial", "state", "package", "unit", "attributes", "line", "note", "hint")
    keys += ("role", "sscc", "pairs", "within", "holds", "inherited", "picture")
    keys += ("product", "contact", "contact_name", "dealer", "region", "receipt", "verified")
    keys += ("activation",)
    assert set(records[0]) == set(keys)
    assert (records[0]["line"], records[0]["note"], records[0]["hint"]) == (1, None, None)
    assert {key for key, value in records[1].items() if value} == {"line", "note", "hint"}
    assert [record["line"] for record in records] == list(range(1, len(lines) + 1))
    assert json.loads(json.dumps(records)) == records
    assert list(located.lines())[1].startswith("line 2  no code of ours: ")
    assert "serial 1  sealed" in next(located.lines())
    assert located.exit_code == 0


@pytest.mark.parametrize("text", ["", "\n\n", "  \r\n"])
def test_no_codes_are_no_places(minted, text):
    home, _ = minted
    result = locate(home.station(), "-", text)
    assert (result.places, result.exit_code) == ((), 4)


def test_there_is_a_most_at_once(minted, monkeypatch):
    home, _ = minted
    monkeypatch.setattr(module, "CODES_AT_ONCE", 3)
    assert len(locate(home.station(), "-", "a\nb\nc").places) == 3
    with pytest.raises(UsageError, match="more than 3 codes"):
        locate(home.station(), "-", "a\nb\nc\nd")
    with pytest.raises(UsageError, match="1 MiB"):
        locate(home.station(), "-", "a" * 1_048_577)


# --- its standing ---------------------------------------------------------------------


def test_the_package_the_reel_and_the_attributes_are_told(home):
    batch = home.mint(20).batch
    codes, station = home.codes(batch), home.station()
    package = station.new_id()
    reels = tuple(
        Unit(f"reel-{n}", f"data/000{n}.csv", n * 5 - 4, n * 5, 5, "00" * 32) for n in (1, 2)
    )
    station.ledger.commit(
        station.author,
        ContactAdded("li", "Ms Li", None),
        ExportBegun(package, batch, (Range(1, 10),), "li", "csv"),
        Packaged(
            package, "{code}", "a.zip", 1, "00" * 32, "00" * 32,
            home.custodian.public.key_id, reels,
        ),
        Ordered(
            station.new_id(), batch, Action.ACTIVATE, (Range(6, 6),), attributes={"lot": "L7"}
        ),
    )  # fmt: skip
    places = locate(station, "-", "\n".join(codes)).places
    assert [place.serial for place in places] == list(range(1, 21))
    assert [place.package for place in places] == [package] * 10 + [None] * 10
    assert [place.unit for place in places] == ["reel-1"] * 5 + ["reel-2"] * 5 + [None] * 10
    assert (places[5].state, dict(places[5].attributes)) == (State.ACTIVE, {"lot": "L7"})
    assert f"package {package}  unit reel-2  lot=L7" in places[5].text()


@pytest.mark.parametrize("at", [0, 1, 2, 4])
def test_a_damaged_batch_is_told_not_passed_over(home, at):
    batch = home.mint(10).batch
    home.station().vault.parts(batch)[at].unlink()
    with pytest.raises(IntegrityError) as caught:
        located(home, "7K3MZZ19QPRS0042")
    assert caught.value.exit_code == 5

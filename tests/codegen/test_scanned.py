"""What a text names: a code of ours, `BATCH:SERIAL`, an SSCC of ours; never two of them."""

import pytest
from station_kit import make_home

from mintmark.codegen import sscc
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.aggregation import CodeRef
from mintmark.codegen.scanned import addresses, resolve, resolve_ref
from mintmark.codegen.scans.reader import read_all
from mintmark.codegen.scans.settings import read_tables


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(station, codes of the items, items' batch, pallets' batch, cartons' batch)."""
    home = make_home(tmp_path_factory.mktemp("scanned"))
    items = home.mint(5, url="HTTPS://Q.EXAMPLE.CN/{code}").batch
    pallets = home.mint(40, role="pallet", sscc=SsccRequest("6901234")).batch
    cartons = home.mint(4, role="carton", sscc=SsccRequest("6901234", 3, 900)).batch
    yield home.station(), home.codes(items), items, pallets, cartons
    home.close()


@pytest.mark.parametrize(
    "sent",
    ["{code}", "HTTPS://Q.EXAMPLE.CN/{code}", "]Q1https://q.example.cn/{code}", " {code}\r\n"],
)
def test_a_code_is_named_as_it_is_scanned(made, sent):
    station, codes, items, *_ = made
    assert resolve_ref(station, sent.format(code=codes[2])) == CodeRef(items, 3)


@pytest.mark.parametrize("sent", ["{b}:3", " {l}:3 ", "{b} : 3", "{b}：003", "{o}:3", "{b}:3\n"])
def test_a_code_is_named_by_batch_and_serial(made, sent):
    station, _, items, *_ = made
    typed = {"b": items, "l": items.lower(), "o": items.replace("0", "O").replace("1", "l")}
    assert resolve_ref(station, sent.format(**typed)) == CodeRef(items, 3)


@pytest.mark.parametrize(
    "sent",
    ["{}", "00{}", "]C100{}", "(00){}", "https://id.gs1.org/00/{}", "HTTPS://X.CN/a/00/{}?37=5"],
)
@pytest.mark.parametrize("serial", [1, 39, 40])
def test_a_pallet_is_named_by_its_sscc(made, sent, serial):
    station, *_, pallets, _ = made
    number = sscc.build("6901234", 0, serial)
    assert resolve_ref(station, sent.format(number)) == CodeRef(pallets, serial)


def test_the_ends_of_every_block(made):
    station, *_, cartons = made
    for reference, serial in ((900, 1), (903, 4)):
        number = sscc.build("6901234", 3, reference)
        assert resolve_ref(station, number) == CodeRef(cartons, serial)
    for extension, reference in ((0, 0), (0, 41), (3, 899), (3, 904), (1, 1), (9, 1)):
        with pytest.raises(NotFound, match="SSCC that no pallet") as refused:
            resolve_ref(station, f"(00){sscc.build('6901234', extension, reference)}")
        assert refused.value.hints


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("", UsageError, "empty"),
        (" \r\n", UsageError, "empty"),
        ("{code}\n{code}", UsageError, "several"),
        ("{b}:0", NotFound, "batch and serial"),
        ("{b}:6", NotFound, "batch and serial"),
        ("{b}:999999999", NotFound, "batch and serial"),
        ("{b}:9999999999", NotFound, "no code"),
        ("{b}:-1", NotFound, "no code"),
        ("{b}:", NotFound, "no code"),
        ("{b}", NotFound, "no code"),
        ("K7QM-3T9A2BCD:1", NotFound, "batch and serial"),
        ("(00)006901234000000012", NotFound, "check digit"),
        ("00690123400000001", NotFound, "no code"),
        ("NoRead", NotFound, "could not read"),
    ],
)
def test_what_names_no_code_says_why_and_repeats_no_code(made, text, error, why):
    station, codes, items, *_ = made
    with pytest.raises(error, match=why) as refused:
        resolve_ref(station, text.format(code=codes[0], b=items))
    assert refused.value.hints
    assert codes[0] not in str(refused.value)


def test_many_readings_at_once_in_their_order(made):
    station, codes, items, pallets, cartons = made
    known = addresses(station)
    sent = [codes[0], f"00{sscc.build('6901234', 0, 7)}", f"{cartons}:2", "NR", "x", codes[4]]
    found = resolve(station, read_all("\n".join(sent), known), known)
    assert [scan.ref for scan in found] == [
        CodeRef(items, 1), CodeRef(pallets, 7), CodeRef(cartons, 2), None, None, CodeRef(items, 5),
    ]  # fmt: skip
    assert [scan.location.line for scan in found] == [1, 2, 3, 4, 5, 6]
    for scan in (found[3], found[4]):
        with pytest.raises(NotFound):
            scan.require()


def test_a_declared_prefix_stands_before_an_sscc_too(made):
    station, *_, pallets, _ = made
    settings = read_tables({"line": {"prefix": "P{digits:2}-"}})["line"]
    number = sscc.build("6901234", 0, 7)
    assert resolve_ref(station, f"P07-00{number}", settings) == CodeRef(pallets, 7)


def test_eighteen_digits_that_are_a_code_and_an_sscc_are_neither(home):
    numeric = home.mint(100, alphabet="digits", length=18).batch
    codes = home.codes(numeric)
    serial, code = next(
        (serial, code)
        for serial, code in enumerate(codes, 1)
        if sscc.is_sscc(code) and code[1:8].strip("0") and int(code[8:17]) < 10**9 - 9
    )
    assert resolve_ref(home.station(), code) == CodeRef(numeric, serial)
    block = SsccRequest(code[1:8], int(code[0]), int(code[8:17]))
    pallets = home.mint(9, role="pallet", sscc=block).batch
    with pytest.raises(Refused, match="two codes") as refused:
        resolve_ref(home.station(), code)
    assert "BATCH:SERIAL" in refused.value.hints[0]
    assert code not in str(refused.value)
    assert resolve_ref(home.station(), f"(00){code}") == CodeRef(pallets, 1)
    assert resolve_ref(home.station(), f"{numeric}:{serial}") == CodeRef(numeric, serial)

"""What readers really send, line by line, with the codes of a real home."""

import json
from pathlib import Path

import pytest
from station_kit import make_home

from mintmark.codegen.scanned import addresses, resolve
from mintmark.codegen.scans.framing import Framer
from mintmark.codegen.scans.reader import read_all, readings
from mintmark.codegen.scans.settings import PLAIN, read_tables

DATA = Path(__file__).resolve().parents[1] / "data" / "streams.jsonl"
STREAMS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
FOLDS = {
    "alnum": lambda text: "".join(c for c in text if c.isalnum() or c == "\n"),
    "full": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "swap": str.swapcase,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(a station, what the placeholders stand for, (batch, serial) → what was read)."""
    home = make_home(tmp_path_factory.mktemp("streams"))
    items = home.mint(4, url="HTTPS://Q.EXAMPLE.CN/{code}").batch
    cartons = home.mint(1, url="https://q.example.cn/box/{code}").batch
    words = {"x4096": "x" * 4096}
    for serial, code in enumerate(home.codes(items), 1):
        words |= {f"u{serial}": f"HTTPS://Q.EXAMPLE.CN/{code}", f"c{serial}": code}
    (words["k"],) = home.codes(cartons)
    words["K"] = f"https://q.example.cn/box/{words['k']}"
    names = {(items, serial): str(serial) for serial in range(1, 5)} | {(cartons, 1): "K"}
    yield home.station(), words, names
    home.close()


def sent(stream, words):
    text = stream["sent"].format(**words)
    text = FOLDS[stream["fold"]](text) if "fold" in stream else text
    return text.encode(stream.get("encoding", "utf-8"))


def settings_of(stream):
    return read_tables({"line": stream["reader"]})["line"] if "reader" in stream else PLAIN


def names_of(found, names):
    return [
        names[scan.location.batch, scan.location.serial]
        if scan.code
        else str(scan.reading.kind).replace("scan", "reject")
        for scan in found
    ]


@pytest.mark.parametrize("stream", STREAMS, ids=[stream["name"] for stream in STREAMS])
def test_a_stream_is_read_as_it_is_meant(made, stream):
    station, words, names = made
    known, data = addresses(station), sent(stream, words)
    found = resolve(station, read_all(data, known, settings_of(stream)), known)
    assert names_of(found, names) == stream["read"]
    for scan in found:
        assert bool(scan.explanation) is not bool(scan.code)
        shown = repr((scan, scan.reading)) + repr(scan.explanation)
        assert not any(words[name] in shown for name in ("c1", "c2", "k"))
    if "note" in stream:
        (lost,) = [s for s in found if not s.code and s.reading.kind != "no_read"]
        assert stream["note"] in lost.explanation.what


@pytest.mark.parametrize("stream", STREAMS, ids=[stream["name"] for stream in STREAMS])
@pytest.mark.parametrize("size", [1, 7])
def test_however_it_is_cut_into_pieces(made, stream, size):
    station, words, _ = made
    known, data, settings = addresses(station), sent(stream, words), settings_of(stream)
    framer = Framer(settings.terminators)
    messages = [m for at in range(0, len(data), size) for m in framer.feed(data[at : at + size])]
    messages += framer.finish()
    assert list(readings(messages, known, settings)) == read_all(data, known, settings)


def test_a_serial_port_set_to_another_parity_is_told(made):
    station, words, _ = made
    known = addresses(station)
    sent_with_even_parity = bytes(b | (b.bit_count() % 2) << 7 for b in words["u1"].encode())
    (scan,) = resolve(station, read_all(sent_with_even_parity, known), known)
    assert scan.code is None
    assert "parity" in scan.explanation.hint


def test_a_scan_is_there_with_its_terminator(made):
    station, words, names = made
    framer = Framer()
    known = addresses(station)
    for data, due in ((f"{words['u1']}", []), ("\r", ["1"]), (f"\n{words['u2']}\r", ["2"])):
        found = list(readings(framer.feed(data.encode()), known))
        assert names_of(resolve(station, found, known), names) == due


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("German", str.maketrans("YZyz", "ZYzy")),
        ("French", str.maketrans("QAWZqawz", "AQZWaqzw")),
    ],
)
def test_exchanged_keys_are_told_and_not_taken(tmp_path, layout, keys):
    home = make_home(tmp_path)
    codes = home.codes(home.mint(50, alphabet="QAWZY23456789", length=16).batch)
    code = next(code for code in codes if code.translate(keys) != code)
    station = home.station()
    known = addresses(station)
    (scan,) = resolve(station, read_all(code.translate(keys), known), known)
    assert scan.code is None
    assert f"{layout} keyboard" in scan.explanation.what
    home.close()


def test_a_text_that_means_two_codes_is_neither(made, monkeypatch):
    """`https://a/{code}` and `https://a/x{code}` overlap, should both codes exist."""
    station, *_ = made
    from mintmark.codegen import scanned
    from mintmark.codegen.lookup import CodeLocation
    from mintmark.codegen.ranges.lifecycle import State
    from mintmark.codegen.scans.addresses import Addresses

    known = Addresses.of(["https://a.example/{code}", "https://a.example/x{code}"], [8, 9])
    (reading,) = read_all("HTTPS://A.EXAMPLE/X2345678A", known)
    assert set(reading.codes) == {"X2345678A", "2345678A"}
    where = {"X2345678A": CodeLocation("A", 1, State.SEALED), "2345678A": None}

    def places(_, codes):
        return [where.get(code) or CodeLocation() for code in codes]

    monkeypatch.setattr(scanned, "places", places)
    (scan,) = resolve(station, [reading], known)
    assert scan.location.batch == "A"  # only one of them is a code
    where["2345678A"] = CodeLocation("B", 1, State.SEALED)
    (scan,) = resolve(station, [reading], known)
    assert scan.location.batch is None
    assert scan.is_ambiguous

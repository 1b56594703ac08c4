"""Rows of text and worksheets: against the csv module and openpyxl, and back."""

import contextlib
import csv
import io
import os
import random
import zlib
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from print_kit import Made
from print_kit import codes as some_codes

from mintmark.codegen.codes.template import payload
from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ranges.serials import Range, pieces
from mintmark.packaging.formats import rows as engine
from mintmark.packaging.formats import xlsx
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.formats.format import PackageLayout, PackageUnit
from mintmark.packaging.formats.registry import format_for
from mintmark.packaging.profiles import files
from mintmark.packaging.profiles.columns import Column
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.profile import FileFormat, LaneOrder, Profile, Quoting

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = "MINTMARK_WRITE_GOLDEN"
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ-._~"
CELLS = ("serial", "code", "url", "package", "batch", "unit", "lane")
# Around the serials that gain a digit, and those where more than the last four change.
firsts = st.one_of(
    st.integers(1, 200),
    st.integers(1, 10**7).map(lambda n: 10_000 * n - 5),
    st.integers(1, 11).flatmap(lambda n: st.integers(max(1, 10**n - 30), 10**n + 5)),
)
names = {"ascii": "name", "utf-8-sig": "流水号, “x”", "gb18030": '码 "a" 丂|'}


@st.composite
def profiles_of(draw, kind=FileFormat.TEXT):
    encoding = draw(st.sampled_from(sorted(names)))
    sources = draw(st.permutations(CELLS).map(lambda order: order[: 1 + len(order) // 2]))
    if not {"code", "url"} & set(sources):
        sources = [*sources, "code"]
    columns = [Column(source, f"{names[encoding]}{at}") for at, source in enumerate(sources)]
    if draw(st.booleans()):
        columns.append(Column("text", "text", names[encoding]))
    return Profile(
        name="any",
        columns=tuple(columns),
        header=draw(st.booleans()),
        delimiter=draw(st.sampled_from(",;\t|")),
        line_end=draw(st.sampled_from(["\r\n", "\n"])),
        encoding=encoding,
        quoting=draw(st.sampled_from([Quoting.MINIMAL, Quoting.ALL])),
        kind=kind,
        lanes=draw(st.integers(1, 5)),
        lane_order=draw(st.sampled_from(LaneOrder)),
        lead_in=draw(st.integers(0, 3)),
        lead_out=draw(st.integers(0, 3)),
    )


templates = st.sampled_from(
    [
        "{code}",
        "https://q.example.cn/{code}",
        "a,b;c/{code}?x=1,2&y='",
        "{code}#t",
        "HTTPS://Q.CN/{code}",
    ]
)


@st.composite
def jobs(draw, kind=FileFormat.TEXT):
    """(layout, unit, serial → code)"""
    first, count = draw(firsts), draw(st.integers(1, 60))
    length = draw(st.integers(6, 20))
    profile = draw(profiles_of(kind))
    layout = PackageLayout("K7QM-PPPP", "K7QM-BBBB", length, SYMBOLS, draw(templates), profile)
    unit = PackageUnit(draw(st.integers(0, 3)), "K7QM-UUUU", Range(first, first + count - 1))
    random = draw(st.randoms(use_true_random=False))
    serials = range(first, first + count)
    return layout, unit, {n: "".join(random.choices(SYMBOLS, k=length)) for n in serials}


def order(profile, serials):
    """(lane, serial) as they are due, written down naively: frame by frame."""
    lanes, count = profile.lanes, len(serials)
    if profile.lane_order is LaneOrder.INTERLEAVED:
        return [(at % lanes + 1, serial) for at, serial in enumerate(range(*span(serials)))]
    rolls, first = [], serials.first
    for lane in range(lanes):
        size = count // lanes + (1 if lane < count % lanes else 0)
        rolls.append(list(range(first, first + size)))
        first += size
    frames = max(map(len, rolls))
    return [
        (lane + 1, roll[frame])
        for frame in range(frames)
        for lane, roll in enumerate(rolls)
        if frame < len(roll)
    ]


def span(serials):
    return serials.first, serials.last + 1


def expected(layout, unit, codes):
    """The table, without a header: what people would see."""
    profile, lanes = layout.profile, layout.profile.lanes
    lead = Range(1, max(1, (profile.lead_in + profile.lead_out) * lanes))
    dummies = dummy_codes(lead, layout.length, digits=False)
    made = [
        dummies[at : at + layout.length].decode() for at in range(0, len(dummies), layout.length)
    ]
    records = [(at % lanes + 1, 0, made[at]) for at in range(profile.lead_in * lanes)]
    records += [(lane, serial, codes[serial]) for lane, serial in order(profile, unit.serials)]
    after = profile.lead_in * lanes
    records += [(at % lanes + 1, 0, made[after + at]) for at in range(profile.lead_out * lanes)]
    table = []
    for lane, serial, code in records:
        values = {
            "serial": str(serial),
            "code": code,
            "url": payload(layout.template, code),
            "package": layout.package,
            "batch": layout.batch,
            "unit": unit.id,
            "lane": str(lane),
        }
        table.append([values.get(column.source, column.text) for column in profile.columns])
    return table


def naive(layout, unit, codes):
    """The file, by the csv module."""
    profile, out = layout.profile, io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=profile.delimiter,
        lineterminator=profile.line_end,
        quoting=csv.QUOTE_ALL if profile.quoting is Quoting.ALL else csv.QUOTE_MINIMAL,
    )
    if profile.header:
        writer.writerow([column.name for column in profile.columns])
    writer.writerows(expected(layout, unit, codes))
    return out.getvalue().encode(profile.encoding)


def written(layout, unit, codes):
    """The unit's entries, by the format: name → bytes."""
    form = format_for(layout)
    made = []
    for part in form.parts(unit):
        wanted = [serial for piece in part.ranges for serial in range(*span(piece))]
        made.append(form.make(unit, part, "".join(map(codes.get, wanted)).encode()))
    entries = {}
    for chunk in form.join(unit, made):
        entries[chunk.name] = entries.get(chunk.name, b"") + chunk.data
    assert list(entries) == list(form.names(unit))
    return entries


def read(layout, unit, entries, size=1 << 20):
    """serial → code, by the format; the entries come in pieces of `size`."""
    files = (
        (name, iter([data[at : at + size] for at in range(0, len(data), size)]))
        for name, data in entries.items()
    )
    found = {}
    for ranges, codes in format_for(layout).read(unit, files):
        assert len(codes) == layout.length * sum(map(len, ranges))
        at = 0
        for piece in ranges:
            for serial in range(*span(piece)):
                assert serial not in found
                found[serial] = codes[at : at + layout.length].decode()
                at += layout.length
    return found


part_sizes = st.sampled_from([1, 7, 65_536])


@contextlib.contextmanager
def cut_into(size):
    """Parts of `size` codes."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("text", "xlsx"):
            patch.setattr(f"mintmark.packaging.formats.{module}.PART", size)
        yield


@settings(max_examples=200)
@given(jobs(), part_sizes)
def test_text_is_what_the_csv_module_writes_and_gives_its_codes_back(job, size):
    layout, unit, codes = job
    with cut_into(size):
        (data,) = written(*job).values()
        assert data == naive(*job)
        assert read(layout, unit, {"data/x": data}, size=11) == codes


@settings(max_examples=40, deadline=None)
@given(jobs(FileFormat.XLSX), part_sizes)
def test_worksheets_are_what_openpyxl_reads_and_give_their_codes_back(job, size):
    layout, unit, codes = job
    with cut_into(size):
        entries = written(*job)
    (data,) = entries.values()
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [list(row) for row in book.active.iter_rows()]
    header = [[column.name for column in layout.profile.columns]] * layout.profile.header
    assert [[cell.value for cell in row] for row in cells] == header + expected(*job)
    assert {(cell.data_type, cell.number_format) for row in cells for cell in row} == {("s", "@")}
    # Reading row by row, openpyxl believes the size that the sheet claims.
    quick = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    rows = [list(row) for row in quick.active.iter_rows(values_only=True)]
    assert rows == [[cell.value for cell in row] for row in cells]
    quick.close()
    with cut_into(7):
        assert read(layout, unit, entries) == codes


@given(jobs(), st.data())
def test_altered_text_gives_no_codes(job, data):
    layout, unit, codes = job
    # Every row holds the code twice, so no change of a single byte makes another valid row.
    columns = (Column("code", "a"), Column("serial", "b"), Column("url", "c"))
    layout = replace(layout, profile=replace(layout.profile, columns=columns))
    (name, whole), *_ = written(layout, unit, codes).items()
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["change", "drop", "double"]))
    byte = whole[at : at + 1]
    new = {"change": bytes([byte[0] ^ 1]), "drop": b"", "double": byte * 2}[kind]
    altered = whole[:at] + new + whole[at + 1 :]
    if altered != whole:  # doubling a byte beside its equal still lengthens it
        with pytest.raises(IntegrityError):
            read(layout, unit, {name: altered})


@pytest.mark.parametrize("seed", range(3))
def test_a_workbook_in_pieces_is_refused(seed):
    """Bytes changed, lost and added, mostly in its directory: never another error."""
    chance = random.Random(seed)
    made = Made(builtin("xlsx"), some_codes(20))
    ((name, whole),) = made.files.items()
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(chance.choice([0, len(data) - 900]), len(data))
            data[at : at + chance.choice([0, 1, 1, 20])] = chance.randbytes(
                chance.choice([0, 1, 8])
            )
        try:
            found = made.read({name: bytes(data)})
        except IntegrityError:
            continue
        assert found == made.texts


@given(jobs(FileFormat.XLSX), st.data())
@settings(max_examples=30)
def test_an_altered_workbook_gives_no_codes(job, data):
    import zipfile

    layout, unit, codes = job
    (name, whole), *_ = written(*job).items()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        victim = data.draw(st.sampled_from(old.namelist()))
        for part in old.namelist():
            content = old.read(part)
            if part == victim:
                at = data.draw(st.integers(0, len(content) - 1))
                content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            new.writestr(part, content)
    try:
        found = read(layout, unit, {name: out.getvalue()})
    except IntegrityError:
        return
    # If a row holds the code only once, a code may have become another.
    assert victim.endswith("sheet1.xml")
    assert sum(found[serial] != codes[serial] for serial in codes) == 1


def test_the_wrong_row_is_named():
    profile = replace(builtin("csv"), lanes=3)
    layout = PackageLayout("P", "B", 6, SYMBOLS, "{code}", profile)
    unit = PackageUnit(0, "U", Range(95, 104))
    codes = {n: f"A{n:05}" for n in range(95, 105)}
    (name, data), *_ = written(layout, unit, codes).items()
    for serial in codes:
        bad = data.replace(b"A%05d\r\n" % serial, b"B%05d\r\n" % serial)
        assert bad != data
        with pytest.raises(IntegrityError, match=f"the row where serial {serial} is due"):
            read(layout, unit, {name: bad})


def test_a_million_codes_cross_every_width():
    profile = builtin("csv").of_size(1_200_000)
    layout = PackageLayout("P", "B", 16, SYMBOLS, "{code}", profile)
    unit = PackageUnit(0, "U", Range(1, 1_100_000))
    form = format_for(layout)
    lines = [b"serial,code,url"]
    for part in form.parts(unit):
        data = form.make(unit, part, b"0123456789ABCDEF" * part.count).data.tobytes()
        lines += data.split(b"\r\n")[part.first :]
        assert lines.pop() == b""
    assert [int(line.split(b",")[0]) for line in lines[1:]] == list(range(1, 1_100_001))


@given(st.integers(1, 10**6), st.integers(1, 500), st.integers(1, 9), st.sampled_from(LaneOrder))
def test_parts_hold_each_serial_once_whatever_their_size(first, count, lanes, lane_order):
    profile = replace(builtin("csv"), lanes=lanes, lane_order=lane_order)
    serials = Range(first, first + count - 1)
    for size in (1, 10, 1_000):
        parts = list(engine.parts(serials, profile, size))
        assert [part.first for part in parts] == [True] + [False] * (len(parts) - 1)
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
        seen = [n for part in parts for piece in part.ranges for n in range(*span(piece))]
        assert sorted(seen) == list(range(*span(serials)))
        assert sum(part.count for part in parts) == count


@given(firsts, st.integers(1, 300), st.integers(1, 8))
def test_block_lanes_are_ranges_one_after_the_other(first, count, lanes):
    serials = Range(first, first + count - 1)
    found = replace(builtin("csv"), lanes=lanes).lane_ranges(serials)
    assert [n for piece in found for n in range(*span(piece))] == list(range(*span(serials)))
    assert len(found) == min(lanes, count)
    assert max(map(len, found)) - min(map(len, found)) <= 1


# --- golden files ---

GOLDEN_PROFILES = ("csv", "url-lines", "bartender", "smartstream")


@pytest.mark.parametrize("name", GOLDEN_PROFILES)
def test_the_files_are_those_that_were_read(name):
    profile = files.find(name, None, examples=True).profile
    layout = PackageLayout(
        "K7QM-9X2C4DEF", "K7QM-3T9A2BCD", 16, SYMBOLS[:32], "HTTPS://Q.EXAMPLE.CN/{code}", profile
    )
    codes = {n: f"7K3M0000{n:08}" for n in range(95, 106)}
    (data,) = written(layout, PackageUnit(0, "K7QM-0000000A", Range(95, 105)), codes).values()
    path = GOLDEN / f"{name}.data"
    if os.environ.get(WRITE):
        path.write_bytes(data)
    assert data == path.read_bytes(), (
        f"the data file of profile {name} differs; if that is meant: "
        f"{WRITE}=1 python -m pytest tests/packaging/formats/test_text.py, then look at it"
    )


# --- refusals and names ---


@pytest.mark.parametrize(
    ("changes", "template"),
    [
        ({"quoting": Quoting.NONE}, "https://q.example.cn/a,b/{code}"),
        ({"lead_in": 10_000, "lanes": 64}, "{code}"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_read(changes, template):
    profile = replace(builtin("csv"), **changes)
    with pytest.raises(UsageError):
        format_for(PackageLayout("P", "B", 4, SYMBOLS, template, profile))


def test_header_and_names():
    profile = builtin("csv")
    assert [profile.unit_name(index) for index in (0, 9_998, 9_999)] == [
        "data/0001.csv",
        "data/9999.csv",
        "data/10000.csv",
    ]
    assert (profile.sources, profile.unit_size) == (("serial", "code", "url"), 10_000)
    named = replace(profile, unit_pattern="reel-{unit}.{index}.txt")
    assert named.unit_name(2, "K7QM-1") == "data/reel-K7QM-1.0003.txt"


def test_units_are_cut_as_the_serials_are():
    assert [str(piece) for piece in pieces((Range(1, 5), Range(9, 10)), 2)] == [
        "1-2",
        "3-4",
        "5",
        "9-10",
    ]


@given(st.lists(st.binary(max_size=2_000), max_size=6), st.integers(0, 3))
def test_the_crc_of_joined_pieces_is_that_of_the_whole(datas, zeros):
    """isal's crc32_combine against zlib, which sees all the bytes."""
    datas = [*datas, bytes(zeros), *datas]
    pieces = [xlsx.SheetPiece(len(data), zlib.crc32(data), b"") for data in datas]
    assert xlsx.crc_of_all(pieces) == zlib.crc32(b"".join(datas))


@pytest.mark.parametrize("size", [65_536, 100 << 20])
def test_the_crc_of_long_pieces(size):
    piece = xlsx.SheetPiece(size, zlib.crc32(bytes(size)), b"")
    first = xlsx.SheetPiece(3, zlib.crc32(b"abc"), b"")
    assert xlsx.crc_of_all([first, piece]) == zlib.crc32(bytes(size), zlib.crc32(b"abc"))

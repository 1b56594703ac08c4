"""Packages of the text profiles: opened by 7-Zip, read by others, every serial once."""

import csv
import io
import subprocess
import zipfile
from dataclasses import replace

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.codes.template import payload
from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.package import feed
from mintmark.packaging.package.pack import pack
from mintmark.packaging.preflight.preflight import preflight
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles import files
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.profile import LaneOrder
from mintmark.packaging.zip.writer import new_password

NAMES = ("csv", "url-lines", "xlsx", "bartender", "smartstream")


def named(name):
    return files.find(name, None, examples=True).profile


def unpacked(seven_zip, made, folder):
    """The data files as 7-Zip gets them out, by name."""
    subprocess.run(
        [seven_zip, "x", f"-o{folder}", "-y", str(made.path)],
        input=made.password.reveal() + b"\n",
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return {f"data/{path.name}": path.read_bytes() for path in (folder / "data").iterdir()}


def table(profile, data):
    """Rows without header, by an independent reader."""
    if profile.kind == "xlsx":
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
        rows = [list(row) for row in book.active.iter_rows(values_only=True)]
        book.close()
    else:
        text = io.StringIO(data.decode(profile.encoding), newline="")
        rows = list(csv.reader(text, delimiter=profile.delimiter, strict=True))
    if profile.header:
        assert rows.pop(0) == [column.name for column in profile.columns]
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_five_thousand_codes_come_back_completely(maker, seven_zip, tmp_path, name):
    profile = named(name)
    made = maker(serials=(Range(9_001, 14_000),), profile=profile, unit_size=3_000, chunk=999)
    files = unpacked(seven_zip, made, tmp_path)
    assert sorted(files) == sorted(unit.name for unit in made.packed.units)
    seen = {}
    for unit in made.packed.units:
        rows = table(profile, files[unit.name])
        lead = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
        rows = rows[lead[0] : len(rows) - lead[1]]
        assert len(rows) == unit.rows
        sources = profile.sources
        if "serial" in sources:
            serials = [int(row[sources.index("serial")]) for row in rows]
            if profile.lanes == 1:
                assert serials == list(range(unit.first, unit.last + 1))
        else:
            serials = range(unit.first, unit.last + 1)
        for serial, row in zip(serials, rows, strict=True):
            assert serial not in seen
            seen[serial] = row[sources.index("url")]
    assert seen == {n: payload(made.job.template, code) for n, code in made.codes.items()}
    assert preflight(made.path, made.password, made.packed, made.trusted).reader == "7-Zip"


@settings(max_examples=25)
@given(
    st.builds(
        replace,
        st.sampled_from(["csv", "xlsx"]).map(builtin),
        lanes=st.integers(1, 4),
        lane_order=st.sampled_from(LaneOrder),
        lead_in=st.integers(0, 2),
        lead_out=st.integers(0, 2),
        unit_size=st.just(10),
    ),
    st.integers(1, 30),
    st.sampled_from([1, 1_000_000]),
)
def test_packages_of_any_lanes_units_and_lead_are_verified(maker, profile, unit_size, held):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "HELD", held)
        patch.setattr("mintmark.packaging.formats.text.PART", 8)
        made = maker(serials=(Range(3, 40), Range(95, 120)), profile=profile, unit_size=unit_size)
        seen = {}

        def code_filter(codes):
            for serials, part in codes:
                numbers = [n for piece in serials for n in range(piece.first, piece.last + 1)]
                seen.update({n: part[16 * at : 16 * at + 16] for at, n in enumerate(numbers)})
                yield serials, part

        found = verify(made.path, made.password, made.trusted, code_filter=code_filter)
    assert found.rows == len(made.codes)
    assert {n: code.decode() for n, code in seen.items()} == made.codes


def test_lane_ranges_in_the_readme_are_those_of_the_file(maker):
    profile = replace(builtin("csv"), lanes=3)
    made = maker(serials=(Range(1, 20),), profile=profile, unit_size=20)
    entries = made.entries()
    rows = [int(row[0]) for row in table(profile, entries["data/0001.csv"])]
    text = entries["README.txt"].decode("utf-8-sig")
    for lane, expected in enumerate(("1-7", "8-14", "15-20")):
        first, last = map(int, expected.split("-"))
        assert rows[lane::3] == list(range(first, last + 1))
        assert f"lane {lane + 1}: {expected}" in text
        assert f"第 {lane + 1} 道：{expected}" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"template": "https://id.example.cn/{code}{code}"},
        {"template": "https://q.example.cn/a,b/{code}", "profile": "url-lines"},
        {"profile": "png", "serials": (Range(1, 200_001),), "unit_size": 10_000},
        {"profile": "png", "unit_size": 10_001},
        {"profile": "csv", "unit_size": 10_000_001},
    ],
)
def test_what_cannot_be_packed_is_refused_before_a_code_is_asked_for(maker, changes):
    if "profile" in changes:
        changes = changes | {"profile": named(changes["profile"])}
    with pytest.raises(UsageError):
        maker.job(**changes)


# --- the feed ---


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([1, 60, 10_000]), st.data())
def test_a_feed_gives_any_parts_of_units_in_order(count, chunk, held, data):
    codes = {n: f"{n:04}".encode() for n in range(1, count + 1)}

    def source(piece):
        for first in range(piece.first, piece.last + 1, chunk):
            numbers = range(first, min(first + chunk, piece.last + 1))
            yield first, b"".join(map(codes.get, numbers))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "HELD", held)
        found = feed.Feed(source, (Range(1, count),), 4)
        size = data.draw(st.integers(1, count))
        for first in range(1, count + 1, size):
            unit = Range(first, min(first + size - 1, count))
            found.begin(unit)
            for _ in range(data.draw(st.integers(0, 3))):
                start = data.draw(st.integers(unit.first, unit.last))
                piece = Range(start, data.draw(st.integers(start, unit.last)))
                assert found.take((piece, unit)) == b"".join(
                    codes[n] for r in (piece, unit) for n in range(r.first, r.last + 1)
                )
        found.end()
        assert found.first_code == b"0001"


def test_a_source_is_read_through_once(maker, tmp_path, keys):
    asked = []

    def source(piece):
        asked.append(piece)
        yield piece.first, b"0123456789ABCDEF" * len(piece)

    job = maker.job(serials=(Range(1, 25), Range(31, 50)), unit_size=4)
    pack(tmp_path / "a.zip", source, job, new_password(bytes), keys(1, "c"))
    assert asked == [Range(1, 25), Range(31, 50)]


def test_an_altered_workbook_in_a_signed_package_is_refused(maker, tmp_path):
    made = maker(profile=builtin("xlsx"), unit_size=30)

    def change(data):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(b"<v>", b"<w>").replace(b">25<", b">26<"))
        return out.getvalue()

    path = made.with_data(tmp_path / "a.zip", "data/0001.xlsx", change)
    with pytest.raises(IntegrityError, match="serial 25 is due"):
        verify(path, made.password, made.trusted)
    path = made.with_data(tmp_path / "b.zip", "data/0001.xlsx", lambda _: b"no workbook")
    with pytest.raises(IntegrityError, match="not a workbook of ours"):
        verify(path, made.password, made.trusted)


@pytest.mark.parametrize("level", ["L", "H"])
def test_the_sample_is_made_as_the_profile_says(maker, level):
    profile = replace(builtin("csv"), symbol=replace(builtin("csv").symbol, level=level))
    entries = maker(profile=profile).entries()
    version = {"L": 3, "H": 5}[level]  # 37 bytes
    assert f"version {version}" in entries["README.txt"].decode("utf-8-sig")
    assert f"level {level}." in " ".join(entries["README.txt"].decode("utf-8-sig").split())

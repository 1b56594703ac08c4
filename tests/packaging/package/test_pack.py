"""Packing: every serial once, in order, whatever the ranges and units."""

import csv
import io
import tracemalloc

import pytest
import pyzipper
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ranges import serials as ranges
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.dummy import dummy_codes, dummy_source
from mintmark.packaging.package.pack import pack
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.zip.writer import new_password


@st.composite
def disjoint(draw):
    """Up to four ranges, of up to 30 serials each; some touch."""
    position, found = draw(st.sampled_from([1, 5, 95, 99_990])), []
    for _ in range(draw(st.integers(1, 4))):
        first = position + draw(st.sampled_from([0, 1, 7]))
        found.append(Range(first, first + draw(st.integers(0, 29))))
        position = found[-1].last + 1
    return tuple(found)


@settings(max_examples=40)
@given(disjoint(), st.integers(1, 40), st.sampled_from(["0123456789ABCDEF", "0123456789"]))
def test_each_serial_once_and_in_order(maker, where, unit_size, symbols):
    made = maker(serials=where, unit_size=unit_size, symbols=symbols, length=12)
    with pyzipper.AESZipFile(made.path) as archive:
        archive.setpassword(made.password.reveal())
        names = archive.namelist()
        files = {name: archive.read(name).decode("ascii") for name in names if "data/" in name}
    seen = []
    for unit in made.packed.units:
        header, *lines = csv.reader(io.StringIO(files[unit.name], newline=""), strict=True)
        assert header == ["serial", "code", "url"]
        assert [int(line[0]) for line in lines] == list(range(unit.first, unit.last + 1))
        assert unit.rows == len(lines) <= unit_size
        # A reel never straddles two ranges.
        joined = ranges.ordered(where)
        assert any(r.first <= unit.first and unit.last <= r.last for r in joined)
        seen += [(int(serial), code, url) for serial, code, url in lines]
    prefix = made.job.template.removesuffix("{code}")
    assert seen == [(s, code, prefix + code) for s, code in sorted(made.codes.items())]
    assert list(files) == [unit.name for unit in made.packed.units]
    found = verify(made.path, made.password, made.trusted)
    assert (found.rows, found.files, found.serials) == (
        len(made.codes),
        len(files),
        ranges.ordered(where),
    )


def test_what_stands_where(made):
    names = list(made.entries())
    assert names == [
        "data/0001.csv",
        "data/0002.csv",
        "data/0003.csv",
        "qr/sample-1.png",
        "README.txt",
        "manifest.json",
        "manifest.sig",
    ]
    units = [(u.unit, u.name, u.first, u.last, u.rows) for u in made.packed.units]
    assert units == [
        ("K7QM-00000001", "data/0001.csv", 1, 10, 10),
        ("K7QM-00000002", "data/0002.csv", 11, 20, 10),
        ("K7QM-00000003", "data/0003.csv", 21, 25, 5),
    ]


def test_nothing_of_the_codes_is_in_the_clear(made):
    data = made.path.read_bytes()
    for code in made.codes.values():
        assert code.encode("ascii") not in data
        assert code[:8].encode("ascii") not in data
    assert b"q.example.cn" not in data
    assert "王芳".encode() not in data
    assert made.password.reveal() not in data


def test_progress_counts_codes(maker, tmp_path, give, keys):
    job, codes = maker.job(), {serial: f"{serial:016}" for serial in range(1, 26)}
    seen = []
    password = new_password(bytes)
    pack(
        tmp_path / "a.zip",
        give(codes, 7),
        job,
        password,
        keys(1, "custodian"),
        lambda *at: seen.append(at),
    )
    assert seen == [(10, 25), (20, 25), (25, 25)]


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [(1, b"A" * 12)],
        [(1, b"A" * 12), (5, b"A" * 12)],
        [(1, b"A" * 12), (3, b"A" * 12)],
        [(2, b"A" * 24)],
        [(1, b"A" * 28)],
        [(1, b"A" * 23)],
        [(1, b""), (1, b"A" * 24)],
        [(1, b"A" * 24), (7, b"A" * 4)],
    ],
)
def test_a_source_with_gaps_or_excess_leaves_no_archive(maker, tmp_path, keys, chunks):
    job = maker.job(serials=(Range(1, 6),), length=4)
    out = tmp_path / "a.zip"
    with pytest.raises(IntegrityError):
        pack(out, lambda _: iter(chunks), job, new_password(bytes), keys(1, "c"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "disk full"), KeyboardInterrupt()])
def test_after_a_failure_nothing_is_left(maker, tmp_path, keys, error):
    def failing(piece):
        yield piece.first, b"0" * 32
        raise error

    out = tmp_path / "a.zip"
    with pytest.raises(type(error)):
        pack(out, failing, maker.job(), new_password(bytes), keys(1, "c"))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_touched(maker, tmp_path, give, keys):
    out = tmp_path / "a.zip"
    out.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        pack(out, give({}), maker.job(), new_password(bytes), keys(1, "c"))
    assert out.read_bytes() == b"somebody's"


def test_memory_is_that_of_one_piece_and_no_file_but_the_archive(maker, tmp_path, keys):
    number, block = 1_200_000, b"0123456789ABCDEF" * 20_000
    job = maker.job(serials=(Range(1, number),), unit_size=number)
    beside = set()

    def source(piece):
        for first in range(piece.first, piece.last + 1, 20_000):
            yield first, block

    tracemalloc.start()
    try:
        packed = pack(
            tmp_path / "a.zip",
            source,
            job,
            new_password(bytes),
            keys(1, "c"),
            lambda *_: beside.update(path.name for path in tmp_path.iterdir()),
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    plain = packed.manifest.files[0].bytes
    assert plain > 70_000_000
    assert peak < plain / 2
    assert beside == {"a.zip"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"template": "https://q.example.cn/"}, UsageError),
        ({"contact_name": "王\n芳"}, UsageError),
        ({"contact_name": ""}, UsageError),
        ({"contact_id": "x" * 201}, UsageError),
        ({"contact_name": "\ud800"}, UsageError),
        ({"serials": (Range(1, 100_001),), "unit_size": 1}, UsageError),
        ({"serials": (Range(1, 5), Range(5, 6))}, UsageError),
    ],
)
def test_a_job_no_manifest_could_hold_is_refused(maker, changes, error):
    with pytest.raises(error):
        maker.job(**changes)


def test_dummy_codes_are_marked_and_of_the_right_length():
    assert dummy_codes(Range(9, 10), 16, digits=False) == b"TEST000000000009TEST000000000010"
    assert dummy_codes(Range(9, 10), 6, digits=True) == b"000009000010"
    assert dummy_codes(Range(99, 100), 4, digits=False) == b"TE99T100"
    assert dummy_codes(Range(999, 999), 4, digits=True) == b"0999"


@given(st.integers(2, 6), st.booleans())
def test_dummy_codes_never_repeat(length, digits):
    most = min(10 ** (length - 1) - 1, 2_000)
    codes = dummy_codes(Range(1, most), length, digits=digits).decode("ascii")
    parts = [codes[at : at + length] for at in range(0, len(codes), length)]
    assert len(set(parts)) == most
    assert all(part[0] == ("0" if digits else "T") for part in parts)


def test_more_dummies_than_fit_are_refused():
    with pytest.raises(UsageError, match="999"):
        dummy_codes(Range(1, 1_000), 4, digits=False)


@pytest.mark.parametrize(
    ("alphabet", "start"), [("crockford32", b"TEST"), ("hex", b"TEST"), ("digits", b"0000")]
)
def test_dummy_source_keeps_digits_to_digits(alphabet, start):
    parts = list(dummy_source(alphabet, 12)(Range(1, 70_000)))
    assert [first for first, _ in parts] == [1, 65_537]
    assert sum(len(codes) for _, codes in parts) == 12 * 70_000
    assert parts[0][1].startswith(start + b"00000001")


def test_unit_size_of_the_job_is_recorded(maker):
    made = maker(unit_size=3)
    assert made.packed.manifest.profile.unit_size == 3
    assert builtin("csv").unit_size == 10_000

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import Mint, Seeded

from mintmark.codegen.codes.draw import draw
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import IntegrityError, Refused, UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.batch import FrameLayout, Reader, Writer, by_frame, replace
from mintmark.codegen.sealed.header import preamble_size
from mintmark.codegen.secret import Secret

KEY = Secret(b"K" * 32)


class File(io.BytesIO):
    """A file in memory; fsync is asked of a descriptor."""

    def fileno(self):
        return 0


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def mint(tmp_path_factory):
    return Mint(tmp_path_factory.mktemp("vault"))


def seal(mint, header, codes, pieces=()):
    file = File()
    writer = Writer(file, header, mint.signing.sign, KEY, Seeded("nonces"))
    at = 0
    for size in (*pieces, len(codes)):
        writer.write(codes[at : at + size])
        at += size
    writer.finish()
    return file.getvalue()


def reader(mint, data, key=KEY):
    opened = Reader(lambda at, size: data[at : at + size], len(data), mint.station_keys)
    return opened.unlock(key) if key else opened


def codes_of(header, seed="codes"):
    return draw(header.spec, header.quantity, Seeded(seed))


@given(
    quantity=st.integers(1, 40),
    frame=st.integers(1, 15),
    length=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 100), max_size=5),
    data=st.data(),
)
def test_round_trip_of_any_range_however_it_was_written(quantity, frame, length, cuts, data):
    mint = Mint(None)
    header = mint.header(quantity, CodeSpec.of("clear", length), frame_size=frame)
    codes = codes_of(header)
    sealed = seal(mint, header, codes, pieces=cuts)
    assert len(sealed) == FrameLayout(header).size
    first = data.draw(st.integers(1, quantity))
    last = data.draw(st.integers(first, quantity))
    expected = first
    for start, block in reader(mint, sealed).codes(Range(first, last)):
        count = len(block) // length
        assert start == expected
        assert 1 <= count <= frame
        assert block == codes[(start - 1) * length : (start - 1 + count) * length]
        expected += count
    assert expected == last + 1


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 12))
def test_by_frame_cuts_at_the_frames_edges(first, second, size):
    header = Mint(None).header(50, frame_size=size)
    serials = Range(min(first, second), max(first, second))
    found = list(by_frame(serials, header))
    assert [s for _, piece in found for s in range(piece.first, piece.last + 1)] == list(
        range(serials.first, serials.last + 1)
    )
    for frame, piece in found:
        assert {FrameLayout(header).frame_of(s) for s in (piece.first, piece.last)} == {frame}


@pytest.fixture(scope="module")
def small(mint):
    header = mint.header(7, CodeSpec.of("crockford32", 8), frame_size=3)
    file = File()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        writer = Writer(file, header, mint.signing.sign, KEY, Seeded("small"))
        writer.write(codes_of(header))
        writer.finish()
    return header, file.getvalue()


def read_all(mint, data, key=KEY):
    opened = reader(mint, data, key)
    return b"".join(block for _, block in opened.codes(Range(1, opened.header.quantity)))


def test_codes_are_not_in_the_file(mint, small):
    header, data = small
    codes = codes_of(header)
    assert read_all(mint, data) == codes
    assert not any(codes[at : at + 8] in data for at in range(0, len(codes), 8))


def test_any_flipped_bit_is_an_integrity_error(mint, small):
    header, data = small
    start = preamble_size(header)
    for at in range(start, len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(IntegrityError) as caught:
            read_all(mint, bytes(changed))
        assert caught.value.details["frame"] == (at - start) // (28 + 3 * 8)


def test_the_frames_before_and_after_a_broken_frame_stay_readable(mint, small):
    header, data = small
    changed = bytearray(data)
    changed[FrameLayout(header).span(1)[0] + 20] ^= 1
    opened = reader(mint, bytes(changed))
    assert [first for first, _ in opened.codes(Range(1, 3))] == [1]
    assert [first for first, _ in opened.codes(Range(7, 7))] == [7]
    with pytest.raises(IntegrityError, match=r"frame 1 of .* \(serials 4-6\)"):
        list(opened.codes(Range(6, 6)))


def test_any_other_length_is_an_integrity_error(mint, small):
    _, data = small
    for changed in (*(data[:size] for size in range(len(data))), data + b"\0", data * 2):
        with pytest.raises(IntegrityError):
            reader(mint, changed)


def test_frames_cannot_be_moved_doubled_or_exchanged(mint, small):
    header, data = small
    layout = FrameLayout(header)
    frames = [data[at : at + size] for at, size in map(layout.span, range(3))]
    other = seal(
        mint, mint.header(7, CodeSpec.of("crockford32", 8), frame_size=3), codes_of(header)
    )
    theirs = [other[at : at + size] for at, size in map(layout.span, range(3))]
    start = data[: layout.start]
    for mixed, broken in (
        ([frames[1], frames[0], frames[2]], 0),
        ([frames[0], frames[0], frames[2]], 1),
        ([frames[0], theirs[1], frames[2]], 1),
        ([frames[0], frames[1], theirs[2]], 2),
    ):
        with pytest.raises(IntegrityError) as caught:
            read_all(mint, start + b"".join(mixed))
        assert caught.value.details["frame"] == broken
    with pytest.raises(IntegrityError):  # the frames of a batch under the header of another
        read_all(mint, other[: layout.start] + b"".join(frames))


def test_another_data_key_opens_nothing(mint, small):
    with pytest.raises(IntegrityError):
        read_all(mint, small[1], Secret(b"X" * 32))


def test_a_locked_reader_refuses_and_ranges_are_checked(mint, small):
    opened = reader(mint, small[1], key=None)
    with pytest.raises(Refused):
        opened.codes(Range(1, 1))
    with pytest.raises(UsageError, match="1-7"):
        opened.unlock(KEY).codes(Range(7, 8))


def test_replacing_codes_seals_their_frames_again_under_fresh_nonces(mint, small):
    header, data = small
    file, layout = File(data), FrameLayout(header)
    replace(file, header, KEY, {2: b"22222222", 7: b"77777777", 3: b"33333333"}, Seeded("again"))
    changed, codes = file.getvalue(), codes_of(header)
    expected = codes[:8] + b"22222222" + b"33333333" + codes[24:48] + b"77777777"
    assert read_all(mint, changed) == expected
    for frame, same in ((0, False), (1, True), (2, False)):
        at, size = layout.span(frame)
        assert (changed[at : at + size] == data[at : at + size]) is same
        assert (changed[at : at + 12] == data[at : at + 12]) is same
    nonces = {contents[layout.span(n)[0] :][:12] for contents in (data, changed) for n in range(3)}
    assert len(nonces) == 5


def test_a_code_of_another_length_is_never_put_in(mint, small):
    file = File(small[1])
    with pytest.raises(ValueError):
        replace(file, small[0], KEY, {1: b"short"}, Seeded("again"))
    assert file.getvalue() == small[1]


def test_replacing_in_a_broken_frame_changes_nothing(mint, small):
    data = bytearray(small[1])
    data[-1] ^= 1
    file = File(bytes(data))
    with pytest.raises(IntegrityError):
        replace(file, small[0], KEY, {7: b"77777777"}, Seeded("again"))
    assert file.getvalue() == data


def test_too_many_or_too_few_codes_are_an_error(mint):
    header = mint.header(7, frame_size=3)
    codes = codes_of(header)
    with pytest.raises(ValueError, match="more codes"):
        seal(mint, header, codes + codes[:16])
    with pytest.raises(ValueError, match="fewer codes"):
        seal(mint, header, codes[:-1])


def test_every_frame_has_a_nonce_of_its_own(mint):
    header = mint.header(40, frame_size=1)
    data, layout = seal(mint, header, codes_of(header)), FrameLayout(header)
    nonces = {data[layout.span(n)[0] :][:12] for n in range(40)}
    assert len(nonces) == 40


@pytest.mark.parametrize("size", [0, 8, 11, 13])
def test_a_source_that_gives_no_whole_nonce_seals_nothing(mint, small, size):
    """AES-GCM would take 8 to 128 bytes; the frame would then have another size than it should."""
    header, data = small
    file, start = File(), preamble_size(header)
    writer = Writer(file, header, mint.signing.sign, KEY, lambda _: b"n" * size)
    with pytest.raises(ValueError, match="12 bytes"):
        writer.write(codes_of(header))
    assert len(file.getvalue()) == start
    file = File(data)
    with pytest.raises(ValueError, match="12 bytes"):
        replace(file, header, KEY, {1: b"11111111"}, lambda _: b"n" * size)
    assert file.getvalue() == data


def test_a_batch_is_durable_once_it_is_finished_or_changed(mint, small, monkeypatch):
    """Nothing is written after the last fsync."""

    class Watched(File):
        def write(self, data):
            steps.append("write")
            return super().write(data)

    steps = []
    monkeypatch.setattr("os.fsync", lambda _: steps.append("fsync"))
    header, data = small
    writer = Writer(Watched(), header, mint.signing.sign, KEY, Seeded("durable"))
    writer.write(codes_of(header))
    writer.finish()
    assert steps[-2:] == ["write", "fsync"]
    steps.clear()
    replace(Watched(data), header, KEY, {2: b"22222222"}, Seeded("durable"))
    assert steps == ["write", "fsync"]

"""`plan`: its numbers against a naive search, its advice by taking it, its proof by readers."""

import io
import math
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from print_kit import program, read, render

from mintmark.codegen.errors import EnvironmentFailure, UsageError
from mintmark.codegen.result import to_json
from mintmark.packaging.print_calculator import PlanRequest, plan
from mintmark.packaging.symbols import growth

CAP = PlanRequest(url="HTTPS://T.EXAMPLE.COM/{code}", diameter=20.0)


def test_a_cap_face_of_20_mm_holds_a_square_of_14_mm():
    found = plan(replace(CAP, speed=1_200, quantity=10_000_000))
    assert found.room_mm == pytest.approx(20 / math.sqrt(2), abs=0.001)
    assert (found.version, found.modules, found.mode) == (2, 25, "alphanumeric")
    assert (found.module_dots, found.fits, found.advice) == (10, True, ())
    assert found.symbol_mm == pytest.approx(33 * 10 * 25.4 / 600, abs=0.001)
    assert (found.codes_per_second, round(found.hours, 1)) == (20, 138.9)
    assert found.guess_probability == 10**7 / 32**16
    assert found.offline_bits == pytest.approx(80 - math.log2(10**7), abs=0.01)


def test_lower_case_costs_a_version_and_it_says_which():
    found = plan(replace(CAP, url="https://t.example.com/{code}"))
    assert (found.version, found.mode) == (3, "byte")
    assert "version 2 instead of 3" in found.advice[0]


urls = st.text("abcXYZ019", max_size=60).map(lambda text: f"HTTPS://Q.EXAMPLE.CN/{text}/{{code}}")


@settings(max_examples=60)
@given(
    urls,
    st.sampled_from("LMQH"),
    st.integers(100, 1_300),
    st.tuples(st.floats(5, 40), st.booleans()),
    st.integers(4, 40),
)
def test_the_symbol_is_the_largest_that_fits(url, level, dpi, shape, length):
    size, is_round = shape
    room = {"diameter": size} if is_round else {"width": size, "height": size + 1}
    found = plan(PlanRequest(url=url, level=level, dpi=dpi, length=length, **room))
    payload = url.format(code="A" * length)
    symbol = segno.make_qr(payload, error=level, boost_error=False)
    assert found.version == symbol.version
    assert found.characters == len(payload)
    modules = symbol.symbol_size(border=4)[0]
    square = size / math.sqrt(2) if is_round else size
    fitting = [n for n in range(4, 101) if modules * n * 25.4 / dpi <= square + 1e-6]
    assert found.fits is bool(fitting)
    assert found.module_dots == max(fitting, default=4)
    assert found.symbol_mm == pytest.approx(modules * found.module_dots * 25.4 / dpi, abs=0.002)


@settings(max_examples=60)
@given(urls, st.sampled_from("LMQH"), st.integers(100, 600), st.floats(4, 16))
def test_advice_that_is_taken_helps(url, level, dpi, size):
    request = PlanRequest(url=url, level=level, dpi=dpi, diameter=size)
    found = plan(request)
    for advice in found.advice:
        words = advice.split()
        if advice.startswith("write"):
            again = plan(replace(request, url=url.upper().replace("{CODE}", "{code}")))
            assert again.version == int(words[words.index("version") + 1])
            # Of what fits already, that is no news.
            assert (again.fits and not found.fits) is ("then it fits" in advice)
            assert not found.fits or "too large" not in advice
        if advice.startswith("take --level"):
            again = plan(replace(request, level=words[2].rstrip(":")))
            assert again.version < found.version
            assert again.fits is ("then it fits" in advice)
        if advice.startswith("print at"):
            more = int(words[2].replace(",", ""))
            assert plan(replace(request, dpi=more)).fits
            assert not plan(replace(request, dpi=more - 1)).fits
        if advice.startswith("make room"):
            assert plan(replace(request, diameter=float(words[5]))).fits
    assert found.fits or found.advice


def test_too_many_dots_for_the_room_are_told_with_the_number_that_fits():
    found = plan(replace(CAP, dots=12))
    assert found.fits is False
    assert found.advice == ("take --dots 10: then it fits",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "HTTPS://T.EXAMPLE.COM/"}, "exactly once"),
        ({"level": "X"}, "L, M, Q, H"),
        ({"dpi": 20}, "72 to 4,800"),
        ({"dots": 3}, "4 to 100"),
        ({"diameter": -1.0}, "1 to 5,000 mm"),
        ({"diameter": float("nan")}, "1 to 5,000 mm"),
        ({"width": 3.0}, "no other size"),
        ({"shape": "rect"}, "only a round room"),
        ({"diameter": None, "shape": "round"}, "has a --diameter"),
        ({"diameter": None, "shape": "rect"}, "how large"),
        ({"diameter": None, "shape": "oval"}, "rect or round"),
        ({"length": 0}, "1 to 64"),
        ({"alphabet": "Aa"}, "alphabet"),
    ],
)
def test_wrong_requests_are_refused(change, says):
    with pytest.raises(UsageError, match=says):
        plan(replace(CAP, **change))


def test_codes_too_easy_to_guess_are_warned_of_with_the_length_that_is_not():
    found = plan(replace(CAP, alphabet="digits", length=8, quantity=100_000))
    assert found.guess_probability == 0.001
    assert any(
        "mint would refuse" in warning and "--length" in warning for warning in found.warnings
    )


def test_a_thief_s_time_is_told_of_a_quantity():
    found = plan(replace(CAP, quantity=10**8))
    assert found.offline_seconds == pytest.approx(2**53.42 / 6.55e9, abs=0.1)
    text = "\n".join(found.lines())
    assert "about 21 days of one data-centre GPU per code (6.6×10⁹ tries/s, measured 2026-" in text
    assert "if no other codes are issued under the same fingerprint key" in text
    without = plan(replace(CAP, quantity=None))
    assert without.offline_seconds is None
    assert not any("GPU" in line for line in without.lines())


def test_a_refused_plan_tells_the_time_too():
    found = plan(replace(CAP, alphabet="digits", length=16, quantity=1_000))
    assert found.offline_seconds == pytest.approx(2**43.19 / 6.55e9, abs=0.1)
    (said,) = [warning for warning in found.warnings if "mint would refuse" in warning]
    assert "25 minutes of one data-centre GPU" in said
    assert said.endswith("use --length 17 or more with this alphabet")


# --- the proof ---------------------------------------------------------------------------

ROOMS = [
    {},
    {"diameter": None, "width": 30.0, "height": 18.0},
    {"diameter": None},
    {"diameter": 9.0},
]


@pytest.fixture(params=ROOMS, ids=str)
def proof(request, tmp_path):
    return plan(replace(CAP, out=tmp_path / "out", **request.param)), request.param


def test_the_proof_is_read_and_marked(proof, tmp_path):
    found, _ = proof
    png, pdf = found.files
    texts = ["HTTPS://T.EXAMPLE.COM/TEST000000000001"]
    with Image.open(png) as picture:
        assert read(picture.convert("L")) == texts
    for dpi in (300, 600):
        (page,) = render(pdf.read_bytes(), dpi, tmp_path)
        assert read(page) == texts


def test_the_picture_and_the_page_are_the_same_to_a_dot(proof, tmp_path):
    found, _ = proof
    png, pdf = found.files
    with Image.open(png) as picture:
        dots = np.array(picture)
        assert picture.info["dpi"] == pytest.approx((600, 600), abs=0.01)
    (page,) = render(pdf.read_bytes(), 600, tmp_path)
    ink = np.array(page) < 128
    # Poppler adds a row where the page's height in points is not exact in binary.
    assert all(0 <= more <= 1 for more in np.subtract(ink.shape, dots.shape))
    assert not thick(ink[: dots.shape[0], : dots.shape[1]] == dots)


def thick(dots):
    """Whether there is a square of 4 by 4 in it: more than the edge of a line."""
    for axis in (0, 1):
        for _ in range(2):
            dots = dots & np.roll(dots, 1 if _ == 0 else 2, axis)
    return dots.any()


def test_the_ruler_measures_50_mm(proof, tmp_path):
    found, _ = proof
    (page,) = render(found.files[1].read_bytes(), 600, tmp_path)
    ink = np.array(page) < 128
    longest = max(longest_run(row) for row in ink)
    assert longest == pytest.approx(50 / 25.4 * 600, abs=3)


def longest_run(row):
    turns = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
    return max(turns[1::2] - turns[::2], default=0)


@pytest.mark.parametrize(
    ("room", "width"), [({"diameter": 20.0}, 20), ({"diameter": None, "width": 30.0}, 30)]
)
def test_the_room_is_drawn_at_its_size_around_the_symbol(room, width, tmp_path):
    found = plan(replace(CAP, out=tmp_path, **room))
    (page,) = render(found.files[1].read_bytes(), 600, tmp_path)
    ink = np.array(page) < 128
    symbol = found.modules * found.module_dots
    # The row through the middle of the lower finder patterns: the room's edges and the symbol.
    rows = [np.flatnonzero(row) for row in ink]
    spans = [row[-1] - row[0] for row in rows if len(row)]
    assert any(span == pytest.approx(width / 25.4 * 600, abs=3) for span in spans)
    middle = (ink.shape[1] - symbol) / 2
    assert any(
        abs(row[row >= middle - 2][0] - middle) <= 2 for row in rows if (row >= middle - 2).any()
    )


def test_a_proof_replaces_an_earlier_one_and_leaves_nothing_else(tmp_path):
    plan(replace(CAP, out=tmp_path))
    first = (tmp_path / "proof.png").read_bytes()
    plan(replace(CAP, out=tmp_path, dpi=300))
    assert (tmp_path / "proof.png").read_bytes() != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["proof.pdf", "proof.png"]


def test_a_proof_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "proof.pdf").mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        plan(replace(CAP, out=tmp_path))
    (tmp_path / "a file").write_bytes(b"")
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        plan(replace(CAP, out=tmp_path / "a file"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_proof_holds_no_font_and_no_colour(tmp_path):
    found = plan(replace(CAP, out=tmp_path))
    done = subprocess.run(
        [program("pdffonts"), str(found.files[1])], check=True, capture_output=True, text=True
    )
    assert len(done.stdout.splitlines()) == 2
    content = io.BytesIO(found.files[1].read_bytes()).getvalue()
    assert b"/Font" not in content


def test_every_key_is_plain_json():
    found = to_json({name: getattr(plan(CAP), name) for name in plan(CAP).__dataclass_fields__})
    assert found["files"] == []
    assert found["fits"] is True


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "exactly once"),
        ("q.example.cn/{code}", "has no https://"),
        ("javascript:{code}", "opens no scan page"),
        ("https://id_x/{code}", "'id_x'"),
        ("https://id.example.cn/01/06901234567892?21={code}", "belongs in the path"),
        ("https://id.example.cn/01/06901234567892/21/{code}/", "end in a slash"),
        ("https://id.example.cn/01/06901234567892/21/ABCDE{code}", "this one 21"),
    ],
)
def test_what_mint_refuses_plan_refuses(url, words):
    with pytest.raises(UsageError) as error:
        plan(replace(CAP, url=url))
    assert words in error.value.message


def test_what_mint_warns_of_plan_warns_of():
    (said,) = plan(replace(CAP, url="HTTP://Q.EXAMPLE.CN/{code}")).warnings
    assert "unencrypted" in said
    said = plan(replace(CAP, alphabet="digits")).warnings
    assert any("every code is a number of 16 digits" in sentence for sentence in said)
    said = plan(replace(CAP, length=10, quantity=10**8)).warnings
    assert any("will look like" in sentence for sentence in said)
    assert plan(replace(CAP, quantity=10**6)).warnings == ()


def test_words_in_codes_are_told_and_clear_is_named():
    found = plan(CAP)
    assert found.word_one_in == 2_341
    (line,) = [line for line in found.lines() if line.startswith("  words")]
    assert "one of 2,341 codes; --alphabet clear" in line
    clear = plan(replace(CAP, alphabet="clear"))
    assert clear.word_one_in is None
    assert not any("words" in line for line in clear.lines())


# --- growth ------------------------------------------------------------------------------


def test_few_dots_are_warned_of_growth_and_told_what_helps():
    for dots in (4, 5, 6):
        said = " ".join(plan(PlanRequest(url="HTTPS://Q.EXAMPLE.CN/{code}", dots=dots)).warnings)
        assert f"dark modules {dots + 2} dots wide" in said
        assert "8 dots or more" in said
        assert "reduce = 1" in said
    assert "growth" not in " ".join(plan(PlanRequest(dots=8)).warnings)


def test_the_figures_of_growth_are_those_of_the_table():
    text = (Path(__file__).parents[2] / "docs" / "decoders.md").read_text(encoding="utf-8")
    scan, photo = (
        text.split(f"### {title}\n")[1].split("\n### ")[0].strip().splitlines()
        for title in ("Growth, a pixel per dot", "Photo")
    )
    fewer = [
        dict(zip(lines[0].split("|")[2:-1], map(int, lines[-1].split("|")[2:-1]), strict=True))
        for lines in (scan, photo)
    ]
    assert len(scan) - 3 == growth.DECODERS
    for dots, seen in growth.FEWER_THAN_HALF.items():
        assert seen == (
            fewer[0][f" growth, {dots} dots "],
            fewer[1][f" photo, growth, {dots} dots "],
        )

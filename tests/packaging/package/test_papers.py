"""README.txt and the handoff letter, against golden files that people have read."""

import os
import re
import unicodedata
from pathlib import Path

import pytest

from mintmark.codegen.ranges.serials import Range
from mintmark.packaging import letter
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.formats.format import SecondCode
from mintmark.packaging.package.manifest import Partner
from mintmark.packaging.package.particulars import Particulars
from mintmark.packaging.preflight.preflight import Preflight
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.profile import Profile

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = "MINTMARK_WRITE_GOLDEN"
HEAD = (42, "0123456789abcdef" * 4)


@pytest.fixture(
    scope="module", params=["package", "test-package", "semicolons", "inner", "copies", "pair"]
)
def papers(request, tmp_path_factory, keys, give):
    """(name, what was made, README.txt, letter)."""
    from random import Random

    conftest = request.getfixturevalue("maker")
    maker = type(conftest)(tmp_path_factory.mktemp("papers"), random=Random(11))
    serials = (Range(1, 25), Range(101, 110))
    if request.param == "package":
        made = maker(serials=serials)
    elif request.param == "test-package":
        data = dummy_codes(Range(1, 20), 16, digits=False).decode("ascii")
        codes = {n + 1: data[16 * n : 16 * n + 16] for n in range(20)}
        made = maker(serials=(Range(1, 20),), test=True, codes=codes, by=keys(3, "station"))
    elif request.param == "inner":
        about = Particulars("绿茶 500 ml", "inner", pairs=(Partner("K7QM-0VTER123", "outer"),))
        made = maker(serials=serials, about=about)
    elif request.param == "copies":
        about, profile = Particulars("绿茶 500 ml", "batch"), builtin("csv").with_copies()
        made = maker(serials=serials, about=about, profile=profile, copies=500)
    elif request.param == "pair":
        made = pair(maker, Random(11))
    else:
        profile = Profile("bare", ("serial", "code"), header=False, delimiter=";", line_end="\n")
        made = maker(serials=(Range(1, 65),), unit_size=1, profile=profile, template="{code}")
    name = f"{made.job.package}.zip"
    text = letter.letter(made.packed, name, HEAD, Preflight("7-Zip", unique=True))
    return request.param, made, made.entries()["README.txt"], text


def pair(maker, random):
    """Two codes a label, each on four labels; a third code of the items is in another package."""
    other, third = Partner("K7QM-5N8R2GHT", "inner"), Partner("K7QM-6M2P4QRS", "guide")
    return maker(
        about=Particulars("绿茶 500 ml", "outer", pairs=(other, third)),
        profile=builtin("csv").with_copies().of_pair(),
        second=SecondCode(other.batch, 12, "0123456789", "https://w.example.cn/{code}"),
        codes={
            n: "".join((*random.choices("ABCDEFGH", k=16), *random.choices("0123456789", k=12)))
            for n in range(1, 26)
        },
        copies=4,
    )


def stable(made, text):
    """What depends on salts or on the library that deflates, blanked."""
    packed = made.packed
    for value in (packed.archive_sha256, f"{packed.archive_bytes:,}"):
        text = text.replace(value, "#" * len(value) if len(value) == 64 else "#")
    return text


@pytest.mark.parametrize("paper", ["readme", "letter"])
def test_papers_are_those_that_were_read(papers, paper):
    name, made, readme, handoff = papers
    data = readme if paper == "readme" else handoff
    text = stable(made, data.decode("utf-8-sig").replace("\r\n", "\n"))
    path = GOLDEN / f"{name}-{paper}.txt"
    if os.environ.get(WRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), (
        f"the {paper} differs; if that is meant: "
        f"{WRITE}=1 python -m pytest tests/packaging/package/test_papers.py, then read it"
    )


def test_old_notepads_show_them(papers):
    _, _, *texts = papers
    for data in texts:
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
        assert not any(
            unicodedata.category(letter_) == "Cc"
            for letter_ in data.decode("utf-8-sig")
            if letter_ not in "\r\n"
        )


def test_no_code_and_no_password_in_them(papers):
    _, made, readme, handoff = papers
    for data in (readme, handoff):
        text = data.decode("utf-8-sig")
        assert not any(code in text for code in made.codes.values())
        assert made.password.reveal().decode("ascii") not in text
        assert not re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}", text)


def test_lines_fit_a_page(papers):
    _, _, *texts = papers
    for data in texts:
        for line in data.decode("utf-8-sig").splitlines():
            width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
            assert width <= 80, line
            assert line == line.rstrip()


def test_both_languages_name_what_matters(papers):
    _, made, readme, handoff = papers
    text, outside = readme.decode("utf-8-sig"), handoff.decode("utf-8-sig")
    for word in (made.job.package, made.job.batch, "王芳", "7-Zip", "Bandizip"):
        assert text.count(word) >= 2
        assert outside.count(word) >= 2
    for word in (made.packed.archive_sha256, made.signer.public_key.hex(), "certutil -hashfile"):
        assert outside.count(word) >= 2
    assert outside.count(HEAD[1]) == (0 if made.job.test else 2)
    assert ("TEST PACKAGE" in text) is made.job.test
    assert ("测试码包" in outside) is made.job.test


def test_long_lists_point_to_the_manifest(papers):
    name, made, readme, _ = papers
    text = readme.decode("utf-8-sig")
    shown = sum(unit.name in text for unit in made.packed.units)
    assert shown == min(60, len(made.packed.units))
    assert ("其余见 manifest.json" in text) is (name == "semicolons")


def test_print_sizes_hold_four_dots(papers):
    _, _, readme, _ = papers
    found = re.findall(r"(\d+) dpi：模块 ([\d.]+) mm，连静区的边长 ([\d.]+) mm", readme.decode())
    side = int(re.search(r"（(\d+)×\1 模块）", readme.decode())[1]) + 8
    assert [dpi for dpi, _, _ in found] == ["300", "600"]
    for dpi, module, whole in found:
        assert 4 <= float(module) / 25.4 * int(dpi) < 4.3
        assert 4 * side <= float(whole) / 25.4 * int(dpi) < 4.3 * side


def test_letter_name(papers):
    assert letter.letter_name("K7QM-9X2C4DEF") == "K7QM-9X2C4DEF-handoff.txt"


@pytest.mark.parametrize(
    ("decoded", "chinese", "english"),
    [
        (5_000, "全部 5,000 个二维码", "all 5,000 symbols"),
        (300, "从 5,000 个二维码中随机抽取 300 个", "300 of 5,000 symbols, chosen at random"),
    ],
)
def test_the_letter_says_how_many_symbols_were_read_back(made, decoded, chinese, english):
    checked = Preflight(None, unique=True, symbols=5_000, decoded=decoded)
    text = letter.letter(made.packed, "a.zip", HEAD, checked).decode("utf-8-sig")
    assert f"印前检查：{chinese}" in text
    assert f"Checked:  {english}" in text
    assert english in checked.summary

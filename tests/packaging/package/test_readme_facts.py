"""README.txt and the letter against the package itself, for every profile and every option.

What the papers say is taken out of their sentences again and held against the data files, the
pictures and the sample, which others' programs read. A new option of a profile has to be entered
here (`test_every_option_is_tried`), so that no sentence becomes false unnoticed.
"""

import csv
import io
import re
from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import openpyxl
import pytest
from PIL import Image
from print_kit import SYMBOLS, TEMPLATE, codes, read

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging import letter
from mintmark.packaging.package.paper import RULE, WIDTH, cells
from mintmark.packaging.package.particulars import Particulars, SenderDetails
from mintmark.packaging.preflight.preflight import Preflight
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import find
from mintmark.packaging.profiles.geometry import (
    LabelOrder,
    Paint,
    PrintMark,
    Sheet,
    SymbolLook,
    Text,
)
from mintmark.packaging.profiles.profile import FileFormat, LaneOrder, Profile, Quoting

BUILTIN = ("csv", "url-lines", "xlsx", "png", "svg", "bmp-1bit", "pdf-sheet")
ABOUT = Particulars("绿茶 500 ml", "carton", SenderDetails("陈静", "021-5555 0123", "c@example.cn"))

# Option → the values that are tried beside that of the built-in profiles.
PROFILE = MappingProxyType(
    {
        "name": ("own",),
        "columns": (
            ("code",),
            ("url",),
            ("serial", "code"),
            ("serial", ("url", "QR"), "unit", "batch", "package", "lane", ("text", "n", "x,y")),
        ),
        "header": (False,),
        "delimiter": (";", "\t"),
        "line_end": ("\n",),
        "encoding": ("utf-8-sig", "gb18030"),
        "unit_size": (7,),
        "quoting": (Quoting.ALL, Quoting.NONE),
        "kind": (),  # the built-in profiles have all of them
        "unit_pattern": (),  # the name is taken from the manifest
        "lanes": (1, 3, 24),
        "lane_order": (LaneOrder.INTERLEAVED,),
        "lead_in": (2,),
        "lead_out": (1,),
        "symbol": (),
        "sheet": (),
    }
)
SYMBOL = MappingProxyType(
    {
        "level": ("H",),
        "mask": (3,),
        "quiet_zone": (6,),
        "dots": (5, 9),
        "dpi": (300,),
        "invert": (True,),
        "mirror": (True,),
        "version_limit": (20,),
        "reduce": (1,),  # of a profile that has it
    }
)
SHEET = MappingProxyType(
    {
        "dpi": (),  # the symbol's
        "page": ((200.0, 290.0),),
        "label": ((25.0, 30.0),),
        "rows": (1,),
        "columns": (1,),
        "gutter": ((3.0, 2.5),),
        "margin": ((8.0, 14.0),),
        "bleed": (0.5,),
        "marks": ((), (PrintMark.REGISTRATION,), (PrintMark.CROP, PrintMark.REGISTRATION)),
        "text": (Text.NONE, Text.CODE),
        "text_size": (4.0,),
        "order": tuple(LabelOrder),
        "paint": (Paint.MASK,),
        "header": (False,),
        "at": ((14.5, 13.0),),
        "pair_at": (),  # of packages of two codes a label: test_second_code
    }
)


# The formats on which each table is tried, so that all of it takes a minute of one core.
TEXTS = ("csv", "xlsx", "png")
SYMBOLS_OF = ("csv", "bmp-1bit", "pdf-sheet")
TOGETHER = (
    {"invert": True, "mirror": True},
    {"invert": True, "reduce": 1},
    {"lanes": 3, "lane_order": LaneOrder.INTERLEAVED, "lead_in": 2, "columns": ("url",)},
    {"lanes": 2, "lead_in": 1, "lead_out": 1, "header": False},
    {"sheet_order": LabelOrder.STACK, "sheet_text": Text.NONE, "invert": True},
    {"sheet_order": LabelOrder.LANES, "mirror": True, "sheet_marks": ()},
    {"sheet_order": LabelOrder.LANES, "sheet_columns": 1},
    {"lanes": 24, "lane_order": LaneOrder.INTERLEAVED},
)


def changed(base, **options):
    """The built-in profile with other options of the profile, the symbol or the sheet."""
    look = {key: value for key, value in options.items() if key in SYMBOL}
    sheet = {key[6:]: value for key, value in options.items() if key.startswith("sheet_")}
    rest = {
        key: value
        for key, value in options.items()
        if key not in look and not key.startswith("sheet_")
    }
    symbol = replace(base.symbol, **look)
    if base.sheet is not None:
        room = {"label": (34.0, 38.0), "rows": 6, "columns": 5} | sheet
        rest["sheet"] = replace(base.sheet, dpi=symbol.dpi, **room)
    return replace(base, symbol=symbol, **rest)


def options_of(name):
    """The options that are tried on a built-in profile, one at a time and some together."""
    known = {field.name for field in fields(SymbolLook)}
    if name in TEXTS:
        yield from ({key: value} for key, some in PROFILE.items() for value in some)
    if name in SYMBOLS_OF:
        yield from ({key: value} for key, some in SYMBOL.items() if key in known for value in some)
    if name == "pdf-sheet":
        yield from ({f"sheet_{key}": value} for key, some in SHEET.items() for value in some)
    yield from (some for some in TOGETHER if "reduce" in known or "reduce" not in some)


def variants():
    """(id, profile)."""
    for name in (*BUILTIN, "bartender", "smartstream"):
        base = find(name, None, examples=True).profile
        yield name, base
        for number, some in enumerate(options_of(name)):
            if any(key.startswith("sheet_") for key in some) and base.sheet is None:
                continue
            try:
                yield f"{name}-{number}-{'-'.join(some)}", changed(base, **some)
            except UsageError:
                continue  # the profile refuses it, and so does an export


VARIANTS = dict(variants())


@dataclass
class Printed:
    """A package as the contact unpacks it."""

    made: object
    entries: dict

    @property
    def profile(self):
        return self.made.job.profile

    @property
    def manifest(self):
        return self.made.packed.manifest

    @cached_property
    def texts(self):
        """Both languages without any white space: lines end anywhere."""
        parts = self.entries["README.txt"].decode("utf-8-sig").split(RULE)
        return tuple("".join(part.split()) for part in parts)

    @cached_property
    def lines(self):
        return self.entries["README.txt"].decode("utf-8-sig").split("\r\n")

    @property
    def sample(self):
        with Image.open(io.BytesIO(self.entries["qr/sample-1.png"])) as picture:
            return picture.copy()

    @property
    def payload(self):
        """What the sample says."""
        (found,) = read(np.asarray(self.sample.convert("L")))
        return found

    def rows(self, name):
        """All rows of a data file, header and set-up rows too."""
        data, profile = self.entries[name], self.profile
        if profile.kind is FileFormat.XLSX:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
            found = [list(row) for row in book.active.iter_rows(values_only=True)]
            book.close()
            return found
        text = io.StringIO(data.decode(profile.encoding), newline="")
        return list(csv.reader(text, delimiter=profile.delimiter, strict=True))

    def first_picture(self):
        """The first symbol as the package draws it: its side in mm."""
        name = f"qr/0001/000000001.{self.profile.kind}"
        if self.profile.kind is FileFormat.SVG:
            return float(re.search(rb'width="([\d.]+)mm"', self.entries[name])[1])
        picture = Image.open(io.BytesIO(self.entries[name]))
        return picture.size[0] / picture.info["dpi"][0] * 25.4


@pytest.fixture(scope="module", params=VARIANTS)
def printed(request, maker):
    profile = VARIANTS[request.param]
    texts = dict(enumerate(codes(10), 1))
    made = maker(
        profile=profile,
        unit_size=7,
        serials=(Range(1, 10),),
        template=TEMPLATE,
        codes=texts,
        symbols=SYMBOLS,
        about=ABOUT,
    )
    return Printed(made, made.entries())


def test_every_option_is_tried():
    """A new option belongs into the tables above, and maybe into a sentence of README.txt."""
    for kind, tried in ((Profile, PROFILE), (SymbolLook, SYMBOL), (Sheet, SHEET)):
        assert {field.name for field in fields(kind)} <= set(tried)
    assert len(VARIANTS) > 90


def test_the_sample_says_what_the_papers_say(printed):
    """The payload of the first code, which stands where both languages say."""
    assert printed.payload == TEMPLATE.replace("{code}", printed.made.codes[1])
    chinese, english = printed.texts
    if printed.profile.kind is FileFormat.PDF:
        name = printed.manifest.files[0].name
        assert f"应与{name}第1张左上角那个码（流水号1）扫出来的完全一样" in chinese
        assert f"upperleftonsheet1of{name}(serial1)" in english
        assert next(printed.profile.sheet.spots(0, 7)) == (0, 0)
        return
    if len(printed.profile.columns) == 1 and not printed.profile.header:
        # A line is the text, and nobody sees what its column is called.
        (zh,) = re.findall(r"应与(data/\S+?)里第(\d+)行一字不差", chinese)
        (en,) = re.findall(r"exactlywhatrow(\d+)of(data/\S+?)says\.", english)
        assert zh == en[::-1]
        assert printed.rows(zh[0])[int(zh[1]) - 1] == [printed.payload]
        return
    zh = re.search(r"与(data/\S+?)里(?:流水号(\d+)那一行|第(\d+)行)的(.+?)列一字不差", chinese)
    en = re.search(
        r"whatcolumn(.+?)saysin(?:therowofserial(\d+)|row(\d+))of(data/\S+?)\.R?(?:Use|The)",
        english,
    )
    if "url" not in printed.profile.sources:
        assert zh is en is None
        assert re.search(r"应是HTTPS://Q\.EXAMPLE\.CN/\+code列，一字不差", chinese)
        assert "sayexactlyHTTPS://Q.EXAMPLE.CN/+columncode,withthecodein" in english
        return
    assert (en[4], en[2], en[3], en[1]) == zh.groups()
    name, serial, row, column = zh.groups()
    rows, profile = printed.rows(name), printed.profile
    at = [item.name for item in profile.columns].index(column)
    if serial is None:
        found = rows[int(row) - 1]
    else:
        where = profile.sources.index("serial")
        (found,) = [line for line in rows if line[where] == serial]
    assert found[at] == printed.payload


def test_serials_are_to_be_compared_only_where_they_stand(printed):
    profile, (chinese, english) = printed.profile, printed.texts
    sheet = profile.sheet
    stand = "serial" in profile.sources if sheet is None else sheet.header or sheet.text == "serial"
    stand = stand or profile.pictures
    assert ("和首末流水号。" in chinese) == stand == ("andserials,withthelist" in english)
    counted = sheet is None and not stand and profile.lanes == 1
    assert ("行里没有流水号" in chinese) == counted == ("Rowsholdnoserials" in english)


def test_columns_without_names_are_told_in_their_order(printed):
    profile, (chinese, english) = printed.profile, printed.texts
    told = profile.has_rows and not profile.header and len(profile.columns) > 1
    assert (
        ("没有列名行，各列的次序如下" in chinese) == told == ("columnsstandinthisorder" in english)
    )


def test_nothing_is_counted_by_a_word_with_a_bracket(printed):
    assert "(s)" not in printed.texts[1]
    sheet = printed.profile.sheet
    single = sheet is not None and sheet.labels_per_sheet == 1 and sheet.page == sheet.label
    assert ("Apageisalabelof" in printed.texts[1]) == single
    assert "1labelson" not in printed.texts[1] or not single


def test_pictures_are_listed_with_what_they_say(printed):
    profile = printed.profile
    if not profile.pictures or not {"url", "image"} <= set(profile.sources):
        return
    places = [profile.sources.index(source) for source in ("url", "image")]
    row = printed.rows("data/0001.csv")[int(profile.header)]
    url, name = (row[place] for place in places)
    assert name in printed.entries
    assert url == printed.payload
    assert f"图片{name}扫出来也应是它" in printed.texts[0]


def test_the_size_is_the_size_drawn(printed):
    look = printed.profile.symbol
    side = printed.sample.size[0]
    chinese, english = printed.texts
    (mm,) = set(re.findall(r"(?:连静区|也在图里：)([\d.]+)×\1mm", chinese))
    (same,) = set(re.findall(r"([\d.]+)x\1mm", english))
    assert mm == same == f"{side / look.dpi * 25.4:.2f}"
    if printed.profile.pictures:
        assert float(mm) == pytest.approx(printed.first_picture(), abs=0.03)
    assert set(re.findall(r"(\d+)×\1点", chinese)) == {str(side)}
    assert set(re.findall(r"(\d+)x\1dots", english)) == {str(side)}
    assert set(re.findall(r"(\d+)dpi，", chinese)) == {str(look.dpi)}
    assert f"每模块{look.dots}点" in chinese
    assert f"{look.dots}dotspermodule" in english
    assert f"静区（{look.quiet_zone}个模块宽，{look.quiet_zone * look.module:.2f}mm）" in chinese


def lower_left_is_finder(ink, look):
    """Whether there is a finder pattern (ISO/IEC 18004:2015, 6.3.3) where a mirrored symbol has
    none; `ink` is true where the symbol is dark."""
    modules = ink[look.dots // 2 :: look.dots, look.dots // 2 :: look.dots]
    quiet = slice(look.quiet_zone, -look.quiet_zone)
    corner = modules[quiet, quiet][-7:, :7]
    return bool(
        corner[0].all() and corner[-1].all() and corner[:, 0].all() and corner[2:5, 2:5].all()
    )


def test_never_inverted_and_never_mirrored_stand_only_where_true(printed):
    look, (chinese, english) = printed.profile.symbol, printed.texts
    dark = ~np.asarray(printed.sample)
    inverted = bool(dark[look.dots // 2, look.dots // 2])  # in the quiet zone
    mirrored = not lower_left_is_finder(dark != inverted, look)
    assert (inverted, mirrored) == (look.invert, look.mirror)
    plain = "应是浅底深码，不要反白" if printed.profile.kind == "bmp" else "深色码印在"
    for text, words, inverse in (
        (chinese, "不要反白", inverted),
        (chinese, "不要左右镜像", mirrored),
        (chinese, "K100", inverted),
        (chinese, plain, inverted),
        (english, "Nevermirrored", mirrored),
        (english, "K100", inverted),
        (english, "donotinvert" if printed.profile.kind == "bmp" else "neverinverted", inverted),
    ):
        assert (words in text) is not inverse, words
    for text, words, stands in (
        (chinese, "这一批是反色的", inverted),
        (chinese, "静区也要印上", inverted),
        (chinese, "这一批是左右镜像的", mirrored),
        (chinese, "材料面：", mirrored),
        (chinese, "黑白是反过来的", inverted),
        (english, "Inverted,fordarkmaterial", inverted),
        (english, "Mirrored,forthebackoftransparentmaterial", mirrored),
    ):
        assert (words in text) is stands, words


def test_the_order_is_that_of_the_file(printed):
    profile, (chinese, english) = printed.profile, printed.texts
    plain = profile.lanes == 1 and profile.kind is not FileFormat.PDF
    assert ("不排序、不打乱" in chinese) is plain
    assert ("Neversortormix" in english) is plain
    assert ("千万不要按流水号重新排序" in chinese) is (profile.lanes > 1)
    assert ("Neversortthembyserial" in english) is (profile.lanes > 1)
    assert "流水号从小到大" not in chinese or plain
    if profile.lanes == 1:
        return
    assert ("不要按文件名的顺序取用" in chinese) is profile.pictures
    first = printed.manifest.files[0]
    order = serials_of(printed, first)
    drawn = [line.split("|")[1:-1] for line in printed.lines if line.strip().startswith("|")]
    heads = [[cell.strip() for cell in line] for line in drawn if "lane 1" in line[0]]
    assert len(heads) == 2  # both languages
    lanes = [int(head[5:]) - 1 if head != ".." else None for head in heads[0]]
    line = [cell.strip() for cell in drawn[1]]
    due = [".." if lane is None else str(([*order, *["-"] * 99])[lane]) for lane in lanes]
    assert line == due
    said = re.search(r"第1道是([\d、]+)(……)?。", chinese)
    if profile.lane_order is LaneOrder.INTERLEAVED:
        lane = order[:: profile.lanes]
        assert [int(serial) for serial in said[1].split("、")] == lane[:3]
        assert bool(said[2]) is (len(lane) > 3)
    rolls = re.findall(r"第 (\d+) 道：(\S+)", "\n".join(printed.lines))
    slit = profile.lane_order is LaneOrder.BLOCK
    assert len(rolls) == (min(profile.lanes, len(order)) if slit else 0)
    for lane, text in rolls:
        assert expanded(text) == order[int(lane) - 1 :: profile.lanes]


def expanded(text):
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def serials_of(printed, file):
    """The serials of a file's rows in their order, by what the symbols of the rows say."""
    profile = printed.profile
    rows = printed.rows(file.name)[int(profile.header) :]
    source = "url" if "url" in profile.sources else "code"
    at = profile.sources.index(source)
    known = {code: serial for serial, code in printed.made.codes.items()}
    found = [known.get(row[at].rpartition("/")[2]) for row in rows]
    front, behind = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
    assert found[:front] == [None] * front
    assert found[len(found) - behind :] == [None] * behind
    return found[front : len(found) - behind]


def test_the_data_files_are_as_described(printed):
    profile, (chinese, english) = printed.profile, printed.texts
    if profile.kind is FileFormat.PDF:
        return
    file = printed.manifest.files[0]
    rows = printed.rows(file.name)
    assert ("第一行是列名" in chinese) is (rows[0] == [item.name for item in profile.columns])
    listed = [
        line.split()[0]
        for line in printed.lines[: printed.lines.index(RULE)]
        if re.match(r"    \S+  +\S", line) and line[:4] == "    "
    ]
    names = [item.name for item in profile.columns]
    assert [name for name in listed if name in names] == names
    order = serials_of(printed, file)
    assert len(order) == file.rows
    front = profile.lead_in * profile.lanes
    assert (f"第一个正式的码在第{front + 1 + profile.header}行" in chinese) is bool(
        profile.lead_in or profile.lead_out
    )
    assert (f"开头{front}行" in chinese) is bool(front)
    assert ("（流水号为0）" in chinese) is (
        "serial" in profile.sources and bool(profile.lead_in or profile.lead_out)
    )
    assert ("图片文件，路径" in chinese) is ("image" in profile.sources)
    if profile.kind is FileFormat.XLSX:
        assert "pandas加dtype=str" in chinese
        assert "pandaswithdtype=str" in english
        return
    data = printed.entries[file.name]
    assert ("以CRLF结尾" in chinese) is data.endswith(b"\r\n")
    quoted = data.decode(profile.encoding).split("\n")[-2].count('"')
    said = "每一项都用英文双引号" in chinese, "的项用英文双引号" in chinese
    assert said == (quoted == 2 * len(profile.columns), 0 < quoted < 2 * len(profile.columns))


def test_sheets_are_as_described(printed):
    sheet, (chinese, english) = printed.profile.sheet, printed.texts
    if sheet is None:
        assert "标记：" not in chinese
        assert "Marks:" not in english
        return
    crop, cross = PrintMark.CROP in sheet.marks, PrintMark.REGISTRATION in sheet.marks
    assert ("按裁切线裁切" in chinese) is ("Cutatthecropmarks" in english) is crop
    assert ("四周有裁切线" in chinese) is crop
    assert ("四角有套准标记" in chinese) is cross
    assert ("页眉写着" in chinese) is ("Theheadingnames" in english) is sheet.header
    assert ("码下面印的是流水号" in chinese) is (sheet.text is Text.SERIAL)
    assert ("码下面印的是码本身" in chinese) is (sheet.text is Text.CODE)
    assert ("码下面没有文字" in chinese) is (sheet.text is Text.NONE)
    assert (f"{sheet.bleed:g}mm出血位" in chinese) is bool(sheet.bleed)
    assert ("裁切叠放" in chinese) is (
        sheet.order is LabelOrder.STACK and sheet.labels_per_sheet > 1
    )
    slit = sheet.order is LabelOrder.LANES and sheet.columns > 1
    assert ("分条" in chinese) is ("Slitbetweenthecolumns" in english) is slit
    assert f"标签{sheet.label[0]:g}×{sheet.label[1]:g}mm" in chinese


def test_the_job_at_a_glance_is_the_same_in_all_papers(printed):
    profile = printed.profile
    checked = Preflight("7-Zip", unique=True)
    outside = letter.letter(printed.made.packed, "a.zip", (1, "0" * 64), checked)
    papers = [
        *printed.texts,
        *("".join(p.split()) for p in outside.decode("utf-8-sig").split(RULE)),
    ]
    for number, paper in enumerate(papers):
        role = "cartoncodes" if number % 2 else "箱码"
        for words in (ABOUT.product, profile.name, *ABOUT.sender, role):
            assert "".join(words.split()) in paper
        assert f"{printed.sample.size[0]}×" in paper or f"{printed.sample.size[0]}x" in paper
        assert ("K100" in paper) is not profile.symbol.invert
    assert not any(code in paper for code in printed.made.codes.values() for paper in papers)


def test_every_line_fits_a_terminal(printed):
    for line in printed.lines:
        assert cells(line) <= WIDTH or " " not in line.strip()
        assert line == line.rstrip()


def test_the_package_passes(printed):
    """What is told is told of a package that proves right, its sample included."""
    made = printed.made
    assert verify(made.path, made.password, made.trusted).rows == 10

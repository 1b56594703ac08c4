"""README.txt in Chinese: the order of printing, with drawings of lanes and sheets. Pure."""

from collections.abc import Iterator

from ..profiles.geometry import LabelOrder
from ..profiles.profile import LaneOrder
from . import layout_drawing
from .paper import fill
from .readme_facts import ROLLS_SHOWN, Facts

_ITEM, _MORE = "  · ", "    "


def unit(facts: Facts) -> str:
    """The physical thing that a file becomes."""
    if facts.sheet is not None:
        return "一个文件是一卷（箱、叠）"
    if facts.profile.lanes > 1:
        return f"一个文件印一个母卷，按 {facts.profile.lanes} 道分切"
    return "一个文件印一卷（箱）"


def order(facts: Facts) -> Iterator[str]:
    """How the first file is printed, with a drawing where rows are not a plain sequence."""
    stop = "不跳号、不重号；停机后从断点接着印，不要从头再来。"
    if facts.copies > 1:
        stop = (
            f"每个码正好 {facts.copies:,} 张，不多不少，不跳号；停机后从断点接着印，不要从头再来。"
        )
        yield from fill(_copies(facts), _ITEM, _MORE)
    if facts.sheet is not None:
        yield from fill(f"按页序输出，不抽页、不改页序，{stop}", _ITEM, _MORE)
        yield from _sheet_order(facts)
    elif facts.profile.lanes == 1:
        yield from fill(
            f"每个文件都从第一行印到最后一行，流水号从小到大，不排序、不打乱，{stop}",
            _ITEM,
            _MORE,
        )
    else:
        yield from _lane_order(facts)
        yield from fill(stop, _MORE)


def _copies(facts: Facts) -> str:
    """How a code comes to stand on many labels."""
    each = f"{facts.copies:,} 张"
    if facts.sheet is not None:
        return f"同一个码印在 {each}标签上，PDF 里已经排好：照页序输出即可，不要再设份数。"
    column = next((c.name for c in facts.profile.columns if c.source == "copies"), "")
    said = f"（{column} 列，可作标签软件的份数）" if column else ""
    row = "每一行" if facts.profile.lanes == 1 else "并排的每一组"
    pictures = "，图片也只有一张" if facts.profile.pictures else ""
    return (
        f"同一个码印在 {each}标签上。文件里每个码只有一行{pictures}：{row}连续印 "
        f"{facts.copies:,} 次{said}，再印下一行。这几张上的码相同，不算重号。"
    )


def _lane_order(facts: Facts) -> Iterator[str]:
    profile, (frames, last) = facts.profile, facts.frames
    lanes = profile.lanes
    text = (
        f"文件里的行序就是印刷顺序：每 {lanes} 行是并排的一组，依次印在第 1 道到第 {lanes} 道。"
        "千万不要按流水号重新排序。"
    )
    if profile.pictures:
        text += "图片按清单的行序取用，不要按文件名的顺序取用。"
    yield from fill(text, _ITEM, _MORE)
    short = f"；最后一组只有 {last} 行" if last < lanes else ""
    short += "；试机行没有画" if any(facts.set_up_rows) else ""
    name = facts.manifest.files[0].name
    text = f"{name} 的并排情形（lane 是道，横排一组，上面的先印，数字是流水号{short}）："
    yield from fill(text, _MORE)
    yield from (f"{_MORE}{line}" for line in layout_drawing.web(facts))
    if profile.lane_order is LaneOrder.INTERLEAVED:
        lane = "、".join(map(str, facts.first_lane))
        text = (
            f"并排的几道，流水号是挨着的；分切以后，一道小卷里的流水号不连续，每次加 {lanes}："
            f"第 1 道是 {lane}{' ……' * (frames > len(facts.first_lane))}。"
        )
        yield from fill(text, _MORE)
        return
    yield from fill("按道分切后，每一小卷是一段连续的流水号：", _MORE)
    for number, piece in enumerate(facts.rolls[:ROLLS_SHOWN], 1):
        yield f"      第 {number} 道：{piece}"
    if len(facts.manifest.files) > 1:
        text = "其余文件同理：首末流水号按道数平分，除不尽时前几道各多一个。"
        yield from fill(text, _MORE)


def _sheet_order(facts: Facts) -> Iterator[str]:
    sheet = facts.sheet
    if sheet is None or sheet.labels_per_sheet == 1:
        return
    sheets, file = sheet.sheets(facts.first_labels), facts.manifest.files[0].name
    text = {
        LabelOrder.ROWS: "同一张上先横后竖：第一行从左到右，再第二行；印完一张接下一张。",
        LabelOrder.COLUMNS: "同一张上先竖后横：第一列从上到下，再第二列；印完一张接下一张。",
        LabelOrder.STACK: "裁切叠放：流水号先穿过所有的张，再换下一个位置。"
        "第 1 张在最上、印面朝上堆齐，整叠裁开，每个位置得到一叠连续的流水号；"
        "按从左到右、从上到下的次序叠起来（左上角那一叠放最上面），流水号就从头连到尾。",
        LabelOrder.LANES: "分条：流水号先顺着一列穿过所有的张，再换下一列。"
        "沿列分切，每一列是一小卷连续的流水号。",
    }[facts.sheet_order]
    yield from fill(text, _MORE)
    shown = [f"第 {number + 1} 张" for number in range(min(sheets, 2 if facts.rolls else 1))]
    intro = f"{file} 共 {sheets:,} 张；{'和'.join(shown)}（数字是流水号，- 是空位）："
    yield from fill(intro, _MORE)
    for number, title in enumerate(shown):
        yield f"{_MORE}{title}"
        yield from (f"{_MORE}{line}" for line in layout_drawing.sheet(facts, number))
    yield from _piles(facts)
    if facts.look.mirror:
        yield from fill("只有码和码下的文字是镜像的，标签的位置没有镜像。", _MORE)


def _piles(facts: Facts) -> Iterator[str]:
    """The first and last piles or rolls, and the number of all."""
    rolls, sheet = facts.rolls, facts.sheet
    if sheet is None or not rolls:
        return
    word = "列" if facts.sheet_order is LabelOrder.LANES else "叠"
    many = len(rolls) > 3
    shown = [*enumerate(rolls[: 2 if many else 3], 1)]
    text = "；".join(f"第 {number} {word} {piece}" for number, piece in shown)
    text += f"；…… 第 {len(rolls)} {word} {rolls[-1]}" if many else ""
    yield from fill(f"裁开以后：{text}。每个文件单独裁，文件之间不混叠。", _MORE)

"""README.txt in Chinese: what the data files hold. Pure."""

from collections.abc import Iterator

from ...codegen.codes.template import BARE
from ..profiles import columns
from ..profiles.geometry import Paint, Sheet, Text
from ..profiles.profile import FileFormat
from . import pair_zh
from .paper import cells, fill
from .readme_facts import LINE_ENDS, Facts

_DELIMITERS = {
    ",": "逗号",
    ";": "分号",
    "\t": "制表符",
    "|": "竖线",
}
_ENCODINGS = {
    "ascii": "ASCII 纯文本",
    "utf-8-sig": "UTF-8（带 BOM）纯文本",
    "gb18030": "GB18030 纯文本",
}
_QUOTES = {
    "all": "每一项都用英文双引号括起来，",
    "some": "含分隔符或引号的项用英文双引号括起来，",
}


def formula(facts: Facts) -> str:
    """What a symbol says, made of the code."""
    prefix, suffix = facts.around_code
    code = f"{facts.code_column} 列" if facts.code_column and facts.profile.has_rows else "码"
    return " + ".join(filter(None, (prefix, code, suffix)))


def data(facts: Facts) -> Iterator[str]:
    """The section on the data files."""
    profile = facts.profile
    yield "二、数据文件怎么看"
    if facts.sheet is not None:
        yield from _pages(facts)
        return
    yield from fill(_form(facts), "  ")
    wide = max(cells(column.name) for column in profile.columns)
    for column in profile.columns:
        title = " " * 4 + column.name + " " * (wide + 2 - cells(column.name))
        blank = " " * (min(wide, 16) + 6)
        yield from fill(_says(facts, column.source, column.name), title, blank)
    if facts.payload_column is None:
        lacks = "请把网址和码这样拼起来" if not facts.is_drawn else "图里的内容是"
        glue = "" if facts.is_drawn else "（加号只表示相接，中间不加空格，也不写加号）"
        yield from fill(
            f"二维码里要写的内容不是现成的一列：{lacks}：{formula(facts)}{glue}。", "  "
        )
    for line in pair_zh.formula(facts):
        yield from fill(line, "  ")
    if facts.counts_serials:
        text = "行里没有流水号：文件里第一个码就是文末清单里的首流水号，往下每个码加 1。"
        yield from fill(text, "  ")
    yield from fill(_programs(facts), "  ")
    if any(facts.set_up_rows):
        yield from fill(_set_up(facts), "  ")


def _form(facts: Facts) -> str:
    profile = facts.profile
    header = "第一行是列名" if profile.header else "没有列名行"
    if not profile.header and len(profile.columns) > 1:
        header += "，各列的次序如下"
    if profile.kind is FileFormat.XLSX:
        return f"Excel 工作簿，单元格全部是文本，{header}。"
    encoding = _ENCODINGS[profile.encoding]
    between = f"各列用{_DELIMITERS[profile.delimiter]}隔开，" if len(profile.columns) > 1 else ""
    quotes = _QUOTES.get(facts.says_quotes, "")
    ends = LINE_ENDS[profile.line_end]
    return f"{encoding}，{between}{quotes}每行以 {ends} 结尾，{header}。"


def _says(facts: Facts, source: str, name: str) -> str:
    drawn = "写在这里供核对和检测设备比对；图片已经画好，不必再生成。"
    copy = "二维码里写的就是这一列：原样写入，一个字符也不能改。"
    use = drawn if facts.is_drawn else copy
    length = facts.manifest.code_length
    if source in columns.PAIR.values():
        return pair_zh.columns(facts, source, name)
    return {
        "serial": "流水号。它不是码，可以印在卷边或标签背面，方便查找。",
        "code": f"码，{length} 位。按文本处理，不要当成数字。"
        + (use if name == facts.payload_column else ""),
        "url": ("与码相同。" if facts.manifest.template == BARE else "二维码的完整内容。")
        + (use if name == facts.payload_column else ""),
        "package": "码包编号。",
        "batch": "批次。",
        "unit": "卷号（箱号）。",
        "lane": "这一行印在第几列（道），从 1 数起。",
        "copies": "份数：这一行的码要印几张，每行都一样。",
        "image": "图片文件，路径从解压后的文件夹算起。",
        "text": "固定文字，每行都一样。",
    }[source]


def _programs(facts: Facts) -> str:
    """What programs do to the data."""
    if facts.profile.kind is FileFormat.XLSX:
        return (
            "不要排序、筛选。用程序读取时要全部按文本读：pandas 加 dtype=str；polars（xlsx2csv）等"
            "会把单元格变成数字，丢掉开头的 0。"
        )
    text = "不要用 Excel 打开后再保存：Excel 会丢掉开头的 0，还会把一些码改成科学计数。"
    return text + "用程序读取时全部按文本读（如 pandas 加 dtype=str）。" * facts.has_digits


def _set_up(facts: Facts) -> str:
    front, behind = facts.set_up_rows
    where = "、".join(
        [
            *([f"开头 {front:,} 行"] if front else []),
            *([f"末尾 {behind:,} 行"] if behind else []),
        ]
    )
    mark = "（流水号为 0）" if "serial" in facts.profile.sources else ""
    return (
        f"每个文件{where}是试机用的假码{mark}，不得用于正式产品；"
        f"第一个正式的码在第 {facts.first_row:,} 行。清单里的行数不含它们。"
    )


def _pages(facts: Facts) -> Iterator[str]:
    sheet = facts.sheet
    assert sheet is not None  # noqa: S101 - `data` asked
    across, down = sheet.page
    drawn = "单色矢量" if sheet.paint is Paint.PATHS else "1 位图像蒙版，输出时关闭平滑和插值"
    yield from fill(f"每个数据文件是一份可直接印刷的 PDF（{drawn}），不含字体。", "  ")
    if facts.is_single_label:
        yield from fill(f"一页就是一个标签，{across:g}×{down:g} mm。", "  ")
    else:
        yield from fill(_labels(sheet), "  ")
    for line in pair_zh.places(facts):
        yield from fill(line, "  ")
    under = {
        Text.NONE: "码下面没有文字。",
        Text.SERIAL: "码下面印的是流水号。",
        Text.CODE: "码下面印的是码本身"
        + ("。" if facts.manifest.test else "，谁看见都能冒用：印好的张要像现金一样保管。"),
    }[sheet.text]
    heading = "页眉写着码包、卷号、张号和流水号，有损耗按页眉上报。" if sheet.header else ""
    yield from fill(under + heading, "  ")


def _labels(sheet: Sheet) -> str:
    (across, down), (wide, high) = sheet.page, sheet.label
    return (
        f"页面 {across:g}×{down:g} mm，每张 {sheet.columns} 列 {sheet.rows} 行，"
        f"共 {sheet.labels_per_sheet:,} 个标签；标签 {wide:g}×{high:g} mm，"
        f"间距 横 {sheet.gutter[0]:g} mm、竖 {sheet.gutter[1]:g} mm"
        + (f"，标签四周有 {sheet.bleed:g} mm 出血位" if sheet.bleed else "")
        + "。"
    )

"""README.txt inside the package: what the print shop needs to know, Chinese then English.

Pure. It holds no code.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from ...codegen.ranges.serials import Range, describe
from ..profiles.profile import FileFormat, LaneOrder, Profile
from ..symbols.sample import QUIET_ZONE, Sample
from .manifest import DataFile, Manifest

FILES_SHOWN = 60
LANES_SHOWN = 64
DOTS_PER_MODULE = 4
_INCH = 25.4  # mm

OPENING_ZH = (
    "请用 7-Zip 或 Bandizip 打开压缩包。Windows 资源管理器、macOS 自带的归档实用工具和",
    "Linux 的 unzip 命令不支持 AES-256 加密，打不开不等于文件坏了。",
    "密码照原样输入：字母一律大写，中间的短横线（-）也要输。密码里没有字母 I、L、O、U。",
)
OPENING_EN = (
    "Open the archive with 7-Zip or Bandizip. Windows Explorer, macOS Archive Utility and the",
    "unzip command do not know AES-256 encryption: that they fail does not mean damage.",
    "Type the password as given: capital letters, hyphens included. It has no I, L, O or U.",
)
TEST_ZH = "【测试码包】里面全是假码，只供试机和调试版面，不得用于正式产品。"
TEST_EN = "TEST PACKAGE: all codes are dummies, for setting up the press. Never on a real product."
_RULE = "=" * 72


def encode(lines: Iterable[str]) -> bytes:
    """Text as Windows Notepad of any age shows it: UTF-8 with BOM, CRLF."""
    return "".join(line + "\r\n" for line in lines).encode("utf-8-sig")


def readme(manifest: Manifest, symbol: Sample) -> bytes:
    """README.txt for `manifest` (its own `readme` entry is not looked at)."""
    chinese = (_head_zh, _check_zh, _columns_zh, _print_zh, _after_zh, _files_zh)
    english = (_head_en, _check_en, _columns_en, _print_en, _after_en, _files_en)
    lines = [line for part in chinese for line in (*part(manifest, symbol), "")]
    lines += [_RULE, ""]
    lines += [line for part in english for line in (*part(manifest, symbol), "")]
    return encode(lines)


def local_time(manifest: Manifest) -> str:
    """When the package was made, to the minute, with its offset."""
    made = datetime.fromisoformat(manifest.created)
    offset = made.isoformat()[-6:]
    return f"{made:%Y-%m-%d %H:%M} (UTC{offset})"


def file_table(files: tuple[DataFile, ...]) -> list[str]:
    """A line for each data file, up to `FILES_SHOWN`."""
    return [
        f"  {file.name:<16} {file.unit:<16} {file.rows:>9,} {file.first:>12} - {file.last}"
        for file in files[:FILES_SHOWN]
    ]


def _smallest(symbol: Sample, dpi: int) -> tuple[str, str]:
    """The least module and the least side with quiet zone, in mm, rounded up."""
    module = DOTS_PER_MODULE * _INCH / dpi
    side = (symbol.modules + 2 * QUIET_ZONE) * module
    return f"{module + 0.005:.2f}", f"{side + 0.05:.1f}"


def _payload_column(manifest: Manifest) -> str:
    """The name of the column that the symbols show."""
    columns = {column.source: column.name for column in manifest.profile.columns}
    return columns.get("url", columns.get("code", ""))


_DELIMITERS = {
    ",": ("逗号", "commas"),
    ";": ("分号", "semicolons"),
    "\t": ("制表符", "tabs"),
    "|": ("竖线", "bars"),
}
_ENCODINGS = {
    "ascii": ("ASCII 纯文本", "Plain text, ASCII"),
    "utf-8-sig": ("UTF-8（带 BOM）纯文本", "Plain text, UTF-8 with BOM"),
    "gb18030": ("GB18030 纯文本", "Plain text, GB18030"),
}
_LINE_ENDS = {"\r\n": "CRLF", "\n": "LF"}


def _by_row(profile: Profile) -> bool:
    """Whether a row can only be found by counting."""
    return profile.has_rows and "serial" not in profile.sources


def _first_row(manifest: Manifest) -> int:
    """The line of the first code in its file."""
    profile = manifest.profile
    return 1 + profile.header + profile.lead_in * profile.lanes


def _file_of(manifest: Manifest, serial: int | None) -> DataFile:
    """The data file that holds `serial`."""
    return next(file for file in manifest.files if file.first <= (serial or 0) <= file.last)


def _head_zh(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    yield "一物一码 印刷数据说明"
    yield ""
    if manifest.test:
        yield TEST_ZH
        yield ""
    yield f"码包编号：{manifest.package}"
    yield f"批次：    {manifest.batch}"
    yield f"责任人：  {manifest.contact_name}（{manifest.contact_id}）"
    yield f"制作时间：{local_time(manifest)}"
    yield f"码的数量：{manifest.quantity:,} 个"
    yield f"流水号：  {describe(manifest.serials)}"
    yield f"数据文件：{len(manifest.files):,} 个，一个文件印一卷（箱）"


def _check_zh(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    sample, profile = manifest.samples[0], manifest.profile
    header = "（不含第一行列名）" if profile.header and profile.has_rows else ""
    yield "一、开印之前先核对"
    yield f"  1. 对照文末的清单，核对文件个数、每个文件的行数{header}和首末流水号。"
    where = _file_of(manifest, sample.serial).name
    yield f"  2. 扫一下 {sample.name}，扫出的内容应与 {where} 里"
    if not profile.has_rows:
        yield f"     流水号 {sample.serial} 的那个码扫出来的完全一样。"
    elif _by_row(profile):
        yield f"     第 {_first_row(manifest)} 行的 {_payload_column(manifest)} 一字不差。"
    else:
        yield f"     流水号 {sample.serial} 那一行的 {_payload_column(manifest)} 列一字不差。"
    yield "     请用扫码枪，或者只显示内容、不打开网页的扫码软件，不要用微信之类会打开链接的。"
    if not manifest.test:
        yield "     样图用的就是这个流水号的真码，只供核对，不要另外印出来。"
    yield "  有一处对不上，就先不要开机，马上联系发包人。"


def _columns_zh(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    profile = manifest.profile
    use = "二维码里写的就是这一列：原样写入，一个字符也不要改。"
    says = {
        "serial": "流水号。它不是码，可以印在卷边或标签背面，方便查找。",
        "code": f"码，{manifest.code_length} 位。按文本处理，不要当成数字。",
        "url": "扫码后打开的完整内容。",
        "package": "码包编号。",
        "batch": "批次。",
        "unit": "卷号（箱号）。",
        "lane": "这一行印在第几列（道），从 1 数起。",
        "image": "图片文件，路径从解压后的文件夹算起。",
        "text": "固定文字，每行都一样。",
    }
    yield "二、数据文件怎么看"
    if not profile.has_rows:
        yield "  每个数据文件是一份可直接印刷的 PDF，请按 100% 比例输出，不要缩放。"
        return
    yield f"  {_form_zh(manifest)}"
    for column in profile.columns:
        yield f"    {column.name:<8}{says[column.source]}"
        if column.name == _payload_column(manifest):
            yield f"            {use}"
    if profile.kind is not FileFormat.XLSX:
        yield "  不要用 Excel 打开后再保存：Excel 会丢掉开头的 0，还会把一些码改成科学计数。"
    if profile.pictures:
        yield "  每个码的二维码图片已经做好，静区也在图里；请按原尺寸使用，不要缩放和重新取样。"
    if profile.lanes > 1:
        yield f"  每 {profile.lanes} 行是并排的一组，从第 1 道到第 {profile.lanes} 道。"
        if profile.lane_order is LaneOrder.BLOCK:
            yield "  分切后，每一道的小卷是一段连续的流水号："
            for number, piece in enumerate(_first_lanes(manifest), 1):
                yield f"    {manifest.files[0].name} 第 {number} 道：{piece}"
            yield "    其余文件同理：把首末流水号按道数平分，除不尽时前几道各多一个。"
        else:
            yield "  并排的几道，流水号是挨着的。"
    if profile.lead_in or profile.lead_out:
        rows = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
        yield f"  每个文件开头 {rows[0]} 行、末尾 {rows[1]} 行是试机用的假码（流水号为 0），"
        yield "  不得用于正式产品，清单里的行数也不含它们。"


def _form_zh(manifest: Manifest) -> str:
    profile = manifest.profile
    header = "第一行是列名" if profile.header else "没有列名行"
    if profile.kind is FileFormat.XLSX:
        return f"Excel 工作簿，单元格全部是文本，{header}。"
    encoding = _ENCODINGS[profile.encoding][0]
    between = f"各列用{_DELIMITERS[profile.delimiter][0]}隔开，" if len(profile.columns) > 1 else ""
    return f"{encoding}，{between}每行以 {_LINE_ENDS[profile.line_end]} 结尾，{header}。"


def _first_lanes(manifest: Manifest) -> tuple[Range, ...]:
    file = manifest.files[0]
    return manifest.profile.lane_ranges(Range(file.first, file.last))[:LANES_SHOWN]


def _print_zh(_manifest: Manifest, symbol: Sample) -> Iterator[str]:
    yield "三、印刷要求"
    yield "  1. 每一卷都按流水号从小到大印，不跳号、不重号、不打乱。"
    yield "     停机后从断点接着印，不要从头再来。"
    yield f"  2. 二维码四周留白（静区）不少于 {QUIET_ZONE} 个模块宽，里面不能有文字、图案和裁切线。"
    side = symbol.modules
    yield f"  3. 每个模块（二维码里最小的方格）不少于 {DOTS_PER_MODULE} 个打印点。"
    yield f"     样图为版本 {symbol.version}（{side}×{side} 模块），纠错等级 {symbol.level}，"
    yield "     照此推算，最小尺寸为："
    for dpi in (300, 600):
        module, whole = _smallest(symbol, dpi)
        yield f"       {dpi} dpi：模块 {module} mm，连静区的边长 {whole} mm"
    yield "  4. 深色码印在浅色底上，不要反白；避开接缝、封口、折痕和反光强的部位。"
    yield "  5. 每卷的头、中、尾各抽几个码扫一扫（同样不要打开网页），与数据对上了再继续。"


def _after_zh(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    if manifest.test:
        yield "四、试完以后"
        yield "  不用交回执。请把扫不出、对不上的情况告诉发包人；样张销毁，数据删除，不要留作他用。"
        yield ""
        yield "五、用什么软件打开"
        yield from (f"  {line}" for line in OPENING_ZH)
        return
    yield "四、印完请交回执（可以直接填交接单）"
    yield "  · 码包编号，每一卷实际印好的流水号；"
    yield "  · 报废的流水号：印坏的、试机的、接头的、裁掉的都算；记不清号的，写清张数；"
    yield "  · 多印、重印、丢失的，请如实写明流水号和数量，我们好把这些码作废。"
    yield "  回执对上数之后，码才会激活。"
    yield ""
    yield "五、保管与销毁"
    yield "  每个码都可能对应红包或奖品，漏出去一个，就可能被人抢先兑走。请做到："
    yield "  · 只由上面写明的责任人保管，不转发，不传网盘，不发到群里；"
    yield "  · 解压出来的文件只放在印刷要用的电脑上；"
    yield "  · 回执确认后，删除压缩包和解压出来的文件，清掉印刷机、喷码机、排版软件里的作业缓存"
    yield "    和备份，并清空回收站；"
    yield "  · 废品和试机样张要粉碎，不能当普通废纸处理。"
    yield ""
    yield "六、用什么软件打开"
    yield from (f"  {line}" for line in OPENING_ZH)


def _files_zh(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    number = "六" if manifest.test else "七"
    yield f"{number}、数据文件清单（文件、卷号、行数、首末流水号）"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  …… 共 {len(manifest.files):,} 个文件，其余见 manifest.json。"


def _head_en(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    yield "One item, one code: data for printing"
    yield ""
    if manifest.test:
        yield TEST_EN
        yield ""
    yield f"Package:  {manifest.package}"
    yield f"Batch:    {manifest.batch}"
    yield f"Contact:  {manifest.contact_name} ({manifest.contact_id})"
    yield f"Made:     {local_time(manifest)}"
    yield f"Codes:    {manifest.quantity:,}"
    yield f"Serials:  {describe(manifest.serials)}"
    yield f"Files:    {len(manifest.files):,}, each of them one reel (roll, box)"


def _check_en(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    sample, profile = manifest.samples[0], manifest.profile
    header = (
        " (the line of column names not counted)" if profile.header and profile.has_rows else ""
    )
    yield "1. Check before printing"
    yield f"   - Compare the number of files, and of each its rows{header}"
    yield "     and serials, with the list at the end."
    where = _file_of(manifest, sample.serial).name
    column = f"column {_payload_column(manifest)} says for" if profile.has_rows else "the symbol of"
    row = f"row {_first_row(manifest)}" if _by_row(profile) else f"serial {sample.serial}"
    yield f"   - Read {sample.name}. It must say exactly what {column}"
    yield f"     {row} in {where}. Use a scanner, or an app that shows the text"
    yield "     and opens no page."
    if not manifest.test:
        yield "     The picture shows the real code of that serial. Do not print it."
    yield "   If anything differs, do not start; call the sender."


def _columns_en(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    profile = manifest.profile
    use = "The QR symbol says this: copy it unchanged, every character."
    says = {
        "serial": "Serial number. Not a secret: it may be printed beside the label to find it.",
        "code": f"The code, {manifest.code_length} characters. Text, never a number.",
        "url": "What a phone opens.",
        "package": "The package.",
        "batch": "The batch.",
        "unit": "The reel (roll, box).",
        "lane": "The lane across the web that this row prints on, from 1.",
        "image": "The picture file, from the folder you unpacked into.",
        "text": "A constant, the same on every row.",
    }
    yield "2. What the data files hold"
    if not profile.has_rows:
        yield "   Every data file is a PDF ready to print. Output it at 100 %, never scaled."
        return
    yield from _form_en(manifest)
    for column in profile.columns:
        yield f"     {column.name:<8}{says[column.source]}"
        if column.name == _payload_column(manifest):
            yield f"             {use}"
    if profile.kind is not FileFormat.XLSX:
        never = "Never save a file from Excel: it drops leading zeros and turns codes into numbers."
        yield f"   {never}"
    if profile.pictures:
        yield "   The symbols are drawn, quiet zone included: use them at their size, as they are."
    if profile.lanes > 1:
        yield f"   {profile.lanes} rows stand side by side, lane 1 to lane {profile.lanes}."
        if profile.lane_order is LaneOrder.BLOCK:
            yield "   Slit apart, the roll of each lane is one range of serials:"
            for number, piece in enumerate(_first_lanes(manifest), 1):
                yield f"     {manifest.files[0].name} lane {number}: {piece}"
            yield "     The other files likewise: first to last shared out evenly over the lanes,"
            yield "     the first ones taking one more each where it does not come out even."
        else:
            yield "   Serials that follow each other stand side by side."
    if profile.lead_in or profile.lead_out:
        rows = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
        yield f"   The first {rows[0]} and last {rows[1]} rows of every file are dummy codes for"
        yield "   set-up (serial 0): never on a real product, and not counted in the list below."


def _form_en(manifest: Manifest) -> Iterator[str]:
    profile = manifest.profile
    header = "first line: column names" if profile.header else "no line of column names"
    if profile.kind is FileFormat.XLSX:
        yield f"   Excel workbooks, every cell text; {header}."
        return
    encoding = _ENCODINGS[profile.encoding][1]
    between = f"columns split by {_DELIMITERS[profile.delimiter][1]}, "
    split = between if len(profile.columns) > 1 else ""
    yield f"   {encoding}, {split}lines ending in {_LINE_ENDS[profile.line_end]},"
    yield f"   {header}."


def _print_en(_manifest: Manifest, symbol: Sample) -> Iterator[str]:
    yield "3. Printing"
    yield "   - Keep the order of serials on every reel: none skipped, repeated or moved. After a"
    yield "     stop, go on where it stopped; do not begin again."
    side = symbol.modules
    yield f"   - Quiet zone: {QUIET_ZONE} modules on every side; no text, artwork or cuts."
    yield f"   - A module (the smallest square) is at least {DOTS_PER_MODULE} printer dots wide."
    size = f"version {symbol.version}, {side} x {side} modules, level {symbol.level}"
    yield f"     Sample: {size}. Least:"
    for dpi in (300, 600):
        module, whole = _smallest(symbol, dpi)
        yield f"       {dpi} dpi: module {module} mm, side with quiet zone {whole} mm"
    yield "   - Dark on light, never inverted; away from seams, seals, folds and glare."
    yield "   - Scan some codes at head, middle and tail of each reel, and compare the serials."


def _after_en(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    if manifest.test:
        yield "4. Afterwards"
        yield "   No receipt. Tell the sender what did not scan or differed; destroy the sheets,"
        yield "   delete the data."
        yield ""
        yield "5. Programs that open it"
        yield from (f"   {line}" for line in OPENING_EN)
        return
    yield "4. Send back a receipt (the handoff letter has a form)"
    yield "   - The package, and the serials that were really printed, reel by reel;"
    yield "   - spoiled serials: misprints, set-up, splices, cut-offs; where unknown, how many;"
    yield "   - anything printed twice, reprinted or lost, honestly: those codes will be voided."
    yield "   The codes are activated once the receipt adds up."
    yield ""
    yield "5. Keep and destroy"
    yield "   A code may be worth money: whoever reads it first can claim it."
    yield "   - Only the contact named above keeps the data. No forwarding, no cloud, no chats."
    yield "   - Unpack only on the computer that prints."
    yield "   - After the receipt is confirmed, delete the archive, the unpacked files, and the job"
    yield "     caches and backups of press, printer and layout software; empty the bin."
    yield "   - Shred spoiled labels and set-up sheets."
    yield ""
    yield "6. Programs that open it"
    yield from (f"   {line}" for line in OPENING_EN)


def _files_en(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    number = 6 if manifest.test else 7
    yield f"{number}. The data files (file, reel, rows, first and last serial)"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  ... {len(manifest.files):,} files in all; manifest.json lists the rest."

"""README.txt in Chinese. Pure."""

from collections.abc import Iterator

from ...codegen.ranges.serials import describe
from ..profiles.profile import FileFormat, LaneOrder
from ..symbols.sample import QUIET_ZONE, Sample
from .manifest import Manifest
from .paper import FILES_SHOWN, OPENING_ZH, REHEARSED_ZH, TEST_ZH, file_table, local_time
from .readme_facts import (
    DOTS_PER_MODULE,
    LINE_ENDS,
    by_row,
    file_of,
    first_lanes,
    first_row,
    payload_column,
    smallest,
)

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


def sections(manifest: Manifest, symbol: Sample) -> Iterator[Iterator[str]]:
    """The sections, in order, as lines."""
    for section in (_head, _check, _columns, _print, _after, _files):
        yield section(manifest, symbol)


def _head(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
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


def _check(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    sample, profile = manifest.samples[0], manifest.profile
    header = "（不含第一行列名）" if profile.header and profile.has_rows else ""
    yield "一、开印之前先核对"
    yield f"  1. 对照文末的清单，核对文件个数、每个文件的行数{header}和首末流水号。"
    file = file_of(manifest, sample.serial).name
    yield f"  2. 扫一下 {sample.name}，扫出的内容应与 {file} 里"
    if not profile.has_rows:
        yield f"     流水号 {sample.serial} 的那个码扫出来的完全一样。"
    elif by_row(profile):
        yield f"     第 {first_row(manifest)} 行的 {payload_column(manifest)} 一字不差。"
    else:
        yield f"     流水号 {sample.serial} 那一行的 {payload_column(manifest)} 列一字不差。"
    yield "     请用扫码枪，或者只显示内容、不打开网页的扫码软件，不要用微信之类会打开链接的。"
    if not manifest.test:
        yield "     样图用的就是这个流水号的真码，只供核对，不要另外印出来。"
    yield "  有一处对不上，就先不要开机，马上联系发包人。"


def _columns(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
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
    yield f"  {_form(manifest)}"
    for column in profile.columns:
        yield f"    {column.name:<8}{says[column.source]}"
        if column.name == payload_column(manifest):
            yield f"            {use}"
    if profile.kind is not FileFormat.XLSX:
        yield "  不要用 Excel 打开后再保存：Excel 会丢掉开头的 0，还会把一些码改成科学计数。"
    if profile.pictures:
        yield "  每个码的二维码图片已经做好，静区也在图里；请按原尺寸使用，不要缩放和重新取样。"
    if profile.lanes > 1:
        yield f"  每 {profile.lanes} 行是并排的一组，从第 1 道到第 {profile.lanes} 道。"
        if profile.lane_order is LaneOrder.BLOCK:
            yield "  分切后，每一道的小卷是一段连续的流水号："
            for number, piece in enumerate(first_lanes(manifest), 1):
                yield f"    {manifest.files[0].name} 第 {number} 道：{piece}"
            yield "    其余文件同理：把首末流水号按道数平分，除不尽时前几道各多一个。"
        else:
            yield "  并排的几道，流水号是挨着的。"
    if profile.lead_in or profile.lead_out:
        rows = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
        yield f"  每个文件开头 {rows[0]} 行、末尾 {rows[1]} 行是试机用的假码（流水号为 0），"
        yield "  不得用于正式产品，清单里的行数也不含它们。"


def _form(manifest: Manifest) -> str:
    profile = manifest.profile
    header = "第一行是列名" if profile.header else "没有列名行"
    if profile.kind is FileFormat.XLSX:
        return f"Excel 工作簿，单元格全部是文本，{header}。"
    encoding = _ENCODINGS[profile.encoding]
    between = f"各列用{_DELIMITERS[profile.delimiter]}隔开，" if len(profile.columns) > 1 else ""
    return f"{encoding}，{between}每行以 {LINE_ENDS[profile.line_end]} 结尾，{header}。"


def _print(_manifest: Manifest, symbol: Sample) -> Iterator[str]:
    yield "三、印刷要求"
    yield "  1. 每一卷都按流水号从小到大印，不跳号、不重号、不打乱。"
    yield "     停机后从断点接着印，不要从头再来。"
    yield f"  2. 二维码四周留白（静区）不少于 {QUIET_ZONE} 个模块宽，里面不能有文字、图案和裁切线。"
    side = symbol.modules
    yield f"  3. 每个模块（二维码里最小的方格）不少于 {DOTS_PER_MODULE} 个打印点。"
    yield f"     样图为版本 {symbol.version}（{side}×{side} 模块），纠错等级 {symbol.level}，"
    yield "     照此推算，最小尺寸为："
    for dpi in (300, 600):
        module, whole = smallest(symbol, dpi)
        yield f"       {dpi} dpi：模块 {module} mm，连静区的边长 {whole} mm"
    yield "  4. 深色码印在浅色底上，不要反白；避开接缝、封口、折痕和反光强的部位。"
    yield "  5. 每卷的头、中、尾各抽几个码扫一扫（同样不要打开网页），与数据对上了再继续。"


def _after(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    if manifest.test:
        yield "四、重点看什么，试完以后"
        yield from (f"  {line}" for line in REHEARSED_ZH)
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


def _files(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    number = "六" if manifest.test else "七"
    yield f"{number}、数据文件清单（文件、卷号、行数、首末流水号）"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  …… 共 {len(manifest.files):,} 个文件，其余见 manifest.json。"

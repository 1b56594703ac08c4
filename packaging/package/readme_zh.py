"""README.txt in Chinese. Pure.

What depends on the profile stands in `data_zh`, `order_zh` and `printing_zh`.
"""

from collections.abc import Iterator
from dataclasses import replace

from ...codegen.codes.template import BARE
from ...codegen.ranges.serials import Ranges
from ..formats.role_names import ROLES_ZH
from ..profiles.profile import FileFormat
from . import data_zh, order_zh, pair_zh, printing_zh
from .paper import FILES_SHOWN, OPENING_ZH, REHEARSED_ZH, TEST_ZH, file_table, fill, local_time
from .readme_facts import Facts

_PLACES = {
    "inner": "在刮开层下、瓶盖内侧或包装里面；从外面绝不能看见、不能扫到",
    "outer": "在包装外面看得见、扫得到的地方，如瓶身、盒面",
    "carton": "贴在外箱上，一箱一个码",
    "pallet": "贴在托盘货物的外面，一垛一个码",
    "batch": "同一生产批的商品共用一个码，印在每件商品外面",
    "guide": "印在给导购员的卡片或吊牌上，不交给消费者",
}
_FORMS = {
    FileFormat.TEXT: "文本，二维码由印刷机或排版软件生成",
    FileFormat.XLSX: "Excel 工作簿，二维码由印刷机或排版软件生成",
    FileFormat.PNG: "每个码一张 PNG 图片，另附清单",
    FileFormat.SVG: "每个码一张 SVG 矢量图，另附清单",
    FileFormat.BMP: "每个码一张 1 位 BMP 图片，另附清单",
    FileFormat.PDF: "PDF 拼版",
}


def sections(facts: Facts) -> Iterator[Iterator[str]]:
    """The sections, in order, as lines."""
    for section in (_head, _check, data_zh.data, printing_zh.printing, _after, _files):
        yield section(facts)


def _head(facts: Facts) -> Iterator[str]:
    yield "一物一码 印刷说明"
    yield ""
    if facts.manifest.test:
        yield TEST_ZH
        yield ""
    yield from particulars(facts)


def particulars(facts: Facts) -> Iterator[str]:
    """The lines with which README.txt and the letter begin: the job at a glance."""
    manifest, about = facts.manifest, facts.about
    yield from _line("码包编号：", manifest.package)
    if about.reprints:
        text = f"重新印刷码包 {about.reprints}。那个码包作废：数据、卷和标签请全部销毁，不要再用"
        yield from _line("补印：", text)
    if about.replaces:
        yield from _line("补码：", f"补码包 {about.replaces} 里报废的码，是另外的新码")
    yield from _line("产品：", about.product or "")
    yield from _line("批次：", f"{manifest.batch}（{role(about.role)}）")
    yield from _line("位置：", _PLACES.get(about.role, ""))
    yield from _line("位置二：", _PLACES.get(facts.second_role, ""))
    yield from _line("配对：", pair_zh.contents(facts))
    yield from _line("配对：" if manifest.second is None else "另有：", _elsewhere(facts))
    yield from _line("印刷方案：", f"{facts.profile.name}（{_FORMS[facts.profile.kind]}）")
    yield from _line("二维码：", _symbol(facts))
    if facts.second is not None:
        yield from _line("第二码：", _symbol(replace(facts, symbol=facts.second)))
    yield from _line("颜色：", printing_zh.ink(facts))
    if facts.look.mirror:
        yield from _line("材料面：", "码左右镜像，印在透明材料的背面（里印），从正面看是正的")
    if facts.sheet is not None:
        yield from _line("标记：", printing_zh.marks(facts))
    yield from _line("责任人：", f"{manifest.contact_name}（{manifest.contact_id}）")
    yield from _line("发包人：", about.sender.described("，"))
    yield from _line("制作时间：", local_time(manifest))
    pairs = f" 对，共 {2 * manifest.quantity:,} 个" if manifest.second else " 个"
    yield from _line("码的数量：", f"{manifest.quantity:,}{pairs}")
    if facts.copies > 1:
        text = f"每个码印 {facts.copies:,} 张，共 {manifest.labels:,} 张标签"
        yield from _line("份数：", text)
    yield from _line("流水号：", _described(manifest.serials))
    yield from _line("数据文件：", f"{len(manifest.files):,} 个，{order_zh.unit(facts)}")


def role(name: str) -> str:
    """What codes of a role are called."""
    return ROLES_ZH.get(name, name)


def _elsewhere(facts: Facts) -> str:
    """The other codes on the same items, which are another printer's."""
    named = "、".join(f"批次 {batch}（{role(name)}）" for batch, name in facts.elsewhere)
    if not named:
        return ""
    return (
        f"同一件商品上还有{named}，流水号相同的码在同一件商品上。那是另一个码包，交给另一家印厂："
        "不在本码包里，两边的数据、卷和标签都不能混"
    )


def _line(title: str, text: str) -> Iterator[str]:
    """A title and what stands behind it; nothing if there is nothing."""
    if text:
        blank = "　" * (5 - len(title))
        yield from fill(text, f"{title}{blank}", "　" * 5)


def _symbol(facts: Facts) -> str:
    symbol, look = facts.symbol, facts.look
    return (
        f"版本 {symbol.version}，{symbol.modules}×{symbol.modules} 模块，纠错等级 {look.level}；"
        f"连静区 {facts.size}×{facts.size} mm（{facts.dots}×{facts.dots} 点，{look.dpi} dpi，"
        f"每模块 {look.dots} 点）"
    )


def _described(serials: Ranges, most: int = 10) -> str:
    shown = "、".join(map(str, serials[:most]))
    return f"{shown} 等，共 {len(serials)} 段" if len(serials) > most else shown


def _check(facts: Facts) -> Iterator[str]:
    manifest, profile = facts.manifest, facts.profile
    rows = "行数" if profile.has_rows else "码数"
    besides = [
        *(["列名行"] if profile.header and profile.has_rows else []),
        *(["试机行"] if any(facts.set_up_rows) else []),
    ]
    not_counted = f"（不含{'和'.join(besides)}）" if besides else ""
    yield "一、开印之前先核对"
    serials = "和首末流水号" if facts.shows_serials else ""
    text = f"对照文末的清单，核对文件个数、每个文件的{rows}{not_counted}{serials}。"
    yield from fill(text, "  1. ", "     ")
    yield from fill(_sample(facts), "  2. ", "     ")
    for line in pair_zh.sample(facts):
        yield from fill(line, "     ")
    sure = "请用扫码枪，或者只显示内容、不打开网页的扫码软件，不要用微信之类会打开链接的。"
    yield from fill(sure, "     ")
    if facts.is_odd:
        yield from fill(_odd(facts), "     ")
    if not manifest.test:
        yield from fill("样图上是真码，只供核对，不要另外印出来。", "     ")
    sender = facts.about.sender.described("，")
    call = f"发包人：{sender}" if sender else "发包人"
    yield from fill(f"有一处对不上，就先不要开机，马上联系{call}。", "  ")


def _sample(facts: Facts) -> str:
    """What the sample must say."""
    sample = facts.manifest.samples[0]
    file = facts.file_of(sample.serial).name
    begin = f"扫一下 {sample.name}，"
    if not facts.profile.has_rows:
        return (
            f"{begin}扫出的内容应与 {file} 第 1 张左上角那个码（流水号 {sample.serial}）"
            f"扫出来的完全一样；{_begins(facts)}"
        )
    row = f"第 {facts.first_row} 行" if facts.by_row else f"流水号 {sample.serial} 那一行"
    if facts.payload_column is not None and facts.is_one_text_a_line:
        text = f"{begin}扫出的内容应与 {file} 里{row}一字不差。"
    elif facts.payload_column is not None:
        text = f"{begin}扫出的内容应与 {file} 里{row}的 {facts.payload_column} 列一字不差。"
    else:
        formula = data_zh.formula(facts)
        text = f"{begin}扫出的内容应是 {formula}，一字不差；码取 {file} 里{row}。"
    if facts.profile.pictures:
        text += f"图片 {facts.first_picture} 扫出来也应是它。"
    return text


def _begins(facts: Facts) -> str:
    if facts.manifest.template == BARE:
        return f"内容是 {facts.manifest.code_length} 位的码。"
    return f"内容是 {data_zh.formula(facts)}。"


def _odd(facts: Facts) -> str:
    """How a sample is read that is not dark on light, or not the right way round."""
    how = [
        *(["黑白是反过来的"] if facts.look.invert else []),
        *(["左右是镜像的"] if facts.look.mirror else []),
    ]
    turn = [
        *(["反相"] if facts.look.invert else []),
        *(["水平翻转"] if facts.look.mirror else []),
    ]
    return (
        f"样图和要印的码画法一样：{'，'.join(how)}。有的扫码枪和软件读不出这样的图："
        f"请打开扫码枪的相应选项，或用看图软件{'并'.join(turn)}后再扫。"
    )


def _after(facts: Facts) -> Iterator[str]:
    if facts.manifest.test:
        yield "四、重点看什么，试完以后" if facts.rehearses else "四、试完以后"
        if facts.rehearses:
            yield from fill(REHEARSED_ZH, "  ")
        text = "不用交回执。请把扫不出、对不上的情况告诉发包人；样张销毁，数据删除，不要留作他用。"
        yield from fill(text, "  ")
        yield ""
        yield "五、用什么软件打开"
    else:
        yield from _receipt(facts)
        yield ""
        yield "六、用什么软件打开"
    for line in OPENING_ZH:
        yield from fill(line, "  · ", "    ")


def _receipt(facts: Facts) -> Iterator[str]:
    yield "四、印完请交回执（可以直接填交接单）"
    spoiled = "报废的流水号：印坏的、试机的、接头的、裁掉的都算；记不清号的，写清张数；"
    more = "多印、重印、丢失的，请如实写明流水号和数量，我们好把这些码作废。"
    if facts.copies > 1:
        spoiled = (
            "报废多少张：印坏的、试机的、接头的、裁掉的都算，只写张数，不写流水号：一个码坏了几张，"
            "码不作废，同一个码补印够数即可。只有一个码的标签全部报废，才写它的流水号；"
        )
        more = "多印、丢失的，请如实写明流水号和张数。"
    both = "" if facts.manifest.second is None else pair_zh.RECEIPT
    for text in filter(None, ("码包编号，每一卷（箱、叠）实际印好的流水号；", spoiled, both, more)):
        yield from fill(text, "  · ", "    ")
    yield "  回执对上数之后，码才会激活。"
    yield ""
    yield "五、保管与销毁"
    text = "每个码都可能对应红包或奖品，漏出去一个，就可能被人抢先兑走。请做到："
    yield from fill(text, "  ")
    for text in (
        "只由上面写明的责任人保管，不转发，不传网盘，不发到群里；",
        "解压出来的文件只放在印刷要用的电脑上；",
        (
            "回执确认后，删除压缩包和解压出来的文件，清掉印刷机、喷码机、激光机、排版软件里的"
            "作业缓存和备份，并清空回收站；"
        ),
        "废品和试机样张要粉碎，不能当普通废纸处理。",
    ):
        yield from fill(text, "  · ", "    ")


def _files(facts: Facts) -> Iterator[str]:
    manifest = facts.manifest
    number = "六" if manifest.test else "七"
    rows = "行数" if facts.profile.has_rows else "码数"
    yield f"{number}、数据文件清单（文件、卷号、{rows}、首末流水号）"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  …… 共 {len(manifest.files):,} 个文件，其余见 manifest.json。"

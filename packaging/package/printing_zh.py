"""README.txt in Chinese: size, ink and look of the symbols, and how sheets are cut. Pure."""

from collections.abc import Iterator

from ..profiles.geometry import PrintMark
from ..profiles.profile import FileFormat
from .order_zh import order
from .paper import fill
from .readme_facts import DOTS_PER_MODULE, PRESSES, Facts

_ITEM, _MORE = "  · ", "    "


def ink(facts: Facts) -> str:
    """The colour, in a line."""
    if facts.look.invert:
        return "反色：图里黑的部分是出墨或激光打点的部分，用一个专色（如白墨）实地印，不叠印多色"
    if facts.profile.kind is FileFormat.BMP:
        return "图里黑的部分是激光打点的部分；若用油墨印，只用单黑（K100）"
    return "只用单黑（K100，C、M、Y 均为 0），实地，不加网，不用四色黑"


def marks(facts: Facts) -> str:
    """The marks of a sheet, in a line."""
    sheet = facts.sheet
    names = {PrintMark.CROP: "四周有裁切线", PrintMark.REGISTRATION: "四角有套准标记"}
    found = [names[mark] for mark in sheet.marks] if sheet is not None else []
    return "，".join(found) or "没有裁切线"


def printing(facts: Facts) -> Iterator[str]:
    """The section on printing."""
    yield "三、印刷要求"
    yield from order(facts)
    yield from _size(facts)
    for text in (f"颜色：{ink(facts)}。", _quiet(facts), *_look(facts)):
        yield from fill(text, _ITEM, _MORE)
    if facts.sheet is not None:
        yield from fill(_cut(facts), _ITEM, _MORE)
    yield from fill("避开接缝、封口、折痕和反光强的部位。", _ITEM, _MORE)
    where = "每卷（叠）" if facts.sheet is not None else "每卷"
    compare = "与数据对上了" if facts.profile.has_rows else "内容与核对时说的一样"
    text = f"{where}的头、中、尾各抽几个码扫一扫（同样不要打开网页），{compare}再继续。"
    yield from fill(text, _ITEM, _MORE)


def _size(facts: Facts) -> Iterator[str]:
    look, kind, side = facts.look, facts.profile.kind, facts.symbol.modules
    size = f"{facts.size}×{facts.size} mm"
    real = f"连静区 {size}"
    dots = f"{facts.dots}×{facts.dots} 点"
    if kind is FileFormat.PDF:
        text = (
            "按 100% 比例输出，不缩放、不“适应页面”。先量一个二维码："
            f"印出来的部分边长 {facts.seen} mm；{real}（{dots}，{look.dpi} dpi）。"
        )
    elif kind is FileFormat.SVG:
        text = f"图片就是实际尺寸，静区也在图里：{size}。按 100% 置入，不要缩放。"
    elif facts.is_drawn:
        text = (
            f"图片就是实际尺寸，静区也在图里：{size}，{dots}，{look.dpi} dpi。"
            "按 100% 置入，不要缩放、重新取样和平滑；"
            "打标机或印刷机设为同样的 dpi，一个像素对应一个点。"
        )
    else:
        text = (
            f"按方案，一个二维码{real}（{dots}，{look.dpi} dpi，每模块 {look.dots} 点＝"
            f"{facts.module} mm），纠错等级 {look.level}。版面或设备做不到，先联系发包人。"
        )
    yield from fill(text, _ITEM, _MORE)
    if facts.symbol.look.dots != look.dots:
        text = f"样图太大，画小了：每模块 {facts.symbol.look.dots} 点，要印的是 {look.dots} 点。"
        yield from fill(text, _MORE)
    if facts.is_drawn:
        return
    text = (
        f"每个模块（二维码里最小的方格）必须是整数个打印点，不少于 {DOTS_PER_MODULE} 点。"
        f"版本 {facts.symbol.version}（{side}×{side} 模块）最小能印到："
    )
    yield from fill(text, _MORE)
    for dpi in PRESSES:
        module, whole = facts.least(dpi)
        yield f"      {dpi} dpi：模块 {module} mm，连静区的边长 {whole} mm"


def _quiet(facts: Facts) -> str:
    look = facts.look
    wide = f"{look.quiet_zone} 个模块宽，{facts.quiet} mm"
    inked = "静区也要印上（图里已画）" if facts.is_drawn else "静区也要印上"
    return (
        f"二维码四周的静区（{wide}）要完整：里面不能有文字、图案和裁切线"
        + (f"；{inked}" if look.invert else "")
        + "。"
    )


def _look(facts: Facts) -> Iterator[str]:
    """Dark on light, or as the profile draws instead."""
    look, done = facts.look, facts.is_drawn
    if look.invert:
        yield (
            "这一批是反色的：用在深色材料上，浅色的部分印出来，深色的部分露出底材，印好后看上去"
            "应是浅底深码。" + ("图已经反好，不要再反一次。" if done else "请照样图的黑白来印。")
        )
    elif facts.profile.kind is FileFormat.BMP:
        yield "印好后应是浅底深码，不要反白。打出来若是反的，不要自己改设置，先联系发包人。"
    else:
        yield "深色码印在浅色底上，不要反白。"
    if look.mirror:
        yield (
            "这一批是左右镜像的：印在透明材料的背面（里印），从正面看是正的。"
            + ("图已经翻好，不要再翻一次。" if done else "请照样图的左右来印。")
            + "抽查时从正面扫。"
        )
    else:
        yield "不要左右镜像。"
    if facts.reduced:
        yield (
            f"黑的部分已按网点增大收窄（每边 {facts.reduced} 点），不要再收一次。"
            if done
            else f"样图的黑色部分已收窄（每边 {facts.reduced} 点），生成二维码时请同样收窄。"
        )


def _cut(facts: Facts) -> str:
    sheet = facts.sheet
    assert sheet is not None  # noqa: S101 - `printing` asked
    besides = "、".join(
        [
            *(["裁切线"] if PrintMark.CROP in sheet.marks else []),
            *(["套准标记"] if PrintMark.REGISTRATION in sheet.marks else []),
            *(["页眉"] if sheet.header else []),
        ]
    )
    outside = f"{besides}在标签之外，不算在成品里。" if besides else ""
    if PrintMark.CROP in sheet.marks:
        return f"按裁切线裁切；{outside}"
    if facts.is_single_label:
        return "一页就是一个标签。"
    return f"没有裁切线：按上面写的标签尺寸和间距裁切。{outside}"

"""The page a phone shows: Chinese first, then English; self-contained; never echoes a code.

Pure: an answer in, HTML out. Loading the page counts nothing; its script, or without
scripts its button, posts the scan and shows what comes back.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from html import escape
from pathlib import Path
from string import Template
from types import MappingProxyType

from ...codegen import times
from ..client.wire import ScanAnswer
from .scan import ScanResult

_TEMPLATE = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
_PAGE = Template(_TEMPLATE)
# China has had no daylight saving time since 1991, and Windows has no time zone data.
_BEIJING = timezone(timedelta(hours=8))


def _hash_of(tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", _TEMPLATE, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no <{tag}>")
    digest = hashlib.sha256(found[1].encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


# CSP Level 3: nothing but this very style and script runs, whatever slips past the escaping.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hash_of('style')}; script-src {_hash_of('script')}; "
    "connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class _Words:
    """Heading and advice, Chinese and English, an icon's path, and which rows are shown."""

    title: str
    english: str
    advice: str
    advice_english: str
    icon: str
    rows: tuple[str, ...]


_ITEM = ("product", "lot", "produced_at")
_WORDS: Mapping[str, _Words] = MappingProxyType(
    {
        ScanResult.GENUINE: _Words(
            "正品",
            "Genuine",
            "此码有效，感谢您购买正品。",
            "This code is valid. Thank you for choosing the original.",
            "M5 12.5l4.5 4.5L19 7.5",
            (*_ITEM, "campaign", "expires_at", "scans", "number"),
        ),
        ScanResult.REPEAT: _Words(
            "此码已被查询过",
            "Checked before",
            "如果之前不是您本人查询，请谨防假冒，并联系品牌客服核实。",
            "If it was not you who checked it, beware of a copy and ask the brand.",
            "M12 7.5v5l3.2 2M4.2 10A8 8 0 1 1 4 13M4 6v4h4",
            (*_ITEM, "first_scan", "scans", "number"),
        ),
        ScanResult.INACTIVE: _Words(
            "尚未激活",
            "Not activated",
            "此码目前未激活，商品可能还未正式发售。请联系销售方或品牌客服。",
            "This code is not active at present; the item may not be on sale yet. "
            "Ask the seller or the brand.",
            "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v8.5h-13z",
            ("number",),
        ),
        ScanResult.NOT_YET: _Words(
            "尚未到生效时间",
            "Not valid yet",
            "此码将于以下时间生效，届时请重新扫码。",
            "This code becomes valid at the time below. Please scan it again then.",
            "M12 7v5l3.5 2M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17z",
            ("product", "effective_at", "number"),
        ),
        ScanResult.EXPIRED: _Words(
            "已过有效期",
            "Expired",
            "此码的有效期已过，不能再参与活动。商品保质期请以包装标注为准。",
            "This code is no longer valid for the campaign. For shelf life see the package.",
            "M7 3.5h10M7 20.5h10M8 3.5c0 5 4 5.5 4 8.5s-4 3.5-4 8.5"
            "M16 3.5c0 5-4 5.5-4 8.5s4 3.5 4 8.5",
            (*_ITEM, "expires_at", "number"),
        ),
        ScanResult.FROZEN: _Words(
            "暂停使用",
            "On hold",
            "此码正在核查，暂时无法验证。请稍后再试或联系品牌客服。",
            "This code is being reviewed and cannot be verified now. "
            "Try again later, or ask the brand.",
            "M9 6.5v11M15 6.5v11",
            ("product", "number"),
        ),
        ScanResult.VOID: _Words(
            "此码已作废",
            "Withdrawn",
            "带有此码的商品不应在市场上销售。请勿使用，并联系品牌客服。",
            "An item with this code should not be on sale. Do not use it; tell the brand.",
            "M6 6l12 12M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17z",
            ("number",),
        ),
        ScanResult.UNKNOWN: _Words(
            "未激活，或非正品",
            "Not activated, or not genuine",
            "未查到此码。请确认扫码完整后再试一次；如仍是此结果，请联系品牌客服。",
            "This code is not known here. Scan it once more; "
            "if the answer stays the same, ask the brand.",
            "M9 9.2a3 3 0 1 1 4.4 2.7c-.9.5-1.4 1.1-1.4 2.1M12 17.6v.1",
            (),
        ),
    }
)
_LABELS = {
    "product": ("产品", "Product"),
    "lot": ("生产批号", "Lot"),
    "produced_at": ("生产日期", "Produced"),
    "campaign": ("活动", "Campaign"),
    "effective_at": ("生效时间", "Valid from"),
    "expires_at": ("有效期至", "Valid until"),
    "first_scan": ("首次查询", "First check"),
    "scans": ("查询次数", "Checks"),
    "number": ("查询编号", "Reference"),
}
_TIMES = ("effective_at", "expires_at", "first_scan")
_WAIT = "M12 3.5a8.5 8.5 0 1 1-8.5 8.5"


def scan_form(scan_id: str) -> str:
    """The page that posts the scan, by script or by button, under `scan_id`."""
    main = f"""<main>
<section class="head">{_seal(_WAIT)}
<div class="doing"><h1>正在查询</h1><p class="en">Checking this code</p></div>
<div class="idle"><h1>查询真伪</h1><p class="en">Is it genuine?</p></div>
<div class="trouble"><h1>网络不畅</h1><p class="en">No answer yet</p></div></section>
<section class="body"><form method="post">
<input type="hidden" name="scan_id" value="{escape(scan_id)}">
<button>查询 · Check</button>
<p class="en idle">点击按钮开始查询<br>Press the button to check</p>
<p class="en trouble" role="alert">请再试一次<br>Please try again</p>
</form></section>
</main>"""
    return _PAGE.substitute(title="正品查询", main=main)


def render(answer: ScanAnswer) -> str:
    """The page that tells the answer. Everything not ours in it is escaped."""
    words = _WORDS[answer.result]
    rows = "".join(
        f"<div><dt>{chinese}<span>{english}</span></dt><dd>{escape(value)}</dd></div>\n"
        for chinese, english, value in _rows(answer, words)
    )
    main = f"""<main class="{ScanResult(answer.result).value}">
<section class="head">{_seal(words.icon)}<h1>{words.title}</h1>
<p class="en">{words.english}</p></section>
<section class="body"><p>{words.advice}</p><p class="en">{words.advice_english}</p>
{f"<dl>{rows}</dl>" if rows else ""}</section>
</main>"""
    return _PAGE.substitute(title=words.title, main=main)


def busy() -> str:
    """The page for somebody who scans too much: it says nothing about the code."""
    main = f"""<main>
<section class="head">{_seal(_WAIT)}<h1>请稍后再试</h1>
<p class="en">Please try again later</p></section>
<section class="body"><p>当前网络的查询次数过多，请过几分钟再扫一次。</p>
<p class="en">There were too many checks from this network. Scan again in a few minutes.</p>
</section>
</main>"""
    return _PAGE.substitute(title="请稍后再试", main=main)


def _rows(answer: ScanAnswer, words: _Words) -> Iterator[tuple[str, str, str]]:
    values = {**answer.attributes, "first_scan": answer.first_scan, "scans": answer.scans}
    if answer.batch and answer.serial:
        values["number"] = f"{answer.batch} · {answer.serial}"
    for key in words.rows:
        value = values.get(key)
        if value not in (None, ""):
            yield *_LABELS[key], _time(str(value)) if key in _TIMES else str(value)


def _time(text: str) -> str:
    """A time as it is read in China."""
    try:
        return times.parse(text).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):  # in Beijing it may be the year 10000 by then
        return text


def _seal(icon: str) -> str:
    return (
        '<div class="seal"><svg viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="{icon}"/></svg></div>'
    )

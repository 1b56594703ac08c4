"""Which changes a responsible person must hear of, and in which words. Pure.

A message is read on a phone, in a hurry: Chinese first, what happened, to which codes, what
to do. Each alarm carries its number in the audit chain: `#1234` twice is the same alarm.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from ...codegen.ledger.changes import Change, Incident, Settled
from ..orders.doubts import DOUBT_ENDED, IN_DOUBT
from ..orders.orders import REFUSED

# A WeCom robot takes 2,048 bytes of text (developer.work.weixin.qq.com/document/path/91770).
MESSAGE_BYTES = 1_900
DETAIL_CHARS, NAME_CHARS = 260, 40
MESSAGES = 3  # at a time; of more alarms a summary is sent
_BRACKETS = str.maketrans("<>", "＜＞")


class Severity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True)
class Words:
    """The words of a kind of alarm: what happened, and what to do."""

    severity: Severity
    zh: str
    en: str
    zh_do: str
    en_do: str


_C, _W = Severity.CRITICAL, Severity.WARNING
REFUSED_ORDER = "refused-order"
KINDS: Mapping[str, Words] = {
    "leak-found": Words(
        _C, "泄码：未激活的码已被人扫", "LEAK: codes scanned before they were active",
        "查流向，冻结或作废这些码: mintmark trace", "find the reel, freeze or void: mintmark trace",
    ),
    "scanned-before": Words(
        _C, "刚激活的码，激活前就被扫过", "codes just activated had been scanned before",
        "抽查这一卷，必要时冻结: mintmark freeze", "check that reel, freeze it if in doubt",
    ),
    "guessing-burst": Words(
        _C, "有人在成批猜码", "somebody is guessing codes",
        "请查询后台限流，看来源: mintmark trace", "have the backend limit the source",
    ),
    REFUSED_ORDER: Words(
        _C, "查询后台拒绝了指令，这批码状态不一致",
        "the backend refused an order: both sides differ",
        "不要放行这批货，先对账: mintmark reconcile", "hold the goods, then: mintmark reconcile",
    ),
    IN_DOUBT: Words(
        _W, "指令被拒，但查询后台可能早已执行",
        "an order was refused, and perhaps applied before",
        "不要重下指令，先对账: mintmark reconcile", "do not order it anew: mintmark reconcile",
    ),
    DOUBT_ENDED: Words(
        _W, "存疑的指令已对账：后台与账本一致",
        "an order in doubt was compared: both sides agree",
        "请后台按编号保存每条指令的应答", "have the backend keep its answers to orders",
    ),
    "custodian-key-refused": Words(
        _C, "保管人密钥没打开：口令错，或密钥不对",
        "custodian key refused: wrong passphrase or key",
        "马上问保管人：刚才是不是本人在操作", "ask the custodian at once: was that you?",
    ),
    "doctor": Words(
        _C, "系统自检出错", "doctor found an error",
        "先停止打包出码，再处理: mintmark doctor", "stop exporting, then: mintmark doctor",
    ),
    "older-copy": Words(
        _C, "这个主目录是旧备份，已停止出码和打包",
        "this home is an older copy: nothing is minted or exported",
        "把最新的主目录放回去；先看: mintmark doctor",
        "bring the newest home back; see: mintmark doctor",
    ),
    "newer-home-lost": Words(
        _C, "已登记：更新的主目录丢失，现有批次停用",
        "the newer home was declared lost: its batches are retired",
        "确认这是你们同意过的；销毁副本之后打包的标签",
        "make sure that this was agreed; destroy labels packaged since the copy",
    ),
    "no-newer-home": Words(
        _C, "已登记：没有更新的主目录，照常出码",
        "it was declared that there is no newer home",
        "确认这是你们同意过的；查是谁发的指令: mintmark audit show",
        "make sure that this was agreed; who sent that order: mintmark audit show",
    ),
    "unit-lost": Words(
        _C, "卷标丢失", "a reel or box of labels is lost",
        "作废这一卷: mintmark void --unit ... --reason lost",
        "void it: mintmark void --reason lost",
    ),
    "file-refused": Words(
        _C, "指令文件有错，整份没有执行", "a file of orders was refused as a whole",
        "看 failed/ 里的 .reason.json，改好后重投",
        "see its .reason.json in failed/, then send it anew",
    ),
    "file-changed": Words(
        _C, "指令文件被取走后又有改动，后来的内容没有执行",
        "a file of orders was changed after it was taken",
        "把没执行的行另存新文件再投", "send the missing rows in a new file",
    ),
    "repeated-orders": Words(
        _C, "重复的指令没有再执行，而码的状态已变",
        "repeated orders did nothing, and their codes have changed since",
        "如确要再执行，重新生成文件或换指令号", "if they were meant anew, write the file anew",
    ),
    "reprint": Words(
        _W, "同一批码又出了一份（补印）", "codes were packaged a second time (reprint)",
        "确认旧文件、旧标签已销毁", "see that the earlier files and labels are destroyed",
    ),
    "carton-labels": Words(
        _W, "做了带码的箱标、垛标", "labels of cartons or pallets were made, with codes",
        "确认是你们要的；打完就删文件", "see that this was wanted, and the file deleted",
    ),
    "rewrapped": Words(
        _W, "批次的保管人有变动", "batches were opened to other custodians",
        "确认这是你们同意过的", "make sure that this was agreed",
    ),
    "codes-told": Words(
        _W, "有人用保管人密钥导出了码（EPCIS）",
        "codes were told with the custodian's key (EPCIS)",
        "确认这是你们同意过的，收件人可靠", "make sure that this was agreed, and who got the file",
    ),
    "reconcile": Words(
        _W, "对账后修正了查询后台", "the backend was corrected after reconciling",
        "查清当初为什么不一致", "find out why both sides differed",
    ),
    "scan-in": Words(
        _W, "经销商扫码入库的码，账本对不上", "a dealer scanned in codes that the books do not fit",
        "问后台这批入库是怎么来的；查本机账本是不是旧的: mintmark doctor",
        "ask the backend's team where it comes from; is this home the newest? mintmark doctor",
    ),
}  # fmt: skip
# For an incident of a kind that this table does not have.
OTHER = Words(
    _W, "其他事件", "another incident", "看记录: mintmark audit show", "mintmark audit show"
)


@dataclass(frozen=True)
class Alarm:
    """An event that somebody must act on. `text` is the chain's own, cut to a phone's size.

    `by` is the operator and the machine, as the chain has them.
    """

    seq: int
    at: datetime
    kind: str
    text: str
    by: str = ""

    @property
    def words(self) -> Words:
        """The words of its kind."""
        return KINDS.get(self.kind, OTHER)


def alarm(
    seq: int, at: datetime, change: Change, batch_of: Callable[[str], str], by: str = ""
) -> Alarm | None:
    """The alarm that `change` is, or None. `batch_of` finds an order's batch."""
    by = _cut(by, NAME_CHARS)
    if isinstance(change, Incident):
        return Alarm(seq, at, change.kind, _cut(change.detail), by)
    if isinstance(change, Settled) and change.status == REFUSED:
        detail = f": {change.detail}" if change.detail else ""
        text = f"order {change.order} of batch {batch_of(change.order)}{detail}"
        return Alarm(seq, at, REFUSED_ORDER, _cut(text), by)
    return None


def _cut(text: str, most: int = DETAIL_CHARS) -> str:
    # A backend's text, or a name, may hold any characters; a message is plain text. Feishu and
    # Slack read <at ...> and <!channel> in plain text too: everybody would be called.
    shown = text.translate(_BRACKETS)
    plain = " ".join("".join(c if c.isprintable() else " " for c in shown).split())
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


# --- messages --------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """A message to a target. The alarms up to number `through` are in it, or were before."""

    title: str
    body: str
    through: int
    critical: bool


@dataclass(frozen=True)
class Style:
    """How messages are written: language, the zone of their times, the home's id."""

    language: str
    zone: tzinfo
    home: str

    def phrase(self, zh: str, en: str, between: str = "\n") -> str:
        """Both languages, Chinese first, or the language that is configured."""
        return {"zh": zh, "en": en}.get(self.language, f"{zh}{between}{en}")

    def title(self, zh: str, en: str) -> str:
        """A message's first line."""
        return f"[mintmark {self.home[:4]}] {self.phrase(zh, en, ' / ')}"


def messages(alarms: Sequence[Alarm], style: Style, *, again: int = 0) -> list[Message]:
    """The alarms, in order, as messages that fit; a summary if they are too many.

    `again`: alarms up to this number may have arrived before, and their messages say so.
    """
    parts = list(_packed(alarms, style))
    if len(parts) > MESSAGES:
        return [_summary(alarms, style, again=alarms[0].seq <= again)]
    return [_message(part, style, again=part[0].seq <= again) for part in parts]


def _packed(alarms: Sequence[Alarm], style: Style) -> Iterator[list[Alarm]]:
    part: list[Alarm] = []
    for item in alarms:
        if part and _size(_message([*part, item], style, again=True)) > MESSAGE_BYTES:
            yield part
            part = []
        part.append(item)
    if part:
        yield part


def _size(message: Message) -> int:
    return len(f"{message.title}\r\n{message.body}".encode())


def _message(part: Sequence[Alarm], style: Style, *, again: bool) -> Message:
    count = len(part)
    title = style.title(f"{count} 条警报", f"{count} alarm{'s' * (count > 1)}")
    body = "\n\n".join(_text(item, style) for item in part)
    return Message(title, _again(style) + body if again else body, part[-1].seq, _critical(part))


def _text(item: Alarm, style: Style) -> str:
    words, when = item.words, _when(item, style)
    kind = "" if item.kind in KINDS else f" ({_cut(item.kind, NAME_CHARS)})"
    head = f"#{item.seq} {when} {style.phrase(words.zh, words.en)}{kind}"
    by = f" [{item.by}]" if item.by else ""
    return f"{head}\n{item.text}{by}\n-> {style.phrase(words.zh_do, words.en_do)}"


def _when(item: Alarm, style: Style) -> str:
    return item.at.astimezone(style.zone).strftime("%m-%d %H:%M")


def _again(style: Style) -> str:
    return style.phrase("（可能是重发，以 # 号为准）", "(perhaps sent before: go by the #)") + "\n"


def _critical(part: Sequence[Alarm]) -> bool:
    return any(item.words.severity is Severity.CRITICAL for item in part)


def _summary(alarms: Sequence[Alarm], style: Style, *, again: bool) -> Message:
    counts = Counter(item.kind if item.kind in KINDS else "" for item in alarms)
    ranked = sorted(counts, key=lambda kind: list(KINDS).index(kind) if kind else 99)
    lines = [
        f"{counts[kind]} x {style.phrase(words.zh, words.en, ' / ')}"
        for kind in ranked
        for words in [KINDS.get(kind, OTHER)]
    ]
    first, last = alarms[0], alarms[-1]
    lines += [f"#{first.seq}-#{last.seq}, {_when(first, style)} - {_when(last, style)}"]
    lines += [f"-> mintmark audit show --after {first.seq - 1}"]
    title = style.title(f"积压 {len(alarms)} 条警报", f"{len(alarms)} alarms waited")
    body = "\n".join(lines)
    return Message(title, _again(style) + body if again else body, last.seq, _critical(alarms))

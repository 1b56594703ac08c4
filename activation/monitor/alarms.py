"""Which changes a responsible person must hear of, and in which words. Pure.

A message is read on a phone, in a hurry: Chinese first, what happened, to which codes, what
to do. Each alarm carries its number in the audit chain: `#1234` twice is the same alarm.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ...codegen.ledger.changes import Change, Incident, Settled
from ..orders.orders import REFUSED
from .alarm_words import KINDS, OTHER, REFUSED_ORDER, Severity, Words

# A WeCom robot takes 2,048 bytes of text (developer.work.weixin.qq.com/document/path/91770).
MESSAGE_BYTES = 1_900
DETAIL_CHARS, NAME_CHARS = 260, 40
MESSAGES = 3  # at a time; of more alarms a summary is sent
_BRACKETS = str.maketrans("<>", "＜＞")


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
    by = plain(by, NAME_CHARS)
    if isinstance(change, Incident):
        return Alarm(seq, at, change.kind, plain(change.detail), by)
    if isinstance(change, Settled) and change.status == REFUSED:
        detail = f": {change.detail}" if change.detail else ""
        text = f"order {change.order} of batch {batch_of(change.order)}{detail}"
        return Alarm(seq, at, REFUSED_ORDER, plain(text), by)
    return None


def plain(text: str, most: int = DETAIL_CHARS) -> str:
    """`text` for a message of plain text: printable, nobody called by it, cut to `most`."""
    # A backend's text, or a name, may hold any characters; a message is plain text. Feishu and
    # Slack read <at ...> and <!channel> in plain text too: everybody would be called.
    shown = text.translate(_BRACKETS)
    words = " ".join("".join(c if c.isprintable() else " " for c in shown).split())
    return words if len(words) <= most else f"{words[: most - 3]}..."


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
    kind = "" if item.kind in KINDS else f" ({plain(item.kind, NAME_CHARS)})"
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

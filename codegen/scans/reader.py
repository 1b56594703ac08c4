"""The one reader of scanned text: messages in; codes, no-reads, heartbeats and rejects out.

Pure. Each message is cleaned, then each of its codes becomes a `ScanReading`, in the order sent.
A reading that may be a code names its candidates: whoever has the vault knows which is one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from .addresses import Addresses, Doubt
from .cleaning import bare, decoded, folded
from .element_string import sscc_in
from .framing import MESSAGE_BYTES, Framer, ScanMessage
from .patterns import Pattern
from .settings import PLAIN, ReaderSettings

_FILL = "?"  # what some readers send in place of each character of a label not read
_NO_READ_CONTROLS = frozenset("\x15\x18")  # NAK, CAN
_OUTER = "<>[](){}#*!\"'.:-_ "


class ReadingKind(StrEnum):
    """What a text is that a reader sent."""

    SCAN = "scan"
    NO_READ = "no_read"
    HEARTBEAT = "heartbeat"
    REJECT = "reject"


class RejectReason(StrEnum):
    """Why a text cannot be taken for a code."""

    TOO_LONG = "too long"
    SEVERAL = "several"
    BEFORE = "before"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ScanReading:
    """A text that a reader sent. Its repr shows no code.

    `line`: the number of its line, from 1; `place`: which of the codes of its message it is,
    from 1. `codes`: what a scan may be, without its address. `fault`: why it is a reject.
    `text`: what was read, cleaned. `sscc`: 18 digits that it gives as an SSCC; their check digit
    may be wrong.
    """

    line: int
    kind: ReadingKind
    place: int = 1
    codes: tuple[str, ...] = field(default=(), repr=False)
    fault: RejectReason | None = None
    text: str = field(default="", repr=False)
    sscc: str | None = field(default=None, repr=False)


def readings(
    messages: Iterable[ScanMessage], addresses: Addresses, settings: ReaderSettings = PLAIN
) -> Iterator[ScanReading]:
    """What the `messages` of a reader are. Messages without a character are passed over."""
    for message in messages:
        yield from _read(message, addresses, settings)


def read_all(
    data: bytes | str, addresses: Addresses, settings: ReaderSettings = PLAIN
) -> list[ScanReading]:
    """What a whole text is."""
    if isinstance(data, str):
        # What no encoding could read, an argument holds as surrogates.
        data = data.encode("utf-8", "surrogatepass")
    framer = Framer(settings.terminators)
    messages = [*framer.feed(data), *framer.finish()]
    return list(readings(messages, addresses, settings))


def _read(
    message: ScanMessage, addresses: Addresses, settings: ReaderSettings
) -> Iterator[ScanReading]:
    if len(message.data) > MESSAGE_BYTES:
        yield ScanReading(message.line, ReadingKind.REJECT, fault=RejectReason.TOO_LONG)
        return
    raw = decoded(message.data)
    text = folded(raw)
    if not text:
        if _NO_READ_CONTROLS & set(raw):
            yield ScanReading(message.line, ReadingKind.NO_READ)
        return
    parts = _parts(raw, text, settings)
    for place, part in enumerate(parts, 1):
        yield _reading(message.line, place, part, addresses, settings)


def _parts(raw: str, text: str, settings: ReaderSettings) -> list[str]:
    """The texts of a message; an empty one stands for a place without a code."""
    separator = settings.separator
    if separator is None or _is_any(settings.heartbeats, text):
        return [text]
    # A TAB is a control character, and gone after the folding.
    parts = [folded(part) for part in (raw if separator == "\t" else text).split(separator)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _reading(
    line: int, place: int, text: str, addresses: Addresses, settings: ReaderSettings
) -> ScanReading:
    if _is_any(settings.heartbeats, text):
        return ScanReading(line, ReadingKind.HEARTBEAT, place)
    inner, is_gs1 = bare(text, settings)
    if not inner or is_no_read(inner, settings):
        return ScanReading(line, ReadingKind.NO_READ, place)
    if _is_any(settings.heartbeats, inner):
        return ScanReading(line, ReadingKind.HEARTBEAT, place)
    codes = addresses.codes(inner, is_gs1=is_gs1)
    if isinstance(codes, Doubt):
        return ScanReading(
            line, ReadingKind.REJECT, place, fault=RejectReason(codes.value), text=inner
        )
    sscc = sscc_in(inner, is_gs1=is_gs1)
    if not codes and sscc is None:
        return ScanReading(line, ReadingKind.REJECT, place, fault=RejectReason.NOTHING, text=inner)
    return ScanReading(line, ReadingKind.SCAN, place, codes, text=inner, sscc=sscc)


def is_no_read(text: str, settings: ReaderSettings = PLAIN) -> bool:
    """Whether `text`, without identifier and prefix, is sent for a label that was not read.

    The word may be bracketed, and its last character repeated up to a fixed length
    (SICK CLV 410).
    """
    if not text.strip(_FILL):
        return True
    forms = {text, text.replace(" ", ""), text.strip(_OUTER)}
    forms |= {short for form in forms if form for short in _unpadded(form)}
    return any(_is_any(settings.no_read, form) for form in forms)


def _unpadded(text: str) -> tuple[str, str]:
    """`text` with a run of its last character shortened to one, and to two."""
    begin, last = text.rstrip(text[-1]), text[-1]
    return begin + last, begin + last * 2


def _is_any(patterns: Iterable[Pattern], text: str) -> bool:
    return any(pattern.fits(text) for pattern in patterns)

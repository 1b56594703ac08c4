"""What is wrong with a reader's settings, as far as the text that it sent shows it. Pure.

No sentence quotes the text: it may hold a code. "Scan it again" is never the answer to a
setting, which sends the same text the next time.
"""

import re
from typing import NamedTuple

from .. import sscc
from .addresses import BETWEEN, Addresses
from .reader import ReadingKind, RejectReason, ScanReading

DOCUMENT = "docs/scanners.md"
# What stands in place of :// when a computer is set to another keyboard than the reader.
_OTHER_KEYS = re.compile(r"https?(?:[^\sA-Za-z0-9:]|M!|:[^/]|m!)", re.IGNORECASE)
_KEYS = frozenset("éèçàùöäüßÖÄÜ§²µ°´£")
_ADDRESS = re.compile(r"https?://", re.ASCII | re.IGNORECASE)
_ALNUM = re.compile(r"[0-9A-Za-z]+", re.ASCII)


class Explanation(NamedTuple):
    """What is wrong, in a clause, and what to do about it."""

    what: str
    hint: str


SEVERAL = Explanation(
    "several codes came as one text",
    "set a terminator in the reader, CR for example; or declare what stands between the codes: "
    "separator in [readers.NAME], and --reader NAME",
)
BEFORE = Explanation(
    "other text stands before the address",
    "declare it: prefix in [readers.NAME] of mintmark.toml, and --reader NAME",
)
TOO_LONG = Explanation(
    "a text too long for a code",
    "set a terminator in the reader, CR for example",
)
NO_READ = Explanation(
    "the reader says that it could not read a label",
    "look at the label, the light and the distance",
)
HEARTBEAT = Explanation("the reader's heartbeat, no label", "nothing is to be done")
INPUT_METHOD = Explanation(
    "characters that no code and no address holds",
    "if the reader types: switch the input method to English, or let the reader send to a "
    "serial port instead of the keyboard; if it sends to one: compare speed, parity and data bits",
)
KEYBOARD = Explanation(
    "an address in the characters of another keyboard layout",
    "the reader types for another keyboard than this computer is set to: set the reader's "
    "keyboard country, or let it send to a serial port",
)
SIGNLESS = Explanation(
    "the address came without its signs, and no code of this home behind it",
    "what listens to the reader keeps letters and digits only: let it keep : / . and ?",
)
ELSEWHERE = Explanation(
    "an address that no batch of this home has",
    "see the addresses: mintmark batch list; codes of other homes are not known here",
)
OURS_BUT = Explanation(
    "our address, but no code of this home behind it",
    "compare the label with the text that the reader sends: it may cut it or add to it; "
    f"see {DOCUMENT}",
)
SHORT = Explanation(
    "shorter than any code of this home",
    "let the reader send the whole symbol: look at its length limits and its trimming",
)
GLUED = Explanation(
    "as long as several codes, one after another",
    "set a terminator in the reader, CR for example",
)
PREFIXED = Explanation(
    "longer than any code of this home",
    "if the reader adds text before the code, declare it: prefix in [readers.NAME] of "
    "mintmark.toml, and --reader NAME",
)
UNKNOWN = Explanation(
    "it may be a code, but not of this home",
    "check which label was read; codes of other homes are not known here",
)
OTHER_SSCC = Explanation(
    "an SSCC that no pallet or carton of this home has",
    "see the prefixes of this home's: mintmark batch list; a pallet of others is not known here",
)
CHECK_DIGIT = Explanation(
    "the last digit is not the check digit of an SSCC",
    "compare the 18 digits with the label, or scan it again",
)
_OF_KIND = {ReadingKind.NO_READ: NO_READ, ReadingKind.HEARTBEAT: HEARTBEAT}
_OF_FAULT = {
    RejectReason.TOO_LONG: TOO_LONG,
    RejectReason.SEVERAL: SEVERAL,
    RejectReason.BEFORE: BEFORE,
}


def exchanged_keys(layout: str) -> Explanation:
    """For a text that is a code of this home once the keys of `layout` are exchanged."""
    return Explanation(
        f"it would be one if keys of a {layout} keyboard were exchanged", KEYBOARD.hint
    )


def elsewhere(code: str) -> Explanation:
    """For an address that no batch has. `code`: batch and serial of the code of ours in it."""
    return Explanation(
        f"{ELSEWHERE.what}; the code in it is {code} of this home",
        f"not printed as it was ordered, or copied to another's site: mintmark locate {code}",
    )


def explain(reading: ScanReading, addresses: Addresses) -> Explanation:
    """Why `reading` is no code of this home: of a scan, once none of its codes was found."""
    found = _OF_KIND.get(reading.kind) or _OF_FAULT.get(reading.fault or RejectReason.NOTHING)
    if found:
        return found
    if reading.sscc and len(reading.text) not in addresses.lengths:
        return OTHER_SSCC if sscc.is_sscc(reading.sscc) else CHECK_DIGIT
    return _of_text(reading.text, addresses)


def _of_text(text: str, addresses: Addresses) -> Explanation:
    if _OTHER_KEYS.match(text) or _KEYS & set(text):
        return KEYBOARD
    if not text.isascii():
        return INPUT_METHOD
    if BETWEEN.search(text):
        return SEVERAL
    if addresses.is_address(text):
        return SIGNLESS if _ALNUM.fullmatch(text) else OURS_BUT
    return ELSEWHERE if _ADDRESS.match(text) else _by_length(text, addresses)


def _by_length(text: str, addresses: Addresses) -> Explanation:
    size = len(text)
    if not addresses.lengths or size in addresses.lengths:
        return UNKNOWN
    if size < min(addresses.lengths):
        return SHORT
    if any(size > length and size % length == 0 for length in addresses.lengths):
        return GLUED
    return PREFIXED if size > max(addresses.lengths) else UNKNOWN

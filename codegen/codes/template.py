"""The payload template: the text of a QR symbol, with a placeholder for the code.

Pure. `https://example.cn/{code}` makes `https://example.cn/7K3M…`; the bare `{code}`
makes the code itself.
"""

import re

from ..errors import UsageError

PLACEHOLDER = "{code}"
BARE = PLACEHOLDER
# A QR symbol of version 10, level M, holds 213 bytes; a longer payload prints too fine.
TEMPLATE_CHARACTERS = 200
_DIGITAL_LINK = re.compile(r"/01/(\d+)/21/\{code\}", re.ASCII)
AI_21_CHARACTERS = 20
# The symbols of an alphabet that set 82 holds too: `~` is not in it.
_AI_21 = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._")
# RFC 3986, section 2: reserved, unreserved and percent. No double quote, space or backslash:
# a payload needs no escape in a column, in JSON or in a browser's address bar.
_TEXT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*", re.ASCII)


def check(template: str) -> str:
    """`template` itself, once it is known to be printable.

    Raises `UsageError` for a template without a single `{code}`, with other braces,
    with a character no URI may hold, or longer than `TEMPLATE_CHARACTERS`.
    """
    hint = "write for example https://example.cn/{code}"
    if len(template) > TEMPLATE_CHARACTERS:
        raise UsageError(f"the payload template is longer than {TEMPLATE_CHARACTERS} characters")
    if template.count(PLACEHOLDER) != 1:
        raise UsageError("the payload template must hold {code} exactly once", hint)
    prefix, suffix = split(template)
    if "{" in prefix + suffix or "}" in prefix + suffix:
        raise UsageError("the payload template holds braces other than those of {code}", hint)
    if not _TEXT.fullmatch(prefix + suffix):
        raise UsageError(
            "the payload template holds a character that no address may hold",
            "use printable ASCII without spaces, quotes, backslashes, <, >, ^, ` or |",
            "write other characters percent-encoded, a Chinese domain as xn--…",
        )
    if found := _DIGITAL_LINK.search(template):
        gtin14(found[1], whole=True)
    return template


def check_codes(template: str, length: int, symbols: str) -> None:
    """Raises `UsageError` if codes of `length` and `symbols` cannot stand in `template`.

    In a GS1 Digital Link the code is the serial number, AI 21: up to 20 characters of
    GS1's set 82 (General Specifications, section 3.5.2 and figure 7.11-1).
    """
    if not _DIGITAL_LINK.search(template):
        return
    if length > AI_21_CHARACTERS:
        raise UsageError(
            f"a GS1 serial number (AI 21) has at most {AI_21_CHARACTERS} characters, "
            f"these codes have {length}",
            "mint shorter codes, or take a template without /01/…/21/",
        )
    if alien := "".join(sorted(set(symbols) - _AI_21)):
        raise UsageError(f"a GS1 serial number (AI 21) cannot hold {alien}")


def digital_link(base: str, gtin: str) -> str:
    """The template of a GS1 Digital Link: `{base}/01/{gtin}/21/{code}`.

    `gtin` has 8, 12, 13 or 14 digits. Raises `UsageError` for a wrong check digit.
    """
    return check(f"{_based(base)}/01/{gtin14(gtin)}/21/{PLACEHOLDER}")


def plain_link(base: str) -> str:
    """The template `{base}/{code}`."""
    return check(f"{_based(base)}/{PLACEHOLDER}")


def gtin14(gtin: str, *, whole: bool = False) -> str:
    """`gtin` in 14 digits, with zeros before it; `whole`: it must have 14 already.

    Raises `UsageError` for another number of digits, or a wrong check digit.
    """
    lengths = (14,) if whole else (8, 12, 13, 14)
    if len(gtin) not in lengths or not gtin.isascii() or not gtin.isdigit():
        raise UsageError(
            f"a GTIN has {' or '.join(map(str, lengths))} digits",
            "in a Digital Link a shorter GTIN has zeros before it",
        )
    padded = gtin.zfill(14)
    # General Specifications, section 7.9.1: weights 3 and 1 in turn; 3 for the rightmost digit.
    total = sum(int(digit) * (3, 1)[at % 2] for at, digit in enumerate(padded[:13]))
    if (due := -total % 10) != int(padded[13]):
        raise UsageError(
            f"the check digit of GTIN {gtin} is wrong: {due} is due, not {padded[13]}",
            "compare it with the product's bar code",
        )
    return padded


def _based(base: str) -> str:
    base = base.rstrip("/")
    if not re.match(r"https?://[^/]", base, re.IGNORECASE):
        raise UsageError(
            "the base of an address begins with https:// and a host",
            "write for example https://id.example.cn",
        )
    return base


def split(template: str) -> tuple[str, str]:
    """The text before the code, and the text after it."""
    prefix, _, suffix = template.partition(PLACEHOLDER)
    return prefix, suffix


def payload(template: str, code: str) -> str:
    """The text of the QR symbol of `code`; `template` has passed `check`."""
    prefix, suffix = split(template)
    return prefix + code + suffix

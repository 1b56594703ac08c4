"""The payload template: what a QR symbol says, with one place for the code.

Pure. `https://example.cn/{code}` makes `https://example.cn/7K3M…`; the bare `{code}`
makes the code itself.
"""

import re

from .errors import UsageError

PLACE = "{code}"
BARE = PLACE
# A QR symbol of version 10, level M, holds 213 bytes; a longer payload prints too fine.
TEMPLATE_CHARACTERS = 200
# RFC 3986, section 2: reserved, unreserved and percent. No quote, space or backslash, so
# that a payload needs no escape in a column, in JSON or in a browser's address bar.
_TEXT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*", re.ASCII)


def check(template: str) -> str:
    """`template` itself, if it can be printed.

    Raises `UsageError` for a template without exactly one `{code}`, with other braces,
    with a character no URI may hold, or longer than `TEMPLATE_CHARACTERS`.
    """
    hint = "write for example https://example.cn/{code}"
    if len(template) > TEMPLATE_CHARACTERS:
        raise UsageError(f"the payload template is longer than {TEMPLATE_CHARACTERS} characters")
    if template.count(PLACE) != 1:
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
    return template


def split(template: str) -> tuple[str, str]:
    """What stands before and after the code."""
    prefix, _, suffix = template.partition(PLACE)
    return prefix, suffix


def payload(template: str, code: str) -> str:
    """What the symbol of `code` says; `template` has been checked."""
    prefix, suffix = split(template)
    return prefix + code + suffix

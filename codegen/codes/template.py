"""The payload template: the text of a QR symbol, with a placeholder for the code.

Pure. `https://example.cn/{code}` makes `https://example.cn/7K3M…`; the bare `{code}`
makes the code itself. What a template must be to be printed at all stands here, and holds for
every template in the books; what phones make of it, in `address`.
"""

import re

from ..errors import UsageError

PLACEHOLDER = "{code}"
BARE = PLACEHOLDER
# A QR symbol of version 10, level M, holds 213 bytes; a longer payload prints too fine.
TEMPLATE_CHARACTERS = 200
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
    return template


def split(template: str) -> tuple[str, str]:
    """The text before the code, and the text after it."""
    prefix, _, suffix = template.partition(PLACEHOLDER)
    return prefix, suffix


def payload(template: str, code: str) -> str:
    """The text of the QR symbol of `code`; `template` has passed `check`."""
    prefix, suffix = split(template)
    return prefix + code + suffix

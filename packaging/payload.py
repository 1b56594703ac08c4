"""The payload template of a package, and the symbol size that lower case costs."""

import re

from ..codegen.codes import digital_link
from ..codegen.codes.spec import CodeSpec
from ..codegen.codes.template import BARE, PLACEHOLDER, check, split
from ..codegen.errors import UsageError
from .symbols.fitting import modules_of, version_for


def chosen(recorded: str | None, base: str | None, gtin: str | None) -> str:
    """The template: made of `base` and `gtin` if given, otherwise the batch's.

    With a GTIN it is a GS1 Digital Link, whose base may be that of the batch's template. Raises
    `UsageError` for a wrong check digit, for a base that is no beginning of an address, and
    where a GTIN would be put into an address that is a Digital Link already, or would lose a
    part of the batch's. What phones make of the template is asked later (`address`).
    """
    if base is None and gtin is None:
        return recorded or BARE
    if base is None:
        base = _stem(recorded or BARE)
    stem = _based(base)
    if gtin is None:
        return check(f"{stem}/{PLACEHOLDER}")
    path = re.sub(r"https?://[^/]*", "", stem, count=1, flags=re.IGNORECASE)
    if digital_link.names_item(path):
        raise UsageError(
            "the address before the code names a GTIN already, and --gtin would name a second",
            "leave out --gtin, or give with --base the address without /01/…",
        )
    return check(f"{stem}/01/{digital_link.gtin14(gtin)}/21/{PLACEHOLDER}")


def _stem(template: str) -> str:
    """What stands before the code in the batch's template, if nothing else would be lost."""
    prefix, suffix = split(template)
    hint = "give with --base the address that the Digital Links begin with"
    if suffix:
        raise UsageError(
            "something follows the code in the batch's address, and --gtin would drop it", hint
        )
    if prefix and not prefix.endswith("/") and not {*prefix} & {"?", "#"}:
        raise UsageError(
            "the code is a part of a name in the batch's address, and --gtin would split it", hint
        )
    return prefix


def _based(base: str) -> str:
    """`base` without a slash at its end."""
    if not re.match(r"https?://[^/]", base, re.IGNORECASE):
        raise UsageError(
            "the base of an address begins with https:// and a host",
            "write for example https://id.example.cn",
        )
    if sign := next((sign for sign in base if sign in "?#"), None):
        raise UsageError(
            f"the base of an address holds a {sign}, and a path cannot follow that",
            "write for example https://id.example.cn/path",
        )
    return base.rstrip("/")


def case_warning(template: str, spec: CodeSpec, level: str) -> str | None:
    """A sentence naming both versions, if lower case makes the symbols larger; or None."""
    upper = template.replace(BARE, "\0").upper().replace("\0", BARE)
    if upper == template:
        return None
    now, then = version_for(template, spec, level), version_for(upper, spec, level)
    if then >= now:
        return None
    sides = [f"{modules_of(version)}x{modules_of(version)}" for version in (now, then)]
    return (
        f"warning: lower case in the address makes the symbols version {now} ({sides[0]} "
        f"modules); in upper case they would be version {then} ({sides[1]}): {upper}"
    )

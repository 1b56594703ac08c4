"""The payload template of a package, and the symbol size that lower case costs."""

from ..codegen.codes.spec import CodeSpec
from ..codegen.codes.template import BARE, digital_link, plain_link, split
from .symbols.fitting import modules_of, version_for


def chosen(recorded: str | None, base: str | None, gtin: str | None) -> str:
    """The template: made of `base` and `gtin` if given, otherwise the batch's.

    With a GTIN it is a GS1 Digital Link, whose base may be that of the batch's template.
    Raises `UsageError`, among others for a wrong check digit.
    """
    if base is None and gtin is None:
        return recorded or BARE
    if base is None:
        base = split(recorded or BARE)[0].rstrip("/")
    return plain_link(base) if gtin is None else digital_link(base, gtin)


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

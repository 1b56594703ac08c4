"""GS1's number of a pallet or a carton, the SSCC-18, and the check digit of GS1's numbers. Pure.

GS1 General Specifications, sections 2.2.1, 3.2 and 7.9: an SSCC is an extension digit, a company
prefix of 4 to 12 digits and a serial reference, 17 digits together; the check digit follows.
Prefixes of different lengths share numbers (reference 512345678 of prefix 6901234 is reference
12345678 of prefix 69012345), so that two blocks are compared by their 17 digits: `number`.
"""

import re

from .errors import UsageError

DIGITS = 18
_BODY = 17  # digits without the check digit
_PREFIX = re.compile(r"[0-9]{4,12}", re.ASCII)
_SSCC = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)


def check_digit(digits: str) -> int:
    """The check digit due after `digits`: General Specifications, section 7.9.1."""
    # Weights 3 and 1 in turn, from the right; 3 for the rightmost digit.
    return -sum(int(digit) * (3, 1)[at % 2] for at, digit in enumerate(reversed(digits))) % 10


def is_sscc(text: str) -> bool:
    """Whether `text` is 18 digits with the right check digit, not all of them zeros."""
    return looks_like(text) and check_digit(text[:_BODY]) == int(text[_BODY])


def looks_like(text: str) -> bool:
    """Whether `text` is 18 digits, not all of them zeros; its check digit may be wrong."""
    return _SSCC.fullmatch(text) is not None and bool(text.strip("0"))


def largest(prefix: str) -> int:
    """The largest serial reference of a company prefix; the least is 0."""
    return int(10 ** (_BODY - 1 - len(prefix))) - 1


def build(prefix: str, extension: int, reference: int) -> str:
    """The SSCC, 18 digits; prefix, extension and reference have passed `check_block`."""
    return of_number(number(prefix, extension, reference))


def number(prefix: str, extension: int, reference: int) -> int:
    """The SSCC without its check digit, as a number below 10^17."""
    return int(f"{extension}{prefix}") * (largest(prefix) + 1) + reference


def of_number(body: int) -> str:
    """The SSCC whose first 17 digits are `body`."""
    digits = f"{body:0{_BODY}d}"
    return f"{digits}{check_digit(digits)}"


def number_of(sscc: str) -> int:
    """The inverse of `of_number`, of text for which `is_sscc` holds."""
    return int(sscc[:_BODY])


def check_block(prefix: str, extension: int, first: int, quantity: int) -> None:
    """Raises `UsageError` unless these are `quantity` SSCCs in a row, from reference `first` on."""
    if not _PREFIX.fullmatch(prefix) or not prefix.strip("0"):
        raise UsageError(
            "a GS1 company prefix has 4 to 12 digits, not all of them zeros",
            "it stands in the certificate of your GS1 member organisation; without the check "
            "digit and without a product's number",
        )
    if not 0 <= extension <= 9:
        raise UsageError("the extension digit of an SSCC is 0 to 9", "--sscc-extension 0")
    if first < 0:
        raise UsageError("the first serial reference is 0 or more", "--sscc-first 0")
    if first + quantity - 1 > largest(prefix):
        raise UsageError(
            f"{quantity:,} SSCCs from reference {first} on do not fit: company prefix {prefix} "
            f"leaves {_BODY - 1 - len(prefix)} digits, up to {largest(prefix)}",
            "take another extension digit: --sscc-extension 1",
        )

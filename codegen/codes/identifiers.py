"""GS1 Application Identifiers as a Digital Link uses them: keys, their qualifiers, attributes.

Pure, and mostly a table. Formats are written as GS1 writes them: `N14` is 14 digits, `X..20`
is 1 to 20 characters of set 82, a part in brackets may be missing (General Specifications,
section 3.2 and figure 7.11-1). Which identifier is a key, a qualifier or an attribute stands in
the GS1 Digital Link standard: URI syntax, sections 4.5 to 4.9, and in GS1's Barcode Syntax
Dictionary, by which this table was written.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

SET_82 = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!\"%&'()*+,-./:;<=>?_"
)
_CLASSES = {
    "N": "[0-9]",
    "X": "[" + re.escape("".join(sorted(SET_82))) + "]",
    "Y": "[-#/0-9A-Z]",  # set 39
    "Z": "[-0-9A-Za-z_=]",  # base64url
    "D": "[0-9]",  # a date, YYMMDD; the day may be 00
}


@dataclass(frozen=True)
class PrimaryKey:
    """A primary key: its title, its format, and the qualifiers that may follow in that order.

    `checked`: how many of its first characters end in a check digit. `digits`: how many digits
    it begins with, 0 if it may begin with anything.
    """

    title: str
    format: str
    checked: int = 0
    qualifiers: tuple[tuple[str, ...], ...] = ()

    @property
    def digits(self) -> int:
        """Digits that every value of it begins with."""
        first = re.match(r"N(\d+)", self.format)
        return int(first[1]) if first else 0


GTIN = "01"
_ITEM = ("22", "10", "21")
KEYS: Mapping[str, PrimaryKey] = MappingProxyType(
    {
        "00": PrimaryKey("SSCC", "N18", 18),
        GTIN: PrimaryKey("GTIN", "N14", 14, (_ITEM, ("235",))),
        "253": PrimaryKey("GDTI", "N13 [X..17]", 13),
        "255": PrimaryKey("GCN", "N13 [N..12]", 13),
        "401": PrimaryKey("GINC", "X..30"),
        "402": PrimaryKey("GSIN", "N17", 17),
        "414": PrimaryKey("GLN", "N13", 13, (("254",), ("7040",))),
        "415": PrimaryKey("GLN of the invoicing party", "N13", 13, (("8020",),)),
        "417": PrimaryKey("GLN of a party", "N13", 13, (("7040",),)),
        "8003": PrimaryKey("GRAI", "N14 [X..16]", 14),
        "8004": PrimaryKey("GIAI", "X..30", 0, (("7040",),)),
        "8006": PrimaryKey("ITIP", "N18", 14, (_ITEM,)),
        "8010": PrimaryKey("CPID", "Y..30", 0, (("8011",),)),
        "8013": PrimaryKey("GMN", "X..25"),
        "8017": PrimaryKey("GSRN of a provider", "N18", 18, (("8019",),)),
        "8018": PrimaryKey("GSRN of a recipient", "N18", 18, (("8019",),)),
    }
)
QUALIFIERS: Mapping[str, str] = MappingProxyType(
    {
        "10": "X..20",
        "21": "X..20",
        "22": "X..20",
        "235": "X..28",
        "254": "X..20",
        "7040": "N1 X3",
        "8011": "N..12",
        "8019": "N..10",
        "8020": "X..25",
    }
)
# The words that the first editions allowed for numbers; today's readers do not take them.
WORDS = MappingProxyType({"gtin": "01", "itip": "8006", "cpv": "22", "lot": "10", "ser": "21"})

# Attributes, in the query: identifiers as a pattern, the format of the value, and the keys that
# they may stand beside.
_ANY = "*"
_ITEMS, _GTIN, _SSCC, _ITEM_OR_SSCC = "01 8006", GTIN, "00", "00 01"
_ATTRIBUTES: tuple[tuple[str, str, str], ...] = (
    ("00|801[78]", "N18", _ANY),
    ("01", "N14", _ANY),
    ("02", "N14", _SSCC),
    ("10", "X..20", _ITEMS),
    ("1[1356]", "D6", _ITEMS),
    ("12", "D6", "415"),
    ("17", "D6", f"{_ITEMS} 255"),
    ("20", "N2", _ITEMS),
    ("24[01]|25[01]", "X..30", _ITEMS),
    ("242", "N..6", _ITEMS),
    ("243|71[0-7]", "X..20", _GTIN),
    ("253", "N13 [X..17]", _ANY),
    ("30", "N..8", _GTIN),
    ("(31[0-6]|32[0-9]|337|35[0-267]|36[01456])[0-5]", "N6", _GTIN),
    ("(33[0-6]|34[0-9]|35[345]|36[236789])[0-5]", "N6", _ITEM_OR_SSCC),
    ("37", "N..8", _SSCC),
    ("390[0-9]", "N..15", "255 415"),
    ("391[0-9]", "N3 N..15", "415"),
    ("392[0-9]", "N..15", _GTIN),
    ("393[0-9]", "N3 N..15", _GTIN),
    ("394[0-3]|8111", "N4", "255"),
    ("395[0-5]", "N6", _GTIN),
    ("40[01]", "X..30", _ANY),
    ("402", "N17", _ANY),
    ("403", "X..30", _SSCC),
    ("41[0-7]", "N13", _ANY),
    ("420", "X..20", _ANY),
    ("421", "N3 X..9", _ANY),
    ("422", "N3", _ITEMS),
    ("42[46]", "N3", _GTIN),
    ("42[35]", "N3 [N3] [N3] [N3] [N3]", _GTIN),
    ("427", "X..3", _GTIN),
    ("43[0-3][0-9]", "X..70", _SSCC),
    ("7001", "N13", _ITEMS),
    ("7002", "X..30", _GTIN),
    ("703[0-9]", "N3 X..27", _GTIN),
    ("7003", "D6 N4", _GTIN),
    ("7004", "N..4", _GTIN),
    ("7005", "X..12", _GTIN),
    ("7006", "D6", _GTIN),
    ("7007", "D6 [D6]", _GTIN),
    ("7008", "X..3", _GTIN),
    ("7009", "X..10", _GTIN),
    ("7010", "X..2", _GTIN),
    ("7011", "D6 [N4]", _GTIN),
    ("702[0-2]|7240|8012", "X..20", _ITEMS),
    ("7023", "X..30", _ANY),
    ("723[0-9]", "X2 X..28", "01 8004"),
    ("724[12]|725[0-9]", "X..90", "8017 8018"),
    ("8001", "N14", _GTIN),
    ("8002", "X..20", _ANY),
    ("8003", "N14 [X..16]", _ANY),
    ("8004|8010", "X..30", _ANY),
    ("8005", "N6", _GTIN),
    ("8007", "X..34", "415"),
    ("8008", "D6 N2 [N2] [N2]", _GTIN),
    ("8009", "X..50", _ITEM_OR_SSCC),
    ("8013", "X..25", _ANY),
    ("8030", "Z..90", _ANY),
    ("8110|8112", "X..70", _ANY),
    ("90", "X..30", _ANY),
    ("9[1-9]", "X..90", _ANY),
)
# Identifiers that say something only beside others.
_MEASURES = r"30|3[1256]\d\d"
_NEEDS = (
    ("250", "21"),
    ("02", "37"),
    ("37", "02"),
    ("39[235][0-9]", _MEASURES),
    ("427", "422"),
    ("7004", "10"),
    ("7020", "416"),
    ("7022", "7021"),
)


def attribute(identifier: str, key: str) -> str | None:
    """The format of an attribute that may stand beside `key`; None if it is none."""
    for pattern, form, keys in _ATTRIBUTES:
        if re.fullmatch(pattern, identifier) and (keys == _ANY or key in keys.split()):
            return form
    return None


def alike(identifier: str) -> PrimaryKey | None:
    """The key whose check digit the values of `identifier` have; None if they have none."""
    if re.fullmatch("41[0-7]", identifier):
        return KEYS["414"]
    return KEYS[GTIN] if identifier == "02" else KEYS.get(identifier)


def is_known(identifier: str) -> bool:
    """Whether GS1 has the identifier, for whatever purpose."""
    return (
        identifier in KEYS
        or identifier in QUALIFIERS
        or any(re.fullmatch(pattern, identifier) for pattern, _, _ in _ATTRIBUTES)
    )


def missing(found: Collection[str]) -> str | None:
    """One of `found` that says nothing, because what it needs beside it is not found."""
    for name in found:
        for pattern, needed in _NEEDS:
            if re.fullmatch(pattern, name) and not any(re.fullmatch(needed, n) for n in found):
                return name
    return None


def fits(form: str, value: str) -> bool:
    """Whether `value`, decoded, has the format `form`; dates are dates."""
    found = _pattern(form).fullmatch(value)
    return found is not None and all(
        _is_date(text) for text in found.groupdict().values() if text is not None
    )


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = []
    for at, part in enumerate(form.split()):
        bare = part.strip("[]")
        kind, most = bare[0], bare[1:]
        count = f"{{1,{most[2:]}}}" if most.startswith("..") else f"{{{most}}}"
        one = f"{_CLASSES[kind]}{count}"
        one = f"(?P<date{at}>{one})" if kind == "D" else one
        parts.append(f"(?:{one})?" if part != bare else one)
    return re.compile("".join(parts), re.ASCII)


def _is_date(text: str) -> bool:
    day = int(text[4:]) or 1
    try:
        # The century does not matter but for 29 February: every fourth year, 00 included.
        date(2000 + int(text[:2]), int(text[2:4]), day)
    except ValueError:
        return False
    return True

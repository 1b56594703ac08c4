"""The code spec: alphabet, length, canonical rule, and how hard its codes are to guess.

Pure. A spec never changes once a batch is minted under it.

Two numbers measure the strength, because there are two attackers:

- Whoever guesses at the scan page, where every guess is a request that is counted and
  throttled: the guess probability, issued ÷ space. The law bounds it, and nothing here lifts
  the bound.
- Whoever stole the fingerprint key and the fingerprints guesses offline, as fast as hardware
  allows, against all codes at once: the offline strength, bits of a code − log2(issued under
  the key). `offline` says it in time. Fewer bits than are asked for can be accepted by name, for
  codes that are worth little.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .. import ids
from ..errors import Refused, UsageError
from .offline import seconds, told, words

ALPHABETS: Mapping[str, str] = MappingProxyType(
    {
        "crockford32": ids.SYMBOLS,
        "digits": "0123456789",
        # No vowels, so no words; and at most one symbol of each group that is easily confused:
        # 0 O, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V Y.
        "clear": "23456789CDFHJKMNPQRTVWX",
        "hex": "0123456789ABCDEF",
    }
)
CUSTOM = "custom"
MAX_LENGTH = 64
MAX_TYPED = 256  # characters of a code as typed, before folding

# "negligible and in any case lower than one in ten thousand": Implementing Regulation (EU)
# 2018/574, article 8(1)(b); Delegated Regulation (EU) 2016/161, article 4(c).
GUESS_LIMIT = 1 / 10_000
# Bits: three hours and eight days of a graphics card.
OFFLINE_REFUSED, OFFLINE_WARNED = 46.0, 52.0

# RFC 3986, section 2.3: characters that need no escape anywhere in an address.
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]+", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
# Only ASCII letters: str.upper would turn ß, ı and ﬀ into letters of an alphabet.
_UPPER = {lower: lower - 32 for lower in range(ord("a"), ord("z") + 1)}
_RULES: Mapping[str, Mapping[int, int | str | None]] = MappingProxyType(
    {
        "upper": _UPPER,
        "crockford32": {
            **_UPPER,
            **str.maketrans("OoIiLl", "001111", " -"),
        },
    }
)


def canonicalise(rule: str, text: str) -> str:
    """`text` in canonical form under the rule `upper` or `crockford32`.

    `upper`: ASCII letters become upper-case. `crockford32`: the same, then O→0, I→1, L→1,
    and U+0020 and U+002D are dropped. The vectors are in activation/vectors/canonical.json.
    Raises `ValueError`, which quotes nothing, for text that folds to nothing, to more
    than 64 characters or to anything but printable ASCII; and for an unknown rule.
    """
    table = _RULES.get(rule)
    if table is None:
        raise ValueError("unknown canonical rule")
    folded = text.translate(table) if len(text) <= MAX_TYPED else ""
    if not _PRINTABLE.fullmatch(folded) or len(folded) > MAX_LENGTH:
        raise ValueError("not a code")
    return folded


@dataclass(frozen=True, slots=True)
class CodeSpec:
    """`length` symbols of the alphabet `symbols`, compared under the rule `canonical`.

    `name` is the alphabet's name, or `custom`.
    """

    name: str
    symbols: str
    length: int
    canonical: str

    @classmethod
    def of(cls, alphabet: str, length: int) -> "CodeSpec":
        """The spec of a named alphabet, or of symbols given as `custom:SYMBOLS` or bare.

        Bare symbols must be upper-case, so that a mistyped name is not taken for symbols.
        After `custom:`, symbols that are all lower-case become upper-case. The symbols of a
        named alphabet, in any order, become that alphabet. Raises `UsageError` for symbols
        that are repeated, of both cases, fewer than 2, or not unreserved in RFC 3986, and for
        a length outside 1..64.
        """
        if not 1 <= length <= MAX_LENGTH:
            raise UsageError(
                f"a code has 1 to {MAX_LENGTH} symbols, not {length}", "the default is 16"
            )
        symbols = ALPHABETS.get(alphabet) or _custom(alphabet)
        for name, known in ALPHABETS.items():
            if sorted(known) == sorted(symbols):
                rule = "crockford32" if name == "crockford32" else "upper"
                return cls(name, known, length, rule)
        return cls(CUSTOM, symbols, length, "upper")

    @property
    def bits(self) -> float:
        """Bits of entropy per code."""
        return self.length * math.log2(len(self.symbols))

    @property
    def space(self) -> int:
        """How many codes there can be."""
        return int(len(self.symbols) ** self.length)

    def read(self, text: str) -> bytes:
        """The canonical code, `length` ASCII bytes, of `text` as scanned or typed.

        Raises `ValueError`, which quotes nothing, for text that cannot be a code of this spec.
        """
        code = canonicalise(self.canonical, text)
        if len(code) != self.length or not set(code) <= set(self.symbols):
            raise ValueError("not a code of this spec")
        return code.encode("ascii")


def _custom(given: str) -> str:
    known = f"known alphabets: {', '.join(ALPHABETS)}; or the symbols themselves, custom:ACDEFH"
    symbols = given.removeprefix(f"{CUSTOM}:")
    # Whoever writes `base32` means a name, and not the symbols B, A, S, E, 3 and 2.
    if symbols == given and symbols.translate(_UPPER) != symbols:
        raise UsageError(f"unknown alphabet {ids.shown(given, name=True)}", known)
    if not _UNRESERVED.fullmatch(symbols):
        raise UsageError(
            "the alphabet holds symbols other than letters, digits and - . _ ~",
            "those alone stand for themselves in an address (RFC 3986)",
            known,
        )
    upper = symbols.translate(_UPPER)
    if upper != symbols and symbols.lower() != symbols:
        raise UsageError(
            "the alphabet holds letters of both cases",
            "codes are compared in upper case: give each letter once",
            known,
        )
    if len(set(upper)) != len(upper):
        raise UsageError("the alphabet holds a symbol twice", known)
    if len(upper) < 2:
        raise UsageError("an alphabet needs at least two symbols", known)
    return upper


@dataclass(frozen=True, slots=True)
class Judgement:
    """How hard the codes are to guess once the batch is minted.

    `guess_probability`: issued ÷ space, the probability that a single guess at a scan is an
    issued code. `offline_bits`: log2 of the tries that a thief of fingerprint key and
    fingerprint file needs for a code.
    """

    entropy_bits: float
    guess_probability: float
    offline_bits: float
    warnings: tuple[str, ...] = ()


def judge(
    spec: CodeSpec,
    quantity: int,
    issued_before: int,
    issued_total: int,
    *,
    accept_weak: bool = False,
) -> Judgement:
    """The strength of `spec` once `quantity` more codes are issued under it.

    `issued_before`: codes issued under the same symbols and length. `issued_total`: all codes
    issued under the fingerprint key. Raises `Refused`, with the numbers, if the guess
    probability reaches 1/10,000 (nothing lifts that), or if the offline strength is below 46
    bits and `accept_weak` is not given. Below 52 bits there is a warning.
    """
    guess = (issued_before + quantity) / spec.space
    issued = issued_total + quantity
    offline = spec.bits - math.log2(issued)
    numbers = {
        "entropy_bits": round(spec.bits, 2),
        "guess_probability": guess,
        "offline_bits": round(offline, 2),
    }
    if guess >= GUESS_LIMIT:
        raise Refused(
            f"too easy to guess: with {issued_before + quantity:,} codes issued, one guess in "
            f"{max(1, round(1 / guess)):,} is right; the law's bound is one in 10,000",
            _longer(spec, issued, OFFLINE_REFUSED),
            **numbers,
        )
    if offline < OFFLINE_REFUSED and not accept_weak:
        raise Refused(
            f"too weak against a thief of the fingerprints: {_down(offline)} bits, "
            f"{told(offline)}; {OFFLINE_REFUSED:.0f} are the least, {_time(OFFLINE_REFUSED)}",
            _longer(spec, issued, OFFLINE_REFUSED),
            **numbers,
        )
    warnings = []
    if offline < OFFLINE_WARNED:
        warnings.append(
            f"a thief of the fingerprint key and the fingerprints needs {_down(offline)} bits of "
            f"work to find a code, {told(offline)}; {OFFLINE_WARNED:.0f} or more are advised, "
            f"{_time(OFFLINE_WARNED)}: {_longer(spec, issued, OFFLINE_WARNED)}"
        )
    return Judgement(numbers["entropy_bits"], guess, numbers["offline_bits"], tuple(warnings))


def _down(bits: float) -> str:
    """To a tenth, never upwards: what lies below a limit shall not read like the limit."""
    return f"{math.floor(bits * 10) / 10:.1f}"


def _time(bits: float) -> str:
    return words(seconds(bits))


def _longer(spec: CodeSpec, issued: int, least: float) -> str:
    """The hint with the least length of `least` bits, if all codes had been issued under it.

    It keeps the law's bound too, which leaves 13 bits.
    """
    for length in range(spec.length, MAX_LENGTH + 1):
        if length * math.log2(len(spec.symbols)) - math.log2(issued) >= least:
            return f"use --length {length} or more with this alphabet"
    return "use an alphabet of more symbols"

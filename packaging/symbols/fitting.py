"""Which symbol a payload needs, which room holds it, and what makes it fit.

Pure. A module is a whole number of dots, so dots decide.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.codes.spec import CodeSpec
from ...codegen.codes.template import BARE, payload, split
from ..profiles.geometry import INCH, LEVELS, MIN_DOTS, SymbolLook, to_mm
from .segno_encoder import Mode, SegnoEncoder, mode_of

FINE_DPI = 2_400  # no press or laser that prints codes is finer


@dataclass(frozen=True)
class SymbolRoom:
    """The room for a symbol, mm; if it is round, `height` and `width` are the diameter."""

    width: float
    height: float
    round: bool = False

    @property
    def square(self) -> float:
        """The side of the largest square in it."""
        return self.width / math.sqrt(2) if self.round else min(self.width, self.height)

    def __str__(self) -> str:
        if self.round:
            return f"ROUND {self.width:g} MM"
        return f"{self.width:g} X {self.height:g} MM"


def mode_for(template: str, spec: CodeSpec) -> Mode:
    """The mode of the largest symbol."""
    return mode_of("".join(split(template)) + spec.symbols)


def _widest(spec: CodeSpec) -> str:
    """A code of the characters that make the largest symbol."""
    return max(spec.symbols, key=mode_of) * spec.length


def version_for(template: str, spec: CodeSpec, level: str) -> int:
    """The version of the largest symbol. Raises `UsageError` if none holds the payload."""
    encoder = SegnoEncoder(level, boost=False, mask=0)
    return encoder.encode(payload(template, _widest(spec))).version


def modules_of(version: int) -> int:
    """Modules per side: ISO/IEC 18004:2015, 6.1."""
    return 17 + 4 * version


def holds(look: SymbolLook, modules: int, room: SymbolRoom) -> int:
    """How many dots per module a room holds."""
    return int(room.square * look.dpi / INCH + 1e-6) // (modules + 2 * look.quiet_zone)


def advice(  # noqa: PLR0913 - all of them decide
    template: str,
    spec: CodeSpec,
    look: SymbolLook,
    room: SymbolRoom | None,
    version: int,
    *,
    fits: bool | None,
) -> Iterator[str]:
    """Advice that makes the symbol smaller or the room large enough; each was tried."""
    upper = template.replace(BARE, "\0").upper().replace("\0", BARE)
    small = version_for(upper, spec, look.level)
    if small < version:
        then = "" if fits else _then(look, small, room)
        yield (
            f"write the address in upper case: version {small} instead of {version}"
            f"{then} (the scan backend must answer upper-case paths; prove "
            "it with WeChat and Alipay)"
        )
    if room is None or fits is not False:
        return
    if (dots := holds(look, modules_of(version), room)) >= MIN_DOTS:
        yield f"take --dots {dots}: then it fits"
        return
    if not _enough(look, small, room) and (found := _shorter(upper, spec, look.level, small)):
        less, better = found
        begin = "then make" if small < version else "make"
        end = "s" if less > 1 else ""
        yield (
            f"{begin} the address {less} character{end} shorter: version {better}"
            f"{_then(look, better, room)}"
        )
    for level in reversed(LEVELS[: LEVELS.index(look.level)]):
        if (better := version_for(template, spec, level)) < version:
            then = _then(look, better, room)
            yield f"take --level {level}: version {better}{then}; less damage is forgiven"
            break
    across = modules_of(version) + 2 * look.quiet_zone
    dpi = math.ceil(across * MIN_DOTS * INCH / room.square)
    if dpi <= FINE_DPI:
        yield f"print at {dpi:,} dpi or more: then it fits"
    side = to_mm(across * MIN_DOTS, look.dpi) * (math.sqrt(2) if room.round else 1)
    name = "a diameter" if room.round else "a side"
    yield f"make room: {name} of {math.ceil(side * 10) / 10:.1f} mm or more"


def _then(look: SymbolLook, version: int, room: SymbolRoom | None) -> str:
    if room is None:
        return ""
    return ": then it fits" if _enough(look, version, room) else ", still too large"


def _enough(look: SymbolLook, version: int, room: SymbolRoom) -> bool:
    return holds(look, modules_of(version), room) >= MIN_DOTS


def _shorter(template: str, spec: CodeSpec, level: str, version: int) -> tuple[int, int] | None:
    """How many characters fewer in the address make a smaller symbol, and its version."""
    prefix, suffix = split(template)
    for less in range(1, len(prefix)):
        found = version_for(prefix[:-less] + BARE + suffix, spec, level)
        if found < version:
            return less, found
    return None

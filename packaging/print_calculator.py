"""`plan`: what a symbol will be, and whether it fits, before any code exists.

A calculator that needs no home, key or ledger. It counts in dots, because a module is a whole
number of dots.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import segno

from ..codegen.codes import address, offline, spreadsheets
from ..codegen.codes.spec import CodeSpec, judge
from ..codegen.codes.template import BARE, payload
from ..codegen.errors import EnvironmentFailure, Refused, UsageError
from ..codegen.files import replace_all
from ..codegen.ranges.serials import Range
from ..codegen.result import Result
from .formats.dummy import dummy_codes
from .profiles.geometry import LEVELS, MAX_DOTS, MIN_DOTS, SymbolLook, to_mm
from .proof import Proof
from .symbols.fitting import SymbolRoom, advice, holds, mode_for, modules_of, version_for
from .symbols.growth import growth_warning
from .symbols.segno_encoder import mode_of

SHAPES = ("rect", "round")
GS1_MODULE = 0.396  # mm, the least X-dimension of the GS1 General Specifications at retail
_PROOFS = ("proof.png", "proof.pdf")


@dataclass(frozen=True)
class PlanRequest:
    """The label and the press; lengths in mm, `speed` in items per minute."""

    url: str | None = None
    length: int = 16
    alphabet: str = "crockford32"
    level: str = "M"
    dpi: int = 600
    dots: int | None = None
    shape: str | None = None
    width: float | None = None
    height: float | None = None
    diameter: float | None = None
    speed: float | None = None
    quantity: int | None = None
    out: Path | None = None


@dataclass(frozen=True)
class PlanResult(Result):
    """A symbol and its room. Sizes in mm; `symbol_mm` includes the quiet zone.

    `fits` is None if no room was given. `advice`: changes that help, each of them tried.
    `word_one_in`: in one of how many codes a given word of three letters stands, None if the
    alphabet has no vowel. `offline_bits` and `offline_seconds`: the work of a thief of
    fingerprint key and fingerprint file, if no other codes are issued under the key.
    """

    template: str
    characters: int
    mode: str
    version: int
    level: str
    modules: int
    dpi: int
    module_dots: int
    module_mm: float
    quiet_zone_mm: float
    symbol_mm: float
    room_mm: float | None
    fits: bool | None
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    codes_per_second: float | None
    hours: float | None
    quantity: int | None
    entropy_bits: float
    guess_probability: float | None
    offline_bits: float | None
    offline_seconds: float | None
    word_one_in: int | None
    files: tuple[Path, ...]

    @property
    def reads(self) -> bool:
        """Whether no file was written."""
        return not self.files

    def lines(self) -> Iterator[str]:
        """The answer first, then the numbers, then what to change."""
        if self.fits is None:
            yield f"QR version {self.version}-{self.level}, {self.symbol_mm:.2f} mm"
        else:
            word = "fits" if self.fits else "DOES NOT FIT"
            yield (
                f"QR version {self.version}-{self.level}, {self.symbol_mm:.2f} mm: {word} "
                f"the room of {self.room_mm:.2f} mm"
            )
        yield f"  payload   {self.characters} characters, {self.mode}: {self.template}"
        yield f"  symbol    {self.modules} x {self.modules} modules, quiet zone 4 on every side"
        yield f"  module    {self.module_dots} dots at {self.dpi} dpi = {self.module_mm:.3f} mm"
        yield f"  quiet     {self.quiet_zone_mm:.2f} mm left free of print on every side"
        if self.codes_per_second is not None:
            hours = f", {self.hours:,.1f} hours" if self.hours is not None else ""
            yield f"  press     {self.codes_per_second:,.1f} codes per second{hours}"
        yield f"  code      {self.entropy_bits:.1f} bits"
        if self.guess_probability is not None:
            yield (
                f"  guessing  one in {1 / self.guess_probability:,.0f} meets one of "
                f"{self.quantity:,} codes; {self.offline_bits:.1f} bits for a thief of the keys"
            )
        if self.offline_bits is not None:
            yield f"            {offline.told(self.offline_bits)},"
            yield "            if no other codes are issued under the same fingerprint key"
        if self.word_one_in is not None:
            yield (
                f"  words     a given word of three letters stands in one of {self.word_one_in:,} "
                "codes; --alphabet clear has no vowels, and so no words"
            )
        for file in self.files:
            yield f"  proof     {file}"
        for warning in self.warnings:
            yield f"warning: {warning}"
        for change in self.advice:
            yield f"change: {change}"


def plan(request: PlanRequest) -> PlanResult:
    """The numbers; with `out` the proof is written too.

    Raises `UsageError` for a wrong template, alphabet, level or geometry, and for a payload
    that no symbol holds; `EnvironmentFailure` if the proof cannot be written.
    """
    spec = CodeSpec.of(request.alphabet, request.length)
    template = BARE if request.url is None else request.url
    about_address = address.chosen(template, spec)
    look = SymbolLook(level=_level(request.level), dpi=request.dpi, version_limit=40)
    room = _room(request)
    version = version_for(template, spec, look.level)
    look, fits = _dots(look, modules_of(version), room, request)
    warnings, guess, bits = _strength(spec, request.quantity)
    warnings += about_address + spreadsheets.cautions(spec, request.quantity)
    if look.module < GS1_MODULE:
        small = f"modules of {look.module:.3f} mm are under GS1's {GS1_MODULE} mm for retail"
        warnings += (f"{small}: prove them by print and scan",)
    if growth := growth_warning(look.dots):
        warnings += (growth,)
    speed = None if request.speed is None else request.speed / 60
    result = PlanResult(
        template=template,
        characters=len(payload(template, "")) + spec.length,
        mode=mode_for(template, spec).name.lower(),
        version=version,
        level=look.level,
        modules=modules_of(version),
        dpi=look.dpi,
        module_dots=look.dots,
        module_mm=round(look.module, 4),
        quiet_zone_mm=round(look.module * look.quiet_zone, 3),
        symbol_mm=round(look.side(modules_of(version)), 3),
        room_mm=None if room is None else round(room.square, 3),
        fits=fits,
        advice=tuple(advice(template, spec, look, room, version, fits=fits)),
        warnings=warnings,
        codes_per_second=speed,
        hours=None if speed is None or not request.quantity else request.quantity / speed / 3_600,
        quantity=request.quantity,
        entropy_bits=round(spec.bits, 2),
        guess_probability=guess,
        offline_bits=bits,
        offline_seconds=None if bits is None else offline.seconds(bits),
        word_one_in=spreadsheets.word_one_in(spec),
        files=(),
    )
    if request.out is None:
        return result
    drawn = _proof(template, spec, look, room, result)
    return replace(result, files=_write(request.out, drawn))


def _level(text: str) -> str:
    level = text.upper()
    if len(level) != 1 or level not in LEVELS:
        raise UsageError(
            "the error correction level is one of L, M, Q, H",
            "M is usual; take Q if the print wears, L if room is short",
        )
    return level


def _room(request: PlanRequest) -> SymbolRoom | None:
    """The room; None if no length describes it."""
    shape = request.shape or ("round" if request.diameter is not None else "rect")
    if shape not in SHAPES:
        raise UsageError("--shape is rect or round", "give --width and --height, or --diameter")
    given = (request.width, request.height, request.diameter)
    for length in given:
        if length is not None and not 1 <= length <= 5_000:
            raise UsageError("lengths are 1 to 5,000 mm", "give them in mm")
    width, height, diameter = given
    if shape == "round":
        across = diameter if diameter is not None else width
        if (diameter is not None and width is not None) or height is not None or across is None:
            raise UsageError(
                "a round room has a --diameter, and no other size", "give --diameter in mm"
            )
        return SymbolRoom(across, across, round=True)
    if diameter is not None:
        raise UsageError("only a round room has a --diameter", "give --width and --height")
    if width is None and height is None:
        if request.shape is not None:
            raise UsageError("how large is the room?", "give --width and --height in mm")
        return None
    return SymbolRoom(width or height or 0.0, height or width or 0.0)


def _dots(
    look: SymbolLook, modules: int, room: SymbolRoom | None, request: PlanRequest
) -> tuple[SymbolLook, bool | None]:
    """The symbol with the dots per module as given, as the room holds, or as GS1 wants."""
    if room is None:
        dots = request.dots or next(
            n for n in range(MIN_DOTS, MAX_DOTS) if to_mm(n, look.dpi) >= GS1_MODULE
        )
        return replace(look, dots=dots), None
    most = holds(look, modules, room)
    dots = request.dots or min(max(most, MIN_DOTS), MAX_DOTS)
    return replace(look, dots=dots), dots <= most


def _strength(
    spec: CodeSpec, quantity: int | None
) -> tuple[tuple[str, ...], float | None, float | None]:
    """Warnings, guess probability and offline strength of `quantity` codes."""
    if quantity is None:
        return (), None, None
    try:
        found = judge(spec, quantity, 0, 0)
    except Refused as error:
        guess, bits = (float(str(error.details[k])) for k in ("guess_probability", "offline_bits"))
        return (f"mint would refuse: {error.message}; {error.hints[0]}",), guess, bits
    return found.warnings, found.guess_probability, found.offline_bits


def _proof(
    template: str, spec: CodeSpec, look: SymbolLook, room: SymbolRoom | None, result: PlanResult
) -> Proof:
    """The symbol of a dummy code, in the version of real codes."""
    code = dummy_codes(Range(1, 1), spec.length, digits=spec.symbols.isdigit()).decode("ascii")
    text = payload(template, code)
    mode = max(mode_of(text), mode_for(template, spec))
    symbol = segno.make_qr(
        text, error=look.level, version=result.version, mode=mode.name, boost_error=False
    )
    side = result.modules
    verdict = "FITS" if result.fits else "DOES NOT FIT"
    lines = (
        "TEST   NOT A CODE FOR PRINT",
        f"QR {result.version}-{look.level}   {side} X {side} MODULES",
        f"{result.symbol_mm:.2f} MM WITH QUIET ZONE {look.quiet_zone} MODULES",
        f"MODULE {look.dots} DOTS AT {look.dpi} DPI = {look.module:.3f} MM",
        "" if room is None else f"ROOM {room}   {verdict}",
        "TRUE SIZE: THE RULER MEASURES 50 MM",
    )
    modules = np.array([list(row) for row in symbol.matrix], dtype=np.bool_)
    return Proof(modules, look, room, tuple(line for line in lines if line))


def _write(folder: Path, drawn: Proof) -> tuple[Path, ...]:
    """Write both pictures, or neither. Those of an earlier proof are replaced."""
    files = tuple(folder.absolute() / name for name in _PROOFS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_all(dict(zip(files, (drawn.png(), drawn.pdf()), strict=True)))
    except OSError as error:
        raise EnvironmentFailure(
            f"the proof cannot be written: {error.strerror}", "name another folder with --out"
        ) from None
    return files

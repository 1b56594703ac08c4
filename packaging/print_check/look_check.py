"""Whether symbols were printed as their profile asks: mirrored or not, light on dark or not.

Pure. A profile that asks for neither gets neither: most telephones cannot read light on dark, and
a mirrored symbol is on the wrong side of the film.

For a profile that asks, a picture of either look is right. The printed side is mirrored, and the
side that people scan, through the film, is not; the file and a proof on paper are light on dark,
and dark material that a laser burnt light is dark on light. Only the maker of the picture knows
which it is, so it is said; symbols of a picture that differ from the others in it are wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..profiles.geometry import SymbolLook
from .recognise import Read


@dataclass(frozen=True)
class Asked:
    """What the profile asks for; None if the profile is not known and may ask for it."""

    mirror: bool | None
    invert: bool | None


class Looks(NamedTuple):
    """The symbols that look otherwise than asked, and what to say of the others."""

    mirrored: list[Read]
    light_on_dark: list[Read]
    notes: tuple[str, ...]


Seen = Sequence[tuple[Read, bool | None]]

_NOTES: dict[tuple[str, bool | None, bool | None], str] = {
    ("mirror", True, True): "seen mirrored, as the profile prints it: people scan the other side, "
    "so photograph that side too",
    ("mirror", True, False): "seen not mirrored: right if the picture was taken through the film, "
    "from the side that people scan",
    ("mirror", None, True): "seen mirrored: right only for a profile with mirror = true",
    ("invert", True, True): "seen light on dark, as the profile draws it: people scan the "
    "material that it is burnt or printed on, so photograph that too",
    ("invert", True, False): "seen dark on light: right on dark material that is burnt or printed "
    "light",
    ("invert", None, True): "seen light on dark: right only for a profile with invert = true",
}


def asked(look: SymbolLook) -> Asked:
    """What a known profile asks for."""
    return Asked(look.mirror, look.invert)


def asked_by_any(looks: Iterable[SymbolLook]) -> Asked:
    """What one of several profiles may ask for."""
    known = list(looks)
    return Asked(
        None if any(look.mirror for look in known) else False,
        None if any(look.invert for look in known) else False,
    )


def check_looks(items: Sequence[Read], due: Asked) -> Looks:
    """The looks of the symbols of a package."""
    mirrored = [(item, item.symbol.look.mirrored) for item in items]
    inverted = [(item, item.symbol.look.light_on_dark) for item in items]
    notes = (
        _NOTES.get(("mirror", due.mirror, _mostly(mirrored))),
        _NOTES.get(("invert", due.invert, _mostly(inverted))),
    )
    return Looks(
        _otherwise(mirrored, due=due.mirror),
        _otherwise(inverted, due=due.invert),
        tuple(note for note in notes if note),
    )


def _otherwise(seen: Seen, *, due: bool | None) -> list[Read]:
    if due is False:
        return [item for item, is_so in seen if is_so]
    pictures: dict[int, dict[bool, list[Read]]] = defaultdict(lambda: {True: [], False: []})
    for item, is_so in seen:
        if is_so is not None:
            pictures[item.picture][is_so].append(item)
    return [item for kinds in pictures.values() for item in min(kinds.values(), key=len)]


def _mostly(seen: Seen) -> bool | None:
    known = [is_so for _, is_so in seen if is_so is not None]
    return 2 * sum(known) >= len(known) if known else None

"""The rooms of the house, read from docs/architecture.md, and the picture drawn of them.

The table there is the one statement of who may import whom: tests/test_arrows.py holds the
code to it, and the picture is this table, drawn. To draw it again:
MINTMARK_WRITE_GOLDEN=1 python -m pytest tests/test_arrows.py
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "images" / "rooms.svg"
HOUSES = ("codegen", "packaging", "activation")


@dataclass(frozen=True)
class Room:
    """`folder` has a slash at its end; `modules` are those that lie flat in it, or empty: all."""

    name: str
    folder: str
    modules: tuple[str, ...]
    holds: str
    may_import: tuple[str, ...]

    @property
    def house(self):
        """codegen, packaging, activation, or empty for the door."""
        return self.folder.split("/")[0]

    def has(self, module):
        """Whether `module` (dotted, from the root) lies here."""
        here = self.folder.strip("/").replace("/", ".")
        if not self.modules:
            return module == here or module.startswith(f"{here}.")
        parent, _, name = module.rpartition(".")
        return parent == here and name in self.modules


def _names(cell):
    return tuple(name.strip().replace("\\", "") for name in cell.split(",") if name.strip())


def read(text=None):
    """The rooms, in the order of the table."""
    text = DOCUMENT.read_text("utf-8") if text is None else text
    table = text.split("<!-- rooms: begin -->")[1].split("<!-- rooms: end -->")[0]
    rooms = []
    for line in table.strip().split("\n")[2:]:
        name, where, holds, arrows = (cell.strip() for cell in line.strip("|").split("|"))
        folder, modules = re.fullmatch(r"`([^`]+)`(.*)", where).groups()
        rooms.append(Room(name, folder, _names(modules), holds, _names(arrows)))
    return rooms


def floors(rooms):
    """Room → its floor: one above the highest of its own house that it imports."""
    by_name, found = {room.name: room for room in rooms}, {}

    def floor(room):
        if room.name not in found:
            below = [by_name[name] for name in room.may_import]
            found[room.name] = 1 + max(
                (floor(other) for other in below if other.house == room.house), default=0
            )
        return found[room.name]

    for room in rooms:
        floor(room)
    return found


def drawn_arrows(rooms):
    """(from, to) within a house, without those that others already imply."""
    by_name = {room.name: room for room in rooms}

    def reached(name):
        found = set()
        for other in by_name[name].may_import:
            if by_name[other].house == by_name[name].house:
                found |= {other} | reached(other)
        return found

    for room in rooms:
        own = [name for name in room.may_import if by_name[name].house == room.house]
        for name in own:
            if not any(name in reached(other) for other in own if other != name):
                yield room.name, name


# --- the picture: three panels, floors from below, in plain SVG ---------------------

BOX_WIDTH, BOX_HEIGHT, GAP, FLOOR, PAD = 152, 46, 14, 84, 18
COLOURS = {"codegen": "#e8f0fe", "packaging": "#e6f4ea", "activation": "#fef7e0", "": "#f1f3f4"}


def _panel(rooms, level, left, bottom):
    """Name → (x, y) of each box, upper left, and the panel's width and height."""
    rows = {}
    for room in rooms:
        rows.setdefault(level[room.name], []).append(room)
    widest = max(len(row) for row in rows.values())
    width = widest * (BOX_WIDTH + GAP) - GAP + 2 * PAD
    height = max(rows) * FLOOR - (FLOOR - BOX_HEIGHT) + 2 * PAD + 20
    places = {}
    for number, row in rows.items():
        used = len(row) * (BOX_WIDTH + GAP) - GAP
        x = left + (width - used) / 2
        for room in row:
            places[room.name] = (x, bottom - PAD - BOX_HEIGHT - (number - 1) * FLOOR)
            x += BOX_WIDTH + GAP
    return places, width, height


def _box(room, x, y):
    where = room.folder if not room.modules else f"{room.folder.rstrip('/')}/*.py"
    where = "cli.py" if room.name == "cli" else where
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5" '
        f'fill="#fff" stroke="#5f6368"><title>{room.holds}</title></rect>'
        f'<text x="{x + BOX_WIDTH / 2:g}" y="{y + 20:g}" class="n">{room.name}</text>'
        f'<text x="{x + BOX_WIDTH / 2:g}" y="{y + 36:g}" class="w">{where}</text>'
    )


def _arrow(start, end, kind="a"):
    x1, y1 = start[0] + BOX_WIDTH / 2, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + BOX_WIDTH / 2, end[1]
    middle = (y1 + y2) / 2
    return (
        f'<path class="{kind}" d="M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} '
        f'{x2:g} {y2 - 5:g}"/>'
    )


def draw(rooms):
    """The picture, SVG."""
    level = floors(rooms)
    of = {house: [room for room in rooms if room.house == house] for house in HOUSES}
    _, lower_width, lower_height = _panel(of["codegen"], level, 0, 0)
    upper = [_panel(of[house], level, 0, 0)[1:] for house in HOUSES[1:]]
    width = max(lower_width, sum(size[0] for size in upper) + 40) + 40
    top = 90 + max(size[1] for size in upper)
    height = top + 60 + lower_height + 20
    body, places = [], {}
    # The gap between the upper houses is the axis: the door's arrow leads through it.
    axis = max(lower_width / 2, upper[0][0] + 20) + 20
    lefts = (axis - lower_width / 2, axis - 20 - upper[0][0], axis + 20)
    for house, left, bottom in zip(HOUSES, lefts, (height - 20, top, top), strict=True):
        found, wide, high = _panel(of[house], level, left, bottom)
        places |= found
        body.append(
            f'<rect x="{left:g}" y="{bottom - high:g}" width="{wide:g}" height="{high:g}" rx="9" '
            f'fill="{COLOURS[house]}"/>'
            f'<text x="{left + 10:g}" y="{bottom - high + 20:g}" class="h">{house}/</text>'
        )
        if house != "codegen":
            middle = left + wide / 2
            body.append(f'<path class="f" d="M{middle:g} {bottom:g}V{bottom + 52:g}"/>')
    door = next(room for room in rooms if room.name == "cli")
    places["cli"] = (axis - BOX_WIDTH / 2, 14)
    commands = [name for name in door.may_import if name.endswith("commands")]
    body.extend(_arrow(places["cli"], places[name]) for name in commands)
    body.extend(_arrow(places[a], places[b]) for a, b in drawn_arrows(rooms) if a in places)
    body.extend(_box(room, *places[room.name]) for room in rooms if room.house or room is door)
    style = (
        "text{font-family:sans-serif;text-anchor:middle;fill:#202124}.n{font-size:12px;"
        "font-weight:600}.w{font-size:10px;fill:#5f6368}.h{font-size:13px;text-anchor:start;"
        "fill:#5f6368}.a{fill:none;stroke:#5f6368;stroke-width:1.1;marker-end:url(#m)}"
        ".f{fill:none;stroke:#5f6368;stroke-width:5;marker-end:url(#m)}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">\n'
        f"<style>{style}</style>\n"
        '<defs><marker id="m" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5f6368"/></marker></defs>\n'
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )

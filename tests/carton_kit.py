"""Codes that belong together, for the line's tests: bottles with caps, cartons, pallets."""

import atexit
import functools
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from line_kit import URL
from station_kit import make_home

from mintmark.codegen.ledger import changes as c
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.serials import Range


@dataclass(frozen=True)
class Scene:
    """The ids of batches: `caps` are on the bottles, `pallets` bear SSCCs alone."""

    bottles: str
    caps: str
    jars: str
    cartons: str
    pallets: str


def home_with_cartons(folder, bottles=120, cartons=30):
    """A home in `folder` and its scene: copied from a home that is made once."""
    home, scene = _made(bottles, cartons)
    shutil.copytree(home.path, folder / "home")
    return replace(home, path=folder / "home", opened=[]), scene


@functools.cache
def _made(bottles, cartons):
    folder = Path(tempfile.mkdtemp(prefix="mintmark-cartons-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = make_home(folder)
    station = home.station()
    station.ledger.commit(station.author, c.ContactAdded("li", "Ms Li", None))
    first = home.mint(bottles, url=URL, role="inner").batch
    caps = home.mint(bottles, url=URL, role="outer", pair_of=first).batch
    jars = home.mint(bottles, url=URL).batch
    boxes = home.mint(cartons, url=URL, role="carton").batch
    pallets = home.mint(6, role="pallet", sscc=SsccRequest("6901234")).batch
    for batch, quantity in ((first, bottles), (caps, bottles), (jars, bottles), (boxes, cartons)):
        exported(home, station, batch, quantity)
    home.close()
    return home, Scene(first, caps, jars, boxes, pallets)


def exported(home, station, batch, last, **more):
    """All codes of a batch in a package; returns its unit."""
    package, reel = station.new_id(), Range(1, last)
    unit = c.Unit(f"{package}-1", "data/0001.csv", 1, last, last, "00" * 32)
    station.ledger.commit(
        station.author,
        c.ExportBegun(package, batch, (reel,), "li", "csv", **more),
        c.Packaged(
            package, URL, "a.zip", 1, "0" * 64, "0" * 64, home.custodian.public.key_id, (unit,),
            URL if "pair" in more else None,
        ),
    )  # fmt: skip
    return unit.unit


def packing(station, parent, *children, action=Packing.ASSOCIATE, each=None):
    """`children`, (batch, serials) each, join `parent`, (batch, serial or serials), or leave it."""
    batch, numbers = parent
    numbers = [numbers] if isinstance(numbers, int) else numbers
    parts = tuple(CodeRanges(of, serials.of(found)) for of, found in sorted(children))
    parents = CodeRanges(batch, serials.of(numbers))
    return c.Associated(station.new_order_id(), action, parents, parts, each)


def pack(station, parent, *children, **more):
    """Book that they do."""
    station.ledger.commit(station.author, packing(station, parent, *children, **more))


def unpack(station, parent, *children):
    """The opposite."""
    pack(station, parent, *children, action=Packing.DISSOCIATE)


def told(station):
    """The backend has taken what is queued, without having been asked."""
    with station.ledger.read() as view:
        queued = view.orders(status="queued", limit=1_000)
    station.ledger.commit(station.author, *(c.Settled(row.order, "acknowledged") for row in queued))

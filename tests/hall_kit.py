"""A packing hall for tests: bottles, packs, cartons and pallets of a home, and their codes."""

import json
from dataclasses import dataclass

from line_kit import packaged
from station_kit import make_home

from mintmark.activation.intake.line import OrderStream
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.mint_sscc import SsccRequest, sscc_of
from mintmark.codegen.ranges.aggregation import CodeRef

ITEM_URL = "HTTPS://Q.EXAMPLE.CN/{code}"
CARTON_URL = "https://q.example.cn/box/{code}"


@dataclass
class Hall:
    """`items`, `cartons`, `pallets` are batches; `codes` has the codes of each, from serial 1."""

    home: object
    items: str
    cartons: str
    pallets: str
    codes: dict

    def item(self, serial):
        """The address of a bottle."""
        return ITEM_URL.format(code=self.codes[self.items][serial - 1])

    def carton(self, serial):
        """The address of a carton."""
        return CARTON_URL.format(code=self.codes[self.cartons][serial - 1])

    def sscc(self, serial):
        """The SSCC of a pallet."""
        with self.home.station().ledger.read() as view:
            return sscc_of(view.batch(self.pallets), serial)

    def names(self, first_item=1, first_carton=1, count=8):
        """Placeholders of a stream: `u1` an address, `c1` a bare code, `K1`, `k1` a carton's."""
        found = {}
        for n in range(1, count + 1):
            code = self.codes[self.items][first_item + n - 2]
            found |= {f"u{n}": ITEM_URL.format(code=code), f"c{n}": code}
        for n in (1, 2):
            code = self.codes[self.cartons][first_carton + n - 2]
            found |= {f"K{n}": CARTON_URL.format(code=code), f"k{n}": code}
        return found

    def inside(self, station, carton):
        """The serials of the bottles in a carton."""
        with station.ledger.read() as view:
            parts = view.children(CodeRef(self.cartons, carton))
        return [n for part in parts for r in part.serials for n in range(r.first, r.last + 1)]


def make_hall(folder, items=60, cartons=12, pallets=3):
    """A home whose codes are packaged: bottles, cartons, and pallets with SSCCs."""
    home = make_home(folder)
    station = home.station()
    station.ledger.commit(station.author, c.ContactAdded("li", "Ms Li", None))
    bottles = packaged(home, items, items, url=ITEM_URL)
    boxes = packaged(home, cartons, cartons, url=CARTON_URL, role="carton")
    loads = home.mint(pallets, role="pallet", sscc=SsccRequest("6901234")).batch
    codes = {batch: home.codes(batch) for batch in (bottles, boxes)}
    home.close()
    return Hall(home, bottles, boxes, loads, codes)


def packings(station):
    """Every association in the books."""
    with station.ledger.read() as view:
        events = view.events(limit=10_000)
        return [event.change for event in events if isinstance(event.change, c.Associated)]


def line_of(station, http=None, **more):
    """`line run` on a home, without a process."""
    stream = OrderStream(station, http, **more)
    return lambda **message: stream.answer(json.dumps(message).encode())

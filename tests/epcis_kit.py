"""A ledger with two cartons on a pallet, and what is told of it in EPCIS."""

import dataclasses
import json
from zoneinfo import ZoneInfo

import ledger_kit as kit

from mintmark.packaging.epcis.called import CalledBySerial
from mintmark.packaging.epcis.document import TellingStyle
from mintmark.packaging.epcis.links import Links
from mintmark.packaging.epcis.names import Naming
from mintmark.packaging.epcis.telling import Telling, Wanted

BOTTLES, CARTONS, PALLETS = "4F2K-B0TTAAAA", "4F2K-CARTAAAA", "4F2K-PA11AAAA"
HOME = "4F2K-AAAAAAAAAAAA"
GTIN = "06901234567892"
LINK = f"HTTPS://T.EXAMPLE.CN/01/{GTIN}/21/{{code}}"
BOTTLE = f"https://id.gs1.org/01/{GTIN}/21/B0TTAAAA-s"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def with_batches(path):
    """Bottles and cartons that are printed, and pallets with SSCCs."""
    made = kit.create(path)
    bottles = dataclasses.replace(kit.minted(BOTTLES, 5_000), url=LINK)
    cartons = dataclasses.replace(kit.minted(CARTONS, 50), role="carton", url=None)
    made.commit(kit.STATION, bottles, cartons, kit.with_ssccs(PALLETS, 3, "pallet", 1))
    for batch, package, last in ((BOTTLES, "P1", 5_000), (CARTONS, "P2", 50)):
        kit.with_package(made, batch, package, (1, last))
    return made


def told(ledger, naming=Naming(), **more):  # noqa: B008 - frozen
    """The document, and its events."""
    with ledger.read() as view, Links() as links:
        style = TellingStyle(naming, SHANGHAI)
        telling = Telling(view, CalledBySerial(view, naming), links, style, Wanted(**more))
        text = b"".join(telling.text(HOME, kit.START)).decode("utf-8")
        found = json.loads(text)["epcisBody"]["eventList"]
        names = sum(len(e.get("epcList") or e["childEPCs"]) for e in found)
        assert (telling.events, telling.names) == (len(found), names)
        return text, found


def story(ledger):
    """Two cartons are packed, put on a pallet, sold; a bottle is replaced."""
    order = kit.ordered
    ledger.commit(kit.LINE, kit.packed("A1", (CARTONS, (1, 2)), (BOTTLES, (1, 48)), each=24))
    ledger.commit(kit.LINE, kit.packed("A2", (PALLETS, (1, 1)), (CARTONS, (1, 2))))
    values = {"lot": "L1", "product": "绿茶", "dealer": "D7"}
    ledger.commit(kit.LINE, order("O1", BOTTLES, "activate", (1, 2_500), attributes=values))
    ledger.commit(kit.LINE, kit.unpacked("A3", None, (BOTTLES, (3, 3))))
    void = order("O2", BOTTLES, "void", (3, 3), (4_000, 4_000), reason="damaged", count=2)
    ledger.commit(kit.LINE, void)
    ledger.commit(kit.LINE, kit.packed("A4", (CARTONS, (1, 1)), (BOTTLES, (2_600, 2_600))))

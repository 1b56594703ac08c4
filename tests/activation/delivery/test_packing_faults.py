"""What lies in what, through a network at its worst, to a backend that restarts: the books agree.

MINTMARK_FAULT_SEEDS=200 (`make test-faults`) runs as many seeds; the suite runs two.
"""

import os
import random
import threading

import pytest
from ledger_kit import all_links
from line_kit import client, until
from packing_desk import desk_in
from proxy import Proxy, Seeded

from mintmark.activation.delivery.deliver import Courier
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger.changes import Settled
from mintmark.codegen.ranges.aggregation import CodeRef, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

SEEDS = range(int(os.environ.get("MINTMARK_FAULT_SEEDS", "2")))
ORDERS = 24


def drawn(dice, desk, number, model):
    """Book a random change, as the ledger takes it; `model` knows every code by itself."""
    batch = dice.choice((desk.items, desk.items, desk.others))
    first, carton = dice.randint(1, 60), dice.randint(1, 5)
    serials = range(first, first + dice.choice((1, 4, 12)))
    children = [(batch, serials[0], serials[-1])]
    kind = dice.choice(("associate", "associate", "dissociate", "empty", "each", "order"))
    codes = [CodeRef(batch, serial) for serial in serials]
    try:
        if kind == "order":
            desk.order(batch, f"{serials[0]}-{serials[-1]}", Action.ASSIGN, attributes={"lot": "L"})
        elif kind == "each":
            last = carton + -(-len(serials) // 4) - 1
            desk.associate(f"p-{number}", *children, carton=Range(carton, last), each=4)
            model |= {
                code: CodeRef(desk.cartons, carton + at // 4) for at, code in enumerate(codes)
            }
        elif kind == "associate":
            desk.associate(f"p-{number}", *children, carton=carton)
            model |= dict.fromkeys(codes, CodeRef(desk.cartons, carton))
        else:
            left = None if kind == "empty" else carton
            desk.associate(f"p-{number}", *children, carton=left, action=Packing.DISSOCIATE)
            for code in codes:
                del model[code]
    except Refused:
        return False
    return True


def read(links):
    """Code by code, what a chain of links says."""
    return {
        CodeRef(link.batch, serial): link.parent
        for link in links
        for serial in range(link.serials.first, link.serials.last + 1)
    }


def deliver_all(desk, url, dice):
    """Tries until nothing is queued; meanwhile the backend goes down once."""
    down = threading.Timer(dice.random() / 2, lambda: (desk.backend.stop(), desk.backend.start()))
    down.start()

    def nothing_waits():
        with client(url) as line:
            Courier(desk.station, line).deliver()
        with desk.station.ledger.read() as view:
            return not view.queued()

    try:
        until(nothing_waits)
    finally:
        down.join()


@pytest.mark.parametrize("seed", SEEDS)
def test_ledger_and_backend_agree_on_what_every_code_lies_in(seed, tmp_path):
    dice, script, model, booked = random.Random(seed), Seeded(seed), {}, 0
    with desk_in(tmp_path) as desk:
        with Proxy(desk.backend.url, script, delay=0.01) as proxy:
            for part in range(2):
                for number in range(ORDERS // 2):
                    booked += drawn(dice, desk, f"{part}-{number}", model)
                deliver_all(desk, proxy.url, dice)
            script.quiet = True
            # What was held up in the network arrives at last, days late.
            proxy.release()
        batches = (desk.items, desk.others, desk.cartons)
        there = [read(desk.real.parents_page(batch).links) for batch in batches]
        with desk.station.ledger.read() as view:
            here = [read(all_links(view, batch)) for batch in batches]
            rows = view.orders(limit=1_000)
            events = [event.change for event in view.events(limit=10_000)]
        assert there == here
        assert here[0] | here[1] == model
        settled = [change.order for change in events if isinstance(change, Settled)]
        assert len(settled) == len(set(settled))
        assert {row.status for row in rows} == {"acknowledged"}
        assert all(reconcile(desk.station, desk.real, batch).equal for batch in batches)
    assert booked > ORDERS // 3
    assert sum(proxy.faults.values()) > 5

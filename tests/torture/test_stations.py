"""Many stations, one brand, and everything that goes wrong: ten minutes of it in full.

Three stations in two factories, four lines, several deliverers, a custodian, a backend; a station
that was retired, and one whose clock is ahead; one that is killed at every failpoint, and a factory
that moves to the shared servers and back meanwhile. Networks fail, processes are killed or stand
still, the database moves to its standby. When all is quiet, everything is true to the last code.
"""

import time

import pytest
from patience import PATIENCE
from torture import after, doomed
from torture.brand import Brand
from torture.mover import Mover
from torture.runner import POSIX, REDRAWN
from torture.scale import PART, SEED, dice
from torture.services import Service, Stream, Watched
from torture.shift import FINE, QUEUED, REFUSED, Line, Office, Retired, Told
from torture.still import Frozen
from torture.storm import KINDS, TROUBLES, Storm

FULL = PART > 0.1
SECONDS = 600 * PART if FULL else 15
# Codes of a mint at two stations at once, in so many batches each; and in a mint during the storm.
EACH, BATCHES, DURING = (round(125_000 * PART), 4, 2_000) if FULL else (1_500, 1, 150)
# Bits of a fingerprint that are compared: so few that codes do meet.
BITS = (32 if PART >= 1 else 26) if FULL else 22
PACKAGED = 60
FEW = None if FULL else 2  # of what is killed
# Where the failpoints stand that a station is killed at, and what it does then.
FAILPOINTS = {
    "codegen/mint.py": ("mint",),
    "codegen/mint_book.py": ("mint",),
    "codegen/stored.py": ("mint",),
    "packaging/export.py": ("export",),
    "codegen/station/publish.py": ("mint", "export"),
    "activation/delivery/attempt.py": ("order",),
    "activation/away/queue.py": ("order_away", "drain"),
    "activation/away/drain.py": ("drain",),
    "codegen/stations/admit.py": ("welcome",),
    "codegen/stations/retire.py": ("farewell",),
    "codegen/ledger/moving.py": ("ledger_there", "ledger_back"),
    "codegen/ledger_move.py": ("ledger_there", "ledger_back"),
    "codegen/vault_move.py": ("vault_there", "vault_back"),
}
pytestmark = [
    pytest.mark.skipif(not POSIX, reason="the runner forks"),
    pytest.mark.timeout(3 * PATIENCE + 2 * SECONDS),
]


@pytest.fixture
def brand(tmp_path, byte_code):
    with Brand(tmp_path / "brand", byte_code) as made:
        yield made


def test_the_brand_lives_through_it(brand, figures):
    told = Told()
    factories(brand)
    at_once(brand, told)
    packaged(brand, told)
    weather(brand, told)
    drained(brand)
    codes = everything_is_true(brand, told)
    told_of(brand, told, codes, figures)
    assert faults(brand)
    assert told.killed
    if FULL:
        everything_happened(brand, told)


def everything_happened(brand, told):
    """Each kind of what may go wrong went wrong, and was gone through."""
    assert faults(brand).keys() >= KINDS
    assert told.troubles.keys() >= set(TROUBLES)
    assert doomed.unseen(told.killed, FAILPOINTS) == []
    assert redrawn(brand)
    booked = {order for (order,) in brand.rows("SELECT order_id FROM orders")}
    assert told.waited & booked
    assert told.taken
    assert brand.moved


def told_of(brand, told, codes, figures):
    """The figures of a run."""
    figures("codes of a brand's stations, each once", codes, f"{redrawn(brand)} drawn again")
    lost = {f"exit {code}": count for code, count in told.ends.items()}
    figures("their commands", sum(told.ends.values()), listed(lost))
    figures("faults of their networks", sum(faults(brand).values()), listed(faults(brand)))
    figures("troubles", sum(told.troubles.values()), listed(told.troubles))
    killed = {" ".join(at): count for at, count in told.killed.items()}
    figures("killed at failpoints", sum(killed.values()), listed(killed))
    figures("orders that waited for the ledger", len(told.waited), f"of {len(told.orders)}")
    figures("orders taken over from a process that stood still", len(told.taken), "leases")


def listed(counts):
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def redrawn(brand):
    """Codes that were drawn again, since another station booked their like meanwhile."""
    points = [point for site in brand.sites.values() for point in site.points]
    return sum(int(point[len(REDRAWN) :]) for point in points if point.startswith(REDRAWN))


def weather(brand, told):
    """All work while networks fail; in the middle the database moves to its standby."""
    services = [
        Service(brand, "huaxin-2", "deliver", "--watch"),
        Watched(brand, "suzhou-1", told),
        Stream(brand, "huaxin-1", told),
    ]
    storm = Storm(brand, dice("storm"), SECONDS / 2, services)
    workers = [storm, *services, *unlucky(brand, told)]
    workers += shift(brand, told, time.monotonic() + SECONDS)
    for one in workers:
        one.start()
    try:
        for one in workers[4:]:
            one.join()
    finally:
        storm.over.set()
        storm.join()
        brand.calm()
        told.troubles = storm.seen
        for one in services:
            one.end()
    failures = [f"{type(one).__name__}: {one.failed!r}" for one in workers if one.failed]
    assert not failures, "\n".join([f"seed {SEED}", *failures])


def factories(brand):
    """Two factories; a fourth station has left."""
    always = {"prefix_bits": BITS}
    first = brand.found("huaxin-1", **always)
    brand.join("huaxin-2", **always)
    brand.join("suzhou-1", **always, clock="+120")
    unlucky_ones = ("wuxi-0", "wuxi-1") if FULL else ("wuxi-0",)
    for name in unlucky_ones:
        brand.join(name, **always).sheltered = True
    left = brand.join("beijing-0", **always)
    for site, line in (
        *((first, "line-1"), (brand.sites["huaxin-2"], "line-2")),
        *((brand.sites["suzhou-1"], "line-3"), (brand.sites["suzhou-1"], "line-4")),
        *((brand.sites[name], f"line-{name}") for name in unlucky_ones),
        (left, "line-r"),
    ):
        site.run("key", "new", line, due=(FINE,))
    first.run("contact", "add", "li", "--name", "Li Wei", due=(FINE,))
    first.run("station", "retire", "beijing-0", "--reason", "closed", due=(FINE,))
    brand.backend()


def at_once(brand, told):
    """Two stations mint at the same time."""
    sites = [brand.sites["huaxin-1"], brand.sites["suzhou-1"]]
    for number in range(BATCHES):
        for site in sites:
            words = (
                "mint",
                "--quantity",
                str(EACH),
                "--ref",
                f"big-{site.name}-{number}",
                "--json",
            )
            site.runner.start(words, site.root, env=site.environment, **site.always)
        for site in sites:
            done = site.runner.end()
            site.judge(("mint",), done)
            assert done.code == FINE, done
            told.batches.append((done.json["batch"], PACKAGED))


def packaged(brand, told):
    """The first codes of each batch are on their way to the printer."""
    site = brand.founder
    for batch, count in told.batches:
        password = f"pw/{batch}"
        made = site.ask(
            *("export", batch, "--to", "li", "--out", "sent", "--serials", f"1-{count}"),
            *("--password-file", password, *brand.key),
        )
        told.packages.append((made["package"], site, password))


def shift(brand, told, until):
    """Who works."""
    sites = brand.sites
    at = {name: lambda name=name: sites[name].beside(brand.twin()) for name in sites}

    def given(site, name):
        return (site(), told, dice("stations", name), until)

    offices = [
        Office(*given(at[name], f"office {name}"), brand=brand, codes=DURING)
        for name in ("huaxin-1", "huaxin-2", "suzhou-1")
    ]
    lines = [
        Line(*given(at[name], line), line=line)
        for name, line in (("huaxin-1", "line-1"), ("huaxin-2", "line-2"), ("suzhou-1", "line-3"))
    ]
    return [*offices, *lines, Retired(*given(at["beijing-0"], "retired"))]


def unlucky(brand, told):
    """Who is killed at every failpoint; who moves meanwhile; and who stands still."""
    given = {"brand": brand, "few": FEW}
    yield doomed.Unlucky(brand.sites["wuxi-0"], told, dice("doomed"), **given)
    if FULL:
        yield Mover(brand.site("nanjing"), told, dice("moves"), **given)
        yield Frozen(brand.sites["wuxi-1"], told, dice("still"), brand=brand)


def drained(brand):
    """What people do in the evening: all that waits goes out, of each station by itself.

    What a killed process was about to send, its own station takes over at once, others in minutes.
    """
    working = [site for site in brand.sites.values() if site.name != "beijing-0"]
    for site in working:
        site.run("doctor", "--repair")
    waits, until = None, 0.0
    while queued := brand.rows("SELECT order_id FROM orders WHERE status = 'queued'"):
        # However long it takes, as long as it goes on.
        head = brand.rows("SELECT max(seq) FROM events")
        if (queued, head) != waits:
            waits, until = (queued, head), time.monotonic() + PATIENCE
        assert time.monotonic() < until, queued
        for site in working:
            site.run("deliver", due=(FINE, 3, 6, QUEUED))
    for site in working:
        site.run("deliver", due=(FINE, 3, 6))
        assert site.ask("orders", "away")["waiting"] == []


def everything_is_true(brand, told):
    """To the last code, and to the last byte."""
    working = [site for site in brand.sites.values() if site.name != "beijing-0"]
    for site in working:
        site.run("audit", "verify", due=(FINE,))
        findings = site.ask("doctor", due=(FINE, 5))["findings"]
        # Orders that the books refused when they were back are for people to settle.
        assert {one["check"] for one in findings if one["level"] == "error"} <= {"away"}, findings
    after.books_balance(brand)
    kept(brand, told)
    unnamed = after.bucket_agrees(brand)
    assert all("/" in key for key in unnamed)
    for (batch,) in brand.rows("SELECT batch FROM batches"):
        brand.founder.run("reconcile", batch, due=(FINE,))
    codes, prints = after.codes_of(working[-1], brand.custodian())
    after.no_code_twice(codes, prints, BITS)
    after.each_in_one_package(told, codes)
    assert after.readable(brand, codes) == []
    return sum(map(len, codes.values())) // after.CODE


def kept(brand, told):
    """What was promised is booked, once; what was refused is not."""
    booked = {order for (order,) in brand.rows("SELECT order_id FROM orders")}
    refused = {
        row["order"]
        for site in brand.sites.values()
        if site.name != "beijing-0"
        for row in site.ask("orders", "away")["refused"]
    }
    for order, code in told.orders.items():
        if code == FINE:
            assert order in booked, order
        elif code == QUEUED:
            assert (order in booked) != (order in refused), order
        elif code in REFUSED:
            assert order not in booked, (order, told.refusals.get(order))
    batches = brand.rows("SELECT ref, batch, quantity FROM batches WHERE ref IS NOT NULL")
    assert len({ref for ref, _, _ in batches}) == len(batches)
    by_ref = {ref: (batch, quantity) for ref, batch, quantity in batches}
    for ref, ends in told.mints.items():
        for code, batch, quantity in ends:
            if code == FINE:
                assert by_ref[ref] == (batch, quantity)


def faults(brand):
    """What went wrong how often, on all networks."""
    found = {}
    for network in brand.networks:
        for name, count in network.faults.items():
            found[name] = found.get(name, 0) + count
    return found

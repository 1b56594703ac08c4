"""Many stations, one brand, as a story: everybody does what they do, once, and all of it is true.

What goes wrong at random, for ten minutes: `tests/torture/test_stations.py`.
"""

import pytest
from torture import after
from torture.brand import Brand
from torture.runner import POSIX
from torture.shift import Told
from wire_proxy import LOST

FINE, REFUSED, AWAY, WAITS = 0, 3, 6, 75
CODES = 200


class AnswerLost:
    """The answer of the first COMMIT is lost, of no other."""

    def __init__(self):
        self.left = [LOST]

    def __call__(self, moment):
        return self.left.pop() if moment.name == "commit" and self.left else ""


@pytest.mark.skipif(not POSIX, reason="the runner forks")
def test_three_stations_two_factories_a_custodian_and_four_lines(tmp_path, byte_code):
    with Brand(tmp_path / "brand", byte_code) as brand:
        # Two factories. Who joins is admitted by words, and may do what the roster says.
        huaxin = brand.found("huaxin-1")
        packing = brand.join("huaxin-2", "mint,order")
        suzhou = brand.join("suzhou-1", clock="+120")  # its clock is two minutes ahead
        for site, line in ((huaxin, 1), (packing, 2), (suzhou, 3), (suzhou, 4)):
            site.run("key", "new", f"line-{line}", due=(FINE,))
        huaxin.run("contact", "add", "li", "--name", "Li Wei", due=(FINE,))
        brand.backend()

        # Two stations mint at once; each batch is everybody's.
        told = Told()
        for site in (huaxin, suzhou):
            words = ("mint", "--quantity", str(CODES), "--ref", site.name, "--json")
            site.runner.start(words, site.root, env=site.environment, **site.always)
        batches = [site.runner.end().json["batch"] for site in (huaxin, suzhou)]
        listed = packing.ask("batch", "list")["batches"]
        assert {row["batch"]: row["quantity"] for row in listed} == dict.fromkeys(batches, CODES)

        # The custodian is asked for by an export; a station without that right is refused.
        export = ("export", batches[0], "--to", "li", "--out", "sent", "--serials", "1-100")
        packing.run(*export, "--password-file", "pw/a", *brand.key, due=(REFUSED,))
        for batch in batches:
            words = ("export", batch, *export[2:], "--password-file", f"pw/{batch}", *brand.key)
            told.packages.append((suzhou.ask(*words)["package"], suzhou, f"pw/{batch}"))

        # Four lines in two factories. The backend hears no station whose clock is wrong; another
        # sends what was ordered there.
        for site, line, batch in ((huaxin, 1, 0), (packing, 2, 0), (suzhou, 3, 1), (suzhou, 4, 1)):
            few = f"{10 * line + 1}-{10 * line + 10}"
            words = ("activate", batches[batch], "--serials", few, "--line", f"line-{line}")
            due = (WAITS,) if site is suzhou else (FINE,)
            site.run(*words, "--order", f"reel-{line}", due=due)
        assert packing.ask("deliver")["queued"] == 0

        # A COMMIT whose answer is lost came to pass, once, and whoever asked is told so.
        packing.database.fault = AnswerLost()
        words = ("freeze", batches[0], "--serials", "21-25", "--line", "line-2", "--order", "f-1")
        packing.run(*words, due=(FINE,))
        assert packing.database.faults == {"commit: answer lost": 1}

        # The database is away for one factory: its line goes on, and a mint says why it does not.
        suzhou.database.down()
        words = ("activate", batches[1], "--serials", "81-90", "--line", "line-3")
        suzhou.run(*words, "--order", "reel-9", due=(WAITS,))
        suzhou.run("mint", "--quantity", 5, "--ref", "later", due=(AWAY,))
        suzhou.bucket.down()
        suzhou.database.up()
        suzhou.run("mint", "--quantity", 5, "--ref", "later", due=(AWAY,))
        suzhou.bucket.up()

        # The database moves to its standby. Nothing that was told is lost; what waited is booked.
        brand.failover()
        suzhou.run("deliver", due=(WAITS,))
        huaxin.run("deliver", due=(FINE,))
        shown = huaxin.ask("orders", "show", "reel-9")
        assert shown["status"] == "acknowledged"
        assert suzhou.ask("orders", "away") == {"waiting": [], "refused": []}
        suzhou.run("mint", "--quantity", 5, "--ref", "later", due=(FINE,))

        # A station leaves.
        huaxin.run("station", "retire", "huaxin-2", "--reason", "closed", due=(FINE,))
        packing.run("mint", "--quantity", 5, "--ref", "never", due=(REFUSED,))

        all_of_it_is_true(brand, told, batches)


def all_of_it_is_true(brand, told, batches):
    """Books, backend and bucket agree, and nobody but the buyer knows a code."""
    huaxin, suzhou = brand.sites["huaxin-1"], brand.sites["suzhou-1"]
    for site in (huaxin, suzhou):
        site.run("audit", "verify", due=(FINE,))
    for batch in batches:
        huaxin.run("reconcile", batch, due=(FINE,))
    after.books_balance(brand)
    after.bucket_agrees(brand)
    codes, prints = after.codes_of(suzhou, brand.custodian())
    assert len(codes) == 3
    after.no_code_twice(codes, prints)
    after.each_in_one_package(told, codes)
    assert after.readable(brand, codes) == []

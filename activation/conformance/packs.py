"""What the clauses about aggregations share: batches to pack, calls, and what lies in what."""

from collections.abc import Mapping
from typing import Any

from .outcome import Broken, NotOffered, expect
from .probe import Answer, Probe
from .trial import Serials, Trial

NONE = (404, 405, 501)
PAGE_LINKS = 10_000
CARTONS, PALLETS = 3_000, 1_000
Part = dict[str, Any]
Where = tuple[str, int] | None  # batch and serial of what a code lies in


def cartons(t: Trial) -> Trial:
    """A batch of cartons. Raises `NotOffered` if the backend keeps no aggregations."""
    found = t.other("cartons", role="carton", quantity=CARTONS)
    if page(found, CARTONS - 1).status in NONE:
        raise NotOffered("the backend has no GET /v1/batches/{batch}/parents")
    return found


def pallets(t: Trial) -> Trial:
    """A batch of pallets."""
    return t.other("pallets", role="pallet", quantity=PALLETS)


def bottles(t: Trial) -> Trial:
    """A batch of what is packed."""
    return t.other("bottles")


def part(batch: Trial, *ranges: Serials) -> Part:
    """Codes of a batch, as JSON."""
    return {"batch": batch.batch, "serials": [list(pair) for pair in ranges]}


def body(action: str, parents: Part | None, *children: Part, **more: object) -> dict[str, Any]:
    """An aggregation's JSON object."""
    return {"action": action, "parents": parents, "children": list(children), **more}


def put(
    t: Trial, wanted: Mapping[str, Any], name: str | None = None, probe: Probe | None = None
) -> Answer:
    """Send an aggregation, under a new id unless it has a `name`."""
    return (probe or t.probe)("PUT", f"/v1/aggregations/{name or t.order_id()}", wanted)


def get(t: Trial, name: str, probe: Probe | None = None) -> Answer:
    """Ask for what was answered under this id."""
    return (probe or t.probe)("GET", f"/v1/aggregations/{name}")


def done(t: Trial, wanted: Mapping[str, Any], name: str | None = None) -> Mapping[str, Any]:
    """An aggregation that must be taken; its answer."""
    answer = put(t, wanted, name)
    if answer.status != 200 or not isinstance(answer.data, dict):
        raise Broken(f"{wanted['action']} is taken: 200 with the answer", answer)
    found: Mapping[str, Any] = answer.data
    return found


def pack(
    t: Trial, parents: Part, *children: Part, each: int | None = None, name: str | None = None
) -> Mapping[str, Any]:
    """Put children into parents, which must be taken."""
    return done(t, body("associate", parents, *children, each=each), name)


def unpack(
    t: Trial, parents: Part | None, *children: Part, each: int | None = None
) -> Mapping[str, Any]:
    """Take children out of parents, which must be taken."""
    return done(t, body("dissociate", parents, *children, each=each))


def page(batch: Trial, after: int = 0, probe: Probe | None = None) -> Answer:
    """A page of what the codes of a batch lie in."""
    return (probe or batch.probe)("GET", f"/v1/batches/{batch.batch}/parents?after={after}")


def links(batch: Trial, after: int = 0, last: int | None = None) -> list[tuple[int, int, Where]]:
    """The links after serial `after`, up to the one that holds `last`; pages put together.

    Raises `Broken` for a page that is not of the document's form.
    """
    found: list[tuple[int, int, Where]] = []
    while True:
        answer = page(batch, after)
        expect(answer.status, 200, "the status of a page of parents")
        data = answer.data
        expect(data["batch"], batch.batch, "the batch of a page of parents")
        if found and not data["links"]:
            raise Broken("next is null if no link follows", after)
        if len(data["links"]) > PAGE_LINKS:
            raise Broken(f"at most {PAGE_LINKS} links a page", len(data["links"]))
        for link in data["links"]:
            (first, end), parent = link["serials"], link["parent"]
            if not after < first <= end:
                raise Broken(f"links that ascend after serial {after}", link["serials"])
            after = end
            found.append((first, end, (parent["batch"], parent["serial"])))
        following = data["next"]
        if following is None or (last is not None and after >= last):
            return found
        # Also: a page that shows nothing and goes on would have no end.
        if not data["links"] or following != after:
            raise Broken("next is the last serial of the page", following)


def lies(batch: Trial, serials: Serials) -> list[Where]:
    """What each serial lies in."""
    first, last = serials
    found: list[Where] = [None] * (last - first + 1)
    for begin, end, parent in links(batch, first - 1, last):
        for serial in range(max(begin, first), min(end, last) + 1):
            found[serial - first] = parent
    return found


def expect_in(batch: Trial, serials: Serials, *wanted: tuple[Trial, int, int] | int) -> None:
    """Raises `Broken` unless they lie so: runs of (parents, serial, how many), or of none."""
    meant: list[Where] = []
    for run in wanted:
        if isinstance(run, int):
            meant += [None] * run
        else:
            meant += [(run[0].batch, run[1])] * run[2]
    expect(lies(batch, serials), meant, "what each serial lies in")

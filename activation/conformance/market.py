"""What the clauses on windows, parties, scan-ins and who watches share.

Calls, and whether a backend of before has them at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from .clause import Attempt
from .form import AS_AGREED
from .outcome import Broken, NotOffered, expect
from .packs import NONE
from .probe import Answer, Probe
from .trial import Serials, Trial

DEALER = "D7"  # whose goods the dealer's key takes in: docs/conformance.md
LIMITED = "limited: the backend takes no more scans from here for now"
PAGE_ROWS = 1_000
Object = dict[str, Any]


def with_windows(attempt: Attempt) -> Attempt:
    """Have the clause not offered at a backend of before windows and gates."""

    def guarded(t: Trial) -> None:
        expect_windows(t)
        attempt(t)

    return guarded


def expect_windows(t: Trial) -> None:
    """Raises `NotOffered` if orders know no windows, or no gates."""
    serials = t.serials(1)
    window = {"window.w": {"until": "2020-01-01T00:00:00Z", "attributes": {"lot": "L"}}}
    for patch, what in ((window, "window.…"), ({"gate": "scan_in"}, "gate")):
        answer = t.order("assign", serials, attributes=patch, dry_run=True)
        if answer.problem == "invalid":
            raise NotOffered(f"the backend knows no attribute {what}")


def with_parties(attempt: Callable[[Trial, Probe], None]) -> Attempt:
    """Have the clause not offered at a backend of before parties, and without a platform's key.

    Else it gets the probe that signs as a platform: the same as all others if nothing is signed.
    """

    def guarded(t: Trial) -> None:
        expect_parties(t)
        if t.platform is None and t.probe.signs:
            raise NotOffered("only with --platform-key")
        attempt(t, t.platform or t.probe)

    return guarded


def expect_parties(t: Trial) -> None:
    """Raises `NotOffered` if scans know no party and no region."""
    answer = _scan(t, {"code": t.new_code(), "as": None, "region": None}, None)
    if answer.status in NONE:
        raise NotOffered("the backend has no POST /v1/scans")
    if answer.problem == "invalid":
        raise NotOffered("the backend's scans know neither as nor region")
    if answer.status == 429:
        raise NotOffered(LIMITED)
    expect(answer.status, 200, "the status of a scan with as and region null")


def scan(t: Trial, serial: int, probe: Probe | None = None, **told: object) -> Mapping[str, Any]:
    """Scan the code of a serial, anonymously or signed; `as_` stands for `as`."""
    return scan_text(t, t.code(serial), probe, **told)


def scan_text(t: Trial, code: str, probe: Probe | None, **told: object) -> Mapping[str, Any]:
    """The same, of a text."""
    answer = send(t, code, probe, **told)
    if answer.status == 429:
        raise NotOffered(LIMITED)
    expect(answer.status, 200, "the status of a scan")
    data = answer.data
    if not isinstance(data, dict):
        raise Broken("a scan's answer is a JSON object", type(data).__name__)
    return data


def send(t: Trial, code: str, probe: Probe | None = None, **told: object) -> Answer:
    """A scan that may be refused."""
    return _scan(t, {"code": code} | {key.rstrip("_"): value for key, value in told.items()}, probe)


def _scan(t: Trial, body: Object, probe: Probe | None) -> Answer:
    form = None if probe is None else AS_AGREED
    answer = (probe or t.probe)("POST", "/v1/scans", body, form=form)
    if answer.status == 200 and isinstance(answer.data, dict):
        t.noise.note(body["code"], answer.data.get("result"))
    return answer


def expect_told(answer: Mapping[str, Any], **wanted: object) -> None:
    """Raises `Broken` unless the members of a scan's answer are as wanted; `as_` is `as`."""
    for key, value in wanted.items():
        expect(answer.get(key.rstrip("_")), value, key.rstrip("_"))


def read(t: Trial, path: str, what: str, probe: Probe | None = None) -> Mapping[str, Any]:
    """The object at an address. Raises `NotOffered` if there is no such address."""
    answer = (probe or t.probe)("GET", path)
    if answer.status in NONE:
        raise NotOffered(f"the backend has no GET {what}")
    expect(answer.status, 200, f"the status of {what}")
    data = answer.data
    if not isinstance(data, dict):
        raise Broken(f"{what} is a JSON object", type(data).__name__)
    return data


def refused_rows(t: Trial) -> list[Object]:
    """Every row of refused scans of this batch, in their order."""
    rows = _pages(t, "/v1/refused-scans", "refused", 0)
    return [row for row in rows if row["batch"] == t.batch]


def _pages(t: Trial, path: str, name: str, after: int) -> Iterator[Object]:
    """The rows of a list, page by page. Raises `Broken` for a cursor that does not grow."""
    at: int | None = after
    while at is not None:
        data = read(t, f"{path}?after={at}", path)
        rows, following = data[name], data["next"]
        yield from rows
        if following is not None and (following <= at or not rows or len(rows) > PAGE_ROWS):
            raise Broken("next grows, and a page has 1 to 1,000 rows before it", following)
        at = following


def repeated(t: Trial, over: int, after: str) -> list[Object]:
    """The repeats of this batch that follow on this code."""
    found: list[Object] = []
    at: str | None = after
    while at is not None:
        data = read(t, f"/v1/repeats?over={over}&after={quote(at)}", "/v1/repeats")
        rows, following = data["repeats"], data["next"]
        found += [row for row in rows if row["batch"] == t.batch]
        if following is not None and (not rows or following != code_of(rows[-1])):
            raise Broken("next is the last code of the page", following)
        at = following if not rows or rows[-1]["batch"] <= t.batch else None
    return found


def code_of(row: Mapping[str, Any]) -> str:
    """BATCH:SERIAL."""
    return f"{row['batch']}:{row['serial']}"


# --- scan-ins ------------------------------------------------------------------------------


def scan_in(
    t: Trial,
    name: str | None = None,
    probe: Probe | None = None,
    **body: Any,  # noqa: ANN401 - JSON
) -> Answer:
    """Send a scan-in, under a new id unless it has a name; of the kit's dealer if none is given."""
    answer = (probe or t.probe)(
        "PUT", f"/v1/scan-ins/{name or t.order_id()}", {"dealer": DEALER} | body
    )
    # Of a batch that is not known, too, the problem is not-found.
    if answer.status in NONE and t.probe("GET", "/v1/scan-ins?after=0").status in NONE:
        raise NotOffered("the backend has no PUT /v1/scan-ins/{scan_in}")
    return answer


def opened(
    t: Trial,
    name: str | None = None,
    probe: Probe | None = None,
    **body: Any,  # noqa: ANN401 - JSON
) -> Mapping[str, Any]:
    """A scan-in that must be taken; its answer. Raises `NotOffered` without the address."""
    answer = scan_in(t, name, probe, **body)
    if answer.status != 200 or not isinstance(answer.data, dict):
        raise Broken("the scan-in is taken: 200 with the answer", answer)
    found: Mapping[str, Any] = answer.data
    return found


def scan_ins(t: Trial, after: int = 0) -> list[Object]:
    """Every scan-in that is read back after this number."""
    return [*_pages(t, "/v1/scan-ins", "scan_ins", after)]


def values(t: Trial, serials: Serials, key: str) -> list[object]:
    """What each serial has of an attribute, None if nothing."""
    return [
        item["attributes"].get(key)
        for item in t.ranges(serials)
        for _ in range(item["serials"][0], item["serials"][1] + 1)
    ]

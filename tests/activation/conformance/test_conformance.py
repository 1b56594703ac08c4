"""The kit finds nothing in the reference backend, whatever its database."""

import re
import threading
from contextlib import contextmanager
from pathlib import Path

import conformance_kit
import postgres_kit
import pytest
from backend_kit import settings
from broken.orders import Halfway
from broken.site import Reply, built
from conformance_kit import Known, checked, failing, now, serving, thrown_away
from patience import PATIENCE

from mintmark.activation.backend.database import postgresql_url, sqlite_url
from mintmark.activation.backend.serve import Server
from mintmark.activation.conformance.depth import Depth
from mintmark.activation.conformance.kit import AREAS
from mintmark.activation.conformance.probe import Probe
from mintmark.activation.conformance.trial import Trial
from mintmark.codegen.errors import EnvironmentFailure

DOCUMENTS = Path(__file__).parents[3] / "docs"


@contextmanager
def answering(run, stop, url, up):
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(PATIENCE)
        yield url
    finally:
        stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.mark.parametrize(("kind", "sign"), [("sqlite", False), ("postgresql", True)])
def test_the_reference_backend_keeps_every_clause(tmp_path, kind, sign):
    url = sqlite_url(tmp_path / "b")
    if kind == "postgresql":
        url = postgresql_url(postgres_kit.cluster().database())
    up = threading.Event()
    ours = {"now": now, "senders": Known, "names": ("127.0.0.1",)}
    wanted = settings(url, trust_loopback=not sign, **ours)
    server = Server("127.0.0.1", 0, wanted, ready=lambda _: up.set())
    with thrown_away(), answering(server.run, server.stop, server.url, up) as address:
        result = checked(address, sign=sign)
        assert failing(result) == set(), "\n".join(result.lines())
        unoffered = {v.id.split(".")[0] for v in result.clauses if v.result == "not offered"}
        signed = {"signing", "scopes", "aggregations", "parties", "platforms"}
        assert unoffered == (set() if sign else signed)
        assert result.exit_code == 0
        with Probe(address, None) as probe:
            page = probe("GET", f"/v1/batches/{result.batch}?after=0")
            assert (
                page.status == 401
                if sign
                else {r["state"] for r in page.data["ranges"]} == {"void"}
            )


NEWER = ("/v1/refused-scans", "/v1/repeats", "/v1/scan-ins")
NEW_AREAS = {"windows", "gates", "parties", "watch", "scan-ins", "platforms"}


def before(site):
    """The reference as it was before windows, parties, scan-ins and who watches."""

    def asked(call):
        there = not call.path.startswith(NEWER) and not call.path.endswith("/regions")
        held = call.data.get("attributes") if call.is_order() else {}
        newer = {key for key in held or {} if key.startswith("window.") or key == "gate"}
        if call.path == "/v1/scans":
            newer |= call.data.keys() - {"code", "scan_id"}
        if newer:
            return Reply.refusal("invalid")
        return call if there else Reply.refusal("not-found")

    def told(call, reply):
        data = reply.data
        for name in ("as", "parties", "gate"):
            data.pop(name, None)
        for part in data.get("ranges", ()):
            part.pop("scanned_since", None)
        return reply.with_data(data) if data else reply

    site.around(asked, told)


def test_a_backend_of_before_fails_nothing_and_is_told_what_it_does_not_offer(tmp_path):
    clauses = {c.name for area in AREAS for c in area if c.name.partition(".")[0] in NEW_AREAS}
    with built(before, tmp_path, sign=True) as url:
        result = checked(url, sign=True, only=clauses | {"scans.genuine", "read.middle"})
    assert failing(result) == set(), "\n".join(result.lines())
    told = {c.id: c.why for c in result.clauses if c.result == "not offered"}
    # Another key that may not do what lines do was there before.
    assert clauses - told.keys() == {"platforms.nowhere-else"}
    assert set(told.values()) == {
        "the backend knows no attribute window.…",
        "the backend's scans know neither as nor region",
        "the backend has no PUT /v1/scan-ins/{scan_in}",
        "the backend's pages tell no scanned_since",
        *(f"the backend has no GET {path}" for path in NEWER[:2]),
        "the backend has no GET /v1/batches/{batch}/regions",
    }


def test_a_server_of_something_else_fails_at_once_and_the_rest_is_not_run():
    async def other(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>hello</html>"})

    with serving(other) as url:
        result = checked(url)
    assert failing(result) == {"register.health"}
    assert {v.result for v in result.clauses[1:]} == {"not run"}


def test_nobody_there_is_no_verdict():
    with pytest.raises(EnvironmentFailure, match="cannot be reached"):
        checked("http://127.0.0.1:9")


def test_the_clauses_are_named_once_and_lead_into_the_document():
    clauses = [clause for area in AREAS for clause in area]
    names = [clause.name for clause in clauses]
    assert len(set(names)) == len(names)
    for clause in clauses:
        text = (DOCUMENTS / clause.document).read_text("utf-8")
        assert clause.section in set(re.findall(r"^#+ (.+)$", text, re.MULTILINE)), clause.name


def test_no_code_is_in_a_result(tmp_path, monkeypatch):
    """Even if everything fails."""
    seen = []
    original = Trial.code

    class Telling(Trial):
        def code(self, serial):
            seen.append(original(self, serial))
            return seen[-1]

    monkeypatch.setattr(conformance_kit, "Trial", Telling)
    quick = {clause.name for area in AREAS for clause in area if clause.depth is Depth.QUICK}
    with built(Halfway, tmp_path, sign=False) as url:
        text = "\n".join(str(verdict) for verdict in checked(url, only=quick).clauses)
    assert seen
    assert not [code for code in seen if code in text]

"""Clients that users generate from activation/openapi.yaml get the whole contract.

Each goes the way of a line and a phone at `backend serve`, with an attribute key of its own, and
reads refusals with all their members.
"""

import dataclasses

import pytest
from backend_kit import BACKEND_KEY, SYMBOLS, make_codes, prints
from clients_kit import Clients
from contract_process import start
from patience import PATIENCE

from mintmark.activation.backend import models, problems
from mintmark.activation.client import wire
from mintmark.codegen.ranges.attributes import KNOWN, VALIDITY
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.station.keys import write_fingerprint_key

# Generated and compiled once, so the tests must run in the same process.
pytestmark = pytest.mark.xdist_group("clients")

EXPIRES = "2099-12-31T00:00:00+08:00"
SEEN = {
    "registered": "item",
    "uploaded": 204,
    "applied": [[1, 3]],
    "scanned": ["genuine", 1],
    "states": [[[1, 3], "active"], [[4, 4], "inactive"]],
    "attributes": {
        "lot": "L1",
        "max_scans": 2,
        "native.shift": "A",
        "expires_at": EXPIRES,
        "window.later": {
            "from": "2098-01-01T00:00:00Z",
            "until": None,
            "daily": None,
            "attributes": {"campaign": "X"},
        },
    },
    # From the order, and read once more.
    "blocked": [[[3, 3], "active", 1]] * 2,
    "differs": [9, 2],
    "missing": 404,
    # Codes 1 and 2 into code 4; then 2 and 3.
    "packed": [1, 2],
    "taken": [[[2, 2], 4, 1]] * 2,
    "parents": [[[1, 2], 4]],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    write_fingerprint_key(folder / "fingerprint.key", BACKEND_KEY)
    words = ("--data", "books", "--port", "0", "--fingerprint-key", "fingerprint.key", "--unsigned")
    process = start(["backend", "serve", *words], folder, {})
    announced = process.stderr.readline()
    assert "http://" in announced, announced + process.communicate()[1]
    yield next(word for word in announced.split() if word.startswith("http://"))
    process.terminate()
    process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return Clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def said_in_python(clients):
    return clients.generate_python()


@pytest.fixture(scope="module")
def said_in_typescript(clients):
    return clients.generate_typescript()


def task(url, batch, prefix):
    codes = make_codes(4, prefix)
    given = {"url": url, "batch": batch, "symbols": SYMBOLS, "code": codes[0]}
    return given | {"expires_at": EXPIRES, "fingerprints": prints(codes).hex()}


def test_openapi_python_client_leaves_nothing_out(said_in_python):
    said, _ = said_in_python
    assert not {"warning", "unable", "removal", "not be generated"} & {
        word
        for word in ("warning", "unable", "removal", "not be generated")
        if word in said.lower()
    }


def test_the_way_with_openapi_python_client(clients, said_in_python, url):
    assert said_in_python
    assert clients.python("way.py", task(url, "C-PYTHON", "PYTH")) == SEEN


@pytest.mark.parametrize(("script", "prefix"), [("way_hey", "HEY0"), ("way_fetch", "FETC")])
def test_the_way_in_typescript(clients, said_in_typescript, url, script, prefix):
    assert said_in_typescript
    assert clients.typescript(script, task(url, f"C-{prefix}", prefix)) == SEEN


# --- what the models take ------------------------------------------------------------------

ORDER = wire.Order("o", "b", "activate", [[1, 4], [6, 6]])
TEXTS = sorted(key for key, (_, kind) in KNOWN.items() if kind is str and key not in VALIDITY)
NUMBERS = sorted(key for key, (_, kind) in KNOWN.items() if kind is int)
NEVER = {"from": None, "until": None, "daily": None}
WINDOWS = (
    NEVER | {"from": "2026-12-01T00:00:00+08:00", "attributes": {"campaign": "DEC", "lot": None}},
    NEVER | {"daily": ["18:00+08:00", "22:00+08:00"], "attributes": {"max_scans": 2}},
    NEVER | {"until": "2026-12-01T00:00:00Z", "attributes": {"native.shift": "A"}},
)
SAID = {"gate": "scan_in", "scanned_in": "2026-12-01T08:00:00+08:00"}  # what these two take
OURS = [
    *(dataclasses.replace(ORDER, action=action.value) for action in Action),
    *(dataclasses.replace(ORDER, attributes={key: SAID.get(key, "inner")}) for key in TEXTS),
    *(dataclasses.replace(ORDER, attributes={key: None}) for key in KNOWN),
    *(dataclasses.replace(ORDER, attributes={key: 1_000_000}) for key in NUMBERS),
    *(dataclasses.replace(ORDER, attributes={"window.a": window}) for window in WINDOWS),
    dataclasses.replace(
        ORDER,
        skip=(),
        count=5,
        from_state="inactive",
        attributes={"native.shift": "A", "property.a_1": "b", "activity." + "a" * 41: None},
        effective_at="2026-11-22T20:00:00+08:00",
        expires_at="2027-11-23T00:00:00Z",
        reason="a reason",
        audit_head="ab" * 32,
    ),
]
# What none takes, and what only the models of datamodel-code-generator refuse: docs/clients.md.
WRONG = [
    {"action": "destroy"},
    {"batch": "a/b"},
    {"serials": []},
    {"serials": [[1]]},
    {"serials": [[1, 2, 3]]},
    {"serials": [[0, 1]]},
    {"serials": [[1, 1_000_000_000_000]]},
    {"serials": [[1, 1]] * 1_001},
    {"skip": ["frozen"]},
    {"skip": ["void", "void"]},
    {"from": "asleep"},
    {"attributes": {"lot": True}},
    {"attributes": {"lot": ["L1"]}},
    {"colour": "red"},
]
WRONG_TO_PYDANTIC = [
    {"audit_head": "AB"},
    {"count": -1},
    {"reason": "x" * 501},
    {"expires_at": "tomorrow"},
    {"attributes": {"colour": "red"}},
    {"attributes": {"Product": "x"}},
    {"attributes": {"native.A": "x"}},
    {"attributes": {"other.a": "x"}},
    {"attributes": {"max_scans": 0}},
    {"attributes": {"max_scans": "many"}},
    {"attributes": {"lot": 5}},
    {"attributes": {"native.a": "x" * 1_025}},
    {"attributes": {"effective_at": EXPIRES}},
    {"attributes": {"window.A": WINDOWS[0]}},
    {"attributes": {"lot": WINDOWS[0]}},
]


def bodies(changes):
    return [{**ORDER.body(), **change} for change in changes]


def reference_takes(body):
    try:
        models.OrderBody.model_validate(body).request("o")
    except (ValueError, problems.Problem):
        return False
    return True


def test_datamodel_code_generator_s_models_take_our_orders_and_no_others(clients, said_in_python):
    assert said_in_python
    good = [order.body() for order in OURS]
    wrong = bodies([*WRONG, *WRONG_TO_PYDANTIC])
    assert all(map(reference_takes, good))
    assert not any(map(reference_takes, wrong))
    taken = clients.python("orders.py", good + wrong)
    assert taken == [body["attributes"] for body in good] + [None] * len(wrong)


@pytest.mark.parametrize("generator", ["openapi-zod-client", "hey"])
def test_zod_s_schemas_take_our_orders_whole(clients, said_in_typescript, generator):
    assert said_in_typescript
    # Those of @hey-api/openapi-ts pass over a key that they do not know.
    changes = [change for change in WRONG if generator != "hey" or "colour" not in change]
    good, wrong = [order.body() for order in OURS], bodies(changes)
    taken = clients.typescript("orders", good + wrong)[generator]
    assert taken == [body["attributes"] for body in good] + [None] * len(wrong)

"""The OpenAPI document says what the reference does, and nothing else."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from backend_kit import Asgi, app_over, make_batch, make_codes, prints
from openapi_kit import document, operations, resolved
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from mintmark.activation.backend import models, problems
from mintmark.activation.backend.limits import DEFAULT_LIMITS
from mintmark.activation.backend.scan import ScanResult
from mintmark.activation.client import market, scans, wire
from mintmark.codegen.ranges import aggregation, attributes, values, windows
from mintmark.codegen.ranges.attributes import KNOWN
from mintmark.codegen.ranges.lifecycle import Action, ApiState

API = document()
GUIDE = (Path(__file__).parents[3] / "docs" / "activation-api.md").read_text("utf-8")
ASIDE = {"/robots.txt", "/favicon.ico"}


def names_of(response):
    """The problems that a response of an operation may hold."""
    media = response.get("content", {}).get(problems.MEDIA_TYPE)
    if media is None:
        return set()
    ways = media["schema"].get("oneOf", [media["schema"]])
    return {way["properties"]["type"]["enum"][0].removeprefix(problems.PREFIX) for way in ways}


def table():
    """The guide's problems: name → (status, further keys)."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| (.*?) \| .* \|$", GUIDE, re.MULTILINE)
    return {
        name: (int(status), re.findall(r"`(\w+)`", keys.partition(":")[0]))
        for name, status, keys in rows
    }


def stated():
    """The same, of the OpenAPI document."""
    found = {}
    for schema in resolved(API["components"]["schemas"], API).values():
        parts = schema.get("properties", {})
        if "detail" in parts:
            ((kind,), (status,)) = parts["type"]["enum"], parts["status"]["enum"]
            members = [key for key in parts if key not in ("type", "title", "status", "detail")]
            assert schema["required"] == list(parts)
            assert kind not in found
            found[kind.removeprefix(problems.PREFIX)] = (status, members)
    return found


def test_every_address_of_the_reference_is_in_it_and_no_other(app):
    there = {
        (route.path, method.lower())
        for route in app.routes
        for method in route.methods
        if route.path not in ASIDE
    }
    assert {(path, method) for path, method, _ in operations(API)} == there


def test_it_is_openapi_and_no_reference_is_dead():
    OPENAPI_31_VALIDATOR.validate(API)
    resolved(API, API)


def test_the_problems_are_the_guide_s_and_the_reference_s():
    assert stated() == table()
    statuses = {name: status for name, (status, _) in stated().items()}
    assert statuses == {name: status for name, (status, _) in problems.KINDS.items()}


def test_each_problem_is_one_some_address_gives_under_its_status():
    given = {
        (name, int(code))
        for _, _, operation in operations(API)
        for code, response in operation["responses"].items()
        for name in names_of(response)
    }
    assert given == {(name, status) for name, (status, _) in stated().items()}


ALWAYS = {"too-large", "internal"}
LINES = {"invalid", "unauthorised", "unavailable"}
BY_BATCH = {"forbidden", "not-found"}
ORDER_REFUSALS = {
    *("order-differs", "outside", "blocked", "count-differs", "count-required"),
    *("fingerprints-missing", "fingerprints-taken"),
}
PACKING_REFUSALS = {
    *("order-differs", "outside", "blocked", "nesting", "child-taken", "child-elsewhere"),
}
# What an operation refuses besides `ALWAYS`, and besides `LINES` if it is theirs.
REFUSALS = {
    "registerBatch": {"forbidden", "timeout", "key-unknown", "batch-differs"},
    "readBatch": BY_BATCH,
    "uploadFingerprints": BY_BATCH | {"timeout", "media-type", "outside", "fingerprints-differ"},
    "putOrder": BY_BATCH | {"timeout"} | ORDER_REFUSALS,
    "readOrder": BY_BATCH | ORDER_REFUSALS,
    "putAggregation": BY_BATCH | {"timeout"} | PACKING_REFUSALS,
    "readAggregation": BY_BATCH | PACKING_REFUSALS,
    "readParents": BY_BATCH,
    "readHead": {"forbidden", "method-not-allowed"},
    "readUnknownScans": {"forbidden"},
    "readRefusedScans": set(),
    "readRepeats": set(),
    "readRegions": BY_BATCH,
    "readScanIns": {"forbidden"},
    "putScanIn": BY_BATCH | {"timeout", "order-differs", "outside", "blocked"},
    "readHealth": set(),
    "scan": {"forbidden", "timeout", "too-many"},
    "openPage": set(),
    "askPage": {"timeout", "unavailable"},  # too-many is a page
}


def test_each_operation_tells_what_it_refuses():
    told = {}
    for _, method, operation in operations(API):
        if method == "head":
            continue  # an answer without a body holds no problem
        signed = operation.get("security", API["security"]) != []
        names = set().union(*map(names_of, operation["responses"].values()))
        assert names >= ALWAYS | (LINES if signed else set())
        told[operation["operationId"]] = names - ALWAYS - (LINES if signed else set())
    assert told == REFUSALS


def test_a_method_that_an_address_lacks_is_answered_with_those_it_has(store, clock):
    call = Asgi(app_over(store, clock))
    told = resolved(API["components"]["responses"]["MethodNotAllowed"], API)
    assert told["headers"]["Allow"]["required"]
    methods = {}
    for path, method, _ in operations(API):
        methods.setdefault(path, set()).add(method.upper())
    for path, known in methods.items():
        answer = call("DELETE", re.sub(r"\{\w+\}", "7", path))
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(sorted(known)))
        schema = told["content"][problems.MEDIA_TYPE]["schema"]
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json())


def test_head_is_answered_without_a_body(store, clock):
    call = Asgi(app_over(store, clock))
    heads = [path for path, method, _ in operations(API) if method == "head"]
    assert heads == ["/v1/health", "/{code}"]
    for path in heads:
        answer = call("HEAD", path.format(code="7"))
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("body", [None, {}])
def test_a_stranger_is_told_what_to_sign_as_in_the_document(store, clock, body):
    call = Asgi(app_over(store, clock, trust_loopback=False))
    answer = call("GET" if body is None else "PUT", "/v1/orders/o", json=body)
    assert answer.status_code == 401
    headers = API["components"]["responses"]["Unauthorised"]["headers"]
    assert answer.headers["www-authenticate"] in headers["WWW-Authenticate"]["schema"]["enum"]
    asked = answer.headers["accept-signature"]
    assert ' "content-digest"' in headers["Accept-Signature"]["example"]
    wanted = headers["Accept-Signature"]["example"]
    if body is None:
        wanted = wanted.replace(' "content-digest"', "")
    nonce = re.compile('nonce="[0-9a-f]{32}"')
    assert nonce.sub("", asked) == nonce.sub("", wanted) != asked


def walk(part, place=()):
    """Every (place, dictionary) of the document."""
    if isinstance(part, dict):
        yield place, part
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from walk(value, (*place, key))


def test_it_is_spelled_as_generators_need():
    """docs/clients.md says which of them."""
    whole = re.compile("#/components/[a-zA-Z]+/[A-Za-z]+")
    for place, part in walk(API):
        if "examples" in place:
            continue
        if isinstance(part.get("$ref"), str):
            assert whole.fullmatch(part["$ref"]), place
        assert part.get("const") is None, place
        if "allOf" in part:
            assert place[:2] == ("components", "schemas")
            assert place[2:] in {("Patch",), ("WindowAttributes",)}
        if "schemas" in place and place[-1] != "properties":
            assert "default" not in part, place
        if part.get("format") == "binary":
            assert not part.keys() & {"minLength", "maxLength"}, place
        if part.get("type") == "array":
            items = part["items"]
            named = resolved(items, API).get("type")
            assert "$ref" not in items or named == "object", place
        if "maximum" in part and part["maximum"] >= 2**31:
            assert part["format"] == "int64", place


@pytest.mark.parametrize("name", ["Patch", "WindowAttributes"])
def test_the_names_of_attributes_are_said_three_times_alike(name):
    patch = API["components"]["schemas"][name]
    own = "|".join(key.removeprefix("^").removesuffix("$") for key in patch["patternProperties"])
    names = "|".join(patch["properties"])
    assert patch["propertyNames"]["pattern"] == f"^({names}|{own})$"
    wide = {"type": ["string", "integer", "null"], "maxLength": 1024}
    if name == "Patch":  # windows, too
        wide["type"].insert(2, "object")
        wide["additionalProperties"] = True
    assert patch["additionalProperties"] == wide
    assert patch["allOf"] == [{"type": "object", "additionalProperties": wide}]


def schemas_of(part, path=""):
    """Every (place, schema, example) of a response or a request body."""
    for kind, media in part.get("content", {}).items():
        for name, example in media.get("examples", {}).items():
            yield f"{path} {kind} {name}", media["schema"], example["value"]


def examples():
    for path, method, operation in operations(API):
        yield from schemas_of(operation.get("requestBody", {}), f"{method} {path}")
        for code, response in operation["responses"].items():
            yield from schemas_of(response, f"{method} {path} {code}")


@pytest.mark.parametrize(("place", "schema", "example"), list(examples()))
def test_each_example_is_valid(place, schema, example):
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(example)


def test_no_example_is_left_over():
    used = {place.rsplit(" ", 1)[1] for place, _, _ in examples()}
    assert used == set(API["components"]["examples"])


def test_the_examples_are_those_of_the_guide():
    """So that nobody reads two different things."""
    ours = API["components"]["examples"]
    order = json.loads(re.search(r"v1/orders/\S+ -H .*? -d '(\{.*?\})'", GUIDE, re.DOTALL)[1])
    assert order == ours["order"]["value"]
    shown = [
        json.loads(text)
        for text in re.findall(r"^(\{\"order\".*?\})\n```", GUIDE, re.MULTILINE | re.DOTALL)
    ]
    assert ours["answer"]["value"] in shown
    sent = re.search(r"v1/aggregations/\S+ -H .*? -d '(\{.*?\})'", GUIDE, re.DOTALL)[1]
    assert json.loads(sent) == ours["aggregation"]["value"]
    sent = re.search(r"v1/scan-ins/\S+ -H .*? -d '(\{.*?\})'", GUIDE, re.DOTALL)[1]
    assert json.loads(sent) == ours["scan_in"]["value"]
    sent = re.search(r"v1/scans -H .*? -d '(\{.*?\})'", GUIDE, re.DOTALL)[1]
    assert json.loads(sent.replace("\\\n", "")) == ours["scan"]["value"]
    for name, begins in (
        *(("packed", "aggregation"), ("parents", "batch"), ("taken", "type")),
        *(("regions", "batch"), ("refused", "refused"), ("repeats", "repeats")),
        *(("scanned_in", "scan_in"), ("genuine", "result")),
    ):
        texts = re.findall(rf'^(\{{"{begins}".*?\}})\n```', GUIDE, re.MULTILINE | re.DOTALL)
        assert ours[name]["value"] in map(json.loads, texts)
    assert (
        json.loads(re.search(r'^(\{"type".*?\})\n```', GUIDE, re.MULTILINE | re.DOTALL)[1])
        == (ours["blocked"]["value"])
    )


def sorted_text(value):
    return json.dumps(value, sort_keys=True)


def bounds(schema):
    """A schema without its words, its defaults, and the order of its alternatives."""
    words = {"title", "description", "default", "format"}
    if isinstance(schema, dict):
        plain = {key: bounds(value) for key, value in schema.items() if key not in words}
        if "properties" in schema:
            plain["properties"] = {k: bounds(v) for k, v in schema["properties"].items()}
        if "const" in plain:
            return {"enum": [plain["const"]]}
        if "enum" in plain:
            return {"enum": plain["enum"]}
        if isinstance(plain.get("type"), list):
            return {"anyOf": sorted(({"type": kind} for kind in plain["type"]), key=sorted_text)}
        if "anyOf" in plain:
            plain["anyOf"] = sorted(plain["anyOf"], key=sorted_text)
        return plain
    return [bounds(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(
    "model",
    [
        *(models.BatchBody, models.OrderBody, models.AggregationBody, models.CodesBody),
        *(models.ScanBody, models.ScanInBody),
    ],
)
def test_its_bounds_are_the_reference_s(model):
    own = model.model_json_schema(by_alias=True)
    own = {key: part for key, part in resolved(own, own).items() if key != "$defs"}
    wanted = resolved(API["components"]["schemas"][model.__name__.removesuffix("Body")], API)
    # What is a mere dictionary or text to pydantic is checked behind it: see below.
    for key in {"attributes", "effective_at", "expires_at"} & set(own["properties"]):
        del own["properties"][key], wanted["properties"][key]
    assert bounds(wanted) == bounds(own)


def valid(name, value):
    schema = resolved(API["components"]["schemas"][name], API)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


def taken(**changed):
    order = {"batch": "b", "action": "activate", "serials": [[1, 1]]} | changed
    try:
        models.OrderBody.model_validate(order).request("o")
    except (ValueError, problems.Problem):
        return False
    return True


VALUES = (
    "",
    "a",
    "carton",
    "Carton",
    "a" * 1024,
    "a" * 1025,
    0,
    1,
    1_000_000,
    1_000_001,
    True,
    1.5,
    [],
    {},
    None,
)
DAY = ["18:00+08:00", "22:00+08:00"]
T = "2026-12-01T00:00:00+08:00"
HELD = {"campaign": "DEC"}
WINDOWS = (
    {"from": T, "attributes": HELD},
    {"until": T, "attributes": {"campaign": None, "max_scans": 2, "native.a": "x"}},
    {"from": None, "until": None, "daily": DAY, "attributes": {"gate": "scan_in", "dealer": "D7"}},
    {"daily": ["00:00Z", "23:59Z"], "attributes": HELD},
    {"daily": ["00:00+14:59", "23:59+14:59"], "attributes": {"guide_scans": 3}},
)
NO_WINDOWS = (
    {"from": T},
    {"from": T, "attributes": {}},
    {"from": T, "attributes": None},
    {"from": T, "attributes": HELD, "surprise": 1},
    {"from": "tomorrow", "attributes": HELD},
    {"from": 5, "attributes": HELD},
    *({"daily": daily, "attributes": HELD} for daily in ([], DAY[:1], [*DAY, DAY[0]], "18:00")),
    *(
        {"daily": [text, DAY[1]], "attributes": HELD}
        for text in ("18:00", "24:00+08:00", "6:00Z", 6)
    ),
    {"daily": ["18:00+15:00", "22:00+15:00"], "attributes": HELD},
    *({"from": T, "attributes": {key: None}} for key in ("role", "effective_at", "expires_at")),
    *({"from": T, "attributes": {key: None}} for key in ("scanned_in", "window.a", "colour")),
    *({"from": T, "attributes": {"max_scans": value}} for value in (0, "2", 1_000_001, {})),
    {"from": T, "attributes": {"lot": 5}},
    {"from": T, "attributes": {f"native.a{number}": "x" for number in range(65)}},
)
# What no schema says: one of three is given, the ends are in order, the two times are different.
NOT_SAID = (
    {"attributes": HELD},
    {"from": None, "until": None, "daily": None, "attributes": HELD},
    {"from": T, "until": T, "attributes": HELD},
    {"daily": [DAY[0], DAY[0]], "attributes": HELD},
    {"daily": ["18:00+00:00", "22:00Z"], "attributes": HELD},
    {"from": T, "attributes": {f"native.a{number}": "茶" * 340 for number in range(5)}},
)
KEYS = [
    *KNOWN,
    "native.a",
    "property.a_1",
    "activity." + "a" * 41,
    "window.a",
    "window.0-_" + "a" * 29,
]
WRONG = ["", "x", "Product", "native.", "native.A", "native.1", "other.a", "activity." + "a" * 42]
WRONG += ["window.", "window.A", "window.-a", "window." + "a" * 33, "window.a.b"]


@pytest.mark.parametrize("key", [*KEYS, *WRONG])
def test_its_attributes_are_the_reference_s(key):
    for value in (*VALUES, *WINDOWS):
        assert valid("Patch", {key: value}) == taken(attributes={key: value}), value
    assert valid("Patch", {key: None}) == (key in KEYS)


@pytest.mark.parametrize("value", [*WINDOWS, *NO_WINDOWS])
def test_its_windows_are_the_reference_s(value):
    good = value in WINDOWS
    assert valid("Patch", {"window.a": value}) == taken(attributes={"window.a": value}) == good


@pytest.mark.parametrize("value", NOT_SAID)
def test_what_its_words_say_of_windows_is_the_reference_s(value):
    assert valid("Patch", {"window.a": value})
    assert not taken(attributes={"window.a": value})


def test_what_a_window_holds_is_what_an_order_sets():
    schemas = API["components"]["schemas"]
    patch, held = schemas["Patch"]["properties"], schemas["WindowAttributes"]["properties"]
    assert held == {key: part for key, part in patch.items() if key not in windows.EXCLUDED}
    assert f"At most {windows.MOST} on a range" in schemas["Window"]["description"]
    assert f"of {attributes.WINDOW_BYTES:,} bytes each" in schemas["Window"]["description"]


def test_as_many_attributes_as_the_reference_takes():
    for count in (64, 65):
        patch = {f"native.a{number}": "x" for number in range(count)}
        assert valid("Patch", patch) == taken(attributes=patch) == (count == 64)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-11-22T20:00:00+08:00", True),
        ("2026-11-22T20:00:00.123456Z", True),
        ("2026-11-22T20:00:00.1234567Z", False),
        ("2026-11-22T20:00:00", False),
        ("2026-11-22t20:00:00z", False),
        ("2026-11-22 20:00:00Z", False),
        ("2026-11-31T20:00:00Z", False),
        ("2026-11-22T23:59:60Z", False),
        ("2026-11-22T20:00:00Z\n", False),
        ("٢026-11-22T20:00:00Z", False),
        ("", False),
    ],
)
def test_its_times_are_the_reference_s(text, good):
    assert valid("Time", text) == taken(expires_at=text) == good


def test_its_words_are_the_reference_s():
    schemas = API["components"]["schemas"]
    assert schemas["State"]["enum"] == [state.value for state in ApiState]
    assert set(schemas["Action"]["enum"]) == {action.value for action in Action}
    assert schemas["Packing"]["enum"] == [action.value for action in aggregation.Packing]
    told = schemas["ScanAnswer"]["properties"]
    assert told["result"]["enum"] == [result.value for result in ScanResult]
    assert told["as"]["enum"] == [party.value for party in scans.Party]
    assert [*told["parties"]["properties"]] == told["as"]["enum"]
    assert [*schemas["Scan"]["properties"]["as"]["anyOf"][0]["enum"]] == told["as"]["enum"][1:]
    assert told["gate"]["anyOf"][0]["enum"] == [gate.value for gate in values.Gate]
    counted = {"genuine", "repeat", "unknown"}
    states = schemas["RefusedScan"]["properties"]["state"]["enum"]
    assert states == [word for word in told["result"]["enum"] if word not in counted]
    assert list(schemas["Patch"]["properties"]) == list(KNOWN)


def test_its_limits_are_the_reference_s():
    schemas, text = API["components"]["schemas"], API["info"]["description"]
    upload = API["paths"]["/v1/batches/{batch}/fingerprints/{first}"]["put"]["requestBody"]
    most = wire.CHUNK_CODES * wire.FINGERPRINT_BYTES
    said = f"{wire.FINGERPRINT_BYTES} bytes per code, 1 to {wire.CHUNK_CODES:,} codes"
    assert f"{said} ({wire.FINGERPRINT_BYTES} to {most:,} bytes)" in upload["description"]
    assert most == DEFAULT_LIMITS.body_bytes == 1 << 20
    assert DEFAULT_LIMITS.scan_body_bytes == 4 << 10
    assert DEFAULT_LIMITS.body_seconds == 60
    assert "1 MiB at most at batches, orders, aggregations and scan-ins, 4 KiB elsewhere" in text
    assert f"covers {wire.PAGE_CODES:,} serials at most" in str(API["paths"]["/v1/batches/{batch}"])
    assert schemas["Scan"]["properties"]["code"]["maxLength"] == DEFAULT_LIMITS.code_chars
    assert schemas["Text"]["maxLength"] == attributes.VALUE_BYTES
    assert schemas["Patch"]["maxProperties"] == attributes.KEYS_PER_RANGE
    assert schemas["Attributes"]["maxProperties"] == attributes.KEYS_PER_RANGE
    lists = [part["maxItems"] for _, part in walk(schemas) if part.get("maxItems", 0) > 2]
    assert {*lists} == {
        *(wire.ORDER_RANGES, wire.PAGE_RANGES, wire.LISTED, wire.PAGE_LINKS),
        *(aggregation.RANGES, aggregation.BATCHES),
        *(market.PAGE_REGIONS, market.EXAMPLES, scans.PAGE_SCAN_INS, scans.SCAN_IN_RANGES),
    }
    serials = [
        part["maximum"]
        for _, part in walk(API)
        if part.get("format") == "int64" and "maximum" in part
    ]
    assert {*serials} == {wire.SERIAL_MAX}


def test_what_the_reference_answers_is_of_the_form(store, clock):
    """A whole way, each answer held to its schema with nothing left over."""
    call = Asgi(app_over(store, clock))
    codes, batch = make_codes(5), make_batch(5)
    stream = {"Content-Type": "application/octet-stream"}
    path = f"/v1/batches/{batch.batch}"
    order = {"batch": batch.batch, "action": "activate", "serials": [[1, 4]]}
    order["audit_head"] = "ab" * 32
    cartons = make_batch(5, "HM00-CARTON00", role="carton", pair_of=batch.batch)
    pack = {"action": "associate", "parents": {"batch": cartons.batch, "serials": [[1, 1]]}}
    pack["children"] = [{"batch": batch.batch, "serials": [[1, 4]]}]
    other = {"batch": cartons.batch, "serials": [[2, 2]]}
    elsewhere, itself = (
        {"action": "dissociate", "parents": other},
        {"parents": other, "children": [other]},
    )
    packing, opening = "/v1/aggregations/{aggregation}", "/v1/scan-ins/{scan_in}"
    carton = {"dealer": "D7", "codes": [codes[0], codes[4]], "ranges": [pack["parents"]]}
    full = {"batch": batch.batch, "action": "assign", "serials": [[5, 5]]}
    full["attributes"] = {f"native.k{number}": "" for number in range(63)}
    openings = [
        *(("a", carton), ("a", carton | {"dealer": "D8"}), ("b", {"dealer": "D7"})),
        ("c", {"dealer": "D7", "ranges": [{"batch": "none", "serials": [[1, 1]]}]}),
        ("d", {"dealer": "D7", "ranges": [{"batch": cartons.batch, "serials": [[9, 9]]}]}),
        ("e", {"dealer": "D7", "ranges": [{"batch": batch.batch, "serials": [[5, 5]]}]}),
    ]
    void = {"batch": batch.batch, "action": "void", "serials": [[4, 4]], "count": 1}
    steps = [
        ("put", "/v1/batches/{batch}", path, {"json": batch.body()}),
        ("put", f"{path}/fingerprints/1", None, {"content": prints(codes), "headers": stream}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": codes[0]}}),
        ("put", "/v1/orders/{order}", "/v1/orders/a", {"json": order}),
        ("put", "/v1/orders/{order}", "/v1/orders/b", {"json": order}),
        ("get", "/v1/orders/{order}", "/v1/orders/a", {}),
        ("get", "/v1/orders/{order}", "/v1/orders/b", {}),
        ("get", "/v1/orders/{order}", "/v1/orders/none", {}),
        ("get", "/v1/batches/{batch}", f"{path}?digests=true", {}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": codes[0]}}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": "NOT0URS000000000"}}),
        ("get", "/v1/unknown-scans", "/v1/unknown-scans", {}),
        ("get", "/v1/homes/{home}/head", f"/v1/homes/{batch.home}/head", {}),
        ("get", "/v1/homes/{home}/head", "/v1/homes/other/head", {}),
        ("put", "/v1/batches/{batch}", f"/v1/batches/{cartons.batch}", {"json": cartons.body()}),
        ("put", packing, "/v1/aggregations/a", {"json": pack}),
        ("put", packing, "/v1/aggregations/b", {"json": pack}),
        ("put", packing, "/v1/aggregations/c", {"json": pack | elsewhere}),
        ("put", packing, "/v1/aggregations/d", {"json": pack | itself}),
        ("put", "/v1/orders/{order}", "/v1/orders/v", {"json": void}),
        ("put", "/v1/orders/{order}", "/v1/orders/f", {"json": full}),
        ("put", packing, "/v1/aggregations/e", {"json": pack}),
        ("get", packing, "/v1/aggregations/a", {}),
        ("get", packing, "/v1/aggregations/e", {}),
        ("get", "/v1/batches/{batch}/parents", f"{path}/parents", {}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": codes[0], "region": "CN-33"}}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": codes[0], "as": "guide"}}),
        ("post", "/v1/scans", "/v1/scans", {"json": {"code": codes[3]}}),
        ("get", "/v1/batches/{batch}/regions", f"{path}/regions", {}),
        ("get", "/v1/refused-scans", "/v1/refused-scans", {}),
        ("get", "/v1/repeats", "/v1/repeats", {}),
        ("get", "/v1/batches/{batch}", f"{path}?since=2026-01-01T00:00:00Z", {}),
        *(("put", opening, f"/v1/scan-ins/{name}", {"json": body}) for name, body in openings),
        ("get", "/v1/scan-ins", "/v1/scan-ins", {}),
        ("get", "/v1/health", "/v1/health", {}),
    ]
    documented = {(path, method): operation for path, method, operation in operations(API)}
    seen = set()
    for method, template, address, options in steps:
        answer = call(method.upper(), address or template, **options)
        if address is None:
            assert answer.status_code == 204
            continue
        response = documented[template, method]["responses"][str(answer.status_code)]
        (media,) = response["content"].items()
        assert answer.headers["content-type"] == media[0]
        schema = media[1]["schema"]
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(answer.json())
        ways = [way["properties"] for way in schema.get("oneOf", [schema])]
        assert any(answer.json().keys() == way.keys() for way in ways)
        seen.add(answer.status_code)
    assert seen == {200, 404, 409, 422}

"""The OpenAPI document says what the reference does, and nothing else."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from backend_kit import BACKEND_KEY, Asgi, make_batch, make_codes, prints
from openapi_kit import document, operations, resolved
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from mintmark.activation.backend import models, problems
from mintmark.activation.backend.app import Backend, create_app
from mintmark.activation.backend.limits import DEFAULT_LIMITS
from mintmark.activation.backend.scan import ScanResult
from mintmark.activation.client import wire
from mintmark.codegen.ranges.attributes import KNOWN
from mintmark.codegen.ranges.lifecycle import Action, ApiState

API = document()
GUIDE = (Path(__file__).parents[3] / "docs" / "activation-api.md").read_text("utf-8")
ASIDE = {"/robots.txt", "/favicon.ico"}


def test_every_address_of_the_reference_is_in_it_and_no_other(app):
    there = {
        (route.path, method.lower())
        for route in app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in ASIDE
    }
    assert {(path, method) for path, method, _ in operations(API)} == there


def test_it_is_openapi_and_no_reference_is_dead():
    OPENAPI_31_VALIDATOR.validate(API)
    resolved(API, API)


def test_every_problem_is_in_it_and_no_other():
    named = API["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert named == [problems.PREFIX + name for name in problems.KINDS]


def test_each_status_of_a_problem_is_one_some_address_gives():
    given = {int(code) for _, _, operation in operations(API) for code in operation["responses"]}
    # 405 is of no operation: it is about a method that is none.
    assert {status for status, _ in problems.KINDS.values()} - {405} <= given


def test_each_problem_is_one_some_address_gives_under_its_status():
    given = set()
    for _, _, operation in operations(API):
        for code, response in operation["responses"].items():
            media = response.get("content", {}).get(problems.MEDIA_TYPE)
            if media is None:
                continue
            own = media["schema"]["allOf"][1]["properties"]
            assert own["status"]["const"] == int(code)
            given |= {(kind, int(code)) for kind in own["type"]["enum"]}
    known = {(problems.PREFIX + name, status) for name, (status, _) in problems.KINDS.items()}
    assert known - given == {(problems.PREFIX + "method-not-allowed", 405)}
    assert given < known


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
            return {"const": plain["const"]}
        if isinstance(plain.get("type"), list):
            return {"anyOf": sorted(({"type": kind} for kind in plain["type"]), key=sorted_text)}
        if "anyOf" in plain:
            plain["anyOf"] = sorted(plain["anyOf"], key=sorted_text)
        return plain
    return [bounds(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("model", [models.BatchBody, models.OrderBody, models.ScanBody])
def test_its_bounds_are_the_reference_s(model):
    own = model.model_json_schema(by_alias=True)
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


VALUES = ("", "a", "a" * 1024, "a" * 1025, 0, 1, 1_000_000, 1_000_001, True, 1.5, [], {}, None)
KEYS = [*KNOWN, "native.a", "property.a_1", "activity." + "a" * 41]
WRONG = ["", "x", "Product", "native.", "native.A", "native.1", "other.a", "activity." + "a" * 42]


@pytest.mark.parametrize("key", [*KEYS, *WRONG])
def test_its_attributes_are_the_reference_s(key):
    for value in VALUES:
        assert valid("Patch", {key: value}) == taken(attributes={key: value}), value
    assert valid("Patch", {key: None}) == (key in KEYS)


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
    results = schemas["ScanAnswer"]["properties"]["result"]["enum"]
    assert results == [result.value for result in ScanResult]
    assert list(schemas["Patch"]["properties"]) == list(KNOWN)
    upload = resolved(API["paths"]["/v1/batches/{batch}/fingerprints/{first}"], API)["put"]
    data = upload["requestBody"]["content"]["application/octet-stream"]["schema"]
    assert data["maxLength"] == wire.CHUNK_CODES * wire.FINGERPRINT_BYTES
    assert data["maxLength"] == DEFAULT_LIMITS.body_bytes
    assert schemas["Scan"]["properties"]["code"]["maxLength"] == DEFAULT_LIMITS.code_chars


def test_what_the_reference_answers_is_of_the_form(store, clock):
    """A whole way, each answer held to its schema with nothing left over."""
    call = Asgi(create_app(Backend(store, BACKEND_KEY, clock, True)))
    codes, batch = make_codes(5), make_batch(5)
    stream = {"Content-Type": "application/octet-stream"}
    path = f"/v1/batches/{batch.batch}"
    order = {"batch": batch.batch, "action": "activate", "serials": [[1, 4]]}
    order["audit_head"] = "ab" * 32
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
        if answer.status_code == 200 and "additionalProperties" not in schema:
            extra = set(answer.json()) - set(schema["properties"])
            assert not extra - set(batch.body())
        seen.add(answer.status_code)
    assert seen == {200, 404, 409}

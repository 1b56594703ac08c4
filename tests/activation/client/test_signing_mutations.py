"""A signed request byte by byte, as RFC 9421 has it; what `make mutate` found untested."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx2
import pytest
from sealing import load

from mintmark.activation.client.signing import (
    Key,
    Parameters,
    RequestSigner,
    line_keys,
    secret_key,
    sign,
)
from mintmark.codegen.errors import NotFound
from mintmark.codegen.secret import Secret

independent = load("vectors/make_signatures.py")
NONCE = bytes(range(16))
ED25519 = {"key": independent.LINE, "algorithm": "ed25519", "key_id": "1f0c2a9b3d4e5f60"}
HMAC = {"key": independent.SECRET, "algorithm": "hmac-sha256", "key_id": "factory-1"}


def entropy(size):
    return NONCE[:size] if size <= len(NONCE) else bytes(size)


def signing(key, created=independent.NOW, asked=None):
    """A signer under `key`; `asked` collects the lines it wants the key of."""

    def keys(line):
        (asked if asked is not None else []).append(line)
        return Key(key["key_id"], key["key"])

    return RequestSigner(keys, lambda: datetime.fromtimestamp(created, UTC), entropy)


@pytest.mark.parametrize("key", [ED25519, HMAC], ids=["ed25519", "hmac"])
@pytest.mark.parametrize("body", [independent.BODY, ""], ids=["order", "reading"])
def test_a_request_is_signed_as_the_rfc_says(key, body):
    covered = independent.COVERED if body else independent.COVERED[:4]
    created = independent.NOW
    expected = independent.Request(
        **key,
        body=body,
        query="after=0",
        covered=covered,
        created=created,
        expires=created + 300,
        nonce=NONCE.hex(),
    )
    address = "https://scan.example.com/v1/orders/7Q2M-J5E2C8MV?after=0"
    request = httpx2.Request("PUT", address, content=body.encode())
    asked = []
    signing(key, created, asked)(request, body.encode(), "line-3")
    headers = expected.vector("as sent", good=True)["headers"]
    assert {name: request.headers.get(name) for name in headers} == headers
    assert ("Content-Digest" in request.headers) == bool(body)
    assert asked == ["line-3"]


def test_what_is_covered_and_for_how_long_may_be_said():
    created = datetime.fromtimestamp(independent.NOW, UTC)
    key = Key(ED25519["key_id"], ED25519["key"])
    request = httpx2.Request("GET", "https://scan.example.com/")
    sign(request, b"", Parameters(key, created, None, timedelta(minutes=1), ("@method",)))
    said = request.headers["Signature-Input"]
    assert said.startswith('mintmark=("@method");')
    assert f"expires={independent.NOW + 60}" in said
    assert "nonce" not in said


def test_a_key_shows_nothing_of_itself():
    assert "never" not in repr(Key("id", b"never shown"))


def test_a_line_without_a_key_of_its_own_signs_by_the_default_one():
    held = {"default": SimpleNamespace(key_id="d", private=b"default's")}

    def line(name):
        if name not in held:
            raise NotFound(f"no line {name} here")
        return held[name]

    alone = SimpleNamespace(ledger_url=None)
    found = line_keys(SimpleNamespace(line=line, config=alone))
    assert found(None) == found("default") == found("line-9") == Key("d", b"default's")
    held["line-9"] = SimpleNamespace(key_id="n", private=b"its own")
    assert found("line-9") == Key("n", b"its own")
    held.clear()
    for name in (None, "default", "line-9"):
        with pytest.raises(NotFound, match="no line default here"):
            found(name)


def test_a_shared_secret_is_every_lines():
    found = secret_key(Secret(b"shared"), "factory-1")
    assert found(None) == found("line-3") == Key("factory-1", b"shared")

"""Makes signatures.json: `python tests/vectors/make_signatures.py` writes it.

It shares no code with mintmark or its library: signature bases are put together here as
RFC 9421 section 2.5 says. Each vector is a request at a given time, and whether it is good.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parents[2] / "activation" / "vectors"
NOW = 1_795_506_000
LINE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"vectors: line").digest())
STRANGER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"vectors: stranger").digest())
SECRET = hashlib.sha256(b"vectors: secret").hexdigest().encode("ascii")
PUBLIC = LINE.public_key().public_bytes_raw()
BODY = '{"batch": "7Q2M-0K4T9WXA", "action": "activate", "serials": [[1, 400]]}'
COVERED = ("@method", "@authority", "@path", "@query", "content-digest")


def digest(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}:"


class Request:
    """A request signed as it should be; a scenario changes what it is given."""

    def __init__(self, **changed):
        self.method, self.path, self.query = "PUT", "/v1/orders/7Q2M-J5E2C8MV", ""
        self.authority, self.body = "scan.example.com", BODY
        self.covered, self.created, self.expires = COVERED, NOW - 10, NOW + 290
        self.key_id, self.algorithm, self.key = "1f0c2a9b3d4e5f60", "ed25519", LINE
        self.nonce, self.tag = "00112233445566778899aabbccddeeff", "mintmark"
        vars(self).update(changed)

    def parameters(self):
        named = " ".join(f'"{name}"' for name in self.covered)
        parts = [f"({named})", f"created={self.created}", f'keyid="{self.key_id}"']
        parts += [f'alg="{self.algorithm}"', f"expires={self.expires}"]
        parts += [f'nonce="{self.nonce}"'] if self.nonce else []
        return ";".join([*parts, f'tag="{self.tag}"'])

    def base(self):
        values = {
            "@method": self.method,
            "@authority": self.authority,
            "@path": self.path,
            "@query": f"?{self.query}",
            "content-digest": digest(self.body),
        }
        lines = [f'"{name}": {values[name]}' for name in self.covered]
        return "\n".join([*lines, f'"@signature-params": {self.parameters()}'])

    def signature(self):
        data = self.base().encode("ascii")
        if isinstance(self.key, bytes):
            return hmac.new(self.key, data, hashlib.sha256).digest()
        return self.key.sign(data)

    def vector(self, says, *, good, now=NOW, **sent):
        """The request as it arrives: `sent` is what was changed on the way."""
        arrived = vars(self) | sent
        headers = {
            "Host": arrived["authority"],
            "Signature-Input": f"mintmark={self.parameters()}",
            "Signature": f"mintmark=:{base64.b64encode(self.signature()).decode()}:",
        }
        if arrived["body"]:
            headers["Content-Digest"] = arrived.get("digest", digest(self.body))
        return {
            "says": says,
            "good": good,
            "now": now,
            "method": arrived["method"],
            "path": arrived["path"],
            "query": arrived["query"],
            "headers": headers,
            "body": arrived["body"],
            "base": self.base(),
        }


def vectors():
    yield Request().vector("an order", good=True)
    get = Request(method="GET", body="", covered=COVERED[:4], path="/v1/batches/7Q2M-0K4T9WXA")
    yield get.vector("a reading, its query empty", good=True)
    get.query = "after=0&digests=true"
    yield get.vector("a reading with a query", good=True)
    yield Request(created=NOW + 50).vector("a clock 50 seconds ahead", good=True)
    secret = {"key": SECRET, "algorithm": "hmac-sha256", "key_id": "factory-1"}
    yield Request(**secret).vector("a shared secret", good=True)

    yield Request(key=STRANGER).vector("forged: another key", good=False)
    yield Request(key_id="ffffffffffffffff").vector("an unknown key", good=False)
    yield Request().vector("the body changed", good=False, body=BODY.replace("400", "900"))
    changed = BODY.replace("400", "900")
    yield Request().vector(
        "body and digest changed", good=False, body=changed, digest=digest(changed)
    )
    yield Request().vector("another method", good=False, method="POST")
    yield Request().vector("another path", good=False, path="/v1/orders/7Q2M-0000000A")
    yield Request().vector("another host", good=False, authority="other.example.com")
    yield get.vector("another query", good=False, query="after=0&digests=false")
    yield Request().vector("expired", good=False, now=NOW + 291)
    hour = Request(created=NOW + 3_600, expires=NOW + 3_900)
    yield hour.vector("a clock an hour ahead", good=False)
    yield Request().vector("a clock an hour behind", good=False, now=NOW + 3_600)
    long = Request(created=NOW - 600, expires=NOW + 86_400)
    yield long.vector("valid for a day: older than five minutes is too old", good=False)
    yield Request(covered=COVERED[:4]).vector("the digest not covered", good=False)
    yield Request(covered=("@method", "@path", "@query", "content-digest")).vector(
        "the host not covered", good=False
    )
    yield Request(nonce="").vector("no nonce", good=False)
    yield Request(created="soon").vector("created is no time", good=False)
    yield Request(created='"abc"').vector("created is a text", good=False)
    yield Request(created="9" * 40).vector("created beyond any time", good=False)
    yield Request(expires="9" * 40).vector("expires beyond any time", good=False)
    yield Request(tag="other").vector("for another application", good=False)
    confused = Request(key=PUBLIC, algorithm="hmac-sha256")
    yield confused.vector("the public key used as a secret", good=False)
    unsaid = Request(key=PUBLIC)
    yield unsaid.vector("the public key used as a secret, and alg says ed25519", good=False)


def files():
    """Name → text of each file."""
    document = {
        "keys": [
            {"key_id": "1f0c2a9b3d4e5f60", "algorithm": "ed25519", "public_key": PUBLIC.hex()},
            {"key_id": "factory-1", "algorithm": "hmac-sha256", "secret": SECRET.decode("ascii")},
        ],
        "vectors": list(vectors()),
    }
    return {"signatures.json": json.dumps(document, indent=1) + "\n"}


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="ascii", newline="\n")

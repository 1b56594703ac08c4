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
OFFICE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"vectors: office").digest())
STRANGER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"vectors: stranger").digest())
SECRET = hashlib.sha256(b"vectors: secret").hexdigest().encode("ascii")
PUBLIC = LINE.public_key().public_bytes_raw()
BODY = '{"batch": "7Q2M-0K4T9WXA", "action": "activate", "serials": [[1, 400]]}'
COVERED = ("@method", "@authority", "@path", "@query", "content-digest")


def digest(body, name="sha-256"):
    hashed = hashlib.new(name.replace("-", ""), body.encode()).digest()
    return f"{name}=:{base64.b64encode(hashed).decode()}:"


class Request:
    """A request signed as it should be; a scenario changes what it is given."""

    def __init__(self, **changed):
        self.method, self.path, self.query = "PUT", "/v1/orders/7Q2M-J5E2C8MV", ""
        self.authority, self.body = "scan.example.com", BODY
        self.covered, self.created, self.expires = COVERED, NOW - 10, NOW + 290
        self.key_id, self.algorithm, self.key = "1f0c2a9b3d4e5f60", "ed25519", LINE
        self.nonce, self.tag = "00112233445566778899aabbccddeeff", "mintmark"
        # Parameters that stand before the tag; the field as it is sent; the label.
        self.more, self.digest, self.label = "", None, "mintmark"
        vars(self).update(changed)

    def parameters(self):
        named = " ".join(f'"{name}"' for name in self.covered)
        parts = [f"({named})", f"created={self.created}", f'keyid="{self.key_id}"']
        parts += [f'alg="{self.algorithm}"'] if self.algorithm else []
        parts += [f"expires={self.expires}"] if self.expires else []
        parts += [f'nonce="{self.nonce}"'] if self.nonce else []
        return ";".join([*parts, *self.more.split(), f'tag="{self.tag}"'])

    def base(self):
        values = {
            "@method": self.method,
            "@authority": self.authority.lower(),
            "@path": self.path,
            "@query": f"?{self.query}",
            "@target-uri": f"https://{self.authority}{self.path}",
            "@scheme": "https",
            "content-type": "application/json",
            "content-digest": self.digest or digest(self.body),
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
            "Signature-Input": f"{self.label}={self.parameters()}",
            "Signature": f"{self.label}=:{base64.b64encode(self.signature()).decode()}:",
        }
        if arrived["body"] or arrived["digest"]:
            headers["Content-Digest"] = arrived["digest"] or digest(self.body)
        if "content-type" in self.covered:
            headers["Content-Type"] = "application/json"
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
    yield from algorithms()
    yield from forms()
    yield from nonces()
    yield from digests()
    yield from times()


def algorithms():
    yield Request(algorithm=None).vector("alg left out: the key's is meant", good=True)
    secret = {"key": SECRET, "key_id": "factory-1"}
    yield Request(**secret, algorithm=None).vector("alg left out, a shared secret", good=True)
    for name in ("hmac-sha256", "rsa-pss-sha512", "ED25519", "ed25519 ", "none"):
        says = f"the right key, and alg says {name!r}"
        yield Request(algorithm=name).vector(says, good=False)
    wrong = Request(**secret, algorithm="ed25519")
    yield wrong.vector("the right secret, and alg says ed25519", good=False)
    office = Request(key=OFFICE, key_id="0a1b2c3d4e5f6071")
    yield office.vector("another line", good=True)
    yield Request(key_id="0a1b2c3d4e5f6071").vector("a line under another line's id", good=False)
    yield Request(key=OFFICE).vector("another line under this line's id", good=False)


def forms():
    yield Request(label="sig-1").vector("under another label", good=True)
    turned = (COVERED[4], *COVERED[3::-1])
    yield Request(covered=turned).vector("covered in another order", good=True)
    yield Request(authority="Scan.Example.COM").vector("the host in other letters", good=True)
    for more in ("@target-uri", "@scheme", "content-type"):
        says = f"{more} covered besides: a proxy may change it"
        yield Request(covered=(*COVERED, more)).vector(says, good=False)
    yield Request(covered=(*COVERED, "@path")).vector("a component twice", good=False)
    parts = ('more="1"', "more=1", "more", 'context="mintmark"', 'nonce="another nonce of it"')
    for more in (*(part.replace(" ", "-") for part in parts), "created=1", 'alg="ed25519"'):
        yield Request(more=more).vector(f"one parameter more: {more}", good=False)
    yield Request(expires=None).vector("no expires", good=False)
    spaced = Request()
    good = spaced.vector("a space between parameters", good=False)
    good["headers"]["Signature-Input"] = good["headers"]["Signature-Input"].replace(";tag", "; tag")
    yield good
    both = Request().vector("two labels", good=False)
    for name in ("Signature-Input", "Signature"):
        field = both["headers"][name]
        both["headers"][name] = f"{field}, {field.replace('mintmark=', 'other=', 1)}"
    yield both
    one = Request().vector("another label in each field", good=False)
    one["headers"]["Signature"] = one["headers"]["Signature"].replace("mintmark", "other", 1)
    yield one
    cut = Request().vector("a signature without its padding", good=False)
    cut["headers"]["Signature"] = cut["headers"]["Signature"].replace("==:", ":")
    yield cut
    bits = Request().vector("a signature with other bits behind its last byte", good=False)
    field = bits["headers"]["Signature"].removesuffix("==:")
    # Of the last letter two bits count; the next letter of the alphabet has the same two.
    bits["headers"]["Signature"] = f"{field[:-1]}{chr(ord(field[-1]) + 1)}==:"
    yield bits


def nonces():
    for nonce in ("n" * 16, "n" * 128, "~ !#$%&'()*+,-./:;<=>?@[]^_`{|}", r"\"sixteen \\ long\""):
        yield Request(nonce=nonce).vector(f"the nonce {nonce}", good=True)
    for nonce in ("n" * 15, "n" * 129, r"\"\"\"\"\"\"\"\""):
        yield Request(nonce=nonce).vector(f"a nonce too short or too long: {nonce}", good=False)
    for more in (
        "nonce",
        "nonce=" + "n" * 16,
        "nonce=1234567890123456",
        "nonce=:bm9uY2Vub25jZW5v:",
    ):
        yield Request(nonce="", more=more).vector(f"a nonce that is no text: {more}", good=False)


def digests():
    longer, both = digest(BODY, "sha-512"), f"{digest(BODY)}, {digest(BODY, 'sha-512')}"
    yield Request(digest=longer).vector("sha-512 of the body", good=True)
    yield Request(digest=both).vector("both digests of the body", good=True)
    wrong = f"{digest(BODY)}, {digest('another', 'sha-512')}"
    yield Request(digest=wrong).vector("one digest right, the other wrong", good=False)
    for more in ("md5=:CY9rzUYh03PK3k6DJie09g==:", digest(BODY), "sha-256"):
        says = f"a right digest, and another member: {more}"
        yield Request(digest=f"{digest(BODY)}, {more}").vector(says, good=False)
    yield Request(digest=f"{digest(BODY)};a=1").vector("a digest with a parameter", good=False)
    alone = Request(digest="md5=:CY9rzUYh03PK3k6DJie09g==:")
    yield alone.vector("a digest of another algorithm alone", good=False)
    get = {"method": "GET", "body": "", "path": "/v1/batches/7Q2M-0K4T9WXA"}
    yield Request(**get, digest=digest("")).vector(
        "a reading with the digest of nothing", good=True
    )
    other = Request(**get, digest=digest("x"))
    yield other.vector("a reading with the digest of something", good=False)
    uncovered = Request(**get, digest=digest(""), covered=COVERED[:4])
    yield uncovered.vector("a reading, its digest not covered", good=False)


def times():
    for created, expires, good in (
        (NOW + 60, NOW + 360, True),
        (NOW + 61, NOW + 361, False),
        (NOW - 300, NOW, True),
        (NOW - 301, NOW + 10, False),
        (NOW - 10, NOW, True),
        (NOW - 10, NOW - 1, False),
        (NOW, NOW + 86_400, True),
    ):
        says = f"made {created - NOW} seconds from now, expires {expires - NOW} seconds from now"
        yield Request(created=created, expires=expires).vector(says, good=good)


def files():
    """Name → text of each file."""
    document = {
        "keys": [
            {"key_id": "1f0c2a9b3d4e5f60", "algorithm": "ed25519", "public_key": PUBLIC.hex()},
            {
                "key_id": "0a1b2c3d4e5f6071",
                "algorithm": "ed25519",
                "public_key": OFFICE.public_key().public_bytes_raw().hex(),
            },
            {"key_id": "factory-1", "algorithm": "hmac-sha256", "secret": SECRET.decode("ascii")},
        ],
        "vectors": list(vectors()),
    }
    return {"signatures.json": json.dumps(document, indent=1) + "\n"}


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="ascii", newline="\n")

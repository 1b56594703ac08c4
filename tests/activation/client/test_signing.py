"""Who may order: signatures by the vectors, replays, clocks, scopes, and the whole way."""

import contextlib
import functools
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import http_sf
import httpx2
import pytest
from backend_kit import BACKEND_KEY, Asgi, Clock, make_batch, make_codes, prints
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519, HMAC_SHA256
from line_kit import Backend, home_with_batches, opened, program
from patience import PATIENCE
from starlette.requests import Request

from mintmark.activation.backend import beside_home, senders, signatures
from mintmark.activation.backend.app import Backend as Books
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.protocol import Away
from mintmark.activation.client.signing import Key, RequestSigner, line_keys, secret_key
from mintmark.codegen import roster
from mintmark.codegen.errors import UsageError
from mintmark.codegen.secret import Secret

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "activation" / "vectors" / "signatures.json").read_text("ascii"))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = Key("1f0c2a9b3d4e5f60", PRIVATE)
SECRET = b"nobody will guess these bytes, at least 32"
LINE = {"name": "line-3", "key_id": KEY.key_id, "algorithm": "ed25519", "public_key": PUBLIC.hex()}
BATCH = make_batch(10)
ORDER = {"batch": BATCH.batch, "action": "activate", "serials": [[1, 5]]}
UPLOAD = f"/v1/batches/{BATCH.batch}/fingerprints/1"


# --- the pure check ----------------------------------------------------------------


def known(key_id):
    for key in VECTORS["keys"]:
        if key["key_id"] == key_id:
            table = {"name": "x", **key}
            if "secret" in table:
                return senders.Sender(key_id, "x", HMAC_SHA256, table["secret"].encode("ascii"))
            public = senders.Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public_key"]))
            return senders.Sender(key_id, "x", senders.ED25519, public)
    return None


def arriving(vector, **headers):
    every = vector["headers"] | headers
    return Request(
        {
            "type": "http",
            "scheme": "https",
            "method": vector["method"],
            "path": vector["path"],
            "raw_path": vector["path"].encode("ascii"),
            "query_string": vector["query"].encode("ascii"),
            "headers": [(k.lower().encode(), v.encode()) for k, v in every.items()],
        }
    )


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def verdict(vector, **headers):
    with contextlib.suppress(Problem):
        return signatures.verify(
            arriving(vector, **headers), vector["body"].encode(), known, at(vector["now"])
        )
    return None


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["says"])
def test_each_vector_is_judged_as_it_says(vector):
    signed = verdict(vector)
    assert (signed is not None) == vector["good"]
    if signed:
        assert signed.until > at(vector["now"]) + timedelta(minutes=4)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Signature-Input", ""),
        ("Signature-Input", "mintmark=("),
        ("Signature-Input", "mintmark=?1"),
        ("Signature-Input", "x" * 5_000),
        ("Signature", "mintmark=:AA==:"),
        ("Signature", "other=:AA==:"),
        ("Signature", "mintmark=(:AA==:)"),
    ],
)
def test_rubbish_is_a_stranger(name, text):
    vector = VECTORS["vectors"][0]
    assert verdict(vector) is not None
    assert verdict(vector, **{name: text}) is None


def test_two_signatures_are_one_too_many():
    vector = VECTORS["vectors"][0]
    both = {
        name: f"a={vector['headers'][name][9:]}, {vector['headers'][name]}"
        for name in ("Signature-Input", "Signature")
    }
    assert verdict(vector, **both) is None


# --- a backend in process ----------------------------------------------------------


@pytest.fixture
def lines(tmp_path):
    """Writes lines.toml, and gives who reads it."""
    path = tmp_path / "lines.toml"

    def write(*tables):
        text = "\n".join(
            "[[line]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items())
            for table in tables
        )
        # Another size each time: a file system's clock is coarse.
        path.write_text(text + "#" * len([*tmp_path.iterdir()]), "utf-8")
        (tmp_path / f"mark-{len([*tmp_path.iterdir()])}").touch()
        return senders.FileSenders(path)

    return write


@pytest.fixture
def clock():
    return Clock()


def app(store, clock, lines):
    return Asgi(create_app(Books(store, BACKEND_KEY, clock, False, lines)))


def signed(clock, key=KEY, entropy=os.urandom):
    """The headers of a call, as a line signs it."""
    signer = RequestSigner(lambda _: key, clock, entropy)

    def headers(method, path, content=b"", kind="application/json"):
        request = httpx2.Request(
            method, f"http://127.0.0.1{path}", content=content, headers={"Content-Type": kind}
        )
        signer(request, content, None)
        return dict(request.headers)

    return headers


def calls(here, headers):
    def call(method, path, body=None, kind="application/json"):
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        return here(method, path, content=content, headers=headers(method, path, content, kind))

    return call


def ready(call):
    assert call("PUT", f"/v1/batches/{BATCH.batch}", BATCH.body()).status_code == 200
    stream = (UPLOAD, prints(make_codes(10)), "application/octet-stream")
    return call("PUT", *stream)


def test_a_line_orders_and_nobody_else(store, clock, lines):
    here = app(store, clock, lines(LINE))
    call = calls(here, signed(clock))
    assert ready(call).status_code == 204
    unsigned = here("PUT", "/v1/orders/a", json=ORDER)
    assert unsigned.status_code == 401
    assert unsigned.json()["server_time"] == "2026-11-22T12:00:00Z"
    assert here("GET", "/v1/orders/a").status_code == 401
    assert call("PUT", "/v1/orders/a", ORDER).status_code == 200
    assert call("GET", "/v1/orders/a").json()["applied"] == [[1, 5]]
    assert call("GET", f"/v1/batches/{BATCH.batch}?after=0&digests=true").status_code == 200
    assert here("POST", "/v1/scans", json={"code": "X"}).status_code == 200


class AsAsked:
    """Signs what `Accept-Signature` asks for and nothing else (RFC 9421, section 5.2)."""

    def __init__(self, field, clock):
        ((self.label, (covered, asked)),) = http_sf.parse(
            field.encode("ascii"), tltype="dictionary"
        ).items()
        self.covered = [name for name, _ in covered]
        times = {name: value for name, value in asked.items() if value is True}
        self.values = {name: value for name, value in asked.items() if name not in times}
        # Those two alone are asked for without a value.
        assert times.keys() == {"created", "expires"}
        self.times = {"created": clock.now, "expires": clock.now + timedelta(minutes=1)}

    def headers(self, method, path, content):
        request = httpx2.Request(method, f"http://127.0.0.1{path}", content=content)
        request.headers["content-type"] = "application/json"
        body = content if "content-digest" in self.covered else None
        keys = MappingKeyResolver(public_keys={}, private_keys={KEY.key_id: PRIVATE})
        HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys).sign(
            request,
            key_id=KEY.key_id,
            label=self.label,
            covered_component_ids=[name for name in self.covered if name != "content-digest"],
            body=body,
            **self.values,
            **self.times,
        )
        return dict(request.headers)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/v1/batches/{BATCH.batch}?after=0", None),
        ("GET", "/v1/unknown-scans", None),
        ("PUT", "/v1/orders/a", ORDER),
        ("PUT", f"/v1/batches/{BATCH.batch}", BATCH.body()),
    ],
)
def test_a_library_can_sign_what_a_401_asks_for(store, clock, lines, method, path, body):  # noqa: PLR0917
    here = app(store, clock, lines(LINE))
    assert ready(calls(here, signed(clock))).status_code == 204
    content = json.dumps(body).encode() if body else b""
    kind = {"content-type": "application/json"}
    fields = set()
    for _ in range(2):
        refused = here(method, path, content=content, headers=kind)
        assert refused.status_code == 401
        asked = AsAsked(refused.headers["accept-signature"], clock)
        assert ("content-digest" in asked.covered) == bool(body)
        answer = here(method, path, content=content, headers=asked.headers(method, path, content))
        assert answer.status_code == 200
        fields.add(asked.values["nonce"])
    assert len(fields) == 2


def test_an_upload_in_pieces_is_asked_for_a_digest(store, clock, lines):
    async def pieces():
        yield bytes(16)

    here = app(store, clock, lines(LINE))
    refused = here("PUT", UPLOAD, content=pieces())
    assert refused.status_code == 401
    assert '"content-digest"' in refused.headers["accept-signature"]


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/v1/orders/b?x=1", "127.0.0.1", 404),  # as signed: let in, and unknown
        ("PUT", "/v1/orders/b?x=1", "127.0.0.1", 401),
        ("GET", "/v1/orders/c?x=1", "127.0.0.1", 401),
        ("GET", "/v1/orders/b?x=2", "127.0.0.1", 401),
        ("GET", "/v1/orders/b?x=1", "localhost", 401),
    ],
)
def test_no_part_of_a_request_can_be_changed_under_its_signature(  # noqa: PLR0917
    store, clock, lines, method, path, host, status
):
    headers = signed(clock)("GET", "/v1/orders/b?x=1")
    del headers["host"]
    answer = app(store, clock, lines(LINE))(method, path, host=host, headers=headers)
    assert answer.status_code == status


def test_a_request_is_taken_once_by_whatever_worker_and_after_a_restart(
    store, database, clock, lines
):
    known = lines(LINE)
    headers = signed(clock)("GET", "/v1/unknown-scans")
    here = app(store, clock, known)
    assert here("GET", "/v1/unknown-scans", headers=headers).status_code == 200
    assert here("GET", "/v1/unknown-scans", headers=headers).status_code == 401
    other = Store(database)
    clock.forward(minutes=4)
    assert app(other, clock, known)("GET", "/v1/unknown-scans", headers=headers).status_code == 401
    # By then it has expired; and its nonce is forgotten.
    clock.forward(minutes=60)
    assert app(other, clock, known)("GET", "/v1/unknown-scans", headers=headers).status_code == 401
    again = signed(clock, entropy=bytes)
    for answer in (200, 401):
        got = here("GET", "/v1/unknown-scans", headers=again("GET", "/v1/unknown-scans"))
        assert got.status_code == answer
    other.close()


@pytest.mark.parametrize(
    ("scope", "allowed", "refused"),
    [
        ({"actions": ["activate"]}, ORDER, ORDER | {"action": "freeze"}),
        ({"actions": []}, None, ORDER),
        ({"batches": ["HM00-B*"]}, ORDER, None),
        ({"batches": ["HM01-*"]}, None, ORDER),
        (
            {"layers": ["native"]},
            ORDER | {"attributes": {"lot": "L1", "native.x": "1"}},
            ORDER | {"attributes": {"dealer": "D1"}},
        ),
        ({"layers": ["native"]}, ORDER, ORDER | {"expires_at": "2027-01-01T00:00:00Z"}),
        ({"layers": ["activity"]}, ORDER | {"attributes": {"max_scans": 2}}, None),
    ],
)
def test_a_key_does_what_it_may(store, clock, lines, scope, allowed, refused):  # noqa: PLR0917
    whole = {**LINE, "name": "office", "key_id": "0" * 16}
    known = lines({**LINE, **scope}, whole)
    here = app(store, clock, known)
    assert ready(calls(here, signed(clock, Key("0" * 16, PRIVATE)))).status_code == 204
    call = calls(here, signed(clock))
    if refused:
        answer = call("PUT", "/v1/orders/no", refused)
        assert (answer.status_code, answer.json()["type"]) == (
            403,
            "urn:mintmark:problem:forbidden",
        )
    if allowed:
        assert call("PUT", "/v1/orders/yes", allowed).status_code == 200


def test_a_key_reads_no_refusal_of_a_batch_that_is_not_its(store, clock, lines):
    other = {**LINE, "name": "other", "key_id": "0" * 16, "batches": ["OTHER-*"]}
    here = app(store, clock, lines(LINE, other))
    call, stranger = calls(here, signed(clock)), calls(here, signed(clock, Key("0" * 16, PRIVATE)))
    assert ready(call).status_code == 204
    call("PUT", "/v1/orders/done", ORDER)
    assert call("PUT", "/v1/orders/no", ORDER).status_code == 409
    assert call("GET", "/v1/orders/no").status_code == 409
    for order in ("done", "no"):
        answer = stranger("GET", f"/v1/orders/{order}")
        assert (answer.status_code, "blocked" in answer.text) == (403, False)


@pytest.mark.parametrize(
    ("names", "host", "status"),
    [
        (("scan.example.com",), "scan.example.com", 200),
        (("scan.example.com",), "scan.example.com:8443", 200),
        (("scan.example.com:8443",), "scan.example.com:8443", 200),
        (("scan.example.com:8443",), "scan.example.com", 401),
        (("scan.example.com",), "scan-test.example.com", 401),
        (None, "scan-test.example.com", 200),
    ],
)
def test_a_request_for_another_backend_is_refused(store, clock, lines, names, host, status):  # noqa: PLR0917
    books = Books(store, BACKEND_KEY, clock, False, lines(LINE), names=names)
    request = httpx2.Request("GET", f"http://{host}/v1/unknown-scans")
    RequestSigner(lambda _: KEY, clock, os.urandom)(request, b"", None)
    here, headers = Asgi(create_app(books)), dict(request.headers)
    answer = here("GET", "/v1/unknown-scans", host=host, headers=headers)
    assert answer.status_code == status


def test_uploading_is_a_right_of_its_own(store, clock, lines):
    call = calls(app(store, clock, lines({**LINE, "upload": False})), signed(clock))
    assert ready(call).status_code == 403
    assert store.page(BATCH.batch, 0, digests=True).ranges[0].held == 0


def test_a_shared_secret_and_no_confusion_of_algorithms(store, clock, lines, tmp_path):
    (tmp_path / "s.txt").write_bytes(SECRET + b"\n")
    table = {"name": "f", "key_id": "f-1", "algorithm": "hmac-sha256", "secret_file": "s.txt"}
    here = app(store, clock, lines(table, LINE))
    key = secret_key(Secret(SECRET), "f-1")(None)
    assert ready(calls(here, signed(clock, key))).status_code == 204
    # A thief of the public key, which is no secret, signs with it as if it were.
    forged = calls(here, signed(clock, Key(KEY.key_id, PUBLIC)))
    assert forged("GET", "/v1/unknown-scans").status_code == 401
    assert "nobody will guess" not in repr(key) + repr(lines(table, LINE)("f-1"))


def test_the_file_is_read_again_and_a_malformed_one_lets_nobody_in(store, clock, lines, tmp_path):
    known = lines(LINE)
    call = calls(app(store, clock, known), signed(clock))
    assert call("GET", "/v1/unknown-scans").status_code == 200
    lines({**LINE, "key_id": "0" * 16})
    assert call("GET", "/v1/unknown-scans").status_code == 401
    lines(LINE)
    assert call("GET", "/v1/unknown-scans").status_code == 200
    (tmp_path / "lines.toml").write_text("[[line]", "utf-8")
    assert call("GET", "/v1/unknown-scans").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"actions": ["destroy"]},
        {"actions": "activate"},
        {"layers": ["all"]},
        {"batches": [1]},
        {"upload": "no"},
        {"algorithm": "rsa"},
        {"public_key": "00"},
        {"public_key": 5},
        {"secret_file": "s"},
        {"name": ""},
        {"surprise": 1},
        {"algorithm": "hmac-sha256"},
    ],
    ids=str,
)
def test_a_malformed_file_is_refused(lines, change):
    with pytest.raises(UsageError):
        lines({**LINE, **change})


def test_a_key_twice_and_other_files_are_refused(lines, tmp_path):
    with pytest.raises(UsageError, match="twice"):
        lines(LINE, LINE)
    for text in ("", "line = 5", "line = [1]", "[[line]]\n[x]", "\ud800"):
        (tmp_path / "bad.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(UsageError):
            senders.FileSenders(tmp_path / "bad.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        senders.FileSenders(tmp_path / "none.toml")
    (tmp_path / "s").write_bytes(b"too short")
    with pytest.raises(UsageError, match="32 bytes"):
        lines({"name": "f", "key_id": "f", "algorithm": "hmac-sha256", "secret_file": "s"})


# --- the whole way -----------------------------------------------------------------


@pytest.fixture
def factory(tmp_path):
    home, (batch,) = home_with_batches(tmp_path, 1)
    with opened(home.path) as station:
        roster.new_line(station, "line-3")
    return home.path, batch


def lines_client(home, url, line=None, **shifted):
    station = opened(home)
    with station as here:
        now = functools.partial(lambda delta: datetime.now(UTC) + delta, timedelta(**shifted))
        sign = RequestSigner(line_keys(here), now, os.urandom)
        with HttpClient(url, sign=sign, now=now) as client:
            return client.as_line(line).unknown_scans()


def test_lines_of_the_home_are_let_in_until_they_are_revoked(factory, tmp_path):
    home, _ = factory
    with Backend(tmp_path / "backend", home, unsigned=False) as backend:
        for line in (None, "line-3"):
            assert lines_client(home, backend.url, line).scans == ()
        with opened(home) as station:
            (key,) = [k for k in roster.listed(station).keys if k.name == "line-3"]
            roster.revoke(station, key.key_id, "PC stolen")
        with pytest.raises(Away, match="is the line's key known there"):
            lines_client(home, backend.url, "line-3")
        assert lines_client(home, backend.url).scans == ()


def test_a_server_that_goes_by_another_name_takes_nothing(factory, tmp_path):
    home, _ = factory
    settings = {"unsigned": False, "names": ("scan.example.com",)}
    with (
        Backend(tmp_path / "backend", home, **settings) as backend,
        pytest.raises(Away, match="this address its own name"),
    ):
        lines_client(home, backend.url)


@pytest.mark.parametrize(
    ("host", "given", "names"),
    [
        ("127.0.0.1", (), {"127.0.0.1", "localhost", "::1"}),
        ("127.0.0.2", (), {"127.0.0.1", "localhost", "::1", "127.0.0.2"}),
        ("127.0.0.1", ("Scan.Example.com",), {"scan.example.com"}),
        ("0.0.0.0", ("a.example", "b.example:8443"), {"a.example", "b.example:8443"}),  # noqa: S104
        ("::", ("[2001:DB8::1]", "[2001:db8::1]:8443"), {"2001:db8::1", "[2001:db8::1]:8443"}),
        *(
            ("127.0.0.1", (text,), None)
            for text in ("https://a.example", "a.example/x", "me@a.example", "a:b", "[::1", "")
        ),
    ],
)
def test_what_a_backend_is_called_by(host, given, names):
    location = beside_home.ServeRequest(None, None, host, 0, 1, (), given)
    if names is None:
        with pytest.raises(UsageError, match="no host"):
            beside_home._names(location)
    else:
        assert set(beside_home._names(location)) == names


@pytest.mark.parametrize(("hours", "side"), [(-1, "60 minutes behind"), (1, "60 minutes ahead of")])
def test_a_clock_an_hour_off_is_told(factory, tmp_path, hours, side):
    home, _ = factory
    with (
        Backend(tmp_path / "backend", home, unsigned=False) as backend,
        pytest.raises(Away, match=side),
    ):
        lines_client(home, backend.url, hours=hours)


def test_the_order_of_a_line_goes_out_under_its_key(factory, tmp_path, byte_code):
    """The backend knows line-3 alone: what the default line ordered stays queued."""
    home, batch = factory
    with opened(home) as station:
        exported = roster.export(station)
        text = "\n".join(exported.lines())
        assert [line.name for line in exported.line] == ["default", "line-3"]
    own = text[text.index("[[line]]", text.index("[[line]]") + 1) :]
    (tmp_path / "lines.toml").write_text(own, "utf-8")
    known = functools.partial(senders.FileSenders, tmp_path / "lines.toml")
    with Backend(tmp_path / "backend", home, unsigned=False, senders=known) as backend:
        for line, code in (("default", 75), ("line-3", 75)):
            order = ("activate", batch, "--serials", "1-5" if line == "line-3" else "6-9")
            done = program(*order, "--line", line, home=home, url=backend.url, byte_code=byte_code)
            out, err = done.communicate(timeout=PATIENCE)
            # First in, first out: the default line's order is in front.
            assert done.returncode == code, out + err
        assert "does not accept this line's signature" in out


@pytest.mark.parametrize(
    ("uploader", "exit_code", "says"),
    [
        (None, 6, "may not upload"),  # refused, by the backend
        ("line-3", 0, "acknowledged"),
        ("line-9", 4, "no line line-9 here"),  # and the order stays queued
    ],
)
def test_fingerprints_go_out_under_the_line_that_may(  # noqa: PLR0917 - three are its row
    factory, tmp_path, byte_code, uploader, exit_code, says
):
    home, batch = factory
    with opened(home) as station:
        first, second = "\n".join(roster.export(station).lines()).split("[[line]]")[1:]
    assert '"line-3"' in second
    text = f"[[line]]{first}\nupload = false\n[[line]]{second}\nactions = []\n"
    (tmp_path / "lines.toml").write_text(text, "utf-8")
    if uploader:
        path = home / "mintmark.toml"
        text = path.read_text("utf-8").replace(
            "[backend]", f'[backend]\nupload_line = "{uploader}"'
        )
        path.write_text(text, "utf-8")
    known = functools.partial(senders.FileSenders, tmp_path / "lines.toml")
    with Backend(tmp_path / "backend", home, unsigned=False, senders=known) as backend:
        order = ("activate", batch, "--serials", "1-5", "--order", "o-1", "--json")
        done = program(*order, home=home, url=backend.url, byte_code=byte_code)
        out, err = done.communicate(timeout=PATIENCE)
    assert done.returncode == exit_code, out + err
    assert says in out + err
    with opened(home) as station, station.ledger.read() as view:
        status = {0: "acknowledged", 4: "queued", 6: "refused"}[exit_code]
        assert view.order("o-1").status == status

"""Certificates named in mintmark.toml, against a real TLS server that asks for them."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from station_kit import make_home

from mintmark.activation.client.connect import connected
from mintmark.activation.client.protocol import Away
from mintmark.codegen.errors import NotFound, UsageError

HEALTH = {"api": "v1", "scheme": "hmac-sha256-128", "fingerprint_key_id": "0" * 16}


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def certificate(folder, who, issuer=None):
    """A key and certificate of `who`, as PEM files; signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name(who))
        .issuer_name(name("factory CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(issuer or key, hashes.SHA256())
    )
    (folder / f"{who}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{who}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key


class Backend(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(HEALTH).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def served(tmp_path):
    """A home, and the address of a server that asks its callers for a certificate."""
    issuer = certificate(tmp_path, "factory CA")
    for who in ("server", "line"):
        certificate(tmp_path, who, issuer)
    certificate(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "factory CA.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # a caller that was turned away
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    home = make_home(tmp_path)
    yield home, f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    home.close()


def health(served, **settings):
    home, url = served
    config = home.path / "mintmark.toml"
    lines = [f"{key} = {json.dumps(str(value))}" for key, value in {"url": url, **settings}.items()]
    text = config.read_text("utf-8").replace("[backend]\n", "\n".join(["[backend]", *lines, ""]))
    config.write_text(text, "utf-8")
    with connected(home.station()) as client:
        return client.health()


def files(folder, who):
    return {"client_certificate": folder / f"{who}.pem", "client_key": folder / f"{who}.key"}


def test_a_line_with_its_certificate_trusts_the_factory_s(served, tmp_path):
    ca = tmp_path / "factory CA.pem"
    assert health(served, ca=ca, **files(tmp_path, "line")).api == "v1"


def test_an_unknown_server_and_an_unknown_line_are_turned_away(served, tmp_path):
    with pytest.raises(Away):
        health(served, **files(tmp_path, "line"))


@pytest.mark.parametrize("who", ["stranger", None])
def test_a_line_without_the_right_certificate_is_turned_away(served, tmp_path, who):
    more = files(tmp_path, who) if who else {}
    with pytest.raises(Away):
        health(served, ca=tmp_path / "factory CA.pem", **more)


def test_a_certificate_that_is_not_there_or_is_none_is_told(served, tmp_path):
    with pytest.raises(NotFound, match="not there"):
        health(served, ca=tmp_path / "none.pem")


def test_what_is_no_certificate_is_told(served, tmp_path):
    (tmp_path / "rubbish.pem").write_text("hello", "ascii")
    with pytest.raises(UsageError, match="can't be used"):
        health(served, ca=tmp_path / "rubbish.pem")

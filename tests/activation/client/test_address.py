"""Which addresses of a backend are taken, and that httpx2 stumbles over none of them."""

import contextlib
import ipaddress
import string
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from line_kit import home_with_batches, opened

from mintmark.activation.client import connect
from mintmark.activation.client.address import checked_url
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.connect import backend_url, check_backend, connected
from mintmark.activation.client.protocol import Away
from mintmark.codegen.errors import UsageError

TAKEN = [
    *("http://127.0.0.1:8765", "http://localhost", "HTTP://LOCALHOST.:1/", "http://[::1]:8"),
    *("http://[::ffff:127.0.0.1]:8", "https://scan.example.com", "HTTPS://Scan.Example.COM/"),
    *("https://scan.example.com:443/a/b/", "https://xn--fiqs8s.example", "https://scan_1.example"),
    *("https://10.0.0.1:65535", "https://[2001:db8::1]", "https://scan.example.com/%E7%A0%81/x"),
    "https://scan.example.com/a;b=(1),'2'!$&*+~@:",
]
REFUSED = [
    # What a file of settings leaves behind.
    ("http://127.0.0.1:9\r", "line end"),
    ("http://127.0.0.1:9\n", "line end"),
    ("https://scan.example.com/\r\n", "line end"),
    ("\r", "line end"),
    ("https://scan.example.com\x00", "control character"),
    ("https://scan\t.example.com", "control character"),
    ("https://scan.example.com\x7f/", "control character"),
    (" https://scan.example.com", "white space"),
    ("https://scan.example.com ", "white space"),
    ("https://scan.example.com\u00a0", "white space"),
    ("https://scan.example.com\u3000", "white space"),
    (" ", "white space"),
    ('"https://scan.example.com"', "quotation mark"),
    ("'https://scan.example.com'", "quotation mark"),
    ("\u201chttps://scan.example.com\u201d", "quotation mark"),
    # Hosts.
    ("https://扫码.example.com", "ASCII"),
    ("https://scan．example.com", "ASCII"),
    ("https://scan.example.com/码", "ASCII"),
    ("https://\u200bscan.example.com", "ASCII"),
    ("https://scan example.com", "host name"),
    ("https://scan..example.com", "host name"),
    ("https://.example.com", "host name"),
    ("https://-scan.example.com", "host name"),
    ("https://scan%2eexample.com", "host name"),
    ("https://" + "a" * 64 + ".example.com", "host name"),
    ("https://" + ".".join(["a" * 60] * 5), "host name"),
    ("https://256.1.1.1", "IP address"),
    ("https://1.2.3", "IP address"),
    ("https://2130706433", "IP address"),
    ("https://0x7f000001", "IP address"),
    ("https://127.0.0.01", "IP address"),
    ("http://[::1", "not http"),
    ("https://[::1]x", "not http"),
    ("https://[127.0.0.1]", "IP address"),
    ("https://[fe80::1%25eth0]", "host name"),
    ("https://[v1.x]", "IP address"),
    # Ports.
    ("https://scan.example.com:", "not http"),
    ("https://scan.example.com:0", "port"),
    ("https://scan.example.com:65536", "port"),
    ("https://scan.example.com:99999", "port"),
    ("https://scan.example.com:port", "not http"),
    ("https://scan.example.com:-1", "not http"),
    ("https://scan.example.com:80:80", "not http"),
    ("https://scan.example.com:８０", "ASCII"),
    # Paths.
    ("http://127.0.0.1:9/%zz", "path"),
    ("https://scan.example.com/%", "path"),
    ("https://scan.example.com/%4", "path"),
    ("https://scan.example.com/a b", "path"),
    ("https://scan.example.com/{code}", "path"),
    ("https://scan.example.com\\v1", "host name"),
    ("https://scan.example.com/a\\b", "path"),
    ("https://scan.example.com/../a", "dotted"),
    ("https://scan.example.com/%2e%2E/a", "dotted"),
    ("https://scan.example.com/./", "dotted"),
    ("https://scan.example.com//a", "empty"),
    ("https://scan.example.com//", "empty"),
    # The rest.
    ("https://scan.example.com?", "not http"),
    ("https://scan.example.com/?a=1", "not http"),
    ("https://scan.example.com/#", "not http"),
    ("https://scan.example.com#x", "not http"),
    ("https://me:secret@scan.example.com", "user or password"),
    ("https://@scan.example.com", "user or password"),
    ("//scan.example.com", "not http"),
    ("scan.example.com", "not http"),
    ("127.0.0.1:8765", "not http"),
    ("localhost:8765", "not http"),
    ("https:scan.example.com", "not http"),
    ("https:/scan.example.com", "not http"),
    ("https://", "not http"),
    ("https:///v1", "not http"),
    ("ftp://127.0.0.1", "not http"),
    ("http+unix://x", "not http"),
    ("ttps://scan.example.com", "not http"),
    ("https://scan.example.com/" + "a" * 1_000, "not http"),
    ("http://scan.example.com", "plain http"),
    ("http://127.0.0.1.example.com", "plain http"),
]


@pytest.mark.parametrize("url", TAKEN)
def test_what_is_taken_is_what_httpx2_asks(url):
    base, _ = checked_url(url)
    assert base == url.rstrip("/")
    agrees(base)


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_what_is_refused_says_why_and_quotes_nothing(url, why):
    with pytest.raises(UsageError, match=why) as refused:
        checked_url(url)
    assert refused.value.hints
    said = refused.value.message + "".join(refused.value.hints)
    assert "secret" not in said
    assert said.isprintable()


def agrees(base):
    """httpx2 takes the address, and asks the very host and path that stand in it."""
    request = httpx2.Request("PUT", f"{base}/v1/orders/x")
    parts = urlsplit(base)
    assert request.url.raw_host.decode().strip("[]") in {parts.hostname, *same(parts.hostname)}
    assert request.url.raw_path.decode() == f"{parts.path}/v1/orders/x"
    assert (request.url.port or None) in {parts.port, None}
    assert not request.url.userinfo


def same(host):
    """Other spellings of an IPv6 address."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return {str(address), address.exploded}
    return set()


PIECES = st.lists(
    st.one_of(
        st.sampled_from([
            *("https://", "HTTP://", "http://", "//", "/", ":", "@", "?", "#", "%", "%41", "%zz"),
            *("[::1]", "[", "]", "127.0.0.1", "localhost", "scan.example.com", "xn--", "xn--a"),
            *("8765", "\\", "\r", " ", "..", ".", "-", "é", "ß", "。", "\u200b", "\ud800", "%00"),
        ]),
        st.text(string.printable, max_size=4),
        st.text(max_size=3),
    ),
    max_size=7,
).map("".join)  # fmt: skip
URLS = st.one_of(
    st.text(max_size=40),
    PIECES,
    PIECES.map("https://".__add__),
    st.from_regex(
        r"https://[A-Za-z0-9_.-]{1,20}(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]{0,8}){0,3}",
        fullmatch=True,
    ),
)


@given(URLS)
@example("https://xn--a")
@example("https://xn--zz--zz.example")
def test_nothing_passes_that_httpx2_would_stumble_over(url):
    try:
        base, _ = checked_url(url)
    except UsageError:
        return
    agrees(base)


# --- where it stands -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    home, _ = home_with_batches(tmp_path_factory.mktemp("home"))
    with opened(home.path) as station:
        yield station


def test_the_error_names_the_place(station, monkeypatch):
    monkeypatch.setenv("MINTMARK_BACKEND_URL", "http://127.0.0.1:9\r")
    for ask in (backend_url, check_backend, lambda station: connected(station).__enter__()):
        with pytest.raises(UsageError, match="MINTMARK_BACKEND_URL ends in a line end") as refused:
            ask(station)
        assert "CR LF" in refused.value.hints[0]
    monkeypatch.setenv("MINTMARK_BACKEND_URL", "")
    (station.home / connect.ANNOUNCEMENT).write_text('{"url": "http://127.0.0.1:9/%zz"}', "ascii")
    with pytest.raises(UsageError, match=r"local-backend\.json"):
        backend_url(station)
    (station.home / connect.ANNOUNCEMENT).unlink()
    assert backend_url(station) is None


@pytest.mark.parametrize(
    "proxy", ["http://proxy:8080\r", "socks5://127.0.0.1:1080", "http://p:port", " http://p:80"]
)
def test_a_proxy_that_cannot_be_used_is_told_before_anything_is_sent(proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="a proxy that the environment names"):
        HttpClient("https://scan.example.com")
    with HttpClient("http://127.0.0.1:9"):  # to this machine no proxy is used
        pass


def test_a_proxys_port_that_there_is_not_is_a_backend_that_is_away(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:99999")
    with HttpClient("https://scan.example.com") as client, pytest.raises(Away):
        client.health()


@pytest.mark.parametrize("name", ["none.pem", "rubbish.pem"])
def test_certificates_that_cannot_be_used_are_told(name, tmp_path, monkeypatch):
    (tmp_path / "rubbish.pem").write_text("rubbish", "ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        HttpClient("https://scan.example.com")

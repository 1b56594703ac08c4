"""The parts of a scan backend that must agree to the bit, to copy from. Needs cryptography.

Canonical form and fingerprint of a scanned code; the signature of a line's request (RFC 9421).
Run as a program, it reads the questions of tests/test_snippets.py from stdin.
"""

import base64
import hashlib
import hmac
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ASCII_UPPER = {letter: letter - 32 for letter in range(ord("a"), ord("z") + 1)}
ALWAYS = {"@method", "@authority", "@path", "@query"}


def canonical(rule: str, text: str) -> str:
    """The canonical form of a scanned text. Raises ValueError if it cannot be a code."""
    folded = text.translate(ASCII_UPPER)
    if rule == "crockford32":
        folded = folded.translate(str.maketrans("OIL", "011", " -"))
    if len(text) > 256 or not re.fullmatch("[!-~]{1,64}", folded):
        raise ValueError("not a code")
    return folded


def fingerprint(key: bytes, code: str) -> bytes:
    """The first 16 bytes of HMAC-SHA-256 over the canonical code."""
    return hmac.new(key, code.encode("ascii"), hashlib.sha256).digest()[:16]


def verified(
    key_id: str,
    public: bytes,
    hosts: set[str],
    now: int,
    request: dict[str, str],
    headers: dict[str, str],
    body: bytes,
) -> str | None:
    """The nonce of a good signature, which must be new to you; or None.

    `hosts`: your names in the lines' URLs, with the port if the URL has a port. A request that is
    signed for your test system must not pass here. `request`: @method, @authority (the Host
    header), @path and @query (with its "?").
    """
    # Our lines write exactly one signature, in this form (RFC 9421, section 4.1).
    found = re.fullmatch(r'mintmark=(\(((?:"[a-z@-]+" ?)+)\)((?:;[a-z]+=[^;]+)+))',
                         headers.get("signature-input", ""))  # fmt: skip
    sent = re.fullmatch(r"mintmark=:([A-Za-z0-9+/=]+):", headers.get("signature", ""))
    if not found or not sent:
        return None
    covered = re.findall(r'"([a-z@-]+)"', found[2])
    parameters = {k: v.strip('"') for k, v in re.findall(r";([a-z]+)=([^;]+)", found[3])}
    needed = ALWAYS | ({"content-digest"} if body else set())
    by_line = parameters.get("keyid") == key_id and parameters.get("tag") == "mintmark"
    if not by_line or not needed <= {*covered}:
        return None
    ours = request.get("@authority") in hosts
    times = [parameters.get(name, "") for name in ("created", "expires")]
    # A text that is not a number, or is too long, counts as the year 1970.
    times = [text if re.fullmatch("[0-9]{1,15}", text) else "0" for text in times]
    created, expires = map(int, times)
    timely = created - 60 <= now <= min(expires, created + 300)
    if not ours or not timely or not parameters.get("nonce"):
        return None
    # RFC 9530: the digest of the body as it arrived.
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
    if body and headers.get("content-digest") != f"sha-256=:{digest}:":
        return None
    # RFC 9421, section 2.5: a line for each covered component, then the parameters.
    values = request | headers
    lines = [f'"{name}": {values.get(name, "")}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {found[1]}'])
    try:
        # The key determines the algorithm, whatever the message says.
        Ed25519PublicKey.from_public_bytes(public).verify(
            base64.b64decode(sent[1]), base.encode("ascii")
        )
    except (InvalidSignature, ValueError):
        return None
    return parameters["nonce"]


def main() -> None:
    """Read one question per line, its fields between tabs; print one answer per line."""
    for line in sys.stdin:
        kind, *fields = line.rstrip("\n").split("\t")
        if kind == "canonical":
            try:
                print(canonical(fields[0], bytes.fromhex(fields[1]).decode("utf-8")))
            except ValueError:
                print("-")
        elif kind == "fingerprint":
            print(fingerprint(bytes.fromhex(fields[0]), fields[1]).hex())
        else:
            key_id, public, hosts, now, method, authority, path, query, *rest = fields
            request = {"@method": method, "@authority": authority, "@path": path}
            names = ("content-digest", "signature-input", "signature")
            headers = dict(zip(names, rest[:3], strict=True))
            nonce = verified(
                key_id,
                bytes.fromhex(public),
                set(hosts.split(" ")),
                int(now),
                request | {"@query": f"?{query}"},
                headers,
                bytes.fromhex(rest[3]),
            )
            print("good" if nonce else "bad")


if __name__ == "__main__":
    main()

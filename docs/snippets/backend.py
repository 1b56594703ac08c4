"""The parts of a scan backend that must agree to the bit, to copy from. Needs cryptography.

Canonical form and fingerprint of a scanned code; the signature of a line's request (RFC 9421,
docs/signing.md), and the nonces that were used.
"""

import base64
import hashlib
import hmac
import re
import sqlite3
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ASCII_UPPER = {letter: letter - 32 for letter in range(ord("a"), ord("z") + 1)}
COVERED = ["@method", "@authority", "@path", "@query"]
TYPES = {"created": int, "expires": int, "keyid": str, "nonce": str, "tag": str, "alg": str}
# The canonical form of RFC 9651, which is what signers write. No two alternatives begin alike,
# so that a header costs no more than its length.
PARAMETER = re.compile(r';([a-z]+)=(?:"((?:[ !#-\[\]-~]|\\["\\])*)"|(0|-?[1-9][0-9]{0,14}))')
INPUT = re.compile(
    r'([a-z*][a-z0-9_.*-]*)=(\(("[a-z0-9@-]+"(?: "[a-z0-9@-]+")*)\)'
    r'((?:;[a-z]+=(?:"(?:[ !#-\[\]-~]|\\["\\])*"|0|-?[1-9][0-9]{0,14}))+))'
)
SIGNATURE = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]+={0,2}):")


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
    keys: Mapping[str, tuple[str, bytes]],
    hosts: set[str],
    now: float,
    request: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[str, str] | None:
    """Key id and nonce of a good signature, or None. The nonce must be new to you: see `fresh`.

    `keys`: by key id, ("ed25519", the 32 bytes of the public key) or ("hmac-sha256", the secret).
    `hosts`: your names in the lines' URLs, with the port if the URL has a port. A request that is
    signed for your test system must not pass here. `now`: Unix time. `request`: @method,
    @authority (the Host header), @path and @query (with its "?"). `headers`: names in small
    letters; a header that came twice is joined by ", ".
    """
    fields = headers.get("signature-input", ""), headers.get("signature", "")
    if max(map(len, fields)) > 4_096:
        return None
    found, sent = INPUT.fullmatch(fields[0]), SIGNATURE.fullmatch(fields[1])
    if not found or not sent or found[1] != sent[1]:
        return None
    given = _parameters(found[4])
    # Whoever changes the body can change a digest that is not covered. Nothing else is covered:
    # behind a proxy, you could not tell what @target-uri or @scheme was.
    digest = ["content-digest"] if body or "content-digest" in headers else []
    if given is None or sorted(found[3][1:-1].split('" "')) != sorted([*COVERED, *digest]):
        return None
    algorithm, key = keys.get(given["keyid"], ("", b""))
    # RFC 9421, section 3.2: an algorithm that is named must be the key's.
    if not key or given.get("alg", algorithm) != algorithm or given["tag"] != "mintmark":
        return None
    timely = given["created"] - 60 <= now <= min(given["expires"], given["created"] + 300)
    values = {**headers, **request, "@authority": request["@authority"].lower()}
    right = timely and values["@authority"] in hosts and 16 <= len(given["nonce"]) <= 128
    if not right or (digest and not _is_digest(headers.get("content-digest", ""), body)):
        return None
    # RFC 9421, section 2.5: a line for each covered component, then the parameters.
    lines = [f'"{name}": {values[name]}' for name in found[3][1:-1].split('" "')]
    base = "\n".join([*lines, f'"@signature-params": {found[2]}']).encode("latin-1")
    return (given["keyid"], given["nonce"]) if _is_signed(algorithm, key, base, sent[2]) else None


def fresh(database: sqlite3.Connection, key_id: str, nonce: str, now: int) -> bool:
    """Whether the key never used this nonce. From now on it has, also after a restart."""
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS nonces (k, n, until, PRIMARY KEY (k, n))")
        database.execute("DELETE FROM nonces WHERE until < ?", [now])
        # As long as it could pass: five minutes, and one for the clock of either side.
        made = database.execute(
            "INSERT OR IGNORE INTO nonces VALUES (?, ?, ?)", [key_id, nonce, now + 420]
        )
        return made.rowcount > 0


def _parameters(text: str) -> dict | None:
    """The agreed parameters, each once; None if there are others, or others are missing."""
    given = {}
    for name, quoted, digits in PARAMETER.findall(text):
        value = int(digits) if digits else re.sub(r"\\(.)", r"\1", quoted)
        if name in given or name not in TYPES or type(value) is not TYPES[name]:
            return None
        given[name] = value
    return given if given.keys() | {"alg"} == TYPES.keys() else None


def _is_digest(field: str, body: bytes) -> bool:
    """Whether every member of a Content-Digest (RFC 9530) is right, for the body as it arrived."""
    hashes = {"sha-256": hashlib.sha256(body), "sha-512": hashlib.sha512(body)}
    right = {
        f"{name}=:{base64.b64encode(hashed.digest()).decode('ascii')}:"
        for name, hashed in hashes.items()
    }
    members = field.split(", ")
    return set(members) <= right and len(set(members)) == len(members)


def _is_signed(algorithm: str, key: bytes, base: bytes, text: str) -> bool:
    try:
        signature = base64.b64decode(text, validate=True)
        if base64.b64encode(signature).decode("ascii") != text:
            return False
        if algorithm == "hmac-sha256":
            return hmac.compare_digest(hmac.new(key, base, hashlib.sha256).digest(), signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, base)
    except (InvalidSignature, ValueError):
        return False
    return True

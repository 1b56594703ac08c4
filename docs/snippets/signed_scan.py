"""How a platform signs what it posts: scans, and what dealers scan in. Needs cryptography.

To copy from, or to try: python3 signed_scan.py KEYFILE METHOD URL JSON
"""

import base64
import hashlib
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_key(text: str) -> tuple[str, Ed25519PrivateKey]:
    """Key id and key, from the file that `mintmark key new NAME --platform` made."""
    made = json.loads(text)
    return made["key_id"], Ed25519PrivateKey.from_private_bytes(bytes.fromhex(made["ed25519"]))


def signed(
    key: tuple[str, Ed25519PrivateKey], method: str, url: str, body: bytes, now: int
) -> dict[str, str]:
    """The headers of a request with a body (RFC 9421): new ones for every attempt.

    `url` has the name that the backend knows itself by. `now`: Unix time.
    """
    key_id, private = key
    parts = urlsplit(url)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
    values = {
        "@method": method,
        "@authority": parts.netloc.lower(),
        "@path": parts.path,
        "@query": f"?{parts.query}",
        "content-digest": f"sha-256=:{digest}:",
    }
    covered = " ".join(f'"{name}"' for name in values)
    parameters = (
        f'({covered});created={now};keyid="{key_id}";alg="ed25519";expires={now + 300}'
        f';nonce="{secrets.token_hex(16)}";tag="mintmark"'
    )
    lines = [f'"{name}": {value}' for name, value in values.items()]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = base64.b64encode(private.sign(base.encode("ascii"))).decode("ascii")
    return {
        "Content-Type": "application/json",
        "Content-Digest": values["content-digest"],
        "Signature-Input": f"mintmark={parameters}",
        "Signature": f"mintmark=:{signature}:",
    }


def send(
    key: tuple[str, Ed25519PrivateKey], method: str, url: str, content: object
) -> tuple[int, object]:
    """Status and JSON of the answer, also of a refusal."""
    body = json.dumps(content).encode("utf-8")
    headers = signed(key, method, url, body, int(time.time()))
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


if __name__ == "__main__":
    status, told = send(
        read_key(Path(sys.argv[1]).read_text("ascii")), *sys.argv[2:4], json.loads(sys.argv[4])
    )
    print(status, json.dumps(told, ensure_ascii=False))

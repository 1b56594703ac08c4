"""The signature of a package (manifest.sig): who vouches for its manifest.

Ed25519 over a domain label and the SHA-256 of manifest.json's bytes. The custodian signs
packages; the station signs test packages under a label of their own. So the kind of a
package, and with it the keys that may sign it, is known before its manifest is parsed.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...codegen.errors import IntegrityError
from .fields import load, text

FORMAT = "mintmark-package-signature/1"
SIGNATURE_BYTES = 2_048

_LABEL = b"mintmark/package-manifest/1\n"
_TEST_LABEL = b"mintmark/test-package-manifest/1\n"
_KEY_ID = re.compile(r"[0-9A-Za-z:._-]{1,80}", re.ASCII)
_HEX32 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEX64 = re.compile(r"[0-9a-f]{128}", re.ASCII)


@dataclass(frozen=True)
class ManifestSigner:
    """Who signs a manifest; `sign` returns the Ed25519 signature of a message."""

    key_id: str
    public_key: bytes
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Signature:
    """The content of manifest.sig."""

    key_id: str
    public_key: bytes
    signature: bytes


def _message(manifest: bytes, *, test: bool) -> bytes:
    return (_TEST_LABEL if test else _LABEL) + hashlib.sha256(manifest).digest()


def sign(manifest: bytes, signer: ManifestSigner, *, test: bool) -> bytes:
    """The bytes of manifest.sig for manifest.json's bytes."""
    return _dump(
        Signature(signer.key_id, signer.public_key, signer.sign(_message(manifest, test=test)))
    )


def _dump(signature: Signature) -> bytes:
    return rfc8785.dumps(
        {
            "format": FORMAT,
            "key_id": signature.key_id,
            "public_key": signature.public_key.hex(),
            "signature": signature.signature.hex(),
        }
    )


def parse(data: bytes) -> Signature:
    """The content of manifest.sig. Raises `IntegrityError` if it is not well formed."""
    try:
        document = load(data, SIGNATURE_BYTES)
        found = Signature(
            text(document["key_id"], _KEY_ID),
            bytes.fromhex(text(document["public_key"], _HEX32)),
            bytes.fromhex(text(document["signature"], _HEX64)),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise IntegrityError("the package's signature is not well formed") from None
    if _dump(found) != data:
        raise IntegrityError("the package's signature is not in canonical form")
    return found


def check(manifest: bytes, signature: Signature) -> bool:
    """Whether `signature` is that of a test package, checked with its own public key.

    Whether that key may sign packages is for the caller to check. Raises `IntegrityError`
    if the signature is wrong.
    """
    for test in (False, True):
        with contextlib.suppress(InvalidSignature, ValueError):
            key = Ed25519PublicKey.from_public_bytes(signature.public_key)
            key.verify(signature.signature, _message(manifest, test=test))
            return test
    raise IntegrityError(
        "the manifest's signature is wrong: the package was altered after it was signed",
        "copy the archive again from its source; if that does not help, ask for a new package",
    )

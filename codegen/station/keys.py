"""Keys and their files: of station, lines and platforms, the fingerprint key, the custodian's.

Only the custodian's is under a passphrase, and it never lies in the home. The others belong
to machines that start with no human near, so they are plain files that only their owner may
read: what that means stands in the threat model.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import IntegrityError, UsageError
from ..files import write_exclusively
from ..notes import dump, with_check
from ..secret import Secret
from .kdf import (
    FOR_TESTS_ONLY,
    INTERACTIVE,
    SALT_BYTES,
    KdfProfile,
    derive,
    describe,
    is_affordable,
)
from .key_document import (
    CUSTODIAN,
    FINGERPRINT,
    PUBLIC,
    SIGNING,
    damaged,
    from_hex,
    load,
    load_checked,
)

__all__ = [
    "FOLDERS",
    "FOR_TESTS_ONLY",
    "INTERACTIVE",
    "LINE_NAME",
    "CustodianKey",
    "CustodianPublic",
    "Entropy",
    "KdfProfile",
    "SigningKey",
    "check_passphrase",
    "fingerprint_key_file",
    "key_id",
    "new_custodian_key",
    "new_signing_key",
    "read_custodian_key",
    "read_custodian_public",
    "read_fingerprint_key",
    "read_signing_key",
    "write_custodian_key",
    "write_custodian_public",
    "write_fingerprint_key",
    "write_signing_key",
]

Entropy = Callable[[int], bytes]

# Kinds of keys that are named, and the folder of `keys/` that holds their files.
FOLDERS = MappingProxyType({"line": "lines", "platform": "platforms"})
LINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key of the station, of a line, or of a platform that scans."""

    key_id: str
    kind: str
    name: str
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032)."""
        return self.private.sign(message)

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self.private.public_key().public_bytes_raw()


@dataclass(frozen=True)
class CustodianPublic:
    """The public half of a custodian's key: what a mint station knows of a custodian."""

    key_id: str
    sign_public: bytes
    seal_public: bytes

    @property
    def recipient(self) -> tuple[str, X25519PublicKey]:
        """The recipient that a batch is sealed for: key id and X25519 public key."""
        return self.key_id, X25519PublicKey.from_public_bytes(self.seal_public)


@dataclass(frozen=True)
class CustodianKey:
    """An unlocked custodian key: X25519 unseals, Ed25519 signs packages."""

    public: CustodianPublic
    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032)."""
        return self.signing.sign(message)


def key_id(*public: bytes) -> str:
    """Sixteen hex digits that name a key: the head of SHA-256 over its public parts."""
    return hashlib.sha256(b"mintmark key id\0" + b"".join(public)).hexdigest()[:16]


# --- keys of station, lines and platforms ---------------------------------------------------------


def new_signing_key(kind: str, name: str, entropy: Entropy) -> SigningKey:
    """A fresh Ed25519 key."""
    private = Ed25519PrivateKey.from_private_bytes(entropy(32))
    return SigningKey(key_id(private.public_key().public_bytes_raw()), kind, name, private)


def write_signing_key(path: Path, key: SigningKey) -> None:
    """Write `key` to a new file only its owner may read."""
    document = {
        "format": SIGNING,
        "kind": key.kind,
        "name": key.name,
        "key_id": key.key_id,
        "ed25519": key.private.private_bytes_raw().hex(),
    }
    write_exclusively(path, dump(with_check(document)))


def read_signing_key(path: Path) -> SigningKey:
    """The key at `path`. Raises `NotFound` without the file, `IntegrityError` if it is damaged."""
    document = load_checked(path, SIGNING, {"kind", "name", "key_id", "ed25519"})
    private = Ed25519PrivateKey.from_private_bytes(from_hex(path, document["ed25519"], 32))
    if key_id(private.public_key().public_bytes_raw()) != document["key_id"]:
        raise damaged(path)
    return SigningKey(document["key_id"], document["kind"], document["name"], private)


# --- the fingerprint key -----------------------------------------------------------


def write_fingerprint_key(path: Path, key: Secret) -> None:
    """Write the home's fingerprint key to a new file only its owner may read."""
    write_exclusively(path, fingerprint_key_file(key))


def fingerprint_key_file(key: Secret) -> bytes:
    """The bytes of a fingerprint key's file."""
    return dump(with_check({"format": FINGERPRINT, "key": key.reveal().hex()}))


def read_fingerprint_key(path: Path) -> Secret:
    """The 32-byte key. Raises `NotFound` or `IntegrityError`."""
    return Secret(from_hex(path, load_checked(path, FINGERPRINT, {"key"})["key"], 32))


# --- the custodian's key -----------------------------------------------------------


def new_custodian_key(entropy: Entropy) -> CustodianKey:
    """A fresh key: a pair to sign with, and a pair to unseal with."""
    signing = Ed25519PrivateKey.from_private_bytes(entropy(32))
    sealing = X25519PrivateKey.from_private_bytes(entropy(32))
    return _custodian(signing, sealing)


def _custodian(signing: Ed25519PrivateKey, sealing: X25519PrivateKey) -> CustodianKey:
    sign_public = signing.public_key().public_bytes_raw()
    seal_public = sealing.public_key().public_bytes_raw()
    public = CustodianPublic(key_id(sign_public, seal_public), sign_public, seal_public)
    return CustodianKey(public, signing, sealing)


def write_custodian_key(
    path: Path, key: CustodianKey, passphrase: Secret, entropy: Entropy, kdf: KdfProfile
) -> None:
    """Write `key` under `passphrase` to a new file: Argon2id, then AES-256-GCM.

    Everything but the ciphertext is associated data, so that no field can be exchanged.
    """
    header = {
        "format": CUSTODIAN,
        **_public_fields(key.public),
        "kdf": describe(kdf, entropy(SALT_BYTES)),
        "nonce": entropy(12).hex(),
    }
    plaintext = (
        key.signing.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        + key.sealing.private_bytes_raw()
    )
    ciphertext = AESGCM(derive(header["kdf"], passphrase)).encrypt(
        bytes.fromhex(str(header["nonce"])), plaintext, dump(header)
    )
    write_exclusively(path, dump({**header, "ciphertext": ciphertext.hex()}))


def read_custodian_key(path: Path, passphrase: Callable[[], Secret]) -> CustodianKey:
    """Unlock the key at `path`; `passphrase()` is called only for a well-formed file.

    Raises `NotFound` without the file, `IntegrityError` for a wrong passphrase or a
    damaged file: the tag cannot tell the two apart.
    """
    fields = {"key_id", "sign_public", "seal_public", "kdf", "nonce", "ciphertext"}
    document = load(path, CUSTODIAN, fields)
    for name, size in (("key_id", 8), ("sign_public", 32), ("seal_public", 32)):
        from_hex(path, document[name], size)
    nonce = from_hex(path, document["nonce"], 12)
    ciphertext = from_hex(path, document.pop("ciphertext"), 64 + 16)
    kdf: object = document["kdf"]
    if not isinstance(kdf, dict) or not is_affordable(kdf):
        raise damaged(path)
    from_hex(path, kdf["salt"], SALT_BYTES)
    key = AESGCM(derive(kdf, passphrase()))
    try:
        plaintext = key.decrypt(nonce, ciphertext, dump(document))
    except InvalidTag:
        raise IntegrityError(
            "wrong passphrase, or a damaged custodian key file",
            "type the passphrase again; the file itself is not changed",
        ) from None
    custodian = _custodian(
        Ed25519PrivateKey.from_private_bytes(plaintext[:32]),
        X25519PrivateKey.from_private_bytes(plaintext[32:]),
    )
    public = _public_fields(custodian.public)
    if {name: document[name] for name in public} != public:
        raise damaged(path)
    return custodian


def write_custodian_public(path: Path, public: CustodianPublic) -> None:
    """Write what a mint station needs of a custodian who keeps the key elsewhere."""
    write_exclusively(path, dump({"format": PUBLIC, **_public_fields(public)}))


def read_custodian_public(path: Path) -> CustodianPublic:
    """The public half at `path`. Raises `NotFound` or `IntegrityError`."""
    document = load(path, PUBLIC, {"key_id", "sign_public", "seal_public"})
    sign_public = from_hex(path, document["sign_public"], 32)
    seal_public = from_hex(path, document["seal_public"], 32)
    if key_id(sign_public, seal_public) != document["key_id"]:
        raise damaged(path)
    return CustodianPublic(document["key_id"], sign_public, seal_public)


def check_passphrase(passphrase: Secret) -> Secret:
    """A new passphrase must have at least 8 bytes. Raises `UsageError`."""
    if len(passphrase.reveal()) < 8:
        raise UsageError(
            "the passphrase is shorter than 8 bytes", "take several words, and keep them safe"
        )
    return passphrase


def _public_fields(public: CustodianPublic) -> dict[str, object]:
    return {
        "key_id": public.key_id,
        "sign_public": public.sign_public.hex(),
        "seal_public": public.seal_public.hex(),
    }

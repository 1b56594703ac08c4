"""Makes custodian-key/*.json: `python tests/vectors/make_custodian_keys.py` writes them.

Written from docs/formats/keys.md; it shares no code with mintmark. A vector is the text of a key
file, a passphrase, and what comes of it: the page says how to read it.
"""

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

HERE = Path(__file__).parent
PRIVATE, PUBLIC = "mintmark-custodian-key/1", "mintmark-custodian-public/1"
CHEAP = {"memory": 64, "iterations": 1, "lanes": 1}
REAL = {"memory": 65_536, "iterations": 3, "lanes": 4}
WORDS = "nine words are better than one"


def random(name, size):
    return hashlib.shake_256(b"mintmark custodian key vectors: " + name.encode()).digest(size)


def plain(value, level=1):
    """The plain form, without the last line feed."""
    if not isinstance(value, dict):
        return f'"{value}"' if isinstance(value, str) else str(value)
    lines = [f'{" " * level}"{name}": {plain(value[name], level + 1)}' for name in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n" + " " * (level - 1) + "}"


class Key:
    """A key file as it should be; a scenario changes what it is made of."""

    def __init__(self, name="custodian", words=WORDS, **kdf):
        self.ed25519, self.x25519 = random(f"{name} sign", 32), random(f"{name} seal", 32)
        self.passphrase = words.encode("utf-8")
        self.plaintext = self.ed25519 + self.x25519
        sign = Ed25519PrivateKey.from_private_bytes(self.ed25519).public_key().public_bytes_raw()
        seal = X25519PrivateKey.from_private_bytes(self.x25519).public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(b"mintmark key id\0" + sign + seal).digest()[:8].hex()
        self.public = {
            "key_id": self.key_id,
            "sign_public": sign.hex(),
            "seal_public": seal.hex(),
        }
        self.document = {
            "format": PRIVATE,
            **self.public,
            "kdf": {"name": "argon2id", **CHEAP, "salt": random(f"{name} salt", 16).hex(), **kdf},
            "nonce": random(f"{name} nonce", 12).hex(),
        }

    def seal(self):
        """The members, with the ciphertext."""
        kdf = self.document["kdf"]
        derived = Argon2id(
            salt=bytes.fromhex(kdf["salt"]),
            length=32,
            iterations=kdf["iterations"],
            lanes=kdf["lanes"],
            memory_cost=kdf["memory"],
        ).derive(self.passphrase)
        associated = f"{plain(self.document)}\n".encode("ascii")
        nonce = bytes.fromhex(self.document["nonce"])
        sealed = AESGCM(derived).encrypt(nonce, self.plaintext, associated)
        return {**self.document, "ciphertext": sealed.hex()}

    @property
    def private(self):
        return {
            "key_id": self.key_id,
            "ed25519": self.ed25519.hex(),
            "x25519": self.x25519.hex(),
        }


def vector(description, file, passphrase, expected=None, refused=None):
    return {
        "description": description,
        "public": False,
        "file": file if isinstance(file, str) else f"{plain(file)}\n",
        "passphrase": passphrase.hex(),
        "expected": expected,
        "refused": refused,
    }


def flip(text, at):
    """Hex with one bit of its byte `at` flipped."""
    data = bytearray.fromhex(text)
    data[at] ^= 1
    return data.hex()


def good():
    key = Key()
    yield (
        "good",
        vector(
            "as mintmark writes it, at the lowest cost", key.seal(), key.passphrase, key.private
        ),
    )
    key = Key("real", **REAL)
    yield (
        "good-cost",
        vector("at the cost that mintmark writes", key.seal(), key.passphrase, key.private),
    )
    key = Key("lanes", memory=128, iterations=2, lanes=16)
    yield (
        "good-lanes",
        vector("16 lanes in the least memory for them", key.seal(), key.passphrase, key.private),
    )
    key = Key("words", words=" 青山 Ünïcode\t")
    yield (
        "good-passphrase",
        vector(
            "beyond ASCII, with a space before and a tab behind",
            key.seal(),
            key.passphrase,
            key.private,
        ),
    )
    key = Key("spelt")
    other = json.dumps(dict(reversed(key.seal().items())), separators=(" ,\r\n\t", ":"))
    yield (
        "good-spelling",
        vector("other white space, members in another order", other, key.passphrase, key.private),
    )
    twice = plain(key.seal()).replace("{", '{"nonce": "' + "00" * 12 + '",', 1)
    yield (
        "good-twice",
        vector("a member twice: the last counts", twice, key.passphrase, key.private),
    )


def wrong():
    """The tag does not hold."""
    key = Key("composed", words="caf\u00e9 au lait")
    cases = {
        "another": b"nine words are worse than one",
        "line-feed": key.passphrase + b"\n",
        "normalised": "cafe\u0301 au lait".encode(),
        "case": key.passphrase.upper(),
        "empty": b"",
    }
    for name, passphrase in cases.items():
        text = f"the passphrase is another: {name}"
        yield f"passphrase-{name}", vector(text, key.seal(), passphrase, refused="tag")
    key = Key()
    whole = key.seal()
    for name, at in {"nonce": 0, "sign_public": 31, "seal_public": 0, "key_id": 3}.items():
        changed = {**whole, name: flip(whole[name], at)}
        text = f"one bit of {name} is flipped"
        yield f"flip-{name}", vector(text, changed, key.passphrase, refused="tag")
    for name, at in {"ed25519": 0, "x25519": 40, "tag": 79}.items():
        changed = {**whole, "ciphertext": flip(whole["ciphertext"], at)}
        text = f"one bit of the ciphertext is flipped: {name}"
        yield f"flip-{name}", vector(text, changed, key.passphrase, refused="tag")
    costs = {"memory": 65, "iterations": 2, "lanes": 2, "salt": flip(whole["kdf"]["salt"], 15)}
    for name, value in costs.items():
        changed = {**whole, "kdf": {**whole["kdf"], name: value}}
        text = f"{name} is another than the key was derived with"
        yield f"flip-{name}", vector(text, changed, key.passphrase, refused="tag")


def others():
    """Sealed as it should be, by somebody who knew the passphrase, over what does not fit."""
    stranger = Key("stranger")
    for name in ("key_id", "sign_public", "seal_public"):
        key = Key()
        key.document[name] = stranger.public[name]
        text = f"{name} is another key's, and authenticated"
        yield f"keys-{name}", vector(text, key.seal(), key.passphrase, refused="keys")
    key = Key()
    key.document |= stranger.public
    yield (
        "keys-all",
        vector(
            "all public members are another key's, and authenticated",
            key.seal(),
            key.passphrase,
            refused="keys",
        ),
    )
    key = Key()
    key.plaintext = key.x25519 + key.ed25519
    yield (
        "keys-exchanged",
        vector("the private keys changed places", key.seal(), key.passphrase, refused="keys"),
    )


def forms():
    """Refused before anything is derived."""
    key = Key()
    whole = key.seal()
    changed = {
        "format-2": ("a format of the future", {"format": "mintmark-custodian-key/2"}),
        "format-public": ("says that it is a public key", {"format": PUBLIC}),
        "format-number": ("a number for a text", {"format": 1}),
        "unknown": ("a member no one knows", {"note": "x"}),
        "nonce-short": ("a nonce of 11 bytes", {"nonce": whole["nonce"][2:]}),
        "nonce-capitals": ("hex in capitals", {"nonce": "AB" * 12}),
        "ciphertext-short": ("a ciphertext of 79 bytes", {"ciphertext": whole["ciphertext"][2:]}),
        "ciphertext-long": ("a ciphertext of 81 bytes", {"ciphertext": f"{whole['ciphertext']}00"}),
        "ciphertext-null": ("null for a text", {"ciphertext": None}),
        "public-short": ("a public key of 31 bytes", {"seal_public": whole["seal_public"][2:]}),
        "public-spaces": ("white space in a public key", {"sign_public": f"{' ' * 64}"}),
        "key_id-short": ("a key id of 7 bytes", {"key_id": whole["key_id"][2:]}),
        "kdf-text": ("a text for an object", {"kdf": "argon2id"}),
    }
    for name, (text, change) in changed.items():
        yield (
            f"form-{name}",
            vector(text, json.dumps({**whole, **change}), key.passphrase, refused="form"),
        )
    for name in whole:
        lacking = {member: value for member, value in whole.items() if member != name}
        yield (
            f"form-without-{name}",
            vector(f"without {name}", lacking, key.passphrase, refused="form"),
        )
    costs = {
        "name": ("argon2i", "another function"),
        "memory-little": (63, "a KiB less than the least"),
        "memory-lanes": (64, "less than 8 KiB for each of its 9 lanes"),
        "memory-much": (1_048_577, "a KiB more than a GiB"),
        "memory-huge": (2**53, "more than any machine has"),
        "memory-true": (True, "true for a number"),
        "memory-text": ("64", "a text for a number"),
        "memory-fraction": (64.5, "a fraction"),
        "iterations-none": (0, "no pass"),
        "iterations-many": (17, "a pass too many"),
        "lanes-none": (0, "no lane"),
        "lanes-many": (17, "a lane too many"),
        "salt-short": ("00" * 15, "a salt of 15 bytes"),
        "salt-long": ("00" * 17, "a salt of 17 bytes"),
        "unknown": ("x", "a member no one knows"),
    }
    for name, (value, text) in costs.items():
        more = (
            {"lanes": 9} if name == "memory-lanes" else {"memory": 256} if "lanes" in name else {}
        )
        kdf = {**whole["kdf"], **more, name.split("-")[0]: value}
        yield (
            f"form-kdf-{name}",
            vector(text, json.dumps({**whole, "kdf": kdf}), key.passphrase, refused="form"),
        )
    for name in whole["kdf"]:
        kdf = {member: value for member, value in whole["kdf"].items() if member != name}
        yield (
            f"form-kdf-without-{name}",
            vector(f"kdf without {name}", {**whole, "kdf": kdf}, key.passphrase, refused="form"),
        )
    text = f"{plain(whole)}\n"
    spelt = {
        "cut": ("cut in the middle", text[: len(text) // 2]),
        "list": ("a list", f"[{text}]"),
        "more": ("something behind it", f"{text}{{}}"),
        "empty": ("nothing", ""),
        "long": ("16,385 bytes, with white space", text.ljust(16_385)),
    }
    for name, (description, file) in spelt.items():
        yield f"form-{name}", vector(description, file, key.passphrase, refused="form")


def publics():
    key = Key()
    whole = {"format": PUBLIC, **key.public}

    def public(text, document, expected=None):
        read = vector(text, document, b"", expected, None if expected else "form")
        return {**read, "public": True}

    yield "public-good", public("as mintmark writes it", whole, key.public)
    for name, at in {"key_id": 0, "sign_public": 0, "seal_public": 31}.items():
        changed = {**whole, name: flip(whole[name], at)}
        yield f"public-flip-{name}", public(f"one bit of {name} is flipped", changed)
    exchanged = {**whole, "sign_public": whole["seal_public"], "seal_public": whole["sign_public"]}
    yield "public-exchanged", public("the two keys changed places", exchanged)
    yield "public-private", public("the private key's file", key.seal())
    yield "public-unknown", public("a member no one knows", {**whole, "note": "x"})


def files():
    """Name → text of every vector file."""
    made = [pair for make in (good, wrong, others, forms, publics) for pair in make()]
    assert len(dict(made)) == len(made)
    return {
        f"custodian-key/{name}.json": json.dumps(document, indent=1) + "\n"
        for name, document in made
    }


if __name__ == "__main__":
    (HERE / "custodian-key").mkdir(exist_ok=True)
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="ascii", newline="\n")

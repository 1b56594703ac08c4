"""The files of the folder that a backend's team is handed. Pure, but for the package's own data.

`fingerprint.key` alone is secret. No file holds a code, nor anything from which one follows
without a fingerprint file beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ...codegen.codes.fingerprint import SCHEME, fingerprint, key_id
from ...codegen.codes.spec import canonicalise
from ...codegen.secret import Secret
from ...codegen.station.keys import fingerprint_key_file

README, KEY, LINES = "README.txt", "fingerprint.key", "lines.toml"
VECTORS = ("canonical.json", "fingerprints.json", "signatures.json")
# No alphabet has a slash: under the home's own key, this can be no code's fingerprint.
SELF_CHECK = "mintmark/self-check/1"
RULES = ("upper", "crockford32")

_HERE = Path(__file__).parent
_HOUSE = _HERE.parent


@dataclass(frozen=True)
class Handed:
    """What of a home is handed over. `lines` is the text of `lines.toml`, `time` RFC 3339."""

    home: str
    key: Secret
    lines: str
    time: str
    version: str

    @property
    def key_id(self) -> str:
        """The fingerprint key's id."""
        return key_id(self.key)


def contents(handed: Handed) -> dict[str, bytes]:
    """Name in the folder → bytes, in the order in which a person reads them."""
    return {
        README: _readme(handed),
        LINES: handed.lines.encode("ascii"),
        KEY: fingerprint_key_file(handed.key),
        "fingerprint-key-id.txt": f"{handed.key_id}\n".encode("ascii"),
        "health.json": _json(health(handed.key_id)),
        "self-check.json": _json(self_check(handed.key)),
        "openapi.yaml": (_HOUSE / "openapi.yaml").read_bytes(),
        **{f"vectors/{name}": (_HOUSE / "vectors" / name).read_bytes() for name in VECTORS},
    }


def health(fingerprint_key_id: str) -> dict[str, str]:
    """What `GET /v1/health` answers at a backend that has the key."""
    return {"api": "v1", "scheme": SCHEME, "fingerprint_key_id": fingerprint_key_id}


def self_check(key: Secret) -> dict[str, object]:
    """Fingerprints under `key` of a text that is no code, in the form of the vectors."""
    folded = {rule: canonicalise(rule, SELF_CHECK) for rule in RULES}
    return {
        "scheme": SCHEME,
        "key_id": key_id(key),
        "fingerprints": [
            {
                "rule": rule,
                "text": SELF_CHECK,
                "canonical": text,
                "fingerprint": fingerprint(text.encode("ascii"), key).hex(),
            }
            for rule, text in folded.items()
        ],
    }


def _readme(handed: Handed) -> bytes:
    template = Template((_HERE / "readme.txt").read_text("utf-8"))
    text = template.substitute(
        home=handed.home, key_id=handed.key_id, time=handed.time, version=handed.version
    )
    # As Windows Notepad of any age shows it.
    return b"\xef\xbb\xbf" + "\r\n".join(text.splitlines()).encode() + b"\r\n"


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=1).encode("ascii") + b"\n"

"""Wraps: a batch's data key, sealed to each custodian, in a file that can be replaced.

HPKE in base mode, single shot (RFC 9180, sections 5.1.1 and 6.1): DHKEM(X25519,
HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

    info = "mintmark/data-key/1" ⏎ ‖ core hash ‖ key id of the custodian

`info` is bound into the key schedule (section 8.1): a wrap that is moved to another batch,
or entered for another custodian, does not open. There is no associated data, because a
single-shot message has nothing more to bind.

Base mode does not say who sealed: only the PSK and Auth modes authenticate the sender
(section 9.1). Anybody can seal a data key of their own to a custodian's public key, with
frames under it, and the custodian would unseal their codes. So the whole file is signed
(Ed25519): by the station when it mints, by a custodian when the recipients change. Auth
mode would prove the sender to the recipient alone; the signature is checked by whoever has
the public keys, without any private key.

Accepted:

- Wrapping anew takes nothing away. A custodian who could open the batch once may have kept
  the data key, and an older wraps file that is put back is as valid as it was. The frames
  are not sealed under another key when a custodian leaves.
- HPKE has no forward secrecy for the recipient (section 9.1): a custodian's key that is
  stolen later opens every batch ever sealed to it, from any copy of the files.
- The file shows to whom the batch is sealed. The key ids are public in the ledger as well.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ..errors import IntegrityError
from ..secret import Secret
from . import signed
from .frames import KEY_BYTES
from .header import FORMAT, CoreHeader
from .signed import WRAPS_LABEL, Keys, Sign

WRAPS_BYTES = 65_536
MAX_RECIPIENTS = 64
# Nenc, data key, Nt: RFC 9180, sections 7.1 and 7.3.
SEALED_BYTES = 32 + KEY_BYTES + 16
_INFO_LABEL = b"mintmark/data-key/1\n"
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_TYPES = MappingProxyType(
    {
        "format": (int,),
        "batch": (str,),
        "core_sha256": (str,),
        "wraps": (dict,),
        "wrapped_by": (str,),
        "signature": (str,),
    }
)

# A custodian's key id, and the X25519 key to seal to.
Recipient = tuple[str, X25519PublicKey]


@dataclass(frozen=True, slots=True)
class Wraps:
    """A verified wraps file. `sealed`: custodian's key id → the data key sealed to it."""

    header: CoreHeader
    sealed: MappingProxyType[str, bytes]

    def open(self, key_id: str, private: X25519PrivateKey) -> Secret:
        """The data key, opened by the custodian `key_id` with the key `private`.

        Raises `IntegrityError`, naming the custodians who could open it, for other keys.
        """
        sealed = self.sealed.get(key_id)
        if sealed is not None:
            # What opens has KEY_BYTES: `read_wraps` checked the size of `sealed`. An encapsulated
            # key that gives an all-zero secret must fail (RFC 9180, section 7.1.4): cryptography
            # reports InvalidTag; its X25519 alone reports ValueError, which is not reached today.
            with contextlib.suppress(InvalidTag, ValueError):
                return Secret(_SUITE.decrypt(sealed, private, info=_info(self.header, key_id)))
        raise IntegrityError(
            f"this custodian key does not open batch {self.header.batch}",
            f"it is sealed to: {', '.join(sorted(self.sealed))}",
            recipients=sorted(self.sealed),
        )


def wrap(
    data_key: Secret,
    header: CoreHeader,
    recipients: Sequence[Recipient],
    wrapped_by: str,
    sign: Sign,
) -> bytes:
    """The wraps file that seals `data_key` to `recipients`, signed by the key `wrapped_by`.

    Raises `ValueError` for no recipient, more than 64, or a recipient named twice.
    """
    if not 1 <= len(dict(recipients)) == len(recipients) <= MAX_RECIPIENTS:
        raise ValueError("a batch is sealed to 1 to 64 different custodians")
    wraps = {
        key_id: _SUITE.encrypt(data_key.reveal(), public, info=_info(header, key_id)).hex()
        for key_id, public in recipients
    }
    document = {
        "format": FORMAT,
        "batch": header.batch,
        "core_sha256": header.core_hash.hex(),
        "wraps": wraps,
        "wrapped_by": wrapped_by,
    }
    return signed.attach(document, WRAPS_LABEL, sign)


def read_wraps(data: bytes, header: CoreHeader, keys: Keys) -> Wraps:
    """The wraps file in `data`, if it belongs to `header` and is signed by a key of `keys`.

    `keys`: those of the stations and of the custodians. Raises `IntegrityError` otherwise.
    """
    what = f"the wraps file of batch {header.batch}"
    if len(data) > WRAPS_BYTES:
        raise signed.damaged(what)
    document = signed.load(data, _TYPES, what)
    signature, message = signed.detach(document, WRAPS_LABEL, what)
    signed.verify(keys, document["wrapped_by"], signature, message, what)
    wraps = document["wraps"]
    if document["format"] != FORMAT or not 1 <= len(wraps) <= MAX_RECIPIENTS:
        raise signed.damaged(what)
    belongs = document["core_sha256"] == header.core_hash.hex()
    if not belongs or document["batch"] != header.batch:
        raise IntegrityError(f"{what} belongs to another batch", "bring the right one back")
    sealed = {key_id: signed.unhex(text, SEALED_BYTES, what) for key_id, text in wraps.items()}
    return Wraps(header, MappingProxyType(sealed))


def _info(header: CoreHeader, key_id: str) -> bytes:
    return _INFO_LABEL + header.core_hash + key_id.encode("ascii")

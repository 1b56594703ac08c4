"""The home's fingerprint key, sealed to a station that was admitted: an object of the store.

HPKE in base mode, single shot, as `sealed/wrap.py` says it of data keys (RFC 9180, sections 5.1.1
and 6.1): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

    info = "mintmark/station-key/1" ⏎ ‖ home id ⏎ ‖ hash of the founding ⏎ ‖ key id of the station

Base mode does not say who sealed, so the document is signed by the admitting station, which must
be on the roster and may admit. What opens is believed only if it has the id that the founding of
the home names, and that the words of the admission stood for.

The ledger never holds it: books are copied and shown. An object holds it for a station alone;
whoever reads the bucket learns whom it is for, which the roster says as well.
"""

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from ..codes import fingerprint
from ..errors import IntegrityError
from ..sealed import signed
from ..sealed.signed import Keys, Sign
from ..secret import Secret
from .founding import Founding
from .seal_key import SealKey
from .station_key import StationPublic

MOST_BYTES = 4_096
_FORMAT = 1
_LABEL = b"mintmark/sealed-fingerprint-key/1\n"
_INFO = "mintmark/station-key/1\n{home}\n{founding}\n{station}"
_SEALED_BYTES = 32 + 32 + 16  # Nenc, the key, Nt: RFC 9180, sections 7.1 and 7.3
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "format": (int,),
        "home": (str,),
        "station": (str,),
        "sealed": (str,),
        "sealed_by": (str,),
        "signature": (str,),
    }
)
_WHAT = "the sealed fingerprint key of this station"


def folder_of(home: str) -> str:
    """Where in the store the sealed keys of a home lie."""
    return f"{home}/stations"


def is_of(name: str, station: str) -> bool:
    """Whether the object `name` is for the station with the key id `station`."""
    return name.rpartition("/")[2].startswith(f"{station}-")


def seal(key: Secret, station: StationPublic, home: Founding, sealed_by: str, sign: Sign) -> bytes:
    """The document that seals `key` to `station`, signed by the station `sealed_by`."""
    public = X25519PublicKey.from_public_bytes(station.seal_public)
    document = {
        "format": _FORMAT,
        "home": home.home,
        "station": station.key_id,
        "sealed": _SUITE.encrypt(key.reveal(), public, info=_info(home, station.key_id)).hex(),
        "sealed_by": sealed_by,
    }
    return signed.attach(document, _LABEL, sign)


def opened(data: bytes, own: SealKey, station: str, home: Founding, admitting: Keys) -> Secret:
    """The fingerprint key in `data` for the station with the key id `station`.

    `admitting`: the public keys of the stations that may admit. Raises `IntegrityError`.
    """
    if len(data) > MOST_BYTES:
        raise signed.damaged(_WHAT)
    document = signed.load(data, _TYPES, _WHAT)
    signature, message = signed.detach(document, _LABEL, _WHAT)
    signed.verify(admitting, document["sealed_by"], signature, message, _WHAT)
    sealed = signed.unhex(document["sealed"], _SEALED_BYTES, _WHAT)
    if (document["format"], document["home"], document["station"]) != (_FORMAT, home.home, station):
        raise signed.damaged(_WHAT)
    # As `sealed/wrap.py`: an encapsulated key that gives an all-zero secret must fail.
    with contextlib.suppress(InvalidTag, ValueError):
        key = Secret(_SUITE.decrypt(sealed, own.private, info=_info(home, station)))
        if fingerprint.key_id(key) == home.fingerprint_key_id:
            return key
    raise IntegrityError(
        f"{_WHAT} does not open, or holds another key than the home was founded with",
        "have the station admitted again, with the same words",
    )


def _info(home: Founding, station: str) -> bytes:
    return _INFO.format(home=home.home, founding=home.hash, station=station).encode("ascii")

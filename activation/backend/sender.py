"""Whoever sends a signed request, and what its key may do. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures.algorithms import HMAC_SHA256, HTTPSignatureAlgorithm

from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.attributes import Layer, Value, keys_within, layer
from ...codegen.ranges.lifecycle import Action
from ..client.wire import Party
from .problems import Problem

SCAN_IN: Final = "scan_in"  # beside the actions of orders and aggregations


@dataclass(frozen=True)
class Sender:
    """A key, and what it may do. None: no limit. `batches` are patterns as in a shell.

    `line`: it is a line's, and does whatever lines do; `platform`: it is one of a platform that
    scans for people. `attributes`: the only ones it may set, and their only values.
    """

    key_id: str
    name: str
    algorithm: type[HTTPSignatureAlgorithm]
    key: Ed25519PublicKey | bytes = field(repr=False)
    actions: frozenset[str] | None = None
    batches: tuple[str, ...] | None = None
    layers: frozenset[Layer] | None = None
    upload: bool = True
    line: bool = True
    platform: bool = False
    parties: frozenset[Party] | None = None
    attributes: Mapping[str, Value] | None = None

    def permit_line(self) -> None:
        """Raises `Problem` forbidden for what is the lines' alone."""
        if not self.line:
            raise _forbidden("this is for keys of lines")

    def permit(self, batch: str, *, upload: bool = False) -> None:
        """Raises `Problem` forbidden for a batch, or an upload, that the key is not for."""
        self.permit_line()
        self.permit_batch(batch)
        if upload and not self.upload:
            raise _forbidden("this key may not upload fingerprints")

    def permit_batch(self, batch: str) -> None:
        """Raises `Problem` forbidden for a batch that the key is not for."""
        if self.batches is not None and not any(fnmatchcase(batch, p) for p in self.batches):
            raise _forbidden(f"batch {batch} is not one of this key's")

    def permit_order(self, batch: str, action: Action, patch: Mapping[str, Value]) -> None:
        """Raises `Problem` forbidden for what this sender may not order."""
        self.permit(batch)
        self._permit_action(action)
        self._permit_layers(keys_within(patch))
        if self.attributes is not None:
            self._permit_values(patch)

    def permit_packing(self, batches: Iterable[str], action: Packing) -> None:
        """Raises `Problem` forbidden unless the key is for each of the batches, and for this."""
        self.permit_line()
        for batch in batches:
            self.permit(batch)
        self._permit_action(action)

    def permit_scan(self, party: Party) -> None:
        """Raises `Problem` forbidden for whoever may not scan, or not for this party."""
        if not self.platform:
            raise _forbidden("a line signs no scans: only keys of platforms do")
        if party is not Party.CONSUMER and self.parties is not None and party not in self.parties:
            raise _forbidden(f"this key does not scan for a {party.value}")

    def dealer_of(self, named: str | None) -> str:
        """The dealer of a scan-in that names this one, or None.

        Raises `Problem` forbidden for a key that takes nothing in, or not for this dealer, and
        invalid if neither the key nor the scan-in names one.
        """
        self._permit_action(SCAN_IN)
        self._permit_layers(("dealer", "scanned_in"))
        if self.attributes is None:
            if named is None:
                raise Problem("invalid", "dealer is needed: this key is not one dealer's")
            return named
        own = self.attributes.get("dealer")
        if not isinstance(own, str) or named not in (None, own):
            raise _forbidden("this key takes nothing in for that dealer")
        return own

    def _permit_action(self, action: str) -> None:
        if self.actions is not None and action not in self.actions:
            raise _forbidden(f"this key may not order {action}")

    def _permit_layers(self, keys: Iterable[str]) -> None:
        for key in sorted(keys):
            if self.layers is not None and layer(key) not in self.layers:
                raise _forbidden(
                    f"this key may not set attributes of the layer {layer(key)}, and {key} is one"
                )

    def _permit_values(self, patch: Mapping[str, Value]) -> None:
        limits = self.attributes or {}
        for key, value in sorted(patch.items()):
            # True equals 1 in Python, and null stands for no value of these.
            if key not in limits or type(value) is not type(limits[key]) or value != limits[key]:
                raise _forbidden(f"this key may not set {key} to that")


# Every request from this machine, if the server was started to trust it.
LOOPBACK: Final = Sender("loopback", "loopback", HMAC_SHA256, b"", platform=True)


def _forbidden(detail: str) -> Problem:
    return Problem("forbidden", detail)

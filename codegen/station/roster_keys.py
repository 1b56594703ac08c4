"""The public keys of a roster, which grows while a service of a line runs for weeks."""

from collections.abc import Iterator, Mapping

from ..ledger.ledger import Ledger


class RosterKeys(Mapping[str, bytes]):
    """Key id → Ed25519 public key, 32 bytes, of every key of these kinds, revoked keys included.

    Read once, and again for a key that is not there: a station that was admitted meanwhile may have
    minted.
    """

    def __init__(self, ledger: Ledger, *kinds: str) -> None:
        self._ledger, self._kinds = ledger, kinds
        self._known = self._read()

    def __getitem__(self, key_id: str) -> bytes:
        """The public key. Raises `KeyError`."""
        if key_id not in self._known:
            self._known = self._read()
        return self._known[key_id]

    def __iter__(self) -> Iterator[str]:
        """The key ids."""
        return iter(self._known)

    def __len__(self) -> int:
        """How many keys."""
        return len(self._known)

    def _read(self) -> dict[str, bytes]:
        with self._ledger.read() as view:
            rows = [row for kind in self._kinds for row in view.roster(kind)]
        return {row.key_id: bytes.fromhex(row.sign_public) for row in rows}

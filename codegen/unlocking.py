"""The custodian's key, unlocked while a command imports and plans what it is for.

Argon2id takes a tenth of a second of one core, without Python's lock. Where key and passphrase lie
in files, nobody has to be asked, and it can begin at once. What fails here fails in silence: the
command that needs the key unlocks it again in its turn, and says then what is wrong.
"""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from .secret import Secret
from .station.keys import CustodianKey, read_custodian_key


class Unlocking:
    """A thread that unlocks the key at `key` with the passphrase that `read(passphrase)` gives.

    Not a daemon: an interpreter that ends under it would take OpenSSL's tables from it.
    """

    def __init__(self, key: Path, passphrase: Path, read: Callable[[Path], Secret]) -> None:
        self._files, self._read = (key, passphrase), read
        self._found: CustodianKey | None = None
        self._thread = threading.Thread(target=self._unlock, name="unlocking")
        self._thread.start()

    def _unlock(self) -> None:
        key, passphrase = self._files
        with contextlib.suppress(Exception):
            self._found = read_custodian_key(key, lambda: self._read(passphrase))

    def key(self, key: Path, passphrase: Path | None) -> CustodianKey | None:
        """The key, if it is the one of these two files and could be unlocked."""
        if (key, passphrase) != self._files:
            return None
        self._thread.join()
        return self._found

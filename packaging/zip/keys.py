"""The keys of AE-2's entries: what PBKDF2 makes of a password and an entry's salt.

Stretching takes 0.4 ms for each entry (WinZip AE: 1,000 rounds, a salt for every entry), which
is what an archive of small entries waits for. So it is done ahead, on all cores, and its results
are kept for a reader of the same process (docs/adr/0037).
"""

import hmac
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from ...codegen.secret import Secret
from ...codegen.workers.pool import cores
from .deflate import clear_vector_registers

# WinZip AE specification: bytes of a salt, of each of the two keys, and of the verifier.
SALT, _KEY, VERIFIER, _ROUNDS = 16, 32, 2, 1_000
_MADE = 2 * _KEY + VERIFIER
_AHEAD = 2_048  # keys made in advance: a megabyte
_TOGETHER = 16  # made by a thread before it hands them over


class StretchedKeys(NamedTuple):
    """What PBKDF2 makes of a password and a `salt`: 32 bytes, 32 bytes and 2 bytes."""

    salt: bytes
    cipher: bytes
    tag: bytes
    verifier: bytes

    def __repr__(self) -> str:
        return "StretchedKeys('***')"


def stretch(salt: bytes, password: Secret) -> StretchedKeys:
    """The keys of the entry with that salt. Takes 0.4 ms, in which other threads run."""
    clear_vector_registers()
    # Twice as fast as hashlib's.
    kdf = PBKDF2HMAC(SHA1(), _MADE, salt, _ROUNDS)  # noqa: S303 - WinZip's choice
    return _cut(salt, kdf.derive(password.reveal()))


def _cut(salt: bytes, made: bytes) -> StretchedKeys:
    return StretchedKeys(salt, made[:_KEY], made[_KEY : 2 * _KEY], made[2 * _KEY :])


class KnownKeys:
    """The keys that were made of a password, 82 bytes each, in the order they were used."""

    def __init__(self, password: Secret) -> None:
        self._password = password
        self._table = bytearray()

    def __len__(self) -> int:
        return len(self._table) // (SALT + _MADE)

    def __repr__(self) -> str:
        return "KnownKeys('***')"

    def add(self, keys: StretchedKeys) -> None:
        """Keep keys of the password."""
        self._table += b"".join(keys)

    def are_of(self, password: Secret) -> bool:
        """Whether they were made of that password."""
        return hmac.compare_digest(self._password.reveal(), password.reveal())

    def find(self, number: int, salt: bytes) -> StretchedKeys | None:
        """The keys of the archive's entry of that number, from 0; None if its salt was another."""
        at = number * (SALT + _MADE)
        if not self._table.startswith(salt, at):
            return None
        return _cut(salt, bytes(self._table[at + SALT : at + SALT + _MADE]))


class KeysAhead:
    """Gives each entry its keys, of a new salt; threads on all cores stretch those of the next.

    `entries`: how many there will be, so that none is stretched in vain; None if nobody knows.
    `known` grows with every entry.
    """

    def __init__(self, password: Secret, entries: int | None = None) -> None:
        self._password, self._entries = password, entries
        self.known = KnownKeys(password)
        self._threads = ThreadPoolExecutor(cores(), thread_name_prefix="mintmark-keys")
        self._ready: deque[StretchedKeys] = deque()
        self._ahead: deque[Future[list[StretchedKeys]]] = deque()
        self._coming = 0
        self._order()

    def __call__(self) -> StretchedKeys:
        """The keys of the next entry."""
        if not self._ready:
            self._ready += self._ahead.popleft().result() if self._ahead else self._stretch(1)
        keys = self._ready.popleft()
        self.known.add(keys)
        self._coming = max(0, self._coming - 1)
        self._order()
        return keys

    def close(self) -> None:
        """End the threads. Keys that were made in vain are forgotten."""
        self._threads.shutdown(cancel_futures=True)
        self._ready.clear()
        self._ahead.clear()

    def _order(self) -> None:
        """Let as many be stretched as will be used, at most `_AHEAD`.

        If nobody knows, few for few, so that a small archive makes hardly any in vain.
        """
        used = len(self.known)
        due = used // 2 if self._entries is None else max(0, self._entries - used)
        due = min(due, _AHEAD)
        lacking = due - self._coming
        if lacking < max(1, min(_TOGETHER, due)):
            return
        each = min(_TOGETHER, -(-lacking // cores()))
        for begin in range(0, lacking, each):
            several = min(each, lacking - begin)
            self._ahead.append(self._threads.submit(self._stretch, several))
        self._coming = due

    def _stretch(self, count: int) -> list[StretchedKeys]:
        # The counter of AE-2 starts at 1 in every entry, and there is no nonce. So the salt
        # alone keeps two entries apart: with the same password and salt they have the same
        # key stream, and whoever holds both ciphertexts has the XOR of both plain texts. 128
        # random bits for each entry make that impossible in practice, within an archive and
        # between archives of the same password. The reader refuses a salt that repeats.
        return [stretch(os.urandom(SALT), self._password) for _ in range(count)]

"""What minting is compared with, each a process of its own.

    python bench/peers.py naive QUANTITY FOLDER
    python bench/peers.py floor QUANTITY FOLDER

naive: what people write, `secrets.choice` into a SQLite table with a unique column. It seals
nothing, and whoever has the file reads the codes. floor: what no mint can do without, random
bytes and HMAC on all cores, AES-GCM, and the same number of bytes as a batch has written
durably; no alphabet, no sorting, nothing made unique, no record, no ledger. Its HMAC is
the fastest way known here, mintmark's own: with hmac.digest it takes twice the time.
"""

import multiprocessing
import os
import secrets
import sqlite3
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
FRAME = 65_536
RUN_BYTES = 12  # a code


def naive(quantity: int, folder: Path) -> None:
    """Codes in a table."""
    database = sqlite3.connect(folder / "naive.db")
    database.execute("CREATE TABLE codes (serial INTEGER PRIMARY KEY, code TEXT UNIQUE)")
    drawn = ("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(quantity))
    with database:
        database.executemany("INSERT INTO codes (code) VALUES (?)", ((code,) for code in drawn))
    database.close()


def strike(count: int) -> tuple[bytes, bytes]:
    """Random bytes, and a fingerprint for every sixteen of them."""
    codes = os.urandom(count * LENGTH)
    new = HMAC(bytes(32), SHA256()).copy
    found = bytearray()
    for (code,) in struct.iter_unpack(f"{LENGTH}s", codes):
        one = new()
        one.update(code)
        found += one.finalize()[:16]
    return codes, bytes(found)


def floor(quantity: int, folder: Path) -> None:
    """The least work."""
    seal = AESGCM(os.urandom(32)).encrypt
    counts = [min(FRAME, quantity - done) for done in range(0, quantity, FRAME)]
    with (
        multiprocessing.get_context("spawn").Pool() as pool,
        (folder / "floor").open("wb") as file,
    ):
        for codes, found in pool.imap(strike, counts):
            nonce = os.urandom(12)
            file.write(nonce + seal(nonce, codes, None))
            file.write(found)
            file.write(found[: len(found) // 16 * RUN_BYTES])
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """Be one of them, once."""
    name, quantity, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    {"naive": naive, "floor": floor}[name](quantity, folder)


if __name__ == "__main__":
    main()

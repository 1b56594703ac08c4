"""The peers of minting; each is a separate process.

    python bench/peers.py naive QUANTITY FOLDER
    python bench/peers.py floor QUANTITY FOLDER

naive: what people write, `secrets.choice` into a SQLite table with a unique column. It seals
nothing, and whoever has the file reads the codes. floor: the work that no mint can leave out:
random bytes and HMAC on all cores, AES-GCM, and a durable write of as many bytes as a batch
has. It has no alphabet, sorting, uniqueness, record or ledger. Its HMAC is mintmark's own, the
fastest known here: with hmac.digest it takes twice the time.
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
RUN_BYTES = 12  # per code


def naive(quantity: int, folder: Path) -> None:
    """Write codes to a table."""
    database = sqlite3.connect(folder / "naive.db")
    database.execute("CREATE TABLE codes (serial INTEGER PRIMARY KEY, code TEXT UNIQUE)")
    drawn = ("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(quantity))
    with database:
        database.executemany("INSERT INTO codes (code) VALUES (?)", ((code,) for code in drawn))
    database.close()


def generate(count: int) -> tuple[bytes, bytes]:
    """Random bytes, and a fingerprint for every sixteen of them."""
    codes = os.urandom(count * LENGTH)
    new = HMAC(bytes(32), SHA256()).copy
    fingerprints = bytearray()
    for (code,) in struct.iter_unpack(f"{LENGTH}s", codes):
        mac = new()
        mac.update(code)
        fingerprints += mac.finalize()[:16]
    return codes, bytes(fingerprints)


def floor(quantity: int, folder: Path) -> None:
    """Do the least work that a mint of `quantity` codes can do."""
    seal = AESGCM(os.urandom(32)).encrypt
    counts = [min(FRAME, quantity - done) for done in range(0, quantity, FRAME)]
    with (
        multiprocessing.get_context("spawn").Pool() as pool,
        (folder / "floor").open("wb") as file,
    ):
        for codes, fingerprints in pool.imap(generate, counts):
            nonce = os.urandom(12)
            file.write(nonce + seal(nonce, codes, None))
            file.write(fingerprints)
            file.write(fingerprints[: len(fingerprints) // 16 * RUN_BYTES])
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """Run the named peer once."""
    name, quantity, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    {"naive": naive, "floor": floor}[name](quantity, folder)


if __name__ == "__main__":
    main()

"""What must be true of a brand when all is quiet: to the last code, and to the last byte."""

import hashlib
from pathlib import Path

import numpy as np
import obstore
import psycopg
from psycopg import sql
from torture.brand import PREFIX
from torture.plant import UNBALANCED, in_archive

from mintmark.codegen.ranges.serials import Range

CODE = 16  # characters, and bytes of a fingerprint
# The alphabet of codes in both cases: what else a code may be written in is not tried here.
_SYMBOLS = np.zeros(256, bool)
_SYMBOLS[np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz", np.uint8)] = True
_PIECE = 1 << 24


def codes_of(site, custodian):
    """Batch → its codes in order, with the custodian's key; and all fingerprints in one."""
    with site.opened() as station:
        with station.ledger.read() as view:
            rows = view.batches()
        codes, prints = {}, []
        for row in rows:
            public = custodian.public.key_id
            known = (station.station_keys, station.wrap_keys)
            reader = station.vault.unseal(row.batch, *known, public, custodian.sealing)
            whole = Range(1, row.quantity)
            codes[row.batch] = b"".join(part for _, part in reader.codes(whole))
            found = station.vault.fingerprints(row.batch, whole, station.station_keys)
            prints.append(b"".join(part for _, part in found))
            assert len(codes[row.batch]) == len(prints[-1]) == row.quantity * CODE
        return codes, b"".join(prints)


def no_code_twice(codes, prints, bits=64):
    """All codes differ, and so do the first `bits` of their fingerprints, which a mint compares."""
    texts = np.frombuffer(b"".join(codes.values()), f"S{CODE}")
    assert len(np.unique(texts)) == len(texts)
    heads = np.frombuffer(prints, ">u8")[::2] >> np.uint64(64 - bits)
    assert len(np.unique(heads)) == len(heads)


def books_balance(brand):
    """Each batch's counts add up, and are those of its ranges."""
    assert brand.rows(UNBALANCED) == []


def bucket_agrees(brand):
    """Each object that the books name is there, whole; returns the keys that no row names."""
    store, named = brand.bucket.store(), set()
    for key, size, sha256 in brand.rows("SELECT key, size, sha256 FROM objects"):
        data = obstore.get(store, _key(brand, key)).bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256), key
        named.add(_key(brand, key))
    return set(brand.bucket.keys()) - named


def _key(brand, key):
    return f"{PREFIX}/{key}"


def in_the_clear(codes, folders, texts=()):
    """The files below `folders`, and of `texts` the ones, in which a code can be read."""
    known = np.unique(np.frombuffer(b"".join(codes.values()), f"S{CODE}"))
    found = []
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        try:
            if path.is_file() and _read(path, known):
                found.append(str(path))
        except FileNotFoundError:  # of a server that runs
            continue
    return found + [text[:200] for text in texts if _holds(text.encode(), known)]


def _read(path, known):
    with path.open("rb") as opened:
        before = b""
        while data := opened.read(_PIECE):
            if _holds(before + data, known):
                return True
            before = data[-CODE:]
    return False


def _holds(data, known):
    """Whether any of `known` stands in `data`, in capitals or not, or in UTF-16."""
    return any(_stands(part, known) for part in (data, data[::2], data[1::2]))


def _stands(data, known):
    if len(data) < CODE:
        return False
    # A window is a code's if it begins a run of at least 16 of its symbols.
    runs = _SYMBOLS[np.frombuffer(data, np.uint8)]
    reach = np.concatenate(([0], np.cumsum(runs, dtype=np.int64)))
    starts = np.flatnonzero(reach[CODE:] - reach[:-CODE] == CODE)
    if not len(starts):
        return False
    upper = np.frombuffer(data.upper(), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(upper, CODE)[starts]
    texts = np.ascontiguousarray(windows).view(f"S{CODE}").ravel()
    at = np.minimum(np.searchsorted(known, texts), len(known) - 1)
    return bool((known[at] == texts).any())


def tables(url):
    """The texts of all rows of a database: its files hold long ones compressed."""
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [name for (name,) in connection.execute(query)]
        for name in names:
            whole = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(name))
            with connection.cursor().copy(whole) as rows:
                yield b"".join(rows).decode("utf-8", "replace")


def each_in_one_package(told, codes):
    """Each package that was promised opens with its password; no code is in two."""
    known, seen = set(_texts(codes)), set()
    for package, site, password in told.packages:
        archive = site.root / "sent" / f"{package}.zip"
        found = in_archive(archive, [(site.root / password).read_bytes().strip()])
        assert found <= known, package
        assert not found & seen, package
        seen |= found


def _texts(codes):
    for whole in codes.values():
        text = whole.decode("ascii")
        yield from (text[at : at + CODE] for at in range(0, len(text), CODE))


def readable(brand, codes):
    """Where a code can be read: homes and caches, databases and logs, the bucket, what was said."""
    folders = [site.home for site in brand.sites.values()]
    folders += [cluster.folder for cluster in brand.clusters]
    if brand.bucket.folder:
        folders.append(brand.bucket.folder)
    said = ["\n".join(site.said) for site in brand.sites.values()]
    return in_the_clear(codes, folders, [*tables(brand.target), *tables(brand.books), *said])

"""Which bytes of a SQLite file are read by anybody: by the file format that SQLite documents.

The others are free pages, and the gaps that a page keeps for rows to come.
"""

import contextlib
import sqlite3

INNER_INDEX, INNER_TABLE, LEAF_INDEX, LEAF_TABLE = 2, 5, 10, 13


def used(path):
    """Ranges of the bytes that hold something: (what, start, stop), the file's header first."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as books:
        roots = [row[0] for row in books.execute("SELECT rootpage FROM sqlite_master")]
    file = _File(path.read_bytes())
    file.tree(1)
    for root in filter(None, roots):
        file.tree(root)
    file.free()
    return sorted(file.found, key=lambda row: row[1:])


class _File:
    """`found` grows as the trees are walked."""

    def __init__(self, data):
        self.data, self.found = data, [("header", 0, 100)]
        self.size = self.number(16, 2)
        self.usable = self.size - data[20]

    def number(self, at, length):
        return int.from_bytes(self.data[at : at + length], "big")

    def varint(self, at):
        """(value, where the next byte lies)."""
        value = 0
        for count in range(9):
            byte = self.data[at + count]
            if count == 8:
                return value << 8 | byte, at + 9
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, at + count + 1
        raise AssertionError

    def tree(self, page):
        """The page, and all that hang below it."""
        base = (page - 1) * self.size
        at = base + (100 if page == 1 else 0)
        kind, count = self.data[at], self.number(at + 3, 2)
        inner = kind in (INNER_INDEX, INNER_TABLE)
        pointers = at + (12 if inner else 8)
        self.found.append(("page", at, pointers + 2 * count))
        for number in range(count):
            cell = base + self.number(pointers + 2 * number, 2)
            if inner:
                self.tree(self.number(cell, 4))
            self.cell(kind, cell)
        if inner:
            self.tree(self.number(at + 8, 4))

    def cell(self, kind, cell):
        at = cell + (4 if kind in (INNER_INDEX, INNER_TABLE) else 0)
        if kind == INNER_TABLE:
            self.found.append(("row", cell, self.varint(at)[1]))
            return
        length, at = self.varint(at)
        if kind == LEAF_TABLE:
            at = self.varint(at)[1]
        most = self.usable - 35 if kind == LEAF_TABLE else (self.usable - 12) * 64 // 255 - 23
        here = length
        if length > most:
            least = (self.usable - 12) * 32 // 255 - 23
            here = least + (length - least) % (self.usable - 4)
            here = here if here <= most else least
            self.overflow(self.number(at + here, 4), length - here)
            self.found.append(("page", at + here, at + here + 4))
        self.found.append(("row" if kind == LEAF_TABLE else "index", cell, at + here))

    def overflow(self, page, left):
        while left > 0:
            base = (page - 1) * self.size
            here = min(left, self.usable - 4)
            self.found.append(("row", base, base + 4 + here))
            page, left = self.number(base, 4), left - here

    def free(self):
        page = self.number(32, 4)
        while page:
            base = (page - 1) * self.size
            self.found.append(("page", base, base + 8 + 4 * self.number(base + 4, 4)))
            page = self.number(base, 4)

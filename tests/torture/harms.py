"""What disks, people and power cuts do to a file."""

import os
import shutil

from torture.sqlite_pages import used

PAGE = 4_096


def _rewritten(change):
    def harm(path, dice, _):
        data = bytearray(path.read_bytes() or b"\0")
        said = change(data, dice)
        path.write_bytes(data)
        return said

    return harm


def _flip(data, dice):
    at, bit = dice.randrange(len(data)), dice.randrange(8)
    data[at] ^= 1 << bit
    return f"byte {at}, bit {bit}"


def _flip_used(path, dice, _):
    """Flip a bit that somebody reads; one in ten anywhere."""
    ranges = used(path)
    if dice.random() < 0.1:
        ranges = [("anywhere", 0, path.stat().st_size)]
    kind, start, stop = dice.choices(ranges, [stop - start for _, start, stop in ranges])[0]
    data, at, bit = bytearray(path.read_bytes()), dice.randrange(start, stop), dice.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"{kind}: byte {at}, bit {bit}"


def _zero(data, dice):
    at = dice.randrange(len(data))
    data[at] = 0
    return f"byte {at}"


def _cut(data, dice):
    at = dice.randrange(len(data))
    del data[at:]
    return f"at {at}"


def _page(data, dice):
    at = dice.randrange(len(data)) // PAGE * PAGE
    stop = min(at + PAGE, len(data))
    data[at:stop] = b"\xff" * (stop - at)
    return f"{at} to {stop}"


def _zeros(data, dice):
    at = dice.randrange(len(data))
    data[at:] = bytes(len(data) - at)
    return f"from {at}"


def _emptied(data, _):
    del data[:]
    return "all"


def _more(data, _):
    data.extend(b"\0garbage\n")
    return "at its end"


def _removed(path, *_):
    path.unlink()


def _folder(path, *_):
    path.unlink()
    path.mkdir()
    (path / "a file").write_bytes(b"in it")


def _pipe(path, *_):
    path.unlink()
    os.mkfifo(path)


def _link(path, *_):
    path.unlink()
    path.symlink_to(path.name)


def _dangling(path, *_):
    path.unlink()
    path.symlink_to("nowhere")


def _swapped(path, _, other):
    aside = path.with_name(f"{path.name}.aside")
    shutil.move(path, aside)
    shutil.move(other, path)
    shutil.move(aside, other)
    return f"with {other.name}"


# Name → what is done to (path, dice, another file); its answer says where.
FLIPS = {"flip": _rewritten(_flip), "flip of SQLite": _flip_used}
BLOWS = {
    "zero": _rewritten(_zero),
    "cut": _rewritten(_cut),
    "page": _rewritten(_page),
    "zeros": _rewritten(_zeros),
    "emptied": _rewritten(_emptied),
    "more": _rewritten(_more),
    "removed": _removed,
    "folder": _folder,
    "swapped": _swapped,
}
if hasattr(os, "mkfifo"):
    BLOWS |= {"pipe": _pipe, "link to itself": _link, "dangling link": _dangling}

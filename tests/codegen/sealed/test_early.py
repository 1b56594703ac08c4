"""Parts that are sent while they are written: what counts, and what is given up."""

import hashlib
import os
from threading import Barrier, Thread

import pytest

from mintmark.codegen.away import VaultAway
from mintmark.codegen.sealed.early import PIECE, EarlyUploads, Growing, Hashing
from mintmark.codegen.sealed.parts import Uploaded

DATA = os.urandom(3 * PIECE + 17)
DIGEST = hashlib.sha256(DATA).hexdigest()


def send(part, blocks):
    seen = Hashing(blocks)
    for _ in seen:
        pass
    return Uploaded(part, "key", seen.size, seen.sha256)


def grow(path, growing, pieces, *, whole=True):
    with path.open("ab") as file:
        for piece in pieces:
            file.write(piece)
            growing.grew(len(piece))
    growing.end(whole=whole)


@pytest.mark.parametrize("step", [1, 100, PIECE - 1, len(DATA)])
def test_what_grew_is_sent_whole(tmp_path, step):
    path = tmp_path / "part"
    path.touch()
    with EarlyUploads(send) as early:
        growing = early.begin("sealed", path)
        head, tail = DATA[: 400 * step], DATA[400 * step :]
        pieces = [head[at : at + step] for at in range(0, len(head), step)]
        grow(path, growing, [*pieces, tail])
        assert early.uploaded("sealed", DIGEST) == Uploaded("sealed", "key", len(DATA), DIGEST)
        assert early.uploaded("sealed", DIGEST) is None, "an object is named once"


def test_what_was_changed_since_is_not_taken(tmp_path):
    path = tmp_path / "part"
    path.touch()
    with EarlyUploads(send) as early:
        grow(path, early.begin("sealed", path), [DATA])
        assert early.uploaded("sealed", DIGEST.replace(DIGEST[0], "x")) is None
        assert early.uploaded("run", DIGEST) is None


def test_what_failed_is_not_taken(tmp_path):
    def fail(_part, _blocks):
        raise VaultAway("away")

    path = tmp_path / "part"
    path.touch()
    with EarlyUploads(fail) as early:
        grow(path, early.begin("sealed", path), [DATA])
        assert early.uploaded("sealed", DIGEST) is None


def test_what_nobody_wants_any_more_is_given_up(tmp_path):
    path, began, seen = tmp_path / "part", Barrier(2), []

    def watched(part, blocks):
        began.wait()
        try:
            return send(part, blocks)
        except InterruptedError as error:
            seen.append(error)
            raise

    path.touch()
    with EarlyUploads(watched) as early:
        growing = early.begin("sealed", path)
        began.wait()
        growing.grew(0)
    assert len(seen) == 1


def test_a_reader_waits_for_what_was_told_and_is_not_on_the_disk(tmp_path):
    path = tmp_path / "part"
    path.touch()
    growing, found = Growing(path), []
    reading = Thread(target=lambda: found.extend(growing.blocks()))
    reading.start()
    growing.grew(len(DATA))
    grow(path, growing, [DATA])
    reading.join()
    assert b"".join(found) == DATA

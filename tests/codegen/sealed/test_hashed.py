"""A batch's files on their way to the disk: hashed once, and no failure lost."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.sealed import hashed
from mintmark.codegen.sealed.hashed import Hashed


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_the_digest_is_that_of_the_file(tmp_path_factory, blocks):
    path = tmp_path_factory.mktemp("hashed") / "file"
    old, hashed.EARLY = hashed.EARLY, 50
    try:
        with path.open("xb") as file, ThreadPoolExecutor(1) as background:
            out = Hashed(file, background)
            for block in blocks:
                assert out.write(block) == len(block)
            out.flush()
            assert path.read_bytes() == b"".join(blocks)
            assert out.digest == hashlib.sha256(b"".join(blocks)).hexdigest()
    finally:
        hashed.EARLY = old


def test_the_disk_is_kept_busy(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(hashed, "EARLY", 10)
    monkeypatch.setattr(os, "fsync", synced.append)
    with (tmp_path / "file").open("xb") as file, ThreadPoolExecutor(1) as background:
        out = Hashed(file, background)
        out.write(b"nine byte")
        assert not synced
        out.write(b"ten")
        out.flush()
        assert synced == [file.fileno()]


@pytest.mark.parametrize("then", [lambda out: out.flush(), lambda out: out.write(b"x" * 20)])
def test_a_write_that_failed_in_the_background_is_reported(tmp_path, monkeypatch, then):
    def broken(_descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(hashed, "EARLY", 10)
    monkeypatch.setattr(os, "fsync", broken)
    with (tmp_path / "file").open("xb") as file, ThreadPoolExecutor(1) as background:
        out = Hashed(file, background)
        out.write(b"x" * 20)
        background.submit(int).result()
        with pytest.raises(OSError, match="Input/output"):
            then(out)

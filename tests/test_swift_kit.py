"""The S3 server of the tests is one: what is put comes back, and a key is created once, in turn."""

import obstore
import pytest
import swift_kit
from obstore.exceptions import AlreadyExistsError


def test_what_is_put_comes_back_and_lies_on_the_disk():
    bucket = swift_kit.server().bucket()
    store, text = bucket.store(), b"no code, but as long as one" * 40
    obstore.put(store, "home/batch/sealed", text)
    assert obstore.get(store, "home/batch/sealed").bytes() == text
    assert obstore.get_range(store, "home/batch/sealed", start=3, end=7) == text[3:7]
    assert bucket.keys() == ["home/batch/sealed"]
    assert swift_kit.server().bucket().keys() == []
    files = [path.read_bytes() for path in bucket.folder.rglob("*.data")]
    assert text in files  # so whoever searches these files for codes searches what the bucket holds


def test_a_key_that_is_there_is_not_created_again():
    store = swift_kit.server().bucket().store()
    obstore.put(store, "one", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "one", b"2", mode="create")
    assert obstore.get(store, "one").bytes() == b"1"

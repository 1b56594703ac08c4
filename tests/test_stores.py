"""The S3 servers of the tests are such: what is put comes back, and a key is made once, in turn."""

import obstore
import pytest
import stores
from obstore.exceptions import AlreadyExistsError


@pytest.mark.parametrize("name", stores.NAMES)
def test_what_is_put_comes_back(name):
    bucket = stores.bucket(name)
    store, text = bucket.store(), b"no code, but as long as one" * 40
    obstore.put(store, "home/batch/sealed", text)
    assert obstore.get(store, "home/batch/sealed").bytes() == text
    assert obstore.get_range(store, "home/batch/sealed", start=3, end=7) == text[3:7]
    assert bucket.keys() == ["home/batch/sealed"]
    assert stores.bucket(name).keys() == []


@pytest.mark.parametrize("name", stores.NAMES)
def test_a_key_that_is_there_is_not_created_again(name):
    store = stores.bucket(name).store()
    obstore.put(store, "one", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "one", b"2", mode="create")
    assert obstore.get(store, "one").bytes() == b"1"


def test_what_swift_holds_lies_on_the_disk():
    bucket, text = stores.bucket("swift"), b"whoever searches these files searches the bucket"
    obstore.put(bucket.store(), "one", text)
    assert text in [path.read_bytes() for path in bucket.folder.rglob("*.data")]

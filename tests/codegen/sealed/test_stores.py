"""What a store must do, whichever it is; and which store an address means."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mintmark.codegen.away import VaultAway
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused, UsageError
from mintmark.codegen.sealed import stores
from mintmark.codegen.sealed.probe import probe
from mintmark.codegen.sealed.shared_folder import SharedFolder
from mintmark.codegen.sealed.store import NEAR, SPAN, together
from mintmark.codegen.sealed.stores import belongs, claim, home_of, open_store

HOME, OTHER = "ABCD-000000000000", "EFGH-000000000000"
DATA = bytes(range(256)) * 40


@pytest.fixture
def store(tmp_path):
    (tmp_path / "share").mkdir()
    return open_store((tmp_path / "share").as_uri())


# --- objects ---------------------------------------------------------------------------


def test_an_object_is_kept_whole_and_found(store, tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    store.put("a/b/small", DATA)
    store.put_file("a/b/large", tmp_path / "file")
    for key in ("a/b/small", "a/b/large"):
        assert store.size(key) == len(DATA)
        assert store.read(key, 0, len(DATA) + 1) == DATA
    assert {found.key for found in store.list("a")} == {"a/b/small", "a/b/large"}
    assert {found.size for found in store.list("")} == {len(DATA)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_a_range_is_what_a_slice_is(store, data, first, size):
    key = f"ranges/{data.hex()[:100] or 'none'}-{len(data)}"
    store.put(key, data)
    assert store.read(key, first, size) == data[first : first + size]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.integers(0, len(DATA) + 40), max_size=12), st.integers(1, 32))
def test_many_ranges_come_in_the_order_they_were_asked_for(store, firsts, size):
    store.put("many", DATA)
    assert store.read_many("many", firsts, size) == [DATA[at : at + size] for at in firsts]


@given(st.lists(st.integers(0, 10_000_000), max_size=60), st.integers(1, 64))
def test_what_is_read_together_covers_all_and_is_bounded(firsts, size):
    seen = []
    for first, count, wanted in together(firsts, size):
        assert all(first <= at <= first + count - size for at in wanted)
        assert count <= SPAN + NEAR + size
        seen += wanted
    assert seen == firsts


def test_an_object_is_never_replaced(store, tmp_path):
    store.put("key", DATA)
    store.put("key", DATA)  # as after an answer that was lost
    with pytest.raises(FileExistsError):
        store.put("key", DATA[:-1])
    with pytest.raises(FileExistsError):
        store.put("key", DATA + b"x")
    assert store.read("key", 0, len(DATA) + 1) == DATA


def test_what_is_not_there_is_missing_and_may_be_removed_again(store):
    store.put("there", DATA)
    store.delete("there")
    store.delete("there")
    for ask in (
        lambda: store.size("there"),
        lambda: store.read("there", 0, 1),
        lambda: store.read_many("there", [0], 1),
    ):
        with pytest.raises(FileNotFoundError):
            ask()
    assert not list(store.list(""))
    assert not list(store.list("nowhere"))


def test_a_list_matches_whole_segments(store):
    for key in ("ABCD/one/x", "ABCD/one-more/x", "ABCDE/one/x"):
        store.put(key, b"data")
    assert [found.key for found in store.list("ABCD/one")] == ["ABCD/one/x"]
    assert len(list(store.list("ABCD"))) == 2


def test_the_age_of_an_object_is_told_by_the_stores_clock(store):
    before = store.clock()
    store.put("key", DATA)
    (found,) = store.list("")
    assert before.replace(microsecond=0) <= found.changed <= store.clock()
    assert [listed.key for listed in store.list("")] == ["key"]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.", "C:x", "a\\b", "a\0b", "a/", "ä"]
)
def test_no_key_leads_out_of_the_store(store, key):
    for ask in (
        lambda: store.put(key, b"x"),
        lambda: store.read(key, 0, 1),
        lambda: store.size(key),
        lambda: store.delete(key),
    ):
        with pytest.raises(IntegrityError):
            ask()


# --- whose it is -----------------------------------------------------------------------


def test_a_store_belongs_to_one_home(store):
    assert home_of(store) is None
    with pytest.raises(VaultAway):
        belongs(store, HOME)
    claim(store, HOME)
    claim(store, HOME)
    belongs(store, HOME)
    for ask in (claim, belongs):
        with pytest.raises(Refused, match=HOME):
            ask(store, OTHER)
    assert home_of(store) == HOME


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format":1,"home":7}', b"\xff" * 9])
def test_a_claim_that_says_nothing_is_no_claim(store, data):
    store.put(stores.HOME_KEY, data)
    with pytest.raises(IntegrityError):
        home_of(store)


def test_a_store_that_keeps_what_it_gets_passes_and_is_left_empty(store):
    found = probe(store)
    assert found.exclusive
    assert store.address in found.sentence
    assert not list(store.list(""))


class Broken(SharedFolder):
    """A folder with one fault."""

    def __init__(self, root, **faults):
        super().__init__(root)
        for name, fault in faults.items():
            setattr(self, name, fault)


def test_a_store_that_cannot_hold_a_vault_is_refused(tmp_path):
    read = SharedFolder(tmp_path).read
    faults = [
        {"read": lambda *asked: read(*asked)[::-1]},
        {"read": lambda key, first, size: read(key, 0, size)},
        {"size": lambda _key: 1},
        {"list": lambda _prefix: iter(())},
        {"delete": lambda _key: None},
    ]
    for number, fault in enumerate(faults):
        (tmp_path / str(number)).mkdir()
        read = SharedFolder(tmp_path / str(number)).read
        with pytest.raises(Refused, match="no vault can lie there"):
            probe(Broken(tmp_path / str(number), **fault))


# --- addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("", "bucket", "http://host/bucket", "s3:bucket", "s3:///prefix", "s3://b b/x", "s3://[x"),
        *("file:", "file:///", "file:relative", "s3://bucket/a/../b", "s3://bucket/ä", "gs://b/x"),
        *("s3://KEY:HUSH@bucket/x", "s3://KEY@bucket", "s3://bucket/x?secret=HUSH"),
        "file://server/share",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url):
    if os.name == "nt" and url == "file://server/share":
        assert open_store(url).address
        return
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert "HUSH" not in " ".join([caught.value.message, *caught.value.hints])


@pytest.fixture
def plain(monkeypatch, tmp_path):
    """No setting of the store's in the environment, and no file of the user's."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AK\naws_secret_access_key = HUSH\n", "utf-8"
    )
    return monkeypatch


@pytest.mark.parametrize(
    "endpoint", ["x", "ftp://h", "https://", "https://u:HUSH@h", "https://h/p", "http://10.0.0.1"]
)
def test_an_endpoint_is_a_server_reached_by_tls(plain, endpoint):
    with pytest.raises(UsageError) as caught:
        open_store("s3://bucket", endpoint)
    assert "HUSH" not in " ".join([caught.value.message, *caught.value.hints])


def test_plain_http_is_for_this_machine_or_where_it_is_said(plain):
    for endpoint in ("http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"):
        assert open_store("s3://bucket/a", endpoint).address == "s3://bucket/a"
    plain.setenv("AWS_ALLOW_HTTP", "true")
    assert open_store("s3://bucket", "http://10.0.0.1").address == "s3://bucket"


def test_credentials_are_read_of_a_file_and_of_a_profile(plain, tmp_path):
    file = tmp_path / "mine"
    text = "[default]\naws_access_key_id=A\naws_secret_access_key=B%\n[x]\naws_access_key_id=C\n"
    file.write_text(text, "utf-8")
    assert stores._of_file(file) == {"access_key_id": "A", "secret_access_key": "B%"}
    plain.setenv("AWS_PROFILE", "x")
    with pytest.raises(UsageError) as caught:
        stores._of_file(file)
    assert "'x'" in caught.value.message
    with pytest.raises(EnvironmentFailure):
        open_store("s3://bucket", None, None, tmp_path / "none")


@pytest.mark.parametrize("text", ["HUSH", "[default]\nHUSH", "[default\nx=HUSH", "[a]\n[a]"])
def test_a_file_without_credentials_is_named_and_not_quoted(plain, tmp_path, text):
    file = tmp_path / "mine"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        open_store("s3://bucket", None, None, file)
    assert str(file) in caught.value.message
    assert "HUSH" not in " ".join([caught.value.message, *caught.value.hints])


# --- a shared folder -------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_away(tmp_path):
    store = open_store((tmp_path / "share").as_uri())
    for ask in (
        lambda: store.put("a/b", b"x"),
        lambda: store.read("a/b", 0, 1),
        lambda: store.size("a/b"),
        lambda: list(store.list("a")),
        store.clock,
    ):
        with pytest.raises(VaultAway, match=r"mounted|does not answer"):
            ask()
    assert not (tmp_path / "share").exists()


def test_nothing_is_left_of_what_could_not_be_written(store, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mintmark.codegen.sealed.shared_folder.sync", full)
    with pytest.raises(EnvironmentFailure, match="takes no more") as caught:
        store.put("a/b", DATA)
    assert not isinstance(caught.value, VaultAway)
    assert not [path for path in Path(tmp_path / "share").rglob("*") if path.is_file()]


def test_without_second_names_for_files_nothing_is_replaced_either(store, monkeypatch):
    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", none)
    store.put("a/b", DATA)
    with pytest.raises(FileExistsError):
        store.put("a/b", b"other")
    assert store.read("a/b", 0, len(DATA)) == DATA
    assert [found.key for found in store.list("")] == ["a/b"]

"""What a store must do, whichever it is; and which store an address means."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
import stores as names
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3_proxy import HALF, S3Proxy
from wire_proxy import CUT, LOST, STALL

from mintmark.codegen.away import VaultAway
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused, UsageError
from mintmark.codegen.sealed import stores
from mintmark.codegen.sealed.probe import probe
from mintmark.codegen.sealed.s3_failures import failure
from mintmark.codegen.sealed.s3_store import PART, Bucket, S3Patience
from mintmark.codegen.sealed.shared_folder import SharedFolder
from mintmark.codegen.sealed.store import NEAR, SPAN, together
from mintmark.codegen.sealed.stores import belongs, claim, home_of, open_store
from mintmark.codegen.sealed.upload import upload

HOME, OTHER = "ABCD-000000000000", "EFGH-000000000000"
DATA = bytes(range(256)) * 40


ANSWERED = ("folder", *names.NAMES)


def folder(path):
    (path / "share").mkdir()
    return open_store((path / "share").as_uri())


@pytest.fixture(params=ANSWERED)
def store(request, tmp_path, plain):
    """An empty store of each kind: a shared folder, and a bucket of a real server."""
    if request.param == "folder":
        return folder(tmp_path)
    bucket = names.bucket(request.param)
    for name, value in bucket.environment.items():
        plain.setenv(name, value)
    return open_store(f"{bucket.url}/some/prefix", bucket.endpoint)


@pytest.fixture
def share(tmp_path):
    return folder(tmp_path)


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.sampled_from([0, 1, 200]), st.integers(0, 300), st.integers(0, 300))
def test_a_range_is_what_a_slice_is(store, length, first, size):
    key, data = f"ranges/{length}", DATA[:length]
    store.put(key, data)
    assert store.read(key, first, size) == data[first : first + size]
    assert store.size(key) == length


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
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


def test_a_file_in_several_parts_is_kept_whole(store, tmp_path):
    data = os.urandom(2 * PART + 3)
    (tmp_path / "file").write_bytes(data)
    store.put_file("large", tmp_path / "file")
    assert store.size("large") == len(data)
    edges = [0, 1, PART - 4, PART, 2 * PART - 4, 2 * PART, len(data) - 3]
    assert store.read_many("large", edges, 8) == [data[at : at + 8] for at in edges]


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
    assert before.replace(microsecond=0) <= found.changed <= store.clock() + timedelta(seconds=1)
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
    assert store.address in found.sentence
    assert found.exclusive or "nothing relies on that" in found.sentence
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


def no(*_asked):
    raise EnvironmentFailure("the store refused: AccessDenied", "ask")


def test_a_key_that_may_not_remove_is_good_for_a_vault(tmp_path):
    store = Broken(tmp_path, delete=no)
    found = probe(store)
    left = {item.key for item in store.list("probe")}
    assert not found.removes
    (folder,) = {"/".join(key.split("/")[:2]) for key in left}
    assert f"this key may not remove there, and {folder} stays" in found.sentence


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


# --- a bucket of a real server, by a network that fails --------------------------------

PATIENT = S3Patience(connect=10, answer=20, upload=20, again=1, altogether=1)
HASTY = PATIENT._replace(answer=0.5, upload=0.5)


@pytest.fixture
def by_network(plain, monkeypatch):
    """(store, network, bucket): a bucket that is reached by a network with faults."""
    bucket = names.bucket()
    for name, value in bucket.environment.items():
        plain.setenv(name, value)
    with S3Proxy(target=bucket.endpoint, stall=1) as network:
        yield opened(network, bucket, PATIENT, monkeypatch), network, bucket


def opened(network, bucket, patience, monkeypatch):
    monkeypatch.setattr(Bucket.__init__, "__defaults__", (patience,))
    return open_store(bucket.url, network.url)


class Faulty:
    """A fault at every moment of a kind, so many times."""

    def __init__(self, kind, fault, times):
        self.kind, self.fault, self.times = kind, fault, times

    def __call__(self, moment):
        if moment.name != self.kind or not self.times:
            return ""
        self.times -= 1
        return self.fault


@pytest.mark.parametrize("fault", [CUT, LOST, "503", "409", "412"])
def test_a_put_whose_answer_fails_once_is_told_well_or_not_at_all(by_network, fault):
    """`upload` takes another key, so that what is named is whole."""
    store, network, bucket = by_network
    network.fault = Faulty("PUT", fault, 1)
    made = upload(store, "home/batch", "wraps", DATA, os.urandom)
    network.fault = lambda _: ""
    assert store.read(made.key, 0, made.size) == DATA
    assert made.sha256 == hashlib.sha256(DATA).hexdigest()
    assert made.key in set(bucket.keys())


@pytest.mark.parametrize("fault", [CUT, "503"])
def test_a_store_that_does_not_answer_is_away(by_network, fault, tmp_path):
    store, network, _ = by_network
    store.put("key", DATA)
    (tmp_path / "file").write_bytes(DATA)
    for kind, ask in (
        ("PUT", lambda: store.put("other", DATA)),
        ("PUT", lambda: store.put_file("third", tmp_path / "file")),
        ("GET", lambda: store.read("key", 0, 10)),
        ("GET", lambda: list(store.list(""))),
        ("HEAD", lambda: store.size("key")),
        ("DELETE", lambda: store.delete("key")),
    ):
        network.fault = Faulty(kind, fault, 99)
        with pytest.raises(VaultAway) as caught:
            ask()
        assert caught.value.hints
        assert "http" not in caught.value.message
    network.fault = lambda _: ""
    assert store.read("key", 0, len(DATA)) == DATA


def test_a_store_that_stalls_is_away_in_bounded_time(by_network, monkeypatch):
    store, network, bucket = by_network
    store.put("key", DATA)
    hasty = opened(network, bucket, HASTY, monkeypatch)
    for kind, ask in (
        ("PUT", lambda: hasty.put("other", DATA)),
        ("GET", lambda: hasty.read("key", 0, 10)),
    ):
        network.fault = Faulty(kind, STALL, 99)
        with pytest.raises(VaultAway):
            ask()
    network.fault = lambda _: ""
    assert store.read("key", 0, len(DATA)) == DATA


def test_half_an_answer_is_read_again(by_network):
    store, network, _ = by_network
    store.put("key", DATA)
    network.fault = Faulty("GET", HALF, 1)
    assert store.read("key", 0, len(DATA)) == DATA


def test_parts_that_are_lost_leave_a_whole_object_under_another_key(by_network, tmp_path):
    store, network, _ = by_network
    data = os.urandom(PART + 5)
    (tmp_path / "file").write_bytes(data)
    network.fault = Faulty("POST", LOST, 4)
    made = upload(store, "home/batch", "run", tmp_path / "file", os.urandom)
    assert store.read(made.key, 0, made.size) == data
    assert made.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("changed", "hint"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "HUSH"}, "SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "ACCESS_KEY_ID"),
        ({"AWS_REGION": "cn-north-1"}, "region"),
        ({"bucket": "elsewhere"}, "--vault"),
    ],
)
def test_what_is_refused_is_not_away_and_has_a_hint(plain, changed, hint, tmp_path):
    bucket = names.bucket()
    for name, value in {**bucket.environment, **changed}.items():
        plain.setenv(name, value)
    url = f"s3://{changed.get('bucket', bucket.name)}"
    store = open_store(url, bucket.endpoint)
    (tmp_path / "file").write_bytes(DATA)
    for ask in (
        lambda: store.put("key", DATA),
        lambda: store.put_file("key", tmp_path / "file"),
        lambda: store.read("key", 0, 1),
        lambda: list(store.list("")),
        lambda: store.size("key"),
    ):
        with pytest.raises(EnvironmentFailure) as caught:
            ask()
        assert not isinstance(caught.value, VaultAway)
        assert hint in " ".join(caught.value.hints) or "AccessDenied" in caught.value.message
        assert "HUSH" not in f"{caught.value} {caught.value.hints}"


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


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"AWS_ACCESS_KEY_ID": "AK"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "HUSH"}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "HUSH\r"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "AK\n", "AWS_SECRET_ACCESS_KEY": "HUSH"}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_REGION": "a b\r"}, "AWS_REGION"),
        ({"AWS_CONDITIONAL_PUT": "HUSH"}, "S3"),
        ({"AWS_CHECKSUM_ALGORITHM": "HUSH"}, "S3"),
    ],
)
def test_settings_of_the_environment_that_lead_to_no_store_are_named(plain, changed, named):
    for name, value in changed.items():
        plain.setenv(name, value)
    with pytest.raises((UsageError, EnvironmentFailure)) as caught:
        open_store("s3://bucket", "https://s3.example.com")
    assert named in caught.value.message
    assert "HUSH" not in " ".join([caught.value.message, *caught.value.hints])


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_a_machine_that_has_no_credentials_to_give_is_told_from_a_store_that_refuses(status):
    told = failure(
        OSError(f"PUT http://169.254.169.254/latest/api/token status code: {status}"), "k", "b"
    )
    assert "no credentials" in told.message


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


def test_nothing_is_left_of_what_could_not_be_written(share, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mintmark.codegen.sealed.shared_folder.sync", full)
    with pytest.raises(EnvironmentFailure, match="takes no more") as caught:
        share.put("a/b", DATA)
    assert not isinstance(caught.value, VaultAway)
    assert not [path for path in Path(tmp_path / "share").rglob("*") if path.is_file()]


def test_without_second_names_for_files_nothing_is_replaced_either(share, monkeypatch):
    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", none)
    share.put("a/b", DATA)
    with pytest.raises(FileExistsError):
        share.put("a/b", b"other")
    assert share.read("a/b", 0, len(DATA)) == DATA
    assert [found.key for found in share.list("")] == ["a/b"]


def test_the_endpoint_of_the_settings_wins_over_the_environment(by_network, monkeypatch):
    """obstore lets AWS_ENDPOINT_URL_S3 win, and that one nobody checked."""
    _, network, bucket = by_network
    with monkeypatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        open_store(bucket.url, network.url).put("key", DATA)
    assert bucket.keys() == ["key"]

"""The newest head that a station saw: in a file that processes share, and that a crash may tear."""

from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.station.seen_head import SeenHead

HEADS = st.tuples(st.integers(1, 2**50), st.integers(0, 2**256 - 1).map("{:064x}".format))


def file(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "seen-head"


@given(st.lists(st.tuples(st.booleans(), HEADS), min_size=1))
def test_of_all_processes_the_newest_head_stays(tmp_path_factory, saw):
    path = file(tmp_path_factory)
    one, other = SeenHead(path), SeenHead(path)
    for first, head in saw:
        (one if first else other).saw(head)
    one.close()
    other.close()
    newest = SeenHead(path).newest()
    assert newest[0] == max(head[0] for _, head in saw)
    assert newest in [head for _, head in saw]


@given(HEADS, HEADS, st.integers(0, 98))
def test_a_torn_line_is_no_head(tmp_path_factory, old, new, at):
    path = file(tmp_path_factory)
    seen = SeenHead(path)
    seen.begin_again(old)
    before = path.read_bytes()
    seen.begin_again(new)
    after = path.read_bytes()
    seen.close()
    path.write_bytes(after[:at] + before[at:])
    assert SeenHead(path).newest() in (None, old, new)
    path.write_bytes(after[:at])
    torn = SeenHead(path)
    assert torn.newest() is None
    torn.saw(old)
    torn.close()
    assert SeenHead(path).newest() == old


def test_an_older_head_is_taken_only_for_one_that_was_lost(tmp_path):
    seen = SeenHead(tmp_path / "seen-head")
    assert seen.newest() is None
    seen.saw((7, "a" * 64))
    seen.saw((5, "b" * 64))
    assert seen.newest() == (7, "a" * 64)
    seen.begin_again((5, "b" * 64))
    seen.close()
    assert SeenHead(tmp_path / "seen-head").newest() == (5, "b" * 64)


def test_a_disk_that_takes_nothing_stops_no_commit(tmp_path):
    seen = SeenHead(tmp_path / "none" / "seen-head")
    seen.saw((7, "a" * 64))
    assert seen.newest() == (7, "a" * 64)

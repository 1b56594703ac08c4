"""Scans that wait together are answered together, each for itself."""

import threading
from concurrent.futures import Future

import pytest
from patience import PATIENCE

from mintmark.activation.backend.group_commit import MAX_GROUP, GroupCommit, Retry
from mintmark.activation.backend.scanned_code import ScanRequest


class Books:
    """Answers with the scan ids; holds the first group until `go` is set."""

    def __init__(self, bad=()):
        self.groups, self.bad = [], bad
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, group):
        self.begun.set()
        assert self.go.wait(PATIENCE)
        ids = [scan.scan_id for scan in group]
        self.groups.append(ids)
        for name in ids:
            if name in self.bad:
                raise ValueError(name)
        return ids


def submitted(books, names):
    """The futures of scans that all wait while the first is being answered."""
    commits = GroupCommit(books)
    futures = [commits.submit(ScanRequest([], names[0]))]
    assert books.begun.wait(PATIENCE)
    futures += [commits.submit(ScanRequest([], name)) for name in names[1:]]
    books.go.set()
    commits.close()
    return futures


def test_what_waits_goes_together_in_its_order():
    books, names = Books(), [str(number) for number in range(10)]
    futures = submitted(books, names)
    assert [future.result(0) for future in futures] == names
    assert books.groups == [names[:1], names[1:]]


def test_a_group_is_bounded():
    books, names = Books(), [str(number) for number in range(MAX_GROUP + 5)]
    submitted(books, names)
    assert [len(group) for group in books.groups] == [1, MAX_GROUP, 4]


def test_a_scan_that_fails_fails_alone_and_is_logged(caplog):
    books = Books(bad={"3"})
    futures = submitted(books, ["0", "1", "2", "3", "4"])
    assert [f.result(0) for f in futures if f is not futures[3]] == ["0", "1", "2", "4"]
    with pytest.raises(ValueError, match="3"):
        futures[3].result(0)
    assert [record.getMessage() for record in caplog.records] == [
        "a group of 4 requests failed, each is tried by itself: ValueError (no statement known)"
    ]


def test_who_gave_up_is_not_counted_and_ends_nothing():
    books = Books()
    commits = GroupCommit(books)
    first = commits.submit(ScanRequest([], "0"))
    assert books.begun.wait(PATIENCE)
    gone, kept = commits.submit(ScanRequest([], "1")), commits.submit(ScanRequest([], "2"))
    assert gone.cancel()
    assert not first.cancel()  # it is being counted
    books.go.set()
    commits.close()
    assert (first.result(0), kept.result(0)) == ("0", "2")
    assert books.groups == [["0"], ["2"]]


def test_it_answers_what_waits_before_it_ends():
    books = Books()
    books.go.set()
    commits = GroupCommit(books)
    futures = [commits.submit(ScanRequest([], str(number))) for number in range(50)]
    commits.close()
    assert all(future.done() for future in futures)


def test_several_groups_are_on_their_way_at_a_time():
    begun, both = threading.Semaphore(0), threading.Barrier(2)

    def answer(group):
        begun.release()
        both.wait(PATIENCE)
        return list(group)

    commits = GroupCommit(answer, groups=2)
    first = commits.submit("a")
    assert begun.acquire(timeout=PATIENCE)  # or they would be of the same group
    second = commits.submit("b")
    commits.close()
    assert (first.result(0), second.result(0)) == ("a", "b")


class Away:
    """Books whose database is away `times` times; `retry` is what follows."""

    def __init__(self, times):
        self.times, self.groups = times, []

    def __call__(self, group):
        self.groups.append([scan.scan_id for scan in group])
        if len(self.groups) <= self.times:
            raise ConnectionError
        return self.groups[-1]


def heard(books, retry, names):
    """What these scans hear, as one group."""
    commits = GroupCommit(books, retry=lambda _: retry)
    waiting = [(ScanRequest([], name), Future()) for name in names]
    commits._commit(waiting)
    commits.close()
    return [future.exception(0) or future.result(0) for _, future in waiting]


def test_a_group_whose_database_went_away_is_tried_once_more_as_a_whole():
    names = ["0", "1", "2"]
    once, always = Away(1), Away(9)
    assert heard(once, Retry.TOGETHER, names) == names
    assert once.groups == [names, names]
    assert {type(error) for error in heard(always, Retry.TOGETHER, names)} == {ConnectionError}
    assert always.groups == [names, names]


def test_a_group_that_was_perhaps_counted_is_not_tried_again():
    books, names = Away(1), ["0", "1", "2"]
    assert {type(error) for error in heard(books, Retry.NEVER, names)} == {ConnectionError}
    assert books.groups == [names]

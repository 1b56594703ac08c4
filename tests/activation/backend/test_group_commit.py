"""Scans that wait together are answered together, each for itself."""

import threading

import pytest

from mintmark.activation.backend.group_commit import GROUP, Gathering
from mintmark.activation.backend.scan_counters import Asked


class Books:
    """Answers with what was asked; holds the first group until it is let go."""

    def __init__(self, bad=()):
        self.groups, self.bad = [], bad
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, group):
        self.begun.set()
        assert self.go.wait(30)
        self.groups.append([one.scan_id for one in group])
        for one in group:
            if one.scan_id in self.bad:
                raise ValueError(one.scan_id)
        return [one.scan_id for one in group]


def asked(books, names):
    """The futures of scans that all wait while the first is being answered."""
    gathering = Gathering(books)
    futures = [gathering.ask(Asked([], names[0]))]
    assert books.begun.wait(30)
    futures += [gathering.ask(Asked([], name)) for name in names[1:]]
    books.go.set()
    gathering.close()
    return futures


def test_what_waits_goes_together_in_its_order():
    books, names = Books(), [str(number) for number in range(10)]
    futures = asked(books, names)
    assert [future.result(0) for future in futures] == names
    assert books.groups == [names[:1], names[1:]]


def test_a_group_is_bounded():
    books, names = Books(), [str(number) for number in range(GROUP + 5)]
    asked(books, names)
    assert [len(group) for group in books.groups] == [1, GROUP, 4]


def test_what_is_the_matter_with_one_is_not_the_others():
    books = Books(bad={"3"})
    futures = asked(books, ["0", "1", "2", "3", "4"])
    assert [f.result(0) for f in futures if f is not futures[3]] == ["0", "1", "2", "4"]
    with pytest.raises(ValueError, match="3"):
        futures[3].result(0)


def test_who_gave_up_is_not_counted_and_ends_nothing():
    books = Books()
    gathering = Gathering(books)
    first = gathering.ask(Asked([], "0"))
    assert books.begun.wait(30)
    gone, kept = gathering.ask(Asked([], "1")), gathering.ask(Asked([], "2"))
    assert gone.cancel()
    assert not first.cancel()  # it is being counted
    books.go.set()
    gathering.close()
    assert (first.result(0), kept.result(0)) == ("0", "2")
    assert books.groups == [["0"], ["2"]]


def test_it_answers_what_waits_before_it_ends():
    books = Books()
    books.go.set()
    gathering = Gathering(books)
    futures = [gathering.ask(Asked([], str(number))) for number in range(50)]
    gathering.close()
    assert all(future.done() for future in futures)

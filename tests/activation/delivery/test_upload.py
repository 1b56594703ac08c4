"""Portions of fingerprints on their way at the same time."""

import threading

import pytest
from patience import PATIENCE

from mintmark.activation.delivery.upload import IN_FLIGHT, _overlapped

PORTIONS = [(1 + 10 * number, bytes(16 * (number + 1))) for number in range(2 * IN_FLIGHT)]


def test_portions_are_under_way_together_and_are_told_in_their_order():
    together, sent = threading.Barrier(IN_FLIGHT), []

    def send(first, data):
        together.wait(PATIENCE)  # broken, and raised, if fewer are ever under way
        sent.append((first, data))

    assert list(_overlapped(send, iter(PORTIONS))) == [len(data) for _, data in PORTIONS]
    assert sorted(sent) == PORTIONS


def test_no_more_are_under_way_than_agreed():
    running, most, lock = 0, 0, threading.Lock()

    def send(_first, _data):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    assert len(list(_overlapped(send, iter(PORTIONS)))) == len(PORTIONS)
    assert most <= IN_FLIGHT


def test_of_several_failures_the_first_portions_is_raised_once_none_is_under_way():
    later, ended = threading.Event(), []

    def send(first, _data):
        try:
            if first == PORTIONS[0][0]:
                assert later.wait(PATIENCE)
                raise ValueError("the first")
            if first == PORTIONS[1][0]:
                raise ValueError("the second")
        finally:
            if first == PORTIONS[1][0]:
                later.set()
            ended.append(first)

    with pytest.raises(ValueError, match="the first"):
        list(_overlapped(send, iter(PORTIONS)))
    assert sorted(ended) == [first for first, _ in PORTIONS[:IN_FLIGHT]]

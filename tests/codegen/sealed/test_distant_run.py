"""A run in a store is looked up by ranges: with the answers of the run itself, for less reading."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.sealed.distant_run import DistantRun
from mintmark.codegen.sealed.runs import PREFIX, SERIAL

BITS = st.sampled_from([1, 4, 16, 64])


def run_of(prefixes):
    """The bytes of a run of `prefixes`, whose serials are 1, 2, 3… in their order."""
    order = np.argsort(prefixes, kind="stable")
    return prefixes[order].astype(PREFIX).tobytes() + (order + 1).astype(SERIAL).tobytes()


def masked(values, bits):
    return np.array(values, PREFIX) & np.uint64((1 << 64) - (1 << (64 - bits)))


def distant(prefixes, cut=0):
    data = run_of(prefixes)
    data = data[: len(data) - cut]
    return DistantRun(lambda first, size: data[first : first + size], len(prefixes))


def wanted(prefixes, asked):
    return sorted(
        (at + 1, place)
        for place, prefix in enumerate(asked)
        for at in np.flatnonzero(prefixes == prefix).tolist()
    )


@given(st.data(), BITS, st.integers(1, 3_000))
def test_it_finds_what_is_there(data, bits, count):
    seed = data.draw(st.integers(0, 2**32 - 1))
    numbers = np.random.default_rng(seed)
    prefixes = masked(numbers.integers(0, 2**64, count, PREFIX), bits)
    present = prefixes[numbers.integers(0, count, 5)].tolist()
    more = data.draw(st.lists(st.integers(0, 2**64 - 1), max_size=5))
    asked = masked([*present, *more, 0, 2**64 - 1], bits)
    assert distant(prefixes).look_up(asked) == wanted(prefixes, asked)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=400), st.integers(0, 3))
def test_prefixes_that_are_not_spread_evenly_are_found_too(values, heap):
    """As no fingerprints are: but the answer must be right, whatever is there."""
    prefixes = np.array([value >> (20 * heap) for value in values], PREFIX)
    asked = np.array([int(prefixes[0]), int(prefixes[-1]), 7], PREFIX)
    assert distant(prefixes).look_up(asked) == wanted(prefixes, asked)


def test_little_of_a_long_run_is_read():
    numbers = np.random.default_rng(1)
    prefixes = numbers.integers(0, 2**64, 1_000_000, PREFIX)
    run = distant(prefixes)
    assert run.look_up(prefixes[:3]) == [(1, 0), (2, 1), (3, 2)]
    assert run.cost < 3 * run.estimate(1)
    assert run.cost < 12_000_000 / 25
    assert run.look_up(np.array([], PREFIX)) == []


def test_a_run_that_is_cut_is_not_believed():
    prefixes = np.random.default_rng(1).integers(0, 2**64, 1_000, PREFIX)
    with pytest.raises(IntegrityError):
        distant(prefixes, cut=12_000 - 4_000).look_up(prefixes)

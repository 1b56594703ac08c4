"""The codes of an archive are those that were minted: all of them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.fingerprint import SIZE, fingerprint
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.workers.pool import WorkerKind, Workers
from mintmark.packaging.formats.spread import inline
from mintmark.packaging.preflight import fingerprint_check
from mintmark.packaging.preflight.fingerprint_check import FingerprintCheck

KEY = Secret(b"k" * 32)
LENGTH = 4
CODES = {serial: f"{serial:04}".encode() for serial in range(1, 301)}


def minted(serials):
    """Fingerprints as a vault gives them, in frames of three."""
    for first in range(serials.first, serials.last + 1, 3):
        numbers = range(first, min(first + 3, serials.last + 1))
        yield first, b"".join(fingerprint(CODES[n], KEY.reveal()) for n in numbers)


def shown(*ranges, codes=CODES):
    """The codes of `ranges` as a format reads them back."""
    numbers = [n for piece in ranges for n in range(piece.first, piece.last + 1)]
    return ranges, b"".join(codes[n] for n in numbers)


def checked(parts, quantity, source=minted, spread=inline):
    check = FingerprintCheck("B", source, LENGTH, KEY, quantity, spread)
    return list(check(iter(parts)))


# As lanes give them.
LANES = ((Range(1, 5), Range(11, 15)), (Range(6, 10), Range(16, 29)))


@pytest.mark.parametrize("block", [1, 5, 65_536])
def test_it_passes_what_was_minted_and_nothing_else(block, monkeypatch):
    monkeypatch.setattr(fingerprint_check, "_BLOCK", block)
    parts = [shown(*ranges) for ranges in LANES]
    assert checked(parts, 29) == parts
    for serial in range(1, 30):
        forged = [shown(*ranges, codes=CODES | {serial: b"XXXX"}) for ranges in LANES]
        with pytest.raises(IntegrityError, match="not what was minted"):
            checked(forged, 29)


@pytest.mark.parametrize(("quantity", "compiled"), [(29, False), (28, False), (29, True)])
def test_processes_are_for_many_codes_that_nothing_compiled_computes(
    quantity, compiled, monkeypatch
):
    asked, spread = [], []
    monkeypatch.setattr(fingerprint_check, "prepare", lambda *n: asked.append(n) or compiled)
    monkeypatch.setattr(fingerprint_check, "_INLINE_BELOW", 29)
    parts = [shown(Range(1, quantity))]
    assert checked(parts, quantity, spread=lambda *work: spread.append(1) or map(*work)) == parts
    assert asked == [(quantity, LENGTH)] * (quantity == 29)
    assert len(spread) == (quantity == 29 and not compiled)


def test_in_processes(monkeypatch):
    monkeypatch.setattr(fingerprint_check, "prepare", lambda *_: False)
    monkeypatch.setattr(fingerprint_check, "_INLINE_BELOW", 1)
    monkeypatch.setattr(fingerprint_check, "_BLOCK", 50)
    parts = [shown(Range(first, first + 29)) for first in range(1, 301, 30)]
    with Workers(WorkerKind.PROCESSES, 2) as workers:
        assert checked(parts, 300, spread=workers.map) == parts
        parts[7] = (parts[7][0], parts[6][1])
        with pytest.raises(IntegrityError):
            checked(parts, 300, spread=workers.map)


@given(st.integers(0, 9), st.sampled_from([1, 4, 65_536]))
def test_too_few_fingerprints_prove_nothing(kept, block):
    """A vault that ends early, or is empty, is no proof for the codes it says nothing of."""

    def ends_early(serials):
        left = kept
        for first, found in minted(serials):
            yield first, found[: left * SIZE]
            left = max(0, left - len(found) // SIZE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint_check, "_BLOCK", block)
        with pytest.raises(IntegrityError, match="fingerprints are missing"):
            checked([shown(Range(1, 10))], 10, ends_early)


def test_more_fingerprints_than_codes_are_refused():
    def goes_on(serials):
        yield from minted(Range(serials.first, serials.last + 1))

    with pytest.raises(IntegrityError, match="not what was minted"):
        checked([shown(Range(1, 10))], 10, goes_on)


@pytest.mark.parametrize("parts", [[], [shown(Range(1, 9))], [shown(Range(1, 11))]])
def test_the_codes_compared_are_as_many_as_the_package_holds(parts):
    with pytest.raises(IntegrityError, match="of 10 codes were compared"):
        checked(parts, 10)

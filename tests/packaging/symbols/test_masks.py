"""Penalties (ISO/IEC 18004:2015, 7.8.3.1) against segno's own, on lines made to be awkward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segno import encoder as segno_encoder

from mintmark.packaging.symbols.masks import Penalties, blank_information

FINDER = (1, 0, 1, 1, 1, 0, 1)
# Each the beginning of a line, or a middle or an end: what N1 and N3 look at.
PIECES = [
    FINDER,
    (*FINDER, 1, 1, 0, 1),  # 4 apart
    (*FINDER, 0, 1, 1, 1, 0, 1),  # 6 apart
    (*FINDER, 1, 1, 0, 1, 1, 1, 0, 1),  # three in a row
    (0, 0, 0, 0),
    (0, 0, 0),
    (1,),
    (0,),
    (1, 1, 1, 1),
    (0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1),
]


def scores(matrices):
    penalties = Penalties(matrices.shape[1])
    lines = np.ascontiguousarray(penalties.represent(matrices).T)
    return penalties.evaluate(lines, penalties.scratch(len(matrices))).tolist()


def theirs(matrix):
    rows = tuple(bytearray(row) for row in matrix.astype(np.uint8))
    return segno_encoder.evaluate_mask(rows, len(rows), len(rows))


@st.composite
def matrices(draw):
    size = draw(st.sampled_from(range(21, 58, 4)))
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=40, max_size=120))
    line = [bit for piece in pieces for bit in piece]
    stride = draw(st.sampled_from([size, size + 1, size - 1, 2]))
    rows = [[line[(row * stride + at) % len(line)] for at in range(size)] for row in range(size)]
    matrix = np.array(rows, dtype=bool)
    for axis in (0, 1):
        if draw(st.booleans()):
            matrix = np.flip(matrix, axis)
    return matrix ^ np.eye(size, dtype=bool) if draw(st.booleans()) else matrix


@settings(max_examples=150)
@given(matrices())
def test_equal_to_segnos_score(matrix):
    assert scores(matrix[np.newaxis]) == [theirs(matrix)]


@pytest.mark.parametrize("size", range(21, 58, 4))
def test_patterns_at_every_place_of_a_line(size):
    """Alone, doubled 4 and 6 apart, light before or not: in the first row of a light symbol."""
    made = []
    for piece in PIECES[:4]:
        for at in range(size - len(piece) + 1):
            for before in (0, 1, 4):
                matrix = np.zeros((size, size), dtype=bool)
                matrix[0, at : at + len(piece)] = piece
                if at >= before > 0:
                    matrix[0, at - before] = True
                made.append(matrix)
    made = np.stack(made[:: 1 + len(made) // 60])
    both = np.concatenate([made, made.transpose(0, 2, 1)[:, ::-1]])
    assert scores(both) == [theirs(matrix) for matrix in both]


@pytest.mark.parametrize("size", [21, 29, 33, 57])
def test_the_share_of_dark_modules_at_its_steps(size):
    """N4: every count within 2 of a multiple of 5 %."""
    counts = {
        count
        for step in range(0, 101, 5)
        for count in range(round(size**2 * step / 100) - 2, round(size**2 * step / 100) + 3)
        if 0 <= count <= size**2
    }
    balance = Penalties(size)._balance
    for count in counts:
        flat = bytearray([1] * count + [0] * (size**2 - count))
        rows = tuple(flat[at : at + size] for at in range(0, size**2, size))
        assert segno_encoder.mask_scores(rows, size, size)[3] == balance[count]
    assert len(counts) >= 100


def test_format_and_version_information_are_blank_when_masks_are_evaluated():
    """7.9: 2 x 15 modules of format information, and the dark module; 7.10: 2 x 18 of version."""
    for size, blank in [(21, 31), (41, 31), (45, 31 + 36), (57, 31 + 36)]:
        modules = np.ones((1, size, size), dtype=bool)
        assert size**2 - blank_information(modules).sum() == blank
        assert modules.all()

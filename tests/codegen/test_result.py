"""The words that results share."""

import pytest

from mintmark.codegen.result import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 codes"), (1, "1 code"), (2, "2 codes"), (2_000, "2,000 codes")],
)
def test_one_of_anything_is_one(number, words):
    assert counted(number, "code") == words

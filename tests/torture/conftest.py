"""Torture's figures, for the summary that tests/conftest.py prints."""

import pytest
from torture.scale import SEED


@pytest.fixture
def figures(request):
    """`figures(what, count, found)` puts a line into the summary of the run."""

    def add(what, count, found):
        line = f"{what}: {count:,} ({found}) [seed {SEED}]"
        request.node.user_properties.append(("torture", line))

    return add

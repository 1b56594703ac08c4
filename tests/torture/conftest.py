"""Torture's figures, for the summary that tests/conftest.py prints; a factory to torment."""

import pytest
from torture.plant import template
from torture.runner import Runner
from torture.scale import SEED


@pytest.fixture
def figures(request):
    """`figures(what, count, found)` puts a line into the summary of the run."""

    def add(what, count, found):
        line = f"{what}: {count:,} ({found}) [seed {SEED}]"
        request.node.user_properties.append(("torture", line))

    return add


@pytest.fixture(scope="session")
def made(tmp_path_factory, byte_code):
    """A warm runner, the folder of a factory to copy, and what its commands name."""
    root = tmp_path_factory.mktemp("torture") / "template"
    facts = template(root)
    with Runner(byte_code) as runner:
        yield runner, root, facts

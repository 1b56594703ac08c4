"""A home for each test that asks for one."""

import pytest
from station_kit import make_home


@pytest.fixture
def home(tmp_path):
    made = make_home(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(tmp_path):
    """Another home, with another custodian."""
    folder = tmp_path / "other"
    folder.mkdir()
    made = make_home(folder)
    yield made
    made.close()

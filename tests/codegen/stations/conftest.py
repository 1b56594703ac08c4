"""A shared home for each test that asks for one."""

import pytest
from stations_kit import make_shared


@pytest.fixture
def shared(tmp_path):
    made = make_shared(tmp_path)
    yield made
    made.close()

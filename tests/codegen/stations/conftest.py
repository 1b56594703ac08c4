"""A shared home for each test that asks for one: a copy, which is quicker than making it."""

import pytest
from stations_kit import cast, make_shared

from mintmark.codegen.sealed import probe


@pytest.fixture(autouse=True, scope="session")
def _small_probe():
    """A probe sends megabytes to see what becomes of parts: its own tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "PARTED", 100_000)
        yield


@pytest.fixture(scope="session")
def shared_mould(tmp_path_factory):
    """A shared home that nobody opens."""
    made = make_shared(tmp_path_factory.mktemp("shared"))
    made.close()
    return made


@pytest.fixture
def shared(shared_mould, tmp_path):
    made = cast(shared_mould, tmp_path)
    yield made
    made.close()

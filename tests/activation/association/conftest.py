"""A packing hall, made once; each test has a copy of its home."""

import shutil
from dataclasses import replace

import pytest
from hall_kit import make_hall
from line_kit import opened


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    hall = make_hall(tmp_path_factory.mktemp("hall"))
    yield hall
    hall.home.close()


@pytest.fixture
def hall(made, tmp_path):
    shutil.copytree(made.home.path, tmp_path / "home")
    copy = replace(made, home=replace(made.home, path=tmp_path / "home", opened=[]))
    yield copy
    copy.home.close()


@pytest.fixture
def station(hall):
    with opened(hall.home.path) as found:
        yield found

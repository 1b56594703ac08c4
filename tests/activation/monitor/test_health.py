"""`doctor` looks at what the monitor keeps in the home."""

import pytest
from station_kit import make_home

from mintmark.activation.monitor import cursor, health, snapshots
from mintmark.codegen.finding import ERROR, OK, WARNING

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")


@pytest.fixture
def home(tmp_path):
    made = make_home(tmp_path)
    settings = made.path / "mintmark.toml"
    text = settings.read_text("utf-8").replace(
        "[alarms.targets]", '[alarms.targets]\nboss = "json://h"'
    )
    settings.write_text(text, "utf-8")
    yield made
    made.close()


def levels(home):
    return [found.level for found in health.alarms(home.station())]


@pytest.mark.parametrize(("name", "level"), [(cursor.NAME, ERROR), (snapshots.NAME, WARNING)])
def test_a_changed_digit_is_told(home, name, level):
    cursor.keep(home.path, cursor.Marks({"boss": cursor.Cursor(17)}))
    snapshots.keep(home.path, {home.station().now().date(): 17})
    assert levels(home) == [OK]
    text = (home.path / name).read_text("ascii")
    (home.path / name).write_text(text.replace(": 17", ": 37"), "ascii")
    found = next(iter(health.alarms(home.station())))
    assert found.level == level
    assert name in found.message
    assert found.hint

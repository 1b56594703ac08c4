"""`mintmark.toml`: read strictly, so that a slip of the pen is refused and not passed over."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.station import config
from mintmark.codegen.station.alarm_limits import AlarmLimits
from mintmark.codegen.station.settings_template import template

ID = "K7QM-0123456789AB"
LEAST = f'[home]\nid = "{ID}"\n'


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        (tmp_path / config.NAME).write_bytes(data)
        return config.read(tmp_path)

    return write_and_read


@pytest.mark.parametrize(
    "key", [None, Path("/media/safe/custodian.key"), Path('C:\\Users\\王 "x"\\custodian.key')]
)
def test_the_template_reads_back(read, key):
    assert read(template(ID, key)) == config.Config(
        home_id=ID, time_zone=ZoneInfo("Asia/Shanghai"), custodian_key=key, backend_url=None
    )


_NAMES = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@given(name=st.text(_NAMES, min_size=1).map(Path))
def test_any_path_survives_the_template(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("config")
    (folder / config.NAME).write_text(template(ID, Path("/") / name), encoding="utf-8")
    assert config.read(folder).custodian_key == Path("/") / name


def test_a_path_that_no_system_can_be_asked_for_is_refused(read):
    with pytest.raises(UsageError, match="NUL"):
        read(template(ID, Path("/media/safe\0key")))


def test_only_the_homes_id_is_needed(read):
    found = read(LEAST)
    assert (found.home_id, found.time_zone.key) == (ID, "Asia/Shanghai")
    assert (found.custodian_key, found.backend_url) == (None, None)


def test_what_is_set_is_read(read):
    found = read(
        f'[home]\nid = "{ID}"\ntime_zone = "Europe/Berlin"\n'
        '[custodian]\nkey = "/safe/custodian.key"\n[backend]\nurl = "https://scan.example.com"\n'
        "[policy]\nreceipt_before_activation = true\n"
    )
    assert found.receipt_before_activation
    assert not read(LEAST).receipt_before_activation
    assert found.time_zone == ZoneInfo("Europe/Berlin")
    assert found.custodian_key == Path("/safe/custodian.key")
    assert found.backend_url == "https://scan.example.com"


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("", ("", "", "")),
        ("[sender]\n", ("", "", "")),
        (
            (
                '[sender]\nname = "陈静（品控部）"\nphone = "021-5555 0123 转 8"\n'
                'email = "c@example.cn"\n'
            ),
            ("陈静（品控部）", "021-5555 0123 转 8", "c@example.cn"),
        ),
        ('[sender]\nphone = "+86 138 0013 8000"\n', ("", "+86 138 0013 8000", "")),
    ],
)
def test_whom_the_printer_calls(read, text, sender):
    assert read(LEAST + text).sender == sender


def test_from_when_on_something_is_an_alarm(read):
    found = read(LEAST + '[alarms]\nlanguage = "zh"\nreceipt_days = 14\nexport_burst = 3\n')
    assert found.alarm_limits == AlarmLimits(receipt_days=14, export_burst=3)
    assert read(LEAST).alarm_limits == AlarmLimits(None, None, None, 20, 10)


def test_notepads_byte_order_mark_is_passed_over(read):
    assert read(b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode()).home_id == ID


def test_a_home_directory_is_expanded(read, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert read(LEAST + '[custodian]\nkey = "~/c.key"\n').custodian_key == tmp_path / "c.key"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "id is missing"),
        ("[home]\n", "id is missing"),
        ("home = 7\n", "id is missing"),
        (f'home = "{ID}"\n', "id is missing"),
        ("[[home]]\nid = 7\n", "id is missing"),
        ("[home]\nid = 7\n", "id in .* must be text"),
        ('[home]\nid = ""\n', "no home's id"),
        ('[home]\nid = "../../etc"\n', "no home's id"),
        (f'[home]\nid = "{ID.lower()}"\n', "no home's id"),
        (f'[home]\nid = "{ID}\\n"\n', "no home's id"),
        (LEAST + "time_zone = 8\n", "time_zone in .* must be text"),
        (LEAST + 'time_zone = "Asia/Atlantis"\n', "unknown time_zone"),
        (LEAST + 'time_zone = ""\n', "unknown time_zone"),
        (LEAST + 'time_zone = "Asia"\n', "unknown time_zone"),
        (LEAST + 'time_zone = "../../etc/passwd"\n', "unknown time_zone"),
        (LEAST + 'time_zone = "上海"\n', "unknown time_zone"),
        (LEAST + 'zone = "Asia/Shanghai"\n', "unknown key zone in .home."),
        (LEAST + '[backend]\nurls = "x"\n', "unknown key urls in .backend."),
        (LEAST + "[backend]\nurl = [1]\n", "url in .backend. must be text"),
        (LEAST + "[custodian]\nkey = true\n", "key in .custodian. must be text"),
        (
            LEAST + '[policy]\nreceipt_before_activation = "yes"\n',
            "receipt_before_activation in .policy. must be true or false",
        ),
        (LEAST + "[policy]\nreceipts = true\n", "unknown key receipts in .policy."),
        (LEAST + '[custodian]\nkey = "~nobody-at-all/c.key"\n', "no such user"),
        (LEAST + '[lines]\nname = "x"\n', "unknown table .lines."),
        ("backend = 1\n" + LEAST, "unknown table .backend."),
        (LEAST + "[sender]\nphones = 1\n", "unknown key phones in .sender."),
        (LEAST + "[sender]\nphone = 13800138000\n", "phone in .sender. must be text"),
        (LEAST + '[sender]\nname = ""\n', "name in .sender. is no name"),
        (LEAST + f'[sender]\nname = "{61 * "x"}"\n', "name in .sender. is no name"),
        (LEAST + '[sender]\nname = "a\\nb"\n', "name in .sender. is no name"),
        (LEAST + '[sender]\nname = "a\\u202eb"\n', "name in .sender. is no name"),
        (LEAST + '[sender]\nname = " a"\n', "name in .sender. is no name"),
        (LEAST + '[sender]\nphone = "call me"\n', "phone in .sender. is no phone number"),
        (LEAST + f'[sender]\nphone = "{41 * "1"}"\n', "phone in .sender. is no phone number"),
        (LEAST + '[sender]\nemail = "chen"\n', "email in .sender. is no e-mail address"),
        (LEAST + '[sender]\nemail = "陈@例.cn"\n', "email in .sender. is no e-mail address"),
        (LEAST + '[sender]\nemail = "a b@c.cn"\n', "email in .sender. is no e-mail address"),
        ("sender = 1\n" + LEAST, "unknown table .sender."),
        ("alarms = 1\n" + LEAST, "unknown table .alarms."),
        (LEAST + "[alarms]\nreceipt_day = 1\n", "unknown key receipt_day in .alarms."),
        (LEAST + '[alarms]\nreceipt_days = "14"\n', "receipt_days in .alarms. must be a number"),
        (LEAST + "[alarms]\nreceipt_days = true\n", "receipt_days in .alarms. must be a number"),
        (LEAST + "[alarms]\nactivation_days = 0\n", "activation_days in .alarms. must be a"),
        (LEAST + "[alarms]\ndelivery_minutes = 1.5\n", "delivery_minutes in .alarms. must be"),
        (LEAST + "[alarms]\nexport_burst = 10001\n", "from 1 to 10,000"),
        (LEAST + "[alarms]\ncopied_scans = -1\n", "copied_scans in .alarms. must be a number"),
        (LEAST + LEAST, "mintmark.toml: "),
        ("[home\n", "mintmark.toml: "),
        (LEAST + "x = " + "[" * 100_000, "mintmark.toml"),
        (LEAST.encode("utf-16"), "not UTF-8"),
        (LEAST + "\nnumber = " + "9" * 5_000, "digits"),
        (LEAST.encode() + "# 保管人".encode("gbk"), "not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused(read, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        read(text)
    assert config.NAME in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hints


@pytest.mark.parametrize("place", ["", "gone"])
def test_where_there_is_no_home(tmp_path, place):
    with pytest.raises(NotFound, match="no mintmark home at") as caught:
        config.read(tmp_path / place)
    assert "init" in caught.value.hints[0]

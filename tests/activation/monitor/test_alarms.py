"""Alarms: real web hooks and a mail server; each alarm arrives once, and none is lost."""

import re
import signal
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from alarm_kit import Hook, Scene, numbers
from hypothesis import given
from hypothesis import strategies as st
from line_kit import ended, opened, program, until
from patience import PATIENCE

from mintmark.activation.monitor import notify, sending, watch
from mintmark.activation.monitor.alarm_words import KINDS, OTHER
from mintmark.activation.monitor.alarms import (
    MESSAGE_BYTES,
    Alarm,
    Style,
    alarm,
    messages,
)
from mintmark.activation.monitor.cursor import NAME
from mintmark.activation.monitor.outcome import ARRIVED, refused
from mintmark.codegen import notes
from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.finding import ERROR, Finding
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.station import config

# apprise loads all of its plugins, and a plugin imports what Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
STYLE = Style("both", ZoneInfo("Asia/Shanghai"), "GH3T-HK2YM1TB1VCG")
TOKEN = "s3cr3t-robot-key"


class Killed(BaseException):
    """A process that ends here."""


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    yield scene
    scene.home.close()


# --- once, in order -----------------------------------------------------------------------


def test_a_new_target_hears_nothing_of_the_past_and_all_that_follows(scene):
    scene.trouble(2)
    with Hook() as hook:
        first = scene.send(boss=hook.url).targets[0]
        assert first.ok
        assert "new" in first.detail
        assert not hook.got
        booked = [*scene.trouble(), *scene.trouble(2, "reprint")]
        assert scene.send(boss=hook.url).targets[0].alarms == 3
        scene.send(boss=hook.url)
        assert numbers(hook) == booked
        assert "泄码" in hook.texts[0]
        assert "[line @ " in hook.texts[0]
        assert hook.texts[0].startswith("[mintmark")


def test_a_target_that_is_down_gets_everything_later_and_delays_nobody(scene):
    with Hook() as up, Hook() as down:
        scene.send(up=up.url, down=down.url)
    with up:
        first = scene.trouble()
        result = scene.send(down=down.url, up=up.url)
        assert result.exit_code == 6
        assert [sent.ok for sent in result.targets] == [False, True]
        second = scene.trouble(2)
        scene.send(down=down.url, up=up.url)
        assert numbers(up) == [*first, *second]
        with down:
            scene.send(down=down.url, up=up.url)
            scene.send(down=down.url, up=up.url)
            assert numbers(down) == [*first, *second]
            assert not any("perhaps" in text for text in down.texts)
        assert numbers(up) == [*first, *second]


@pytest.mark.parametrize("status", [500, 429, 404])
def test_what_a_target_answers_with_an_error_was_not_sent(scene, status):
    with Hook() as hook:
        scene.send(boss=hook.url)
        booked = scene.trouble()
        hook.status = status
        assert scene.send(boss=hook.url).exit_code == 6
        hook.status = 200
        assert scene.send(boss=hook.url).exit_code == 0
        assert numbers(hook) == booked


@pytest.mark.parametrize(("point", "arrivals"), [("sending", 1), ("sent", 2)])
def test_killed_beside_a_message_it_is_sent_again_and_says_so(scene, point, arrivals):
    def failpoint(here):
        if here == point:
            raise Killed

    with Hook() as hook:
        scene.send(boss=hook.url)
        booked = scene.trouble()
        with pytest.raises(Killed):
            scene.send(failpoint, boss=hook.url)
        scene.send(boss=hook.url)
        scene.send(boss=hook.url)
        assert numbers(hook) == booked * arrivals
        assert "可能是重发" in hook.texts[-1]
        later = scene.trouble()
        scene.send(boss=hook.url)
        assert numbers(hook)[-1:] == later
        assert "可能是重发" not in hook.texts[-1]


def test_of_two_at_once_one_sends(scene, byte_code):
    """The other process runs while the first waits for its target, which takes its time."""

    class Busy:
        def send(self, message):
            words = ("alarms", "send", "--json")
            others.append(ended(program(*words, home=scene.home.path, byte_code=byte_code)))
            taken.append(message)
            return ARRIVED

    others, taken = [], []
    with Hook() as hook, opened(scene.home.path, scene.clock) as station:
        scene.configure(boss=hook.url)
        # It takes a whole process' time, and that on a busy machine.
        boss = notify.Target("boss", "json", Busy(), seconds=4 * PATIENCE)
        sending.send(station, [boss], ())
        (number,) = scene.trouble()
        assert sending.send(station, [boss], ()).targets[0].alarms == 1
        assert not hook.got
    ((code, _, said),) = others
    assert code == 3
    assert "another process" in said
    assert [message.through for message in taken] == [number]


def test_killed_for_good_it_loses_nothing(scene, byte_code):
    with Hook() as hook:
        scene.configure(boss=hook.url)
        ended(program("alarms", "send", home=scene.home.path, byte_code=byte_code))
        booked = scene.trouble()
        hook.free.clear()
        process = program("alarms", "send", home=scene.home.path, byte_code=byte_code)
        assert hook.arrived.wait(PATIENCE)
        process.kill()
        ended(process)
        hook.free.set()
        assert ended(program("alarms", "send", home=scene.home.path, byte_code=byte_code))[0] == 0
        assert set(numbers(hook)) == set(booked)
        assert "可能是重发" in hook.texts[-1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGTERM there")
def test_the_service_sends_until_it_is_stopped(scene, byte_code):
    with Hook() as hook:
        scene.send(boss=hook.url)
        scene.configure(boss=hook.url)
        booked = scene.trouble()
        process = program("alarms", "send", "--watch", home=scene.home.path, byte_code=byte_code)
        until(lambda: hook.got, process=process)
        process.send_signal(signal.SIGTERM)
        code, _, said = ended(process)
        assert code == 0, said
        assert "stopped" in said
        assert numbers(hook) == booked


def test_a_ledger_from_a_copy_that_is_shorter_does_not_silence_it(scene):
    with Hook() as hook:
        scene.send(boss=hook.url)
        file = scene.home.path / NAME
        kept = notes.read(file, 10_000)
        kept["targets"]["boss"]["seq"] = 10_000
        notes.write(file, kept)
        scene.send(boss=hook.url)
        booked = scene.trouble()
        scene.send(boss=hook.url)
        assert numbers(hook) == booked


@pytest.mark.parametrize("text", ["", "{", "[]", '{"targets": {"a": 1}, "examined": null}'])
def test_a_damaged_cursor_is_told_and_not_begun_anew(scene, text):
    (scene.home.path / NAME).write_text(text, "ascii")
    with Hook() as hook, pytest.raises(IntegrityError, match="damaged"):
        scene.send(boss=hook.url)


# --- which, and how -----------------------------------------------------------------------


def test_a_refused_order_is_told_with_its_batch(scene):
    with Hook() as hook:
        scene.send(boss=hook.url)
        order = c.Ordered("o-1", scene.batch, Action.ACTIVATE, (Range(1, 9),))
        scene.book(order, c.Settled("o-1", "refused", "blocked\n\x1b[31mby hand"))
        other = c.Ordered("o-2", scene.batch, Action.ACTIVATE, (Range(11, 19),))
        scene.book(other, c.Settled("o-2", "acknowledged"))
        scene.send(boss=hook.url)
        (text,) = hook.texts
        assert f"order o-1 of batch {scene.batch}: blocked [31mby hand" in text
        assert "o-2" not in text


def test_every_incident_is_an_alarm_and_nothing_else_but_a_refusal(scene):
    assert alarm(1, AT, c.Incident("something-new", "x"), str).words is OTHER
    for change in (
        c.Settled("o", "acknowledged"),
        c.Settled("o", "cancelled"),
        c.ContactAdded("li", "Ms Li", None),
    ):
        assert alarm(1, AT, change, str) is None
    assert alarm(1, AT, c.Settled("o", "refused"), lambda _: "B").kind == "refused-order"


def test_after_a_long_outage_a_summary_comes(scene):
    with Hook() as hook:
        scene.send(boss=hook.url)
        booked = scene.trouble(300) + scene.trouble(1, "doctor")
        assert scene.send(boss=hook.url).targets[0].alarms == 301
        (text,) = hook.texts
        assert f"#{booked[0]}-#{booked[-1]}" in text
        assert "300 x " in text
        scene.send(boss=hook.url)
        assert len(hook.got) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from([*KINDS, "x" * 200]), st.text(max_size=2_000)),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["both", "zh", "en"]),
    st.booleans(),
)
def test_messages_fit_a_robot_and_name_each_alarm_once(texts, language, again):
    changes = [c.Incident(kind, text) for kind, text in texts]
    alarms = [alarm(n, AT, change, str, "b\U0001f600" * 99) for n, change in enumerate(changes, 1)]
    made = messages(alarms, Style(language, STYLE.zone, STYLE.home), again=again)
    assert all(
        len(f"{message.title}\n{message.body}".encode()) <= MESSAGE_BYTES < 2_048
        for message in made
    )
    assert [message.through for message in made] == sorted({message.through for message in made})
    assert made[-1].through == len(texts)
    named = [
        int(n) for message in made for n in re.findall(r"^#(\d+) ", message.body, re.MULTILINE)
    ]
    assert named == list(range(1, len(texts) + 1)) or (len(made) == 1 and not named)


def test_a_shift_leader_reads():
    found = Alarm(
        1234, AT, "leak-found", "not active: batch B serials 7 (1 code, 2 scans)", "li @ pc-3"
    )
    (message,) = messages([found], Style("zh", STYLE.zone, STYLE.home))
    assert message.critical
    assert f"{message.title}\n{message.body}".splitlines() == [
        "[mintmark GH3T] 1 条警报",
        "#1234 11-22 20:00 泄码：未激活的码已被人扫",
        "not active: batch B serials 7 (1 code, 2 scans) [li @ pc-3]",
        "-> 查流向，冻结或作废这些码: mintmark trace",
    ]


# --- doctor -------------------------------------------------------------------------------


def test_doctors_error_is_told_once_while_it_lasts(scene):
    scene.errors = ["a byte is wrong"]

    def later(hours):
        scene.clock.forward(hours=hours)
        scene.send(boss=hook.url)
        return sum("a byte is wrong" in text for text in hook.texts)

    with Hook() as hook:
        assert later(0) == 1  # also the first time
        assert later(1) == later(25) == later(25) == 1
        scene.errors = []
        assert later(25) == 1
        scene.errors = ["a byte is wrong"]
        assert later(1) == 1  # not looked at: within the day
        assert later(25) == 2


def test_killed_after_booking_doctors_error_it_is_booked_once(scene):
    scene.errors = ["a byte is wrong"]

    def failpoint(point):
        if point == "examined":
            raise Killed

    with Hook() as hook:
        with pytest.raises(Killed):
            scene.send(failpoint, boss=hook.url)
        scene.send(boss=hook.url)
        with opened(scene.home.path) as station, station.ledger.read() as view:
            assert len(view.incidents("doctor")) == 1


def test_what_waits_is_sent_before_doctor_looks_and_the_rest_after(scene):
    seen = []

    def check(_):
        seen.append(numbers(hook))
        during.extend(scene.trouble())
        return iter([Finding(ERROR, "vault", "a byte is wrong")])

    class Down:
        tried = 0

        def send(self, _):
            self.tried += 1
            return refused("errcode 1")

    during, down = [], Down()
    with Hook() as hook:
        scene.send(boss=hook.url, down=hook.url)
        booked = scene.trouble()
        scene.clock.forward(hours=25)
        boss, new = notify.targets([("boss", hook.url), ("new", hook.url)])
        targets = [boss, notify.Target("down", "json", down), new]
        with opened(scene.home.path, scene.clock) as station:
            result = sending.send(station, targets, (check,))
        assert seen == [booked]
        assert result.examined
        boss, other, new = result.targets
        assert (boss.alarms, boss.messages, boss.detail) == (3, 2, None)
        assert (other.ok, other.detail, down.tried) == (
            False,
            "not taken: errcode 1; 1 alarms wait",
            1,
        )
        assert new.alarms == 2
        assert numbers(hook) == [*booked, *(2 * [*during, during[0] + 1])]
        assert "a byte is wrong" in hook.texts[-1]
        with opened(scene.home.path, scene.clock) as station:
            sending.send(station, targets, (check,))
        assert len(numbers(hook)) == 5


def test_a_new_targets_place_outlives_a_kill_in_doctor(scene):
    def failpoint(point):
        if point == "examined":
            raise Killed

    with Hook() as hook:
        with pytest.raises(Killed):
            scene.send(failpoint, boss=hook.url)
        booked = scene.trouble()
        scene.send(boss=hook.url)
        assert numbers(hook) == booked


# --- targets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (f"wecombot://{TOKEN}", "wecombot"),
        (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={TOKEN}", "https"),
        (f"dingtalk://{TOKEN.replace('-', '')}", "dingtalk"),
        (f"dingtalk://SEC123@{TOKEN.replace('-', '')}", "dingtalk"),
        (f"feishu://{TOKEN}", "feishu"),
        (f"mailtos://user:{TOKEN}@smtp.example.com?to=boss@example.com", "mailtos"),
    ],
)
def test_the_urls_of_the_docs_open_and_are_not_shown(url, kind, tmp_path):
    (tmp_path / "url").write_text(f"{url}\n", "utf-8")
    for text in (url, f"file:{tmp_path / 'url'}", "env:THE_URL"):
        (target,) = notify.targets([("boss", text)], {"THE_URL": f"{url}\r"})  # from Windows
        assert (target.kind, target.problem) == (kind, None)
        assert TOKEN not in repr(target)


@pytest.mark.parametrize("text", ["env:NOT_SET", "file:/none", f"nothing://{TOKEN}", "", TOKEN])
def test_a_target_that_cannot_be_opened_says_so_and_stops_no_other(scene, text, capfd):
    with Hook() as hook:
        scene.send(bad=text, boss=hook.url)
        booked = scene.trouble()
        result = scene.send(bad=text, boss=hook.url)
        assert [target.ok for target in result.targets] == [False, True]
        assert numbers(hook) == booked
    assert TOKEN not in "".join([*result.lines(), *capfd.readouterr()])


def test_the_service_opens_anew_what_it_could_not_open(scene, tmp_path):
    secret = tmp_path / "url"
    with Hook() as hook, Hook() as other, opened(scene.home.path, scene.clock) as station:
        booked, turns, seen = [], [], []

        def wait(seconds):
            scene.clock.forward(minutes=10)
            turns.append(seconds)
            if len(turns) == 2:
                secret.write_text(hook.url, "utf-8")
                booked.extend(scene.trouble())
            if len(turns) == 4:
                secret.write_text(other.url, "utf-8")
                booked.extend(scene.trouble())

        watch.Watch(
            station=station,
            targets=lambda: notify.targets([("boss", f"file:{secret}")]),
            checks=(),
            wait=wait,
            stopped=lambda: len(turns) == 6,
            log=lambda event, **_: seen.append(event),
        ).run()
    assert [*numbers(hook), *numbers(other)] == booked
    assert len(hook.got) == len(other.got) == 1
    assert seen == ["started", "away", "sent", "sent", "stopped"]


def test_without_targets_it_says_where_they_go(scene):
    with pytest.raises(UsageError, match="no alarm targets"):
        scene.send()


def test_the_trial_says_which_target_works_and_shows_no_token(scene, byte_code):
    with Hook() as hook:
        scene.configure(good=hook.url, bad=f"nothing://{TOKEN}")
        done = ended(program("alarms", "test", home=scene.home.path, byte_code=byte_code))
        assert done[0] == 6
        assert "ok      good" in done[1]
        assert "FAILED  bad" in done[1]
        assert TOKEN not in "".join(done[1:])
        assert "测试" in hook.texts[0]
        assert not (scene.home.path / NAME).exists()


@pytest.mark.parametrize(
    "text",
    [
        f'boss = ["json://{TOKEN}"]\n',
        f'"bo ss" = "json://{TOKEN}"\n',
        f'boss = 1\n"{TOKEN}" = "x"\n',
    ],
)
def test_settings_that_are_wrong_are_told_and_not_quoted(scene, text):
    file = scene.home.path / "mintmark.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")
    with pytest.raises(UsageError, match="names with a text") as caught:
        config.read(scene.home.path)
    assert TOKEN not in str(caught.value)


def test_settings_are_read(scene):
    plain = config.read(scene.home.path)
    assert (plain.alarm_language, plain.alarm_targets) == ("both", ())
    scene.configure(boss=f"wecombot://{TOKEN}", office="env:MAIL")
    settings = config.read(scene.home.path)
    assert settings.alarm_targets == (("boss", f"wecombot://{TOKEN}"), ("office", "env:MAIL"))
    assert TOKEN not in repr(settings)
    file = scene.home.path / "mintmark.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace('# language = "both"', 'language = "zh"'), "utf-8")
    assert config.read(scene.home.path).alarm_language == "zh"
    file.write_text(text.replace('# language = "both"', 'language = "fr"'), "utf-8")
    with pytest.raises(UsageError, match="unknown language"):
        config.read(scene.home.path)

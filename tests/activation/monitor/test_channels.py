"""Channels as they are: refusals that look like success, servers that hang, drip and hang up."""

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from alarm_kit import Hook, Mail, Scene, Wire, answers, numbers, numbers_in
from line_kit import opened
from patience import PATIENCE

from mintmark.activation.monitor import deadline, health, notify, sending, watch
from mintmark.activation.monitor.alarms import Message
from mintmark.activation.monitor.broadcast import broadcast
from mintmark.activation.monitor.cursor import WAITS, Cursor, Unanswered, settled
from mintmark.activation.monitor.outcome import ARRIVED, refused, unanswered
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.finding import ERROR, OK, WARNING
from mintmark.codegen.ledger import changes as c

# apprise loads all of its plugins, and a plugin imports what Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
TOKEN = "s3cr3t"
TEXT = Message("[mintmark GH3T] 1 条警报", "#7 <b>泄码</b>\nline two & *three*", 7, critical=True)
PAGE = b"<!DOCTYPE html><title>Sign in</title>"
# How each robot says yes and no.
ROBOTS = {
    "wecombot": ("errcode", 93000),
    "dingtalk": ("errcode", 310000),
    "feishu": ("code", 19021),
    "lark": ("code", 19021),
}


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    yield scene
    scene.home.close()


def robot(service, server, url=TOKEN):
    """A robot's target, whose robot is `server`."""
    (target,) = notify.targets([(f"a-{service}", f"{service}://{url}")])
    return replace(target, channel=replace(target.channel, address=server.http))


def service(url, server):
    """A target of apprise's, whose service is `server`."""
    (target,) = notify.targets([("boss", url.format(port=server.port))])
    plugin = target.channel.plugin
    for name in ("notify_url", "webhook_url"):
        if getattr(plugin, name, "").startswith("https:"):
            setattr(plugin, name, server.http)
    return target


def said(answer):
    return answers(200, json.dumps(answer).encode(), Content_Type="application/json")


# --- robots -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_robot_took_it_if_its_code_is_0_and_nothing_else_counts(kind):
    key, code = ROBOTS[kind]
    with Wire(said({key: 0, "msg": "ok"})) as wire, Hook() as page:
        target = robot(kind, wire)
        assert target.send(TEXT) == ARRIVED
        for say, words in (
            (said({key: code, "msg": f"no: {TOKEN}"}), f"{key} {code}"),
            (said({key: False}), f"{key} false"),
            (said({key: "0"}), f"no {key}"),
            (said({key: 0.0}), f"no {key}"),
            (said({"StatusCode": 0}), f"no {key}"),
            (said([0]), f"no {key}"),
            (said({}), f"no {key}"),
            (answers(200), f"no {key}"),
            (answers(200, b"\xff" * 9), f"no {key}"),
            (answers(200, b"[" * 60_000), f"no {key}"),
            (answers(200, PAGE, Content_Type="text/html"), f"no {key}"),
            (answers(302, Location=page.http), "redirects"),
            (answers(307, Location=page.http), "redirects"),
            (answers(204), "status 204"),
            (answers(400, json.dumps({key: code}).encode()), f"status 400, {key} {code}"),
            (answers(500, json.dumps({key: 0}).encode()), "status 500"),
        ):
            wire.say = say
            outcome = target.send(TEXT)
            assert (outcome.arrived, outcome.perhaps) == (False, False), words
            assert words in outcome.words
            assert TOKEN not in outcome.words
        assert not page.got
    assert target.send(TEXT) == refused("it cannot be reached")


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_robot_gets_the_text_line_by_line(kind):
    with Wire(said({ROBOTS[kind][0]: 0})) as wire:
        assert robot(kind, wire).send(TEXT).arrived
        body = json.loads(wire.got[0])
    text = body.get("content", body.get("text"))
    assert text.get("text", text.get("content")) == f"{TEXT.title}\n{TEXT.body}"


def test_dingtalk_signs_and_calls_the_numbers_of_its_url():
    with Wire(said({"errcode": 0})) as wire:
        target = robot("dingtalk", wire, "SEC9@abc/13800000000/+86-139-0000-0000?to=15500000000")
        assert target.send(TEXT).arrived
        asked = parse_qs(urlsplit(wire.paths[0]).query)
        assert json.loads(wire.got[0])["at"] == {
            "atMobiles": ["13800000000", "13900000000", "15500000000"],
            "isAtAll": False,
        }
    signed = hmac.digest(b"SEC9", f"{asked['timestamp'][0]}\nSEC9".encode(), hashlib.sha256)
    assert asked["sign"] == [base64.b64encode(signed).decode()]


@pytest.mark.parametrize(
    "url",
    ["sns://AKIAexample/secret/us-east-1/13800000000/topic", "rocket://u:p@127.0.0.1/#c/@x"],
)
def test_recipients_that_cannot_be_told_apart_are_refused(url):
    (target,) = notify.targets([("boss", url)])
    assert "told apart" in target.problem


@pytest.mark.parametrize(
    "url",
    [
        "dingtalk://abc/123",
        "dingtalk://abc/13800000000/zhang",
        "mailto://127.0.0.1:25?from=a@example.com&to=b@example.com,boss",
        "mailto://127.0.0.1:25?from=a@example.com&to=b@example.com&cc=c@",
        "pushplus://{a}/@bad!friend/#t".replace("{a}", "a" * 32),
        "mailto://127.0.0.1:25?from=a@example.com&to=,",
    ],
)
def test_a_recipient_that_is_none_is_told_and_not_left_out(url):
    (target,) = notify.targets([("boss", url)])
    assert target.problem
    assert "recipient or number" in target.problem
    assert target.send(TEXT) == refused(target.problem)


# --- before there is a connection -----------------------------------------------------------


def resets(sock):
    """The first bytes are read, and the connection is cut."""
    sock.recv(16)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_up(sock):
    sock.recv(4_096)


@pytest.mark.parametrize("say", [resets, hangs_up, answers(403), lambda sock: sock.sendall(b"?\n")])
@pytest.mark.parametrize("proxy", [False, True])
def test_what_breaks_before_there_is_a_secure_connection_is_not_taken(monkeypatch, say, proxy):
    with Wire(say, first=True) as wire:
        if proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://u:{TOKEN}@127.0.0.1:{wire.port}")
            monkeypatch.setenv("NO_PROXY", "")
        group = robot("feishu", wire)
        group = replace(group, channel=replace(group.channel, address=f"https{wire.http[4:]}"))
        (hook,) = notify.targets([("hook", f"jsons://127.0.0.1:{wire.port}/")])
        for target in (group, hook):
            outcome = target.send(TEXT)
            assert not outcome.arrived
            assert not outcome.perhaps
            assert "certificate" not in outcome.reason
            assert TOKEN not in outcome.reason


# --- other services -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "yes", "no", "words"),
    [
        ("pushplus://" + "a" * 32, {"code": 200}, {"code": 903}, "code 903"),
        ("schan://SCT1", {"code": 0}, {"code": 40001}, "code 40001"),
        ("bark://127.0.0.1:{port}/k", {"code": 200}, {"code": 400}, "code 400"),
        ("pushdeer://127.0.0.1:{port}/PDUk", {"code": 0}, {"code": 80501}, "code 80501"),
        ("wxpusher://AT_appid/UID_x", {"code": 1000}, {"code": 1001}, "code 1001"),
        ("tgram://123456789:abcdefg_hijklmnop/12", {"ok": True}, {"ok": False}, "ok false"),
        ("ntfy://127.0.0.1:{port}/t", {"id": "x"}, {}, "no id"),
        ("discord://123456/abcdef", {}, {"errcode": 5}, "errcode 5"),
        ("discord://123456/abcdef", {}, {"success": False}, "success false"),
    ],
)
def test_another_service_took_it_if_it_says_so(url, yes, no, words):
    with Wire(said(yes)) as wire, Hook() as page:
        target = service(url, wire)
        assert target.send(TEXT) == ARRIVED
        for say, text in (
            (said(no), words),
            (answers(200, PAGE, Content_Type="text/html"), "login page"),
            (answers(307, Location=page.http), "redirects"),
            (answers(500, json.dumps({"code": 7}).encode()), "status 500"),
        ):
            wire.say = say
            outcome = target.send(TEXT)
            assert (outcome.arrived, outcome.perhaps) == (False, False)
            assert text in outcome.words
        assert not page.got


@pytest.mark.parametrize("kind", ["json", "form", "xml"])
def test_a_web_hook_of_ones_own_took_it_with_any_2xx_of_its_own(kind):
    with Wire(answers(204)) as wire, Hook() as page:
        target = service(f"{kind}://127.0.0.1:{{port}}/hook", wire)
        for status in (200, 201, 202, 204):
            wire.say = answers(status)
            assert target.send(TEXT) == ARRIVED
        for say, words in (
            (answers(302, Location=page.http), "redirects"),
            (answers(308, Location=page.http), "redirects"),
            (answers(404), "status 404"),
            (answers(304), "redirects"),
        ):
            wire.say = say
            assert words in target.send(TEXT).words
        assert not page.got


def test_what_the_url_asks_of_apprise_makes_no_success_of_a_failure():
    with Wire(answers(500)) as wire:
        target = service("json://127.0.0.1:{port}/h?optional=yes&retry=3&redirect=yes", wire)
        assert target.send(TEXT) == refused("status 500")
        assert len(wire.got) == 1


def test_no_url_has_a_text_cut():
    with Wire(answers(200)) as wire:
        target = service("json://127.0.0.1:{port}/h?overflow=truncate", wire)
        target.channel.plugin.body_maxlen = 5
        assert target.send(TEXT) == ARRIVED
    assert json.loads(wire.got[0])["message"] == TEXT.body


@pytest.mark.parametrize(
    "url", ["tgram://123456789:abcdefg_hijklmnop/12", "pushplus://" + "a" * 32]
)
def test_where_a_service_shows_html_nothing_is_injected(url):
    with Wire(said({"ok": True, "code": 200})) as wire:
        assert service(url, wire).send(TEXT).arrived
        text = json.loads(wire.got[0])
        shown = text.get("text") or text["content"]
    assert "&lt;b&gt;" in shown
    assert "<b>泄码" not in shown
    assert shown.index("泄码") < shown.index("three")


def test_recipients_of_a_service_have_a_cursor_each():
    found = notify.targets([("boss", "tgram://123456789:abcdefg_hijklmnop/12/34")])
    assert [target.place for target in found] == ["1/2", "2/2"]
    assert len({target.key for target in found}) == 2
    with Wire(said({"ok": True})) as wire:
        for target in found:
            target.channel.plugin.notify_url = f"{wire.http}/"
            assert target.send(TEXT).arrived
        assert [json.loads(body)["chat_id"] for body in wire.got] == [12, 34]
    (mixed,) = notify.targets([("boss", "wxpusher://AT_appid/123/UID_abc")])
    assert "give each a target of its own" in mixed.problem


# --- mail ---------------------------------------------------------------------------------


def test_mail_is_text_with_its_lines(scene):
    with Mail() as mail:
        url = mail.url("boss@example.com", name="Mint & Co")
        scene.send(boss=url)
        detail = "<b>bold</b> & <at user_id=all>\r\nSubject: x\r\n\r\n.\r\nmore"
        scene.book(c.Incident("leak-found", detail))
        assert scene.send(boss=url).exit_code == 0
        (letter,) = mail.letters("boss@example.com")
    assert letter.get_content_type() == "text/plain"
    lines = letter.get_content().splitlines()
    assert lines[0].endswith("泄码：未激活的码已被人扫")
    assert "＜b＞bold＜/b＞ & ＜at user_id=all＞ Subject: x . more" in lines[2]
    assert letter["Subject"].endswith("1 条警报 / 1 alarm")
    assert letter.get_all("To") == ["boss@example.com"]


def test_headers_of_mail_are_lines():
    target = notify.targets([("boss", "mailto://127.0.0.1:1?from=a@example.com&to=b@example.com")])
    letter = target[0].channel.letter(replace(TEXT, title="a\r\nBcc: evil@example.com\n\nx"))
    head, _, _ = letter.partition(b"\r\n\r\n")
    assert b"Subject: a Bcc: evil@example.com x" in head
    assert not [line for line in head.split(b"\r\n") if line.startswith(b"Bcc")]


def test_one_refused_recipient_repeats_nothing_and_holds_nothing_back(scene):
    with Mail(says={"gone@example.com": "550 5.1.1 no such user"}) as mail:
        url = mail.url("boss@example.com", "gone@example.com", cc="li@example.com")
        scene.send(office=url)
        booked = []
        for _ in range(3):
            booked += scene.trouble()
            result = scene.send(office=url)
        ok = [(sent.recipient, sent.ok) for sent in result.targets]
        assert ok == [("1/3", True), ("2/3", False), ("3/3", True)]
        assert "smtp 550" in result.targets[1].detail
        assert "3 alarms wait" in result.targets[1].detail
        assert not any("example" in line for line in result.lines())
        for to in ("boss@example.com", "li@example.com"):
            assert numbers_in(mail.texts(to)) == booked
        mail.says.clear()
        assert scene.send(office=url).exit_code == 0
        (late,) = mail.letters("gone@example.com")
        assert numbers_in([late.get_content()]) == booked
        assert "perhaps" not in late.get_content()
    assert "example" not in json.dumps(scene.cursors())


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"CONNECT": "554 no"}, "smtp 554"),
        ({"EHLO": "421 busy", "HELO": "421 busy"}, "smtp 421"),
        ({"MAIL": "530 login first"}, "smtp 530"),
        ({"RCPT": "450 later"}, "smtp 450"),
        ({"354": "451 not now"}, "smtp 451"),
        ({"DATA": "552 full"}, "smtp 552"),
        ({"CONNECT": "HTTP/1.1 200 OK"}, "not taken"),
    ],
)
def test_a_mail_server_that_refuses_is_told_by_its_code(says, words):
    with Mail(says) as mail:
        (target,) = notify.targets([("boss", mail.url("boss@example.com"))])
        outcome = target.send(TEXT)
        assert not mail.got
    assert not outcome.perhaps
    assert words in outcome.words
    assert "example" not in outcome.words


@pytest.mark.parametrize(
    ("place", "perhaps"), [("CONNECT", False), ("RCPT", False), ("DATA", True), ("QUIT", None)]
)
def test_a_mail_server_that_hangs_up_may_have_it_only_after_the_text(place, perhaps):
    with Mail(hangs_up=place) as mail:
        (target,) = notify.targets([("boss", mail.url("boss@example.com"))])
        outcome = target.send(TEXT)
    assert outcome == ARRIVED if perhaps is None else outcome.perhaps is perhaps


def test_a_farewell_without_an_end_takes_nothing_back():
    with Mail(hangs="QUIT") as mail:
        (target,) = notify.targets([("boss", mail.url("boss@example.com"))])
        assert target.send(TEXT) == ARRIVED


@pytest.mark.parametrize("said", ["taken", "\xff", "199 what", "354 more"])
def test_what_is_no_answer_to_a_text_may_be_a_yes(said):
    with Mail({"DATA": said}) as mail:
        (target,) = notify.targets([("boss", mail.url("boss@example.com"))])
        assert target.send(TEXT) == unanswered("its answer to the text is none of SMTP")


def test_mail_with_a_login_needs_a_server_that_takes_it():
    with Mail() as mail:
        url = mail.url("boss@example.com").replace("//", f"//user:{TOKEN}@")
        (target,) = notify.targets([("boss", url)])
        assert target.send(TEXT) == refused("the server offers no TLS or no login")
        secure = url.replace("mailto:", "mailtos:") + "&mode=starttls"
        (target,) = notify.targets([("boss", secure)])
        assert target.send(TEXT) == refused("the server offers no TLS or no login")
        assert TOKEN not in repr(target)
        assert not mail.got


# --- no answer ----------------------------------------------------------------------------


def slow(target):
    """The same target, given up after a moment."""
    return replace(target, seconds=0.3)


def freed(*targets):
    """Wait for the calls that were given up: their servers are gone."""
    for target in targets:
        if thread := deadline._running.get(target.key):
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.parametrize("fault", ["hangs", "drips"])
@pytest.mark.parametrize("kind", ["feishu", "json", "mail"])
def test_a_server_without_an_end_is_given_up_and_called_only_once(kind, fault):
    with Wire(None, first=kind == "mail") as wire:
        wire.say = getattr(wire, fault)
        if kind == "feishu":
            target = robot(kind, wire)
        else:
            url = {"json": "json://127.0.0.1:{port}/", "mail": Mail.url(wire, "b@example.com")}
            (target,) = notify.targets([("boss", url[kind].format(port=wire.port))])
        target, before = slow(target), set(threading.enumerate())
        outcome = target.send(TEXT)
        more = set(threading.enumerate()) - before
        # The process ends without it. The others are the server's.
        assert [thread.name for thread in more if thread.daemon] == ["mintmark-alarm"]
        assert not [thread.name for thread in more if "PoolExecutor" in thread.name]
        assert outcome == unanswered("not within 0.3 seconds")
        assert target.send(TEXT) == refused("an earlier call to it has not ended")
    freed(target)


def test_an_answer_that_is_cut_may_be_a_yes():
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    for say in (lambda _: None, lambda sock: sock.sendall(cut)):
        with Wire(say) as wire:
            for target in (robot("lark", wire), service("json://127.0.0.1:{port}/", wire)):
                assert target.send(TEXT).perhaps


class Slow:
    """A channel that takes everything, and answers as `outcome` says."""

    def __init__(self, outcome=None):
        self.outcome, self.got = outcome or unanswered("not within 20 seconds"), []

    def send(self, message):
        self.got.append(f"{message.title}\n{message.body}")
        return self.outcome

    @property
    def target(self):
        return notify.Target("slow", "json", self)


def test_a_target_that_takes_and_never_answers_gets_each_alarm_a_few_times(scene):
    channel = Slow()
    with Hook() as hook:
        scene.round([channel.target, *notify.targets([("boss", hook.url)])])
        (booked,) = scene.trouble()
        for _ in range(200):
            targets = [channel.target, *notify.targets([("boss", hook.url)])]
            result = scene.round(targets)
            assert [sent.ok for sent in result.targets] == [False, True]
            scene.clock.forward(minutes=30)
        assert numbers(hook) == [booked]
    assert numbers_in(channel.got) == [booked] * (len(WAITS) + 1)
    assert ["可能是重发" in text for text in channel.got] == [False] + [True] * len(WAITS)
    assert f"alarms up to #{booked}: 6 x sent, no answer; look" in result.targets[0].detail


def test_new_alarms_do_not_wait_for_an_answer_and_a_healthy_channel_ends_the_doubt(scene):
    channel = Slow()
    scene.round([channel.target])
    (first,) = scene.trouble()
    scene.round([channel.target])
    assert not scene.round([channel.target]).targets[0].ok  # not yet time for a repeat
    (second,) = scene.trouble()
    scene.round([channel.target])
    assert numbers_in(channel.got) == [first, second]
    assert "可能是重发" not in channel.got[1]
    channel.outcome = ARRIVED
    (third,) = scene.trouble()
    result = scene.round([channel.target])
    assert numbers_in(channel.got) == [first, second, third, first, second]
    assert (result.targets[0].ok, result.targets[0].alarms) == (True, 3)
    assert "可能是重发" in channel.got[-1]
    assert scene.round([channel.target]).targets[0].ok
    assert scene.cursors()["slow"]["unanswered"] is None


def test_what_was_sent_too_often_arrives_once_the_channel_answers(scene):
    channel = Slow()
    scene.round([channel.target])
    (first,) = scene.trouble()
    for _ in range(9):
        scene.round([channel.target])
        scene.clock.forward(days=2)
    (second,) = scene.trouble()
    scene.round([channel.target])
    assert numbers_in(channel.got) == [first] * (len(WAITS) + 1) + [second]
    channel.got.clear()
    channel.outcome = ARRIVED
    scene.clock.forward(minutes=2)
    result = scene.round([channel.target])
    assert (result.exit_code, result.targets[0].alarms) == (0, 2)
    assert numbers_in(channel.got) == [second, first]
    assert all("可能是重发" in text for text in channel.got)
    assert scene.cursors()["slow"]["unanswered"] is None


def test_a_doubt_outlives_a_refusal(scene):
    """Killed behind the message, then refused: the message after that may be a repeat."""

    class Killed(BaseException):
        pass

    def failpoint(here):
        if here == "sent":
            raise Killed

    channel = Slow(ARRIVED)
    scene.round([channel.target])
    booked = scene.trouble()
    with pytest.raises(Killed):
        scene.round([channel.target], failpoint)
    channel.outcome = refused("status 500")
    scene.round([channel.target])
    channel.outcome = ARRIVED
    scene.round([channel.target])
    assert numbers_in(channel.got) == booked * 3
    assert ["可能是重发" in text for text in channel.got] == [False, True, True]


def test_a_refusal_is_no_repeat_and_what_was_refused_arrives_later(scene):
    channel = Slow()
    scene.round([channel.target])
    (booked,) = scene.trouble()
    scene.round([channel.target])
    channel.outcome = refused("status 500")
    for _ in range(20):
        scene.clock.forward(hours=9)
        scene.round([channel.target])
    assert scene.cursors()["slow"]["unanswered"]["tries"] == 1
    channel.outcome = ARRIVED
    scene.clock.forward(hours=9)
    assert scene.round([channel.target]).exit_code == 0
    assert set(numbers_in(channel.got)) == {booked}


def test_killed_in_a_repeat_it_is_counted(scene):
    class Killed(BaseException):
        pass

    def failpoint(_):
        raise Killed

    channel = Slow()
    scene.round([channel.target])
    scene.trouble()
    scene.round([channel.target])
    scene.clock.forward(minutes=2)
    with pytest.raises(Killed):
        scene.round([channel.target], failpoint)
    assert scene.cursors()["slow"]["unanswered"]["tries"] == 2


def test_what_drips_comes_last_and_delays_nobody_a_second_time(scene):
    order = []

    class Noted(Slow):
        def send(self, message):
            order.append(self)
            return super().send(message)

    dripping, healthy = Noted(), Noted(ARRIVED)
    targets = [dripping.target, notify.Target("boss", "json", healthy)]
    scene.round(targets)
    scene.trouble()
    scene.round(targets)
    scene.trouble()
    result = scene.round(targets)
    assert order == [dripping, healthy, healthy, dripping]
    assert [sent.target for sent in result.targets] == ["slow", "boss"]


def test_many_recipients_behind_a_dead_server_delay_nobody(scene, monkeypatch):
    order = []

    class Noted(Slow):
        def send(self, message):
            order.append(self)
            return super().send(message)

    dead, healthy = Noted(refused("it cannot be reached")), Noted(ARRIVED)
    office = [
        notify.Target("office", "mailto", dead, recipient=f"{n:012x}", place=f"{n}/40")
        for n in range(1, 41)
    ]
    boss = notify.Target("boss", "json", healthy)
    scene.round([*office, boss])
    scene.trouble()
    assert [sent.ok for sent in scene.round([*office, boss]).targets] == [False] * 40 + [True]
    assert order == [dead, healthy] + [dead] * 39
    monkeypatch.setattr(sending, "SLOW_SECONDS", 0.0)
    scene.trouble()
    order.clear()
    late = notify.Target("office", "mailto", dead, recipient="late", place="41/41")
    result = scene.round([*office, boss, late])
    assert order == [dead, healthy]
    assert [sent.detail for sent in result.targets].count(sending._LATER) == 39
    # Who is new is told where it begins, and gets what follows.
    assert "new" in result.targets[-1].detail
    (last,) = scene.trouble()
    monkeypatch.setattr(sending, "SLOW_SECONDS", PATIENCE)
    dead.got.clear()
    scene.round([*office, boss, late])
    assert numbers_in(dead.got).count(last) == 41


def test_the_same_holds_for_a_trial_and_the_days_report():
    targets = [Slow().target, notify.Target("bad", None, problem="cannot be read")]
    slow_, bad = broadcast(targets, TEXT)
    assert (slow_.ok, slow_.detail) == (False, "no answer: not within 20 seconds")
    assert (bad.ok, bad.detail) == (False, "cannot be read")


# --- surroundings -------------------------------------------------------------------------

FAULTS = [
    ("ALL_PROXY", "socks5://127.0.0.1:9"),
    ("HTTPS_PROXY", "socks5h://127.0.0.1:9"),
    ("SSL_CERT_FILE", "/none/ca.pem"),
    ("HTTPS_PROXY", "http://127.0.0.1:99999"),
    ("HTTPS_PROXY", "nonsense"),
]


@pytest.mark.parametrize(("name", "value"), FAULTS)
def test_a_bad_setting_of_the_machine_stays_with_the_targets_it_concerns(
    scene, monkeypatch, name, value
):
    urls = {
        "robot": f"feishu://{TOKEN}",
        "push": "schan://SCT1",
        "mail": "mailtos://u:p@localhost:9?to=boss@example.com",
    }
    with Hook() as hook:
        scene.send(**urls, boss=hook.url)
        booked = scene.trouble()
        monkeypatch.setenv(name, value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        result = scene.send(**urls, boss=hook.url)
        assert [sent.ok for sent in result.targets] == [False, False, False, True]
        assert numbers(hook) == booked
    for sent in result.targets[:3]:
        assert sent.detail.startswith(("not taken: ", "no answer: "))
        assert TOKEN not in sent.detail


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, MemoryError])
def test_whatever_a_channel_raises_stays_with_it(scene, error):
    class Broken:
        def send(self, _):
            raise error(TOKEN)

    broken = notify.Target("broken", "json", Broken())
    with Hook() as hook:
        scene.round([broken, *notify.targets([("boss", hook.url)])])
        booked = scene.trouble()
        result = scene.round([broken, *notify.targets([("boss", hook.url)])])
        assert numbers(hook) == booked
    assert result.targets[0].detail.startswith(f"not taken: sending failed ({error.__name__})")


# --- cursors ------------------------------------------------------------------------------


def test_the_cursor_of_an_older_version_becomes_that_of_each_recipient(scene):
    with Mail() as mail:
        url = mail.url("a@example.com", "b@example.com")
        scene.send(office=url)
        file = scene.home.path / "alarms.json"
        kept = json.loads(file.read_text("ascii"))
        old = {"seq": next(iter(kept["targets"].values()))["seq"], "under_way": False}
        older = {"targets": {"office": old}, "examined": kept["examined"]}  # and no checksum
        file.write_text(json.dumps(older), "ascii")
        booked = scene.trouble()
        scene.send(office=url)
        for to in ("a@example.com", "b@example.com"):
            assert numbers_in(mail.texts(to)) == booked


def test_an_address_that_was_corrected_gets_what_waited(scene):
    with Mail(says={"bos@example.com": "550 no"}) as mail:
        scene.send(office=mail.url("bos@example.com", "li@example.com"))
        booked = scene.trouble()
        scene.send(office=mail.url("bos@example.com", "li@example.com"))
        scene.send(office=mail.url("li@example.com", "boss@example.com"))
        assert (
            numbers_in(letter.get_content() for letter in mail.letters("boss@example.com"))
            == booked
        )
        assert len(mail.letters("li@example.com")) == 1
        third = scene.send(
            office=mail.url("li@example.com", "boss@example.com", "c@example.com")
        ).targets[2]
        assert "new" in third.detail


def test_who_takes_the_place_of_one_that_did_not_answer_gets_all_of_it():
    pending = Unanswered(6, 9, 6, AT, 3)
    kept = {"a#1": Cursor(5), "a#2": Cursor(9, unanswered=pending)}
    assert settled(kept, [("a", "a#3", True)]) == {"a#3": Cursor(3, under_way=True)}


def test_cursors_follow_their_recipients():
    kept = {"a": Cursor(5), "a#1": Cursor(3), "a#2": Cursor(9), "ab": Cursor(7)}
    assert settled(kept, [("a", "a#1", True), ("a", "a#3", True)]) == {
        "a#1": Cursor(3),
        "a#3": Cursor(5),
    }
    assert settled(kept, [("a", "a", False)]) == {k: kept[k] for k in ("a", "a#1", "a#2")}
    assert settled(kept, [("ab", "ab#1", True), ("new", "new", True)]) == {"ab#1": Cursor(7)}


def test_a_target_that_cannot_be_opened_for_a_while_loses_no_recipient(scene, tmp_path):
    secret = tmp_path / "url"
    with Mail() as mail:
        url = mail.url("a@example.com", "b@example.com")
        secret.write_text(url, "utf-8")
        scene.send(office=f"file:{secret}")
        booked = scene.trouble()
        secret.unlink()
        assert scene.send(office=f"file:{secret}").exit_code == 6
        secret.write_text(url, "utf-8")
        assert scene.send(office=f"file:{secret}").exit_code == 0
        assert (
            numbers_in(letter.get_content() for letter in mail.letters("b@example.com")) == booked
        )


def test_repeats_are_due_by_their_waits_and_by_a_clock_that_was_set_back():
    pending = Unanswered(1, 5, 1, AT, 1)
    assert not pending.due(AT + WAITS[0] - timedelta(seconds=1))
    assert pending.due(AT + WAITS[0])
    assert pending.due(AT - timedelta(seconds=1))
    spent = replace(pending, tries=len(WAITS) + 1)
    assert not spent.due(AT + timedelta(days=99))
    assert pending.joined(7, 9, AT) == Unanswered(1, 9, 1, AT, 1)
    assert spent.joined(7, 9, AT) == Unanswered(7, 9, 1, AT, 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"targets": {"boss": {"seq": -1, "under_way": false}}, "examined": null}',
        '{"targets": {"boss": {"seq": 9223372036854775808, "under_way": 0}}, "examined": null}',
        '{"targets": {"boss": {"seq": true, "under_way": false}}, "examined": null}',
        '{"targets": [], "examined": null}',
        '{"targets": {}, "examined": {"at": "yesterday", "seq": 1, "errors": []}}',
        '{"targets": {}, "examined": {"at": "2026-11-27T00:00:00Z", "seq": 1e9, "errors": []}}',
        '{"targets": {"boss": {"seq": 1, "under_way": false, "unanswered": 1}}, "examined": null}',
        '{"targets": {"a": {"seq": 1, "under_way": 0, "unanswered": {"after": 0}}}, "examined": 0}',
        "[" * 100_000,
        "\x00",
        "NaN",
    ],
)
def test_a_malformed_cursor_is_damage_and_not_nothing_to_send(scene, text):
    (scene.home.path / "alarms.json").write_text(text, "ascii")
    with Hook() as hook, pytest.raises(IntegrityError, match="damaged"):
        scene.send(boss=hook.url)


def test_a_folder_in_the_cursors_place_is_damage(scene):
    (scene.home.path / "alarms.json").mkdir()
    with Hook() as hook, pytest.raises(IntegrityError, match="damaged"):
        scene.send(boss=hook.url)


def test_the_service_tells_of_a_damaged_cursor_once(scene):
    (scene.home.path / "alarms.json").write_text("{", "ascii")
    turns, seen = [], []
    with Hook() as hook, opened(scene.home.path, scene.clock) as station:
        watch.Watch(
            station=station,
            targets=lambda: notify.targets([("boss", hook.url)]),
            checks=(),
            wait=turns.append,
            stopped=lambda: len(turns) == 4,
            log=lambda event, **details: seen.append((event, *details)),
        ).run()
    assert seen == [("started", "targets"), ("hindered", "error"), ("stopped",)]


def test_two_calls_to_a_channel_never_run_at_once():
    free = threading.Event()

    def call():
        assert free.wait(PATIENCE)
        return ARRIVED

    assert deadline.within(0.05, "twice", call).perhaps
    assert deadline.within(PATIENCE, "twice", lambda: ARRIVED) == refused(
        "an earlier call to it has not ended"
    )
    assert deadline.within(PATIENCE, "other", lambda: ARRIVED) == ARRIVED
    free.set()
    deadline._running["twice"].join(PATIENCE)
    assert deadline.within(PATIENCE, "twice", lambda: ARRIVED) == ARRIVED


# --- doctor -------------------------------------------------------------------------------


def doctors(scene):
    """What doctor says of alarms: level, text and hint."""
    with opened(scene.home.path, scene.clock) as station:
        return [(item.level, item.message, item.hint) for item in health.alarms(station)]


def test_doctor_names_what_keeps_alarms_back(scene):
    assert doctors(scene) == []
    with Hook() as hook:
        scene.configure(boss=hook.url, bad=f"nothing://{TOKEN}")
        scene.send(boss=hook.url)
        ((level, text, hint),) = doctors(scene)
        assert (level, "bad" in text, "alarms test" in hint) == (WARNING, True, True)
        scene.trouble()
        assert len(doctors(scene)) == 1
        scene.clock.forward(hours=2)
        assert "alarms wait for alarm target boss since #" in doctors(scene)[0][1]
        scene.round([notify.Target("boss", "json", Slow())])
        assert "boss did not answer to alarms up to #" in doctors(scene)[0][1]
    (scene.home.path / "alarms.json").write_text("{", "ascii")
    (scene.home.path / "scanned.json").write_text("{", "ascii")
    (warned, text, _), (wrong, damage, hint) = doctors(scene)
    assert (warned, "scanned.json is damaged" in text) == (WARNING, True)
    assert (wrong, "alarms.json is damaged" in damage) == (ERROR, True)
    assert "remove the file" in hint


def test_doctor_is_content_with_targets_that_have_everything(scene):
    with Hook() as hook:
        scene.configure(boss=hook.url)
        assert doctors(scene) == [(OK, "1 recipients of alarms", "")]

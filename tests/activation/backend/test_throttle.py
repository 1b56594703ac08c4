"""Guessers are slowed down, consumers are not; addresses are whose they are."""

import ipaddress

import pytest
from backend_kit import BACKEND_KEY, Asgi, Seconds, make_batch, make_codes, prints

from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.throttle import Rates, Throttle, caller
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

RATES = Rates(scans=10, scans_per_second=1, unknown=3, unknown_per_second=0.1, breaker=5)
PROXY = (ipaddress.ip_network("10.0.0.0/24"),)


def throttled(store, clock, seconds=None):
    throttle = Throttle(RATES)
    return Backend(
        store, BACKEND_KEY, clock, True, throttle=throttle, monotonic=seconds or Seconds()
    )


def guesses(throttle, address, now, count=1):
    """How many of `count` guesses at once are let in."""
    let = 0
    for _ in range(count):
        if not throttle.wait(address, now):
            throttle.unknown(address, now)
            let += 1
    return let


def test_an_address_has_few_unknown_codes_and_gets_them_back():
    throttle = Throttle(RATES)
    assert guesses(throttle, "a", 0, 9) == 3
    assert throttle.wait("a", 0) == 11
    assert throttle.wait("b", 0) == 0
    assert throttle.wait("a", 9) > 0
    assert guesses(throttle, "a", 10.5, 9) == 1
    assert guesses(throttle, "a", 10_000, 9) == 3


def test_scans_of_known_codes_have_a_wide_limit():
    throttle = Throttle(RATES)
    assert [throttle.wait("a", 0) for _ in range(11)] == [0] * 10 + [2]
    assert throttle.wait("a", 1) == 0


def test_the_breaker_leaves_guessers_one_code_and_consumers_all():
    throttle = Throttle(RATES)
    for number in range(6):
        assert not throttle.open(number)
        assert guesses(throttle, f"botnet-{number}", number) == 1
    assert throttle.open(6)
    assert guesses(throttle, "botnet-new", 6, 5) == 1
    assert guesses(throttle, "botnet-0", 20, 5) == 1
    assert guesses(throttle, "botnet-0", 40, 5) == 0
    assert [throttle.wait("consumer", 6) for _ in range(5)] == [0] * 5
    assert not throttle.open(120)
    assert guesses(throttle, "botnet-0", 200, 9) == 3


def test_memory_is_bounded():
    throttle = Throttle(Rates(addresses=100))
    for number in range(1_000):
        throttle.wait(str(number), 0)
    assert len(throttle._known) == 100


def test_the_address_that_was_quiet_longest_makes_room():
    """A guesser who goes on is not forgotten, however many others scan meanwhile."""
    throttle = Throttle(Rates(addresses=2, unknown=1))
    assert guesses(throttle, "guesser", 0) == 1
    for number in range(10):
        assert throttle.wait(f"consumer-{number}", 0) == 0
        assert throttle.wait("guesser", 0) > 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "whose"),
    [
        ("203.0.113.9", [], (), "203.0.113.9"),
        ("203.0.113.9", ["8.8.8.8"], (), "203.0.113.9"),  # its own words
        ("10.0.0.5", ["8.8.8.8, 203.0.113.9"], PROXY, "203.0.113.9"),
        ("10.0.0.5", ["8.8.8.8", "203.0.113.9, 10.0.0.7"], PROXY, "203.0.113.9"),
        ("10.0.0.5", [], PROXY, "10.0.0.5"),
        ("10.0.0.5", ["rubbish"], PROXY, "unknown"),
        ("2001:db8:1:2:3::4", [], (), "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", [], (), "203.0.113.9"),
        ("127.0.0.1", [], (), None),
        ("127.0.0.1", ["8.8.8.8"], (), None),
        ("127.0.0.1", ["8.8.8.8"], (ipaddress.ip_network("127.0.0.1"),), "8.8.8.8"),
        ("", [], (), "unknown"),
    ],
)
def test_whose_allowance_it_is(peer, forwarded, trusted, whose):
    assert caller(peer, forwarded, trusted) == whose


def test_who_comes_through_a_proxy_on_this_machine_is_somebody(store, clock):
    """The server does not know the proxy: everybody behind it shares an allowance."""
    books = throttled(store, clock)
    store.register(make_batch(3), clock())
    here = Asgi(create_app(books))

    def scan(number, **headers):
        code = {"code": f"GUESS00000000{number:03}"}
        return here("POST", "/v1/scans", json=code, headers=headers).status_code

    assert [scan(number) for number in range(5)] == [200] * 5
    proxied = [scan(number, **{"x-forwarded-for": f"8.8.8.{number}"}) for number in range(5)]
    assert proxied == [200] * 3 + [429] * 2


def test_over_http_a_guesser_waits_and_a_neighbour_scans(store, clock):
    codes = make_codes(3)
    store.register(make_batch(3), clock())
    store.upload("HM00-BATCH001", 1, prints(codes), clock())
    store.order(Request("o", "HM00-BATCH001", Action.ACTIVATE, (Range(1, 3),)), clock())
    seconds = Seconds()
    app = create_app(throttled(store, clock, seconds))
    guesser, neighbour = Asgi(app, "203.0.113.9"), Asgi(app, "203.0.113.10")
    for number in range(3):
        answer = guesser("POST", "/v1/scans", json={"code": f"GUESS00000000{number}AA"})
        assert answer.json()["result"] == "unknown"
    # Refused before it is looked up: also the right code counts nothing.
    refused = guesser("POST", "/v1/scans", json={"code": codes[0]})
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:mintmark:problem:too-many"
    assert 0 < int(refused.headers["retry-after"]) <= 11
    page = guesser("POST", f"/{codes[0]}")
    assert page.status_code == 429
    assert "请稍后再试" in page.text
    assert codes[0] not in page.text
    assert page.headers["retry-after"]
    assert guesser("GET", f"/{codes[0]}").status_code == 200
    answer = neighbour("POST", "/v1/scans", json={"code": codes[0]})
    assert (answer.json()["result"], answer.json()["scans"]) == ("genuine", 1)
    seconds.now += 11
    assert guesser("POST", "/v1/scans", json={"code": codes[1]}).json()["result"] == "genuine"


def test_a_clock_set_back_an_hour_holds_nobody_up(store, clock):
    """An allowance fills up by a clock of its own, whatever the time of day does."""
    seconds = Seconds()
    store.register(make_batch(3), clock())
    guesser = Asgi(create_app(throttled(store, clock, seconds)), "203.0.113.9")

    def guess():
        return guesser("POST", "/v1/scans", json={"code": "GUESS00000000AAA"}).status_code

    assert [guess() for _ in range(4)] == [200, 200, 200, 429]
    clock.forward(hours=-1)
    assert guess() == 429
    seconds.now += 11
    assert guess() == 200
    clock.forward(hours=2)
    assert guess() == 429

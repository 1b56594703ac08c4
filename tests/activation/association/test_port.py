"""`associate run` and `--codes -` as processes: a port that stays open, is stopped, is killed."""

import json
import os
import signal
import threading

import pytest
from hall_kit import make_hall, packings
from line_kit import ended, opened, program, read_answer, terminate


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    hall = make_hall(tmp_path_factory.mktemp("hall"))
    text = (hall.home.path / "mintmark.toml").read_text("utf-8")
    readers = '\n[readers.belt]\nterminators = ["CR"]\nparent = "last"\nper_parent = 4\n'
    (hall.home.path / "mintmark.toml").write_text(text + readers, "utf-8")
    yield hall
    hall.home.close()


def carton(hall, number, count=4):
    first = (number - 1) * 4 + 1
    return [hall.item(n) for n in range(first, first + count)] + [hall.carton(number)]


def scan(process, *codes):
    process.stdin.write("".join(f"{code}\r" for code in codes))
    process.stdin.flush()


def test_each_carton_is_answered_while_the_port_is_open(hall):
    process = program("associate", "run", "--reader", "belt", home=hall.home.path)
    for number in (1, 2):
        *children, label = carton(hall, number)
        scan(process, *children)
        scan(process, label)
        answer = read_answer(process)
        assert (answer["ok"], answer["parent"]["serial"]) == (True, number)
    scan(process, "NoRead", *carton(hall, 3)[:2])
    process.stdin.close()
    answer = read_answer(process)
    assert (answer["ok"], answer["exit"], answer["no_reads"]) == (False, 3, [1])
    assert process.wait() == 0
    process.stdout.close()
    process.stderr.close()
    with opened(hall.home.path) as station:
        assert len(packings(station)) == 2


def test_half_a_carton_books_nothing_when_it_is_stopped_or_killed(hall):
    process = program("associate", "run", "--reader", "belt", home=hall.home.path)
    scan(process, *carton(hall, 1))
    assert read_answer(process)["ok"]
    scan(process, *carton(hall, 2)[:2])
    scan(process, "ALIVE")  # what it tells of this shows that the scans before it were read
    assert "no code" in process.stderr.readline()
    code, out, _ = terminate(process)
    assert code == 0
    assert [json.loads(line)["ok"] for line in out.splitlines()] == [False]
    killed = program("associate", "run", "--reader", "belt", home=hall.home.path)
    scan(killed, *carton(hall, 3)[:2], "ALIVE")
    killed.stderr.readline()
    killed.kill()
    assert ended(killed)[0] == -signal.SIGKILL
    with opened(hall.home.path) as station:
        assert [change.parents.serials[0].first for change in packings(station)] == [1]


# Windows has no such ports.
PORTS = ["a pipe", "a raw port"] if hasattr(os, "openpty") else ["a pipe"]


@pytest.mark.parametrize("port", PORTS)
def test_one_carton_is_done_at_its_last_scan(hall, port):
    raw = port == "a raw port"
    here, there = os.openpty() if raw else os.pipe()[::-1]
    if raw:
        import tty

        tty.setraw(there)
    words = ("associate", "--codes", "-", "--count", "4", "--json")
    process = program(*words, home=hall.home.path, stdin=there)
    for code in carton(hall, 1):
        os.write(here, f"]Q1{code}\r\n".encode())
    code, out, err = ended(process)
    os.close(here)
    os.close(there)
    assert code == 75, err
    assert json.loads(out)["parent"]["serial"] == 1


def test_two_lines_read_the_same_bottle_at_once(hall):
    """Exactly one gets it; the other is told which carton has it."""
    both = [program("associate", "run", "--reader", "belt", home=hall.home.path) for _ in range(2)]
    mine, theirs = carton(hall, 1), [hall.item(1), *carton(hall, 2)[1:]]
    for process, codes in zip(both, (mine, theirs), strict=True):
        scan(process, *codes[:-1])
    barrier = threading.Barrier(2)

    def last(process, label):
        barrier.wait()
        scan(process, label)

    pairs = zip(both, (mine, theirs), strict=True)
    labels = [threading.Thread(target=last, args=(process, codes[-1])) for process, codes in pairs]
    for thread in labels:
        thread.start()
    answers = [read_answer(process) for process in both]
    for thread in labels:
        thread.join()
    assert sorted(answer["ok"] for answer in answers) == [False, True]
    (won,) = (answer for answer in answers if answer["ok"])
    (lost,) = (answer for answer in answers if not answer["ok"])
    assert (lost["exit"], lost["taken_total"]) == (3, 1)
    assert lost["taken"][0]["parent"]["serial"] == won["parent"]["serial"]
    for process in both:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    with opened(hall.home.path) as station:
        assert len(packings(station)) == 1

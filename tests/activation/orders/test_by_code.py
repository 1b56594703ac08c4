"""A reel by its first and last code: what a scanner reads, in either order; shown to nobody."""

import io
import json
import os
import sys

import pytest
from line_kit import URL, ended, home_with_batches, opened, packaged, program

from mintmark import cli
from mintmark.activation.intake.line import OrderStream
from mintmark.activation.orders.by_code import between, read_pair
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import ByScannedCodes, BySerials, selection
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    codes = home.codes(batch)
    other = packaged(home, 20, 10)
    strange = home.codes(other)[0]
    home.close()
    with opened(home.path) as station:
        yield station, batch, codes, strange


@pytest.mark.parametrize(
    "scanned",
    [
        "{}",
        "HTTPS://T.EXAMPLE.COM/{}",
        "https://t.example.com/{}",
        " {} ",
    ],
)
def test_what_a_scanner_reads_leads_to_the_serials(made, scanned):
    station, batch, codes, _ = made
    ends = scanned.format(codes[9]), scanned.format(codes[49].lower())
    assert between(station, batch, ends) == Range(10, 50)
    assert between(station, batch, ends[::-1]) == Range(10, 50)


def test_a_misread_code_is_folded_as_a_scan_is(made):
    station, batch, codes, _ = made
    misread = codes[0].replace("0", "O").replace("1", "I")
    assert between(station, batch, (misread, codes[1])) == Range(1, 2)


def test_other_codes_are_refused_and_not_repeated(made):
    station, batch, codes, strange = made
    for ends, error in (
        ((codes[0], "7" * 16), NotFound),
        (("", codes[0]), UsageError),
        ((strange, codes[0]), Refused),
        ((codes[0], codes[0]), UsageError),
        ((codes[0], URL.replace("{code}", codes[0].lower())), UsageError),
        ((codes[0], "NoRead"), UsageError),
        ((codes[0], f"{codes[1]}\n{codes[2]}"), UsageError),
    ):
        with pytest.raises(error) as refused:
            between(station, batch, ends)
        shown = repr(refused.value.args) + repr(refused.value.hints)
        assert not any(code and code in shown for code in ends)


def order(batch, codes, **more):
    return OrderRequest(Action.ACTIVATE, batch, ByScannedCodes(codes), **more)


def test_the_request_shows_no_code(made):
    _, batch, codes, _ = made
    assert codes[0] not in repr(order(batch, (codes[0], codes[1])))


def test_the_count_may_be_off_by_the_tolerance_and_no_more(made):
    station, batch, codes, _ = made
    book(station, OrderRequest(Action.VOID, batch, BySerials("15-16"), reason="damaged"))
    ends = codes[49], codes[9]  # 41 codes, 2 of them void
    for count, tolerance, fits in ((39, 0, True), (41, 0, False), (41, 1, False), (37, 2, True)):
        request = order(batch, ends, count=count, tolerance=tolerance, dry_run=True)
        if fits:
            change, done = book(station, request)
            assert change.count == 39
            assert sum(map(len, done.applied)) == 39
        else:
            with pytest.raises(Refused, match="39"):
                book(station, request)


def test_the_same_order_again_is_the_same_whatever_moved(made):
    station, batch, codes, _ = made
    request = order(batch, (codes[9], codes[49]), count=40, tolerance=1, order="reel-1")
    book(station, request)
    book(station, OrderRequest(Action.VOID, batch, BySerials("15-18"), reason="damaged", count=4))
    assert book(station, request)[1].repeated


def test_a_tolerance_needs_a_count_and_codes_need_no_serials(made):
    station, batch, codes, _ = made
    ends = codes[0], codes[1]
    with pytest.raises(UsageError, match="--count"):
        book(station, order(batch, ends, tolerance=2))
    with pytest.raises(UsageError, match="once"):
        selection(serials="1-5", codes=ends)


def test_active_codes_are_voided_under_a_count_near_enough(made):
    station, batch, codes, _ = made
    book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-10")))
    request = OrderRequest(
        Action.VOID,
        batch,
        ByScannedCodes((codes[0], codes[9])),
        count=9,
        tolerance=1,
        reason="lost",
    )
    assert book(station, request)[0].count == 10


def test_a_line_takes_codes_and_repeats_none(made):
    station, batch, codes, strange = made
    line = OrderStream(station, None)
    message = {"action": "activate", "batch": batch, "from_code": codes[4], "to_code": codes[0]}
    answer = line.answer(json.dumps(message | {"count": 6, "tolerance": 1}).encode())
    assert answer["applied"] == [[1, 5]]
    wrong = line.answer(json.dumps(message | {"to_code": strange}).encode())
    assert wrong["exit"] == 3
    half = line.answer(json.dumps({k: v for k, v in message.items() if k != "to_code"}).encode())
    assert half["exit"] == 2
    for code in (codes[4], codes[0], strange):
        assert code not in json.dumps([answer, wrong, half])


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("", UsageError, "two scanned codes"),
        ("{0}\n", UsageError, "two scanned codes"),
        ("{0}\n{1}\n{2}\n", UsageError, "3 different codes"),
        ("{0}\n{1}\n{2}", UsageError, "3 different codes"),
        ("{0}\n{0}\n", UsageError, "the same code was read twice"),
        ("{0}\nHTTPS://T.EXAMPLE.COM/{0}\n", UsageError, "the same code was read twice"),
        ("{0}\nNoRead\n", UsageError, "no-reads: 1"),
        ("{0}\nNOPE\n", NotFound, "the second code is no code of this home"),
        ("{0}{1}\n", NotFound, "as long as several codes"),
        ("{0}" * 5_000, UsageError, "bytes"),
    ],
)
def test_a_source_of_codes_holds_two_different_codes(made, text, error, why):
    station, _, codes, _ = made
    path = station.home.parent / "codes"
    data = text.format(*codes).encode()
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(error, match=why) as refused:
            read_pair(station, source)
        assert not any(code in repr(refused.value.args) for code in codes)
    with pytest.raises(NotFound):
        read_pair(station, station.home / "none")


def test_both_ends_are_taken_as_soon_as_they_are_there(made):
    """The reader sends no end of input, and may read a label twice."""
    station, _, codes, _ = made
    sent = iter(
        [f"{codes[40]}\r{codes[40]}\r".encode(), b"NoRead\r", f"]Q1{codes[2]}".encode(), b"\r"]
    )

    def read(_):
        return next(sent)  # once more would be a StopIteration

    assert read_pair(station, read) == (codes[40], codes[2])


def test_three_labels_at_once_are_refused_while_the_port_stays_open(made):
    station, _, codes, _ = made
    sent = iter([f"{codes[0]}\r{codes[1]}\r{codes[2]}\r".encode()])
    with pytest.raises(UsageError, match="3 different codes"):
        read_pair(station, lambda _: next(sent))


def test_a_wrong_label_is_told_before_the_other_end_is_read(made):
    station, *_ = made
    sent = iter([b"NOPE\r"])
    with pytest.raises(NotFound, match="the first code"):
        read_pair(station, lambda _: next(sent))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="pseudo-terminals exist on POSIX only")
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("command", ["activate", "locate"])
def test_a_scanners_port_that_stays_open_is_answered(made, raw, command, byte_code):
    """Through a pseudo-terminal, as a port is: no end of input ever comes."""
    station, batch, codes, _ = made
    words = [batch, "--codes", "-", "--dry-run"] if command == "activate" else ["-"]
    port, end = os.openpty()
    if raw:
        import tty  # POSIX only

        tty.setraw(end)
    process = program(command, *words, "--json", home=station.home, byte_code=byte_code, stdin=end)
    os.close(end)
    os.write(port, f"]Q1HTTPS://T.EXAMPLE.COM/{codes[40]}\r".encode())
    if command == "locate":
        assert json.loads(process.stdout.readline())["serial"] == 41
    os.write(port, f"{codes[2]}\r".encode())
    answer = json.loads(process.stdout.readline())
    if command == "activate":
        assert answer["applied"] == [[3, 41]]
    else:
        assert (answer["serial"], answer["line"]) == (3, 2)
    os.close(port)  # unplugged
    assert ended(process)[0] == 0


@pytest.mark.parametrize("command", ["activate", "locate"])
def test_a_pipe_that_stays_open_is_answered(made, command, byte_code):
    station, batch, codes, _ = made
    words = [batch, "--codes", "-", "--dry-run"] if command == "activate" else ["-"]
    process = program(command, *words, "--json", home=station.home, byte_code=byte_code)
    process.stdin.write(f"{codes[40]}\r{codes[40]}\r\x02{codes[2]}\x03")
    process.stdin.flush()
    answers = [json.loads(process.stdout.readline()) for _ in range(3 if words[0] == "-" else 1)]
    assert ended(process)[0] == 0
    if command == "activate":
        assert answers[0]["applied"] == [[3, 41]]
    else:
        assert [(a["serial"], a["line"]) for a in answers] == [(41, 1), (41, 2), (3, 3)]


def test_codes_are_read_as_the_named_reader_sends_them(made, capsys):
    station, batch, codes, _ = made
    with (station.home / "mintmark.toml").open("a", encoding="utf-8") as file:
        file.write('[readers.belt]\nprefix = "P{digits:2}-"\nheartbeat = "HB{digits}"\n')
    path = station.home.parent / "codes"
    path.write_text(f"HB1\rP01-{codes[2]}\rNoRead\rHB2\rP02-{codes[7]}\r", "utf-8")
    words = ["--home", str(station.home), "activate", batch, "--dry-run", "--json", "--codes"]
    assert cli.run([*words, str(path), "--reader", "belt"]) == 0
    assert json.loads(capsys.readouterr().out)["applied"] == [[3, 8]]
    assert cli.run([*words, str(path)]) == 4
    assert cli.run([*words, str(path), "--reader", "none"]) == 2
    assert (
        cli.run(["--home", str(station.home), "locate", f"P01-{codes[2]}", "--reader", "belt"]) == 0
    )


@pytest.mark.parametrize(
    ("options", "stdin"),
    [
        (["--codes", "{file}"], ""),
        (["--codes", "-"], "{0}\n{1}\n"),
        (["--from-code", "-", "--to-code", "-"], "{1}\n{0}\n"),
        (["--from-code", "{0}", "--to-code", "-"], "{1}\n"),
    ],
)
def test_the_ways_to_give_them_on_the_command_line(made, options, stdin, monkeypatch, capsys):
    station, batch, codes, _ = made
    ends = codes[2], codes[7]
    file = station.home.parent / "codes"
    file.write_text("\ufeff{}\r\n{}\r\n".format(*ends), "utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.format(*ends).encode())))
    words = [option.format(*ends, file=file) for option in options]
    code = cli.run(["--home", str(station.home), "activate", batch, *words, "--dry-run", "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert json.loads(out)["applied"] == [[3, 8]]
    assert not any(end in out + err for end in ends)

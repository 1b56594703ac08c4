"""What readers send while cartons are packed, through `associate run`, with a home's own codes."""

import io
import json
import time
from pathlib import Path

import pytest
from hall_kit import make_hall

from mintmark.activation.association.resolving import CodeReader
from mintmark.activation.intake.inbox import Inbox
from mintmark.activation.intake.line_courier import LineCourier
from mintmark.activation.intake.packing_stream import PackingStream
from mintmark.codegen.ledger.changes import Ordered
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.scans.framing import Framer
from mintmark.codegen.scans.settings import read_tables

STREAMS = [
    json.loads(line)
    for line in Path(__file__).with_name("carton_streams.jsonl").read_text("utf-8").splitlines()
]
FOLDS = {
    "alnum": lambda text: "".join(c for c in text if c.isalnum() or c == "\n"),
    "full": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "swap": str.swapcase,
}
CUTS = {"whole": 1_000_000, "byte by byte": 1, "in sevens": 7}
CASES = [(stream, cut) for stream in STREAMS for cut in CUTS]


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    count = len(CASES)
    made = make_hall(tmp_path_factory.mktemp("hall"), items=count * 8, cartons=count * 2)
    yield made
    made.home.close()


def packed(station, data, settings, each=1_000_000):
    """The answers to what a reader sends, cut into pieces of `each` bytes."""
    reader = CodeReader(station, settings)
    stream = PackingStream(
        station,
        LineCourier(station, None, time.monotonic),
        reader,
        place=settings.parent,
        each=settings.per_parent,
    )
    source = io.BytesIO(data)
    inbox = Inbox(lambda size: source.read(min(each, size)), Framer(settings.terminators))
    inbox.start()
    answers = []
    stream.run(inbox, answers.append)
    return answers


def told(answer, names):
    """An answer in the words of the streams: whose carton, and what became of it."""
    parent = answer["parent"]
    name = names[parent["batch"], parent["serial"]] if parent else "none"
    if not answer["ok"]:
        assert answer["hint"]
        own = f"{parent['batch']}:{parent['serial']}: " if parent else ""
        why = answer["error"].removeprefix(own).split("; nothing was")[0].split(": ")[0]
        for word, said in (("taken", " lies in "), ("holds", " holds ")):
            why = word if said in answer["error"] else why
        return f"{name}: {why}"
    if answer["repeated"]:
        return f"{name}: again"
    children = [
        str(names[part["batch"], serial])
        for part in answer["children"]
        for first, last in part["serials"]
        for serial in range(first, last + 1)
    ]
    assert answer["children_count"] == len(children)
    return f"{name}: {' '.join(children)}"


@pytest.mark.parametrize(
    ("index", "stream", "cut"),
    [(index, *case) for index, case in enumerate(CASES)],
    ids=[f"{stream['name']}, {cut}" for stream, cut in CASES],
)
def test_a_stream_is_packed_as_it_is_meant(hall, index, stream, cut):
    items, cartons = index * 8, index * 2
    text = stream["sent"].format(**hall.names(items + 1, cartons + 1))
    text = FOLDS[stream["fold"]](text) if "fold" in stream else text
    data = text.encode(stream.get("encoding", "utf-8"))
    settings = read_tables({"belt": stream["reader"]})["belt"]
    names = {(hall.items, items + n): n for n in range(1, 9)}
    names |= {(hall.cartons, cartons + n): f"K{n}" for n in (1, 2)}
    station = hall.home.station()
    answers = packed(station, data, settings, CUTS[cut])
    assert [told(answer, names) for answer in answers] == stream["answers"]
    # The books hold what was answered, and nothing else.
    for number in (1, 2):
        said = [told(a, names) for a in answers if a["ok"] and not a["repeated"]]
        inside = [names[hall.items, n] for n in hall.inside(station, cartons + number)]
        booked = [f"K{number}: {' '.join(map(str, inside))}"] if inside else []
        assert booked == [text for text in said if text.startswith(f"K{number}")]
    station.close()


def test_a_void_label_is_told_before_anything_is_packed(hall):
    settings = read_tables({"belt": {"parent": "first", "per_parent": 2}})["belt"]
    station = hall.home.station()
    order = Ordered("void-label", hall.cartons, Action.VOID, (Range(2, 2),), reason="lost")
    station.ledger.commit(station.author, order)
    label = hall.carton(2)
    (answer,) = packed(station, f"{label}\r".encode(), settings)
    assert (answer["ok"], answer["exit"], answer["parent"]["serial"]) == (False, 3, 2)
    # Its children end with it: it is answered once, and the next carton begins clean.
    text = "\r".join([label, hall.item(7), hall.item(8), hall.carton(4), hall.item(7), ""])
    first, last = packed(station, text.encode(), settings)
    assert first["error"].startswith(f"{hall.cartons}:2: this label is void")
    assert last["error"].startswith(f"{hall.cartons}:4: the scans ended after 1 of 2")
    station.close()

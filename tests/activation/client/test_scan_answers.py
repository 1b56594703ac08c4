"""A scan's answer as text is its JSON object, whatever is in it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.client.wire import PairedCode, Party, ScanAnswer
from mintmark.codegen.ranges.values import Gate

TEXT = st.none() | st.text(max_size=20)
VALUES = st.text(max_size=20) | st.integers() | st.booleans() | st.none()
PAIRS = st.builds(PairedCode, st.text(max_size=9), st.integers(1), st.text(max_size=9))


@given(
    st.builds(
        ScanAnswer,
        result=st.text(max_size=9),
        scans=st.integers(0),
        first_scan=TEXT,
        batch=TEXT,
        serial=st.none() | st.integers(1),
        role=TEXT,
        attributes=st.dictionaries(st.text(max_size=9), VALUES, max_size=4),
        pairs=st.lists(PAIRS, max_size=2).map(tuple),
        party=st.sampled_from(Party),
        parties=st.dictionaries(st.sampled_from(Party), st.integers(0)),
        gate=st.none() | st.sampled_from(Gate),
    )
)
def test_the_text_is_the_object(answer):
    assert answer.text == json.dumps(answer.body(), ensure_ascii=False, separators=(",", ":"))

"""One setting is written into `mintmark.toml`, and everything else stays as a person wrote it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import Refused
from mintmark.codegen.station import config_edit
from mintmark.codegen.station.settings_template import template

URL = "postgresql://mintmark@db.example.com/mintmark"
TEXT = '# mine\n[home]\nid = "4F2K-AAAAAAAAAAAA"\n\n[backend]\n# url = "old"\nurl = "http://b"\n'
LINES = st.lists(
    st.sampled_from(
        [
            *("", "# a note", "[sender]", '[vault]\nurl = "s3://b"', '[ledger] # ours\nurl = "x"'),
            '[policy]\nreceipt_before_activation = true\n# url = "no"',
            '[readers.a]\nprefix = "["',
        ]
    ),
    unique=True,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.none() | st.text(max_size=20))
def test_only_the_value_changes(lines, end, value):
    text = end.join([TEXT, *lines])
    if value is not None and not value.isprintable():
        value = URL
    changed = config_edit.edited(text, "ledger", {"url": value})
    want = tomllib.loads(text)
    want.setdefault("ledger", {})
    want["ledger"] = {} if value is None else {"url": value}
    assert tomllib.loads(changed) == want
    notes = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in changed.splitlines() if line.startswith("#")] == notes
    again = config_edit.edited(changed, "ledger", {"url": value})
    assert again == changed


def test_a_new_home_s_file_takes_a_ledger_and_gives_it_up(tmp_path):
    path = tmp_path / "mintmark.toml"
    text = template("4F2K-AAAAAAAAAAAA", None)
    path.write_bytes(text.encode("utf-8"))
    config_edit.set_value(tmp_path, "ledger", {"url": URL})
    assert tomllib.loads(path.read_text("utf-8"))["ledger"] == {"url": URL}
    config_edit.set_value(tmp_path, "ledger", {"url": None})
    assert path.read_text("utf-8").startswith(text.rstrip("\n"))


@pytest.mark.parametrize(
    "text", ['ledger = {url = "x"}\n', 'note = """\n[ledger]\n"""\n', '["ledger"]\nurl = "x"\n']
)
def test_what_a_program_cannot_change_is_left_alone(tmp_path, text):
    path = tmp_path / "mintmark.toml"
    path.write_bytes(text.encode("utf-8"))
    with pytest.raises(Refused) as refused:
        config_edit.set_value(tmp_path, "ledger", {"url": URL})
    assert URL in refused.value.hints[0]
    assert path.read_bytes() == text.encode("utf-8")

"""What a stranger broke in the backend of docs/snippets: the clause that names it fails, no other.

Each fault of `outsiders.json` is a change of texts that stand once in the source; the kit saw none
of them before its clause was there.
"""

import json
from pathlib import Path

import pytest
from node_backend_kit import SNIPPET, new_folder, served

OUTSIDERS = json.loads(Path(__file__).with_name("outsiders.json").read_text("utf-8"))


@pytest.mark.parametrize("outsider", OUTSIDERS, ids=lambda outsider: outsider["name"])
def test_its_clause_names_the_fault(outsider, tmp_path):
    text = SNIPPET.read_text("utf-8")
    for good, bad in outsider["changes"]:
        assert text.count(good) == 1
        text = text.replace(good, bad)
    folder, program = new_folder(tmp_path), tmp_path / "broken.mjs"
    program.write_text(text, "utf-8")
    with served(folder, "--lines", tmp_path / "lines.toml", program=program) as url:
        result = folder.check(url, line_key=folder.key("line"), only=(outsider["clause"],))
    assert [found.id for found in result.clauses if found.result == "fail"] == [outsider["clause"]]

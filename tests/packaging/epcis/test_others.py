"""What two programs of others make of our EPCIS: valid, and the same hash for the same event."""

import json
import shutil
from itertools import compress

import pytest
from clients_kit import BIN, INSTALLED, MODULES, SOURCES, run
from epcis_kit import story, told, with_batches
from node_kit import NODE

from mintmark.packaging.epcis.document import NAMES
from mintmark.packaging.epcis.names import NameForm, Naming

pytestmark = pytest.mark.xdist_group("clients")


@pytest.mark.parametrize(
    "naming", [Naming(), Naming(NameForm.URN, "6901234", "https://example.cn/epcis")]
)
def test_two_programs_of_others_read_it_alike(tmp_path, naming):
    assert (INSTALLED / ".installed").exists(), "make .clients/.installed"
    with with_batches(tmp_path / "ledger.db") as ledger:
        story(ledger)
        text, found = told(ledger, naming)
    (tmp_path / "events.jsonld").write_text(text, "utf-8")
    (tmp_path / "node_modules").symlink_to(MODULES, target_is_directory=True)
    shutil.copy(SOURCES / "epcis.cjs", tmp_path)
    theirs = json.loads(run(NODE, "epcis.cjs", "events.jsonld", folder=tmp_path))
    assert (theirs["success"], theirs["valid"], theirs["errors"]) == (True, True, [])
    words = (BIN / "python", SOURCES / "epcis.py", tmp_path / "events.jsonld")
    hashes = json.loads(run(*words, folder=tmp_path).splitlines()[-1])
    # epcis2.js 2.7.3 makes a Digital Link of 19 digits of an SSCC's URN, and so another hash.
    alike = ["urn:epc:id:sscc" not in json.dumps(event) for event in found]
    assert alike.count(False) == (2 if naming.form is NameForm.URN else 0)
    assert list(compress(theirs["hashes"], alike)) == list(compress(hashes, alike))
    assert len(hashes) == len(set(hashes)) == len(found)
    assert max(len(event.get("epcList", ())) for event in found) == NAMES

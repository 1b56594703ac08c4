"""Test packages rehearse what spreadsheets change: exported, proved, and read by other programs."""

import csv
import io

import openpyxl
import pytest
import pyzipper
from receipt_kit import call
from station_kit import make_home

from mintmark.codegen.codes import address
from mintmark.codegen.ledger import changes
from mintmark.codegen.secret import Secret
from mintmark.packaging import export_types
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Handoff, PrintOptions
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import builtin

URL = "HTTPS://T.EXAMPLE.COM/{code}"
SHAPED = [
    "TEST000000000001", "0000000000000002", "2222222222222E22", "DEC2222222222222",
    "2222222222222222", "FEB1222222222222", "TEST000000000007",
]  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A function (profile, batch) → (its entries, what was said); 12 dummies in reels of 5."""
    folder = tmp_path_factory.mktemp("rehearsal")
    home = make_home(folder)
    station = home.station()
    station.ledger.commit(station.author, changes.ContactAdded("li", "Ms Li", None))

    def make(profile, **asked):
        batch = home.mint(20, **{"url": URL, **asked}).batch
        name = f"{profile}-{batch}"
        said = []
        invocation = call(station, notify=said.append)
        wanted = export_types.TestPackage(
            batch, "li", PrintOptions(builtin(profile), unit_size=5), 12
        )
        made = export(invocation, wanted, Handoff(folder / name, folder / f"{name}.txt"))
        assert not any("custodian" in line for line in made.lines())  # it needs no key
        password = (folder / f"{name}.txt").read_bytes().strip()
        trusted = {station.key.key_id: station.key.public}
        assert verify(made.archive, Secret(password), {}, trusted).test
        with pyzipper.AESZipFile(made.archive) as archive:
            archive.setpassword(password)
            return {name: archive.read(name) for name in archive.namelist()}, said

    yield make
    home.close()


def codes(entries):
    files = [entries[name] for name in sorted(entries) if name.startswith("data/")]
    rows = [row for file in files for row in csv.DictReader(io.StringIO(file.decode("ascii")))]
    return [row["code"] for row in rows]


@pytest.mark.parametrize(
    ("asked", "shapes"),
    [
        ({}, SHAPED),
        ({"alphabet": "hex", "length": 20}, ["DEC" + "2" * 17, "2" * 17 + "E22"]),
        ({"alphabet": "clear"}, ["2222222222222222", "TEST000000000002"]),
        ({"alphabet": "digits"}, ["0000000000000002", "2222222222222222"]),
    ],
)
def test_the_rows_hold_the_shapes(packed, asked, shapes):
    entries, _ = packed("csv", **asked)
    found = codes(entries)
    assert set(shapes) <= set(found)
    assert len({*found}) == 12


def test_cells_of_a_workbook_keep_them(packed):
    entries, _ = packed("xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(entries["data/0001.xlsx"])).active
    cells = [row[1] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == SHAPED[:5]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}


@pytest.mark.parametrize("profile", ["png", "pdf-sheet"])
def test_symbols_of_them_are_proved(packed, profile):
    entries, _ = packed(profile)
    assert any(name.startswith("data/") for name in entries)


def test_readme_says_what_to_look_at(packed):
    entries, _ = packed("csv")
    text = entries["README.txt"].decode("utf-8-sig")
    assert "Serials 2 to 7" in text
    assert "流水号 2 到 7" in text


@pytest.mark.parametrize(
    "url", ["q.example.cn/{code}", "https://id.example.cn/01/06901234567893/10/LOT/21/{code}"]
)
def test_a_batch_of_an_earlier_version_is_packed_with_a_warning(packed, monkeypatch, url):
    with monkeypatch.context() as earlier:
        earlier.setattr(address, "chosen", lambda *_: ())
        entries, said = packed("csv", url=url)
    assert url.replace("{code}", SHAPED[0]) in entries["data/0001.csv"].decode("ascii")
    assert any("would be refused" in sentence for sentence in said)

"""A code typed where something else belongs is repeated by no error, no log and no results."""

import json
import unicodedata
from pathlib import Path

import pytest

from mintmark import cli
from mintmark.codegen import ids
from mintmark.codegen.codes.spec import ALPHABETS

PASS = "--passphrase-file pass.txt"
EXPORT = f"export {{batch}} --to li --out sent --password-file new.txt {PASS}"
COMMANDS = (
    "batch show CODE",
    "batch list CODE",
    "CODE",
    "batch CODE",
    "package show CODE",
    "package list --batch CODE",
    "package unit CODE",
    "package unit {unit} --status CODE",
    "package unit {unit} --package CODE",
    "package labels {package} --out labels --unit CODE",
    "package labels CODE --out labels",
    "package receipt CODE --printed 1",
    "package receipt {package} --printed CODE",
    "package receipt {package} --printed 1 --unit CODE",
    "package receipt {package} --spoiled 1 --reason CODE",
    f"package replace CODE --out sent --password-file new.txt {PASS}",
    f"{EXPORT} --serials CODE",
    f"{EXPORT} --serials next:CODE",
    f"{EXPORT} --profile CODE",
    f"{EXPORT} --preflight CODE",
    f"{EXPORT} --reprint --reason lost --package CODE",
    f"{EXPORT} --test CODE",
    EXPORT.replace("li ", "CODE "),
    EXPORT.replace("{batch}", "CODE"),
    "activate CODE --serials 1",
    "activate {batch} --serials CODE",
    "activate {batch} --serials=CODE",
    "activate {batch} --serials @CODE",
    "activate {batch} --serials @lists/CODE/1.txt",
    "activate {batch} CODE",
    "activate {batch} --unit CODE",
    "activate {batch} --package CODE",
    "activate --carton {batch}:1 --children CODE",
    "activate CODE --carton {batch}:1",
    "activate {batch} --serials 1 --line CODE",
    "activate {batch} --serials 1 --count CODE",
    "activate {batch} --serials 1 --from CODE",
    "activate {batch} --serials 1 --set CODE",
    "activate {batch} --serials 1 --set CODE=x",
    "activate {batch} --serials 1 --effective-at CODE",
    "assign {batch} --serials 1 --set lot=L1 --during CODE",
    "assign {batch} --serials 1 --set lot=L1 --during CODE..2090-12-31",
    "assign {batch} --serials 1 --set lot=L1 --daily CODE",
    "assign {batch} --serials 1 --set lot=L1 --daily 18:00-22:00 --window CODE",
    "freeze {batch} --serials 1 --at CODE",
    "void {batch} --serials 1 --reason CODE",
    "assign --where CODE=1 --set lot=L1 --yes",
    "locate - --reader CODE",
    "orders list --batch CODE",
    "orders list --status CODE",
    "orders show CODE",
    "orders cancel CODE",
    "reconcile CODE",
    "profile show CODE",
    "mint --quantity CODE",
    "mint --quantity 9 --alphabet CODE",
    "key revoke CODE --reason old",
    f"key rewrap --to CODE {PASS}",
    "key rewrap --to {custodian} --batch CODE --passphrase-file wrong.txt",
    "activate {batch} --codes CODE",
    "orders apply CODE",
    "orders apply none.csv --results CODE/CODE",
    "package verify CODE --password-file password.txt",
    "package verify {archive} --password-file CODE",
    "package verify-print {package} CODE",
    "package receipt {package} --file CODE",
    "profile check CODE",
    "key admit CODE --name Zhao",
    f"{EXPORT} --custodian-key CODE",
    EXPORT.replace("pass.txt", "CODE"),
    "batch list --home CODE",
    "batch list --CODE",
    "batch list --CODE=1",
)
PARTS = 10  # of the commands: one test of all would take long on a busy machine


@pytest.fixture
def typed(worlds, tmp_path, monkeypatch, capsys):
    """Runs a command line in a world; what it wrote, in words and as JSON, and its facts."""
    facts = worlds.copy("packaged", tmp_path / "world")
    monkeypatch.chdir(tmp_path / "world")
    monkeypatch.setenv("MINTMARK_HOME", "home")

    def run(text, code):
        words = [word.format(**facts).replace("CODE", code) for word in text.split()]
        exits = {cli.run(words), cli.run([*words, "--json"])}
        assert len(exits) == 1
        assert exits & {2, 3, 4, 6}, text
        caught = capsys.readouterr()
        return caught.out + caught.err

    return run, facts


def forms(code):
    """The code as a person or a reader gives it."""
    grouped = "-".join(code[at : at + 4] for at in range(0, len(code), 4))
    return code, code.lower(), grouped, f"https://q.example.cn/{code}"


def repeats(text, code):
    """Whether `text` holds the code, in any spelling."""
    plain = unicodedata.normalize("NFKC", text).upper()
    plain = "".join(character for character in plain if character.isalnum())
    return ids.fold(code) in ids.fold(plain)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_command_repeats_a_code_that_stands_in_the_wrong_place(typed, part):
    run, facts = typed
    for text in COMMANDS[part::PARTS]:
        # Without looking for it nobody can tell a code of letters from a name.
        for form in forms(facts["mixed_code"]):
            said = run(text, form)
            assert not repeats(said, facts["mixed_code"]), (text, form)


def test_nor_does_the_audit_chain(typed):
    run, facts = typed
    line = "key rewrap --to {custodian} --batch CODE --passphrase-file wrong.txt"
    assert line in COMMANDS
    run(line, facts["mixed_code"])
    chain = "\n".join(str(path.read_bytes()) for path in Path("home").glob("ledger.db*"))
    assert facts["mixed_code"] not in chain


KEPT = (
    "activate {batch} --serials 501 --order CODE",
    "activate {batch} --serials 501 --set lot=CODE",
    "assign {batch} --serials 501 --set CODE=x",
    "assign {batch} --serials 501 --set lot=CODE --during 2090-12-01..",
    "freeze {batch} --serials 501 --order CODE --at 2090-12-01",
    "activate {batch} --serials 501 --set lot=CODE --at 2090-12-01",
    "void {batch} --serials 501 --reason CODE",
    "contact add CODE --name Wang",
    "contact add wang --name CODE",
    "contact add wang --name Wang --channel CODE",
    "contact add wang --name Wang --operator CODE",
    "mint --quantity 100 --ref CODE",
    "mint --quantity 100 --product CODE",
    "key new CODE",
    "key revoke {line} --reason CODE",
    "package unit {unit} --status received --note CODE",
    "package receipt {package} --printed 1 --correct --reason CODE",
    f"{EXPORT} --reprint --package {{package}} --reason CODE",
    "mint --quantity 100 --url https://q.cn/CODE/{{code}}",
    "audit settle --newer-home lost --reason CODE",
)


@pytest.mark.parametrize("which", ["mixed_code", "sly_code"])
@pytest.mark.parametrize("text", KEPT)
def test_no_book_takes_a_code(typed, text, which):
    run, facts = typed
    code = facts[which]
    apart = ". ".join(code[at : at + 4] for at in range(0, len(code), 4))
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    within = f"got ({code}).", f"q.cn/?c={code}", f"{code}.csv", f"code{code}", f"码{code}"
    glued = which == "mixed_code"  # of the other, a word with something glued to it is a word
    for form in (*forms(code), *(within if glued else within[:3]), apart, wide):
        said = run(text, form)
        assert not repeats(said, code) or not glued
    run(text, f"{code[:4]}-{code[4:]}")  # as an id of another home would be written
    books = b"".join(path.read_bytes() for path in Path("home").glob("ledger.db*"))
    assert not repeats(books.decode("latin-1"), code)
    assert wide not in books.decode("utf-8", "ignore")
    assert not repeats("\n".join(map(str, Path("home").rglob("*"))), code)


@pytest.mark.parametrize(
    "column", ["action", "batch", "serials", "unit", "package", "line", "order", "reason", "set"]
)
def test_nor_do_results(typed, column):
    run, facts = typed
    fields = {"action": "activate", "batch": facts["batch"], "serials": "1"}
    if column in ("unit", "package"):
        del fields["serials"]
    code = facts["mixed_code"]
    value = {"lot": code} if column == "set" else code
    Path("o.jsonl").write_text(json.dumps({**fields, column: value}) + "\n", "utf-8")
    said = run("orders apply o.jsonl --results results.jsonl", code)
    assert not repeats(said + Path("results.jsonl").read_text("utf-8"), code)
    Path("o.jsonl").write_text(json.dumps({**fields, code: "1"}) + "\n", "utf-8")
    said = run("orders apply o.jsonl --results results.jsonl", code)
    assert not repeats(said + Path("results.jsonl").read_text("utf-8"), code)


def test_nor_does_the_id_of_an_order_that_was_refused_for_another_reason(typed):
    run, facts = typed
    code = facts["mixed_code"]
    row = {"action": "activate", "batch": facts["batch"], "serials": "9999999"}
    for own in (*forms(code), f"码{code}", f"{code};1", f"line-{code}"):
        Path("o.jsonl").write_text(json.dumps({**row, "order": own}) + "\n", "utf-8")
        said = run("orders apply o.jsonl --results results.jsonl", code)
        assert not repeats(said + Path("results.jsonl").read_text("utf-8"), code), own


def test_the_id_of_an_order_comes_back_though_it_looks_like_a_code(typed):
    run, facts = typed
    own = facts["mixed_code"][::-1]
    row = {"action": "activate", "batch": facts["batch"], "serials": "1", "order": own}
    Path("o.jsonl").write_text(json.dumps({**row, "serials": "9999999"}) + "\n", "utf-8")
    run("orders apply o.jsonl --results results.jsonl", "")
    assert json.loads(Path("results.jsonl").read_text("utf-8"))["order"] == own
    assert cli.run(["orders", "apply", "o.jsonl"]) == 3


@pytest.mark.parametrize("cells", ["CODE,1", "data/0001.csv,CODE", "unit,CODE"])
def test_nor_does_a_receipt(typed, cells):
    run, facts = typed
    for code in (facts["mixed_code"], "40817263", "9081726354091827"):
        head = cells.replace("CODE", code) if cells.startswith("unit") else "unit,printed"
        row = "1,2" if cells.startswith("unit") else cells.replace("CODE", code)
        Path("r.csv").write_text(f"{head}\n{row}\n", "utf-8")
        assert not repeats(run("package receipt {package} --file r.csv", code), code)


@pytest.mark.parametrize("alphabet", [*ALPHABETS.values(), "ABCDEFGHKM", "XY"])
def test_what_may_be_a_code_is_told_from_what_people_call_things(alphabet):
    for length in (8, 12, 16, 26):
        code = (alphabet * 26)[:length]
        grouped = " ".join(code[at : at + 4] for at in range(0, length, 4))
        for text in (code, grouped, f"HTTPS://Q.CN/{code}", f"q.cn/{code}"):
            assert repr(text) not in ids.shown(text)
            assert repr(text) not in ids.shown(text, name=True)
    for text in ("K7QM-3T9A2BCD", "K7QM-3T9A2BCDWXYZ", "NOPE", "U9", "li", "实印标签的流水号码"):
        assert ids.shown(text) == repr(text)
    for text in ("packing-line-3", "activated", "data/0001.csv", "lot_number"):
        assert ids.shown(text, name=True) == repr(text)

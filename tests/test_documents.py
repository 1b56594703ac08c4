"""The documents agree with the code and with each other.

Every link, anchor, path of the tree, module and command line in a document exists.
"""

import re
import subprocess
import sys
from pathlib import Path

import contract_document
import pytest

from mintmark import __version__, cli
from mintmark.codegen import errors
from mintmark.codegen.ledger import _tables, chain

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench" / "README.md"])
FOLDERS = ("activation", "bench", "codegen", "docs", "packaging", "tests")

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# A path from the root; a module by its bare name.
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
MODULE = re.compile(r"`(\w+\.py)`")
# What is signed and hashed begins with the program's name, and is no command.
LABELS = ("ledger event 1", "fingerprint key id")
# A decision record names a file as it was called, and in brackets today's name.
RENAMED = re.compile(r"`[^`]+`(?=\s+\[now )")

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def dead_links(document, text):
    """The links of `text` to files that do not exist, or to headings that their file lacks."""
    dead = []
    for path, anchor in LINK.findall(text):
        if "://" in path or path.startswith("mailto:"):
            continue
        target = document.parent / path if path else document
        if not target.exists():
            dead.append(path)
        elif anchor and anchor not in anchors(text if not path else target.read_text("utf-8")):
            dead.append(f"{path}#{anchor}")
    return dead


def anchors(text):
    """The anchors that a Markdown viewer gives to the headings of `text`."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def missing_paths(text):
    """The paths and modules that `text` names and the tree does not have."""
    text = RENAMED.sub("", text)
    modules = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    modules |= {path.name for path in ROOT.glob("*.py")}
    missing = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    return missing + [name for name in MODULE.findall(text) if name not in modules]


@each_document
def test_links_lead_somewhere(document):
    assert not dead_links(document, document.read_text("utf-8"))


@each_document
def test_paths_exist(document):
    assert not missing_paths(document.read_text("utf-8"))


def test_a_dead_link_is_found():
    text = "# A b: `c`\n[a](docs/none.md#x), [b](docs/), [c](#a-b-c), [d](#a), [e](LICENSE)"
    assert dead_links(ROOT / "README.md", text) == ["docs/none.md", "#a"]


def test_a_missing_path_is_found():
    text = "`codegen/codes/`, `tests/none.py`, `cli.py`, `none.py`, `witness.py` [now `cli.py`]"
    assert missing_paths(text) == ["tests/none.py", "none.py"]


# --- command lines ---------------------------------------------------------------------


def wrong_commands(text):
    """The calls of mintmark in `text` whose command, or an option of it, does not exist."""
    known = contract_document.commands()
    wrong = []
    for call in calls(text):
        words = call.split()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        if name is None:
            wrong += [call] if words[0] not in cli.GROUPS else []
            continue
        options = {option for parameter in known[name].params for option in parameter.opts}
        wrong += [f"{name} {word}" for word in words if is_option(word) and word not in options]
    return wrong


def calls(text):
    """The words after `mintmark` in each call, in blocks of commands and in backquotes."""
    blocks = "".join(FENCED.findall(text)).replace("\\\n", " ")
    in_blocks = re.findall(r"^(?:\$ |.*/bin/)?mintmark ([a-z][^\n#|>&]*)", blocks, re.MULTILINE)
    in_line = re.findall(r"`mintmark ([a-z][^`]*)`", FENCED.sub("", text))
    return [call for call in [*in_blocks, *in_line] if call not in LABELS]


def is_option(word):
    return re.fullmatch(r"--[a-z][a-z-]*", word) is not None


@each_document
def test_command_lines_are_right(document):
    assert not wrong_commands(document.read_text("utf-8"))


def test_a_wrong_command_line_is_found():
    text = "`mintmark coin`, `mintmark orders`\n```sh\nmintmark mint \\\n  --size 9\n```\n"
    assert wrong_commands(text) == ["mint --size", "coin"]


# --- what documents list ---------------------------------------------------------------


def first_cells(text):
    """The names in backquotes in the first column of every table."""
    return re.findall(r"^\| `(\w+)`", text, re.MULTILINE)


def test_the_ledgers_document_lists_every_table_and_every_type_of_event():
    text = (ROOT / "docs" / "formats" / "ledger.md").read_text("utf-8")
    tables = text.partition("## Tables")[2].partition("## ")[0]
    assert sorted(first_cells(tables)) == sorted({*_tables.metadata.tables, "alembic_version"})
    (types,) = re.findall(r"^\| `type` \| (.*) \|$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", types)) == set(chain.TYPES)


def readme(name):
    return (ROOT / name).read_text("utf-8")


def test_both_readmes_show_the_same_commands():
    english, chinese = (commands(readme(name)) for name in ("README.md", "README.zh-CN.md"))
    assert len(english) > 10
    assert english == chinese


def commands(text):
    """The command lines in the fenced blocks, their output and comments left out."""
    blocks = re.findall(r"^```(?:console|sh|bat)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"(\$ )?(mintmark|py|git|\.venv)", line)]


def exit_codes(text):
    return {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_exit_codes_are_those_of_the_errors(name):
    codes = [error.exit_code for error in (errors.MintmarkError, *leaves(errors.MintmarkError))]
    assert len(codes) == len(set(codes))
    assert exit_codes(readme(name)) == {0, 75, 130, *codes}


def leaves(error):
    """Every subclass declared beside the root class."""
    declared = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [kind for kind in declared if issubclass(kind, error) and kind is not error]


def test_the_newest_change_is_this_version():
    newest = re.search(r"^## (\S+)", readme("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_every_decision_is_listed():
    listed = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    records = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert re.findall(r"\]\((0[^)]*)\)", listed) == records


def test_help_starts_without_what_it_does_not_need():
    script = (
        "import sys, mintmark.cli\n"
        "heavy = {'alembic', 'fastapi', 'httpx2', 'isal', 'numpy', 'pyzipper', 'rich.table',"
        " 'segno', 'sqlalchemy', 'zxingcpp'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, encoding="utf-8"
    )
    assert not done.stdout.split()

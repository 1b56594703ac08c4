"""The documents agree with the code, with each other, and lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mintmark import __version__
from mintmark.codegen import errors

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def dead_links(document, text):
    targets = [link for link in LINK.findall(text) if "://" not in link]
    return [target for target in targets if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    assert not dead_links(document, document.read_text("utf-8"))


def test_a_dead_link_is_seen():
    assert dead_links(ROOT / "README.md", "[a](docs/none.md#x), [b](docs/)") == ["docs/none.md"]


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

"""docs/architecture.md names what is there, and a name means one thing in the whole house."""

import ast
import re
from collections import defaultdict

import pytest
from rooms import DOCUMENT, HOUSES, ROOT

TEXT = DOCUMENT.read_text("utf-8")
WAY = re.findall(r"^\| \d+ \| `(\w+)` \| `([\w/.]+)` \|", TEXT, re.MULTILINE)
PATHS = sorted(
    set(re.findall(r"`((?:codegen|packaging|activation|tests|docs)/[\w/.]*(?:\.\w+|/))`", TEXT))
)


def defined(path):
    """Names of the functions and methods in a module."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_way_of_a_code_leads_through_ten_functions():
    assert len(WAY) == 10
    assert not [(name, path) for name, path in WAY if name not in defined(path)]


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_is_named_exists(path):
    assert (ROOT / path).exists()


def test_no_class_name_stands_for_two_things():
    """Private ones too: a reader who searches for a name should find one class."""
    found = defaultdict(list)
    for house in HOUSES:
        for path in (ROOT / house).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(path.relative_to(ROOT).as_posix())
    assert not {name: paths for name, paths in found.items() if len(paths) > 1}

"""docs/architecture.md names what is there, and a name means one thing in the whole house."""

import ast
import re

import pytest
from rooms import DOCUMENT, ROOT

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

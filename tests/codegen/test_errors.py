import ast
import inspect
import pickle
from collections import Counter
from pathlib import Path

import pytest

from mintmark.codegen import errors
from mintmark.codegen.errors import MintmarkError

ROOT = Path(inspect.getfile(errors)).parents[1]
CLASSES = [
    item
    for _, item in inspect.getmembers(errors, inspect.isclass)
    if issubclass(item, Exception) and item.__module__ == errors.__name__
]
# From the command line's contract. 0 and 75 are results; 130 is the keyboard's.
EXIT_CODES = {
    "MintmarkError": 1,
    "UsageError": 2,
    "Refused": 3,
    "NotFound": 4,
    "IntegrityError": 5,
    "EnvironmentFailure": 6,
}


def test_each_class_has_its_exit_code():
    assert {item.__name__: item.exit_code for item in CLASSES} == EXIT_CODES


def test_no_exit_code_is_used_twice():
    assert set(Counter(item.exit_code for item in CLASSES).values()) == {1}


def test_a_single_root_catches_all():
    for item in CLASSES:
        assert item is MintmarkError or item.__bases__ == (MintmarkError,)
        assert "exit_code" in vars(item), "inherited, not chosen"


def strays(source):
    """Names of the classes in `source` that add a kind of failure to the table.

    A class may carry more facts about any of the five, under its exit code.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
            own = any("exit_code" in ast.unparse(line) for line in node.body)
            if "MintmarkError" in bases or (bases & set(EXIT_CODES) and own):
                yield node.name


def test_no_other_module_adds_a_kind_of_failure():
    modules = [
        ROOT / "cli.py",
        *(p for r in ("codegen", "packaging", "activation") for p in (ROOT / r).rglob("*.py")),
    ]
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in modules
        if path.exists() and (names := list(strays(path.read_text(encoding="utf-8"))))
    }
    assert found == {"codegen/errors.py": [name for name in EXIT_CODES if name != "MintmarkError"]}


@pytest.mark.parametrize("item", CLASSES)
def test_an_error_carries_a_line_hints_and_details(item):
    error = item("it went wrong", "do this", "or that", batch="B1", serials=[[1, 2]])
    assert str(error) == error.message == "it went wrong"
    assert error.hints == ("do this", "or that")
    assert error.details == {"batch": "B1", "serials": [[1, 2]]}
    assert item("plain").hints == ()
    assert item("plain").details == {}


@pytest.mark.parametrize("item", CLASSES)
def test_an_error_comes_out_of_a_worker_process_whole(item):
    error = pickle.loads(pickle.dumps(item("it went wrong", "do this", batch="B1")))  # noqa: S301
    assert type(error) is item
    assert (error.message, error.hints, error.details) == (
        "it went wrong",
        ("do this",),
        {"batch": "B1"},
    )

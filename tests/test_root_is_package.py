"""The root is the package: its folders must not be imported in place of PyPI's packages."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def loaded_from(module, *, first_on_path):
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(first_on_path)!r})\n"
        "import importlib\n"
        f"print(importlib.import_module({module!r}).__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, encoding="utf-8"
    )
    return Path(done.stdout.strip())


def test_pypi_packaging_wins_over_our_folder():
    assert (ROOT / "packaging").is_dir()
    found = loaded_from("packaging.version", first_on_path=ROOT)
    assert not found.is_relative_to(ROOT / "packaging")


def test_an_init_file_would_break_it(tmp_path):
    """With an `__init__.py`, our packaging/ would be imported in place of PyPI's."""
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging" / "__init__.py").touch()
    (tmp_path / "packaging" / "version.py").touch()
    found = loaded_from("packaging.version", first_on_path=tmp_path)
    assert found.is_relative_to(tmp_path)


def test_packaging_and_tests_have_no_init_file():
    assert not (ROOT / "packaging" / "__init__.py").exists()
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_our_packaging_is_a_namespace_inside_mintmark():
    script = "import mintmark.packaging as p; print(p.__file__, list(p.__path__)[0])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, encoding="utf-8"
    )
    file, path = done.stdout.strip().split(" ", 1)
    assert file == "None"
    assert Path(path).resolve() == ROOT / "packaging"

"""conftest.py turns a skipped test into a failure if MINTMARK_NO_SKIPS is set."""

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")

SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip\ndef test_it(): pass\n",
    "call": "import pytest\ndef test_it(): pytest.skip('no tool')\n",
    "module": "import pytest\npytest.skip('no tool', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n",
}
OTHERS = {
    "plain": "def test_it(): pass\n",
    "xfail": "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): assert False\n",
}


def run(folder, **environment):
    (folder / "conftest.py").write_text(CONFTEST.read_text("utf-8"), "utf-8")
    for name, source in (SKIPS | OTHERS).items():
        (folder / f"test_{name}.py").write_text(source, "utf-8")
    inherited = {k: v for k, v in os.environ.items() if k != "MINTMARK_NO_SKIPS"}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull),
            *("-rfE", "--continue-on-collection-errors", "."),
        ],
        cwd=folder,
        env=inherited | environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def test_every_skip_fails_if_skips_are_forbidden(tmp_path):
    done = run(tmp_path, MINTMARK_NO_SKIPS="1")
    assert done.returncode == 1
    for name in SKIPS:
        assert f"test_{name}.py" in done.stdout.partition("short test summary")[2]
    assert "1 passed, 1 xfailed" in done.stdout


def test_skips_pass_without_the_variable(tmp_path):
    assert run(tmp_path).returncode == 0

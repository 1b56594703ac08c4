"""Clients that real generators make of activation/openapi.yaml, in `.clients/` (Makefile).

Each generator is called as its own documentation says; what a user must know: docs/clients.md.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from node_kit import NODE
from openapi_kit import PATH as SPEC

SOURCES = Path(__file__).with_name("clients")
INSTALLED = Path(__file__).resolve().parents[1] / ".clients"
BIN = INSTALLED / "python" / ("Scripts" if os.name == "nt" else "bin")
MODULES = INSTALLED / "node_modules"


def run(*words, folder, **environment):
    """What a program prints; it must end well."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5_000:]
    return done.stdout + done.stderr


class Clients:
    """The clients, generated below `root`."""

    def __init__(self, root):
        assert (INSTALLED / ".installed").exists(), "make .clients/.installed"
        self._root = root
        shutil.copytree(SOURCES, root, dirs_exist_ok=True)
        (root / "node_modules").symlink_to(MODULES, target_is_directory=True)

    def generate_python(self):
        """What the two Python generators say."""
        plain = self._root / "plain.yml"
        plain.write_text("post_hooks: []\n", encoding="ascii")
        words = ("generate", "--path", SPEC, "--meta", "none", "--output-path", self._root / "api")
        said = self._python("-m", "openapi_python_client", *words, "--config", plain)
        kind = ("--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel")
        files = ("--input", SPEC, "--output", self._root / "models.py")
        builtin = ("--formatters", "builtin")
        return said, self._python("-m", "datamodel_code_generator", *files, *kind, *builtin)

    def generate_typescript(self):
        """What the three TypeScript generators say; then all is compiled, strictly."""
        json_too = ("--media-type-expr", "mediaType.includes('json')", "--export-schemas")
        said = [
            self._node("@hey-api/openapi-ts/bin/run.js", "-i", SPEC, "-o", "hey"),
            self._node("openapi-typescript/bin/cli.js", SPEC, "-o", "typed.ts"),
            self._node(
                "openapi-zod-client/bin.js", SPEC, "-o", "zod.ts", "--strict-objects", *json_too
            ),
        ]
        self._node("typescript/bin/tsc", "--project", ".")
        return said

    def python(self, script, given):
        """What a script of `tests/clients/` makes of `given`."""
        return json.loads(self._python(self._root / script, json.dumps(given)))

    def typescript(self, script, given):
        """As `python`, for a compiled script."""
        return json.loads(run(NODE, f"built/{script}.js", json.dumps(given), folder=self._root))

    def _python(self, *words):
        path = {"PYTHONPATH": str(self._root), "PYTHONPYCACHEPREFIX": str(self._root / "compiled")}
        return run(BIN / "python", *words, folder=self._root, **path)

    def _node(self, script, *words):
        return run(NODE, MODULES / script, *words, folder=self._root)

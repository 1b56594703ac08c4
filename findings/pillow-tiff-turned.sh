#!/bin/sh
# Pillow scrambles an uncompressed TIFF that its orientation tag turns, if it is opened by its path.
#
# Versions: Pillow 13.0.0, numpy 2.4.6, Python 3.11.
# Behaviour: grey, palette, CMYK, RGBA and 16-bit TIFFs, uncompressed, with Orientation 5 to 8 come
#   out with the right size and wrong pixels from Image.open(path). From Image.open(BytesIO(bytes)),
#   and compressed, they are right; so are RGB and one-bit ones.
# Why: uncompressed pixels of a file on disk are mapped into memory, with the size that the picture
#   has after the turn; so lines are cut at the wrong length, and then turned.
# Why a good guess is wrong: "Image.open takes a path or a file and gives the same picture", and the
#   size is right, and a test with a PNG, a JPEG, an RGB or a compressed TIFF passes. Scanners write
#   just this kind: grey, uncompressed, turned by the tag.
# Seen: "by path: L wrong, P wrong, CMYK wrong, RGBA wrong, I;16 wrong, RGB right, 1 right;
#   from bytes: all right"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$folder"
env/bin/python - <<'PYTHON'
import io

import numpy as np
from PIL import Image, ImageOps

page = np.full((60, 90), 255, np.uint8)
page[5:50, 5:15] = page[40:50, 5:60] = 0  # an L
stored = Image.fromarray(np.rot90(page).copy())  # Orientation 6 turns it back
pictures = {mode: stored.convert("RGB").convert(mode) for mode in ("L", "P", "CMYK", "RGBA")}
pictures["I;16"] = Image.fromarray(np.asarray(stored).astype(np.uint16) * 257)
pictures |= {mode: stored.convert(mode) for mode in ("RGB", "1")}


def right(source):
    with Image.open(source) as found:
        upright = ImageOps.exif_transpose(found).convert("L")
    return np.array_equal(np.asarray(upright) > 127, page > 127)


by_path, by_bytes = [], []
for mode, picture in pictures.items():
    picture.save("a.tif", tiffinfo={274: 6})
    by_path.append(f"{mode} {'right' if right('a.tif') else 'wrong'}")
    with open("a.tif", "rb") as file:
        by_bytes.append(right(io.BytesIO(file.read())))
seen = f"by path: {', '.join(by_path)}; from bytes: {'all right' if all(by_bytes) else by_bytes}"
print(seen)
assert seen == (
    "by path: L wrong, P wrong, CMYK wrong, RGBA wrong, I;16 wrong, RGB right, 1 right; "
    "from bytes: all right"
), "this has changed"
PYTHON

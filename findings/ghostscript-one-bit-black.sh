#!/bin/sh
# Ghostscript's one-bit devices print `0 0 0 1 k`, full black, with a fifth of its dots white.
#
# Versions: Ghostscript 10.00.0 (Debian 12: ghostscript 10.0.0~dfsg-11+deb12u9), Python 3.11 to
#   count. Unlike other findings it uses the program that is installed: it is a Debian package.
# Behaviour: a page covered by `0 0 0 1 k` comes out of pbmraw (and tiffg4, pngmono) with 18.75 % of
#   its dots white at 600 dpi; covered by `0 g`, without a white dot. `-dUseFastColor=true` makes
#   both solid. A Separation /Black whose alternate space is DeviceCMYK is screened as well. On a
#   device of four plates (pamcmyk32, tiff32nc) all are alike: K full; C, M and Y empty.
# Why: colour management turns DeviceCMYK into grey through an ICC profile of offset printing, in
#   which K 100 % is a dark grey, 32 of 255. A one-bit device screens that grey like any other.
#   DeviceGray 0 stays 0; on CMYK devices it becomes K alone (ISO 32000-1, 10.3.3).
# Why a good guess is wrong: "0 0 0 1 k is the black of a PDF for the press, and full black needs no
#   screen". It is for a CMYK device; a label printer or a laser behind a one-bit device gets
#   modules with holes, and a picture of the page shows grey 35 instead of 0.
# Seen: "k 18.75, g 0.00, sep 18.75, k fast 0.00 % white; plates k 0 0 0 255, g 0 0 0 255"
set -eu
command -v gs >/dev/null || { echo "needs Ghostscript 10.00.0 (Debian 12: ghostscript)"; exit 69; }
[ "$(gs --version)" = 10.00.0 ] || echo "this is Ghostscript $(gs --version), not 10.00.0"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 - <<'PYTHON'
import subprocess

DOTS = 640  # a side, at 600 dpi: whole cells of the screen
TINT = "<< /FunctionType 2 /Domain [0 1] /N 1 /C0 [0 0 0 0] /C1 [0 0 0 1] >>"
SPACE = f"[/Separation /Black /DeviceCMYK {TINT}]"
INK = {"k": "0 0 0 1 k", "g": "0 g", "sep": "/B cs 1 scn"}


def pdf(ink):
    """A page of 76.8 points covered with `ink`."""
    content = f"{ink} 0 0 76.8 76.8 re f"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 76.8 76.8] /Contents 4 0 R "
        f"/Resources << /ColorSpace << /B {SPACE} >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    ]
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(out)
    out += f"xref\n0 5\n0000000000 65535 f \n{table}trailer\n<< /Size 5 /Root 1 0 R >>\n"
    return f"{out}startxref\n{start}\n%%EOF\n".encode("ascii")


def by_gs(name, device, *more):
    command = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", f"-sDEVICE={device}", "-r600"]
    subprocess.run([*command, *more, "-sOutputFile=out", f"{name}.pdf"], check=True)
    with open("out", "rb") as file:
        return file.read()


def white(name, *more):
    """Percent of white dots on a one-bit device (a bit that is set is black)."""
    bits = by_gs(name, "pbmraw", *more)[-(DOTS * DOTS // 8) :]
    return 100 - 100 * sum(byte.bit_count() for byte in bits) / DOTS**2


def plates(name):
    """C, M, Y and K of a dot in the middle, 0 to 255."""
    return " ".join(map(str, by_gs(name, "pamcmyk32")[-(DOTS * DOTS * 4) :][DOTS * DOTS * 2 :][:4]))


for name, ink in INK.items():
    with open(f"{name}.pdf", "wb") as file:
        file.write(pdf(ink))
seen = (
    f"k {white('k'):.2f}, g {white('g'):.2f}, sep {white('sep'):.2f}, "
    f"k fast {white('k', '-dUseFastColor=true'):.2f} % white; "
    f"plates k {plates('k')}, g {plates('g')}"
)
print(seen)
assert seen == (
    "k 18.75, g 0.00, sep 18.75, k fast 0.00 % white; plates k 0 0 0 255, g 0 0 0 255"
), "this has changed"
PYTHON

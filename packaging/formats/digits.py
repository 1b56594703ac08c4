"""Numbers in decimal, a column of them at a time. Pure."""

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_DIGITS = np.frombuffer(b"".join(b"%04d" % n for n in range(10_000)), np.uint8).reshape(-1, 4)


def write_digits(out: Bytes, start: int, stride: int) -> None:
    """Numbers from `start` in decimal, `stride` apart, all of the width of `out`."""
    if stride == 1:
        _consecutive(out, start)
        return
    value = np.arange(start, start + len(out) * stride, stride, dtype=np.int64)
    right = out.shape[1]
    while right > 0:
        value, low = np.divmod(value, 10_000)
        left = max(0, right - 4)
        out[:, left:right] = _DIGITS[low, 4 - (right - left) :]
        right = left


def _consecutive(out: Bytes, start: int) -> None:
    """As `write_digits` with a stride of 1: up to the next ten thousand only four digits differ."""
    width = out.shape[1]
    low = min(4, width)
    done = 0
    while done < len(out):
        high, first = divmod(start + done, 10_000)
        rows = min(10_000 - first, len(out) - done)
        block = out[done : done + rows]
        block[:, width - low :] = _DIGITS[first : first + rows, 4 - low :]
        if width > low:
            block[:, : width - low] = np.frombuffer(b"%0*d" % (width - low, high), np.uint8)
        done += rows

"""The codes of labels that have two: a record of fixed length, the second code behind the first.

Pure. From unsealing to the archive, and back, both codes of a serial are one piece of bytes.
"""

from collections.abc import Sequence

import numpy as np


def joined(parts: Sequence[bytes], lengths: tuple[int, ...]) -> bytes:
    """Codes and second codes, each concatenated, as records. Raises `ValueError` if not as many."""
    tables = [
        np.frombuffer(codes, np.uint8).reshape(-1, length)
        for codes, length in zip(parts, lengths, strict=True)
    ]
    return np.concatenate(tables, axis=1).tobytes()


def halves(records: bytes, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
    """The codes of records, concatenated; and the second codes, if there are two lengths."""
    if len(lengths) == 1:
        return (records,)
    table = np.frombuffer(records, np.uint8).reshape(-1, sum(lengths))
    return table[:, : lengths[0]].tobytes(), table[:, lengths[0] :].tobytes()

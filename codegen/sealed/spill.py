"""Arrays put aside on disk while a batch is sorted, and read back from any thread.

The file has no name if the system allows that, and vanishes with the process. It holds
prefixes of fingerprints and serials, never codes.
"""

import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


class Spill:
    """A file for arrays, in `folder`. Call `close` at the end."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see close
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file, which then is gone."""
        self._file.close()

    def put(self, array: npt.NDArray[Any]) -> int:
        """Append `array`; returns the offset to read it from."""
        with self._lock:
            at = self._file.seek(0, 2)
            self._file.write(array.data)
            # A full disk is raised here, to the caller, and not when the file is closed.
            self._file.flush()
        return at

    def read(self, at: int, count: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        """`count` items of `kind` from the offset `at`."""
        # Read, not mapped: mapped pages count as memory of this process.
        with self._lock:
            self._file.seek(at)
            return np.frombuffer(self._file.read(count * kind.itemsize), kind)

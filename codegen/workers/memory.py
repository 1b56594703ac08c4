"""How this process treats memory that it has freed."""

import ctypes
import sys

# <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 16 << 20  # bytes at the end of a heap
_SMALLEST_MAPPED = 32 << 20  # the largest that glibc takes


def keep_freed() -> None:
    """Use freed memory again, rather than give it back to the system and ask for it anew.

    Whoever works through megabytes in pieces frees a piece before the next one comes. glibc gives
    each back if threads hold it, and the system clears every page of the next: a tenth of an
    export. It does nothing where the C library is another.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _SMALLEST_MAPPED)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)

"""Fingerprints in bulk by a kernel that is compiled here, if llvmlite is there: the extra `fast`.

`cryptography` computes every fingerprint that is asked for by itself, and all of them where
nothing can be compiled. The kernel takes over where many are asked for, and is not trusted:

1. Before its first use it is compared with `cryptography`, for codes and a key drawn at random, in
   every lane. If they differ it is not used, and `doctor` says so.
2. Of each block of work two groups, one at a random place and the last, are computed once more by
   `cryptography`: what is compiled does the same in every group, so a lane that goes wrong is
   found in the first block. Then the machine is at fault, and the command ends: a wrong
   fingerprint must not get into a vault, where it would make a genuine code unknown.

Nothing is kept on the disk: it is compiled in less time than a cache could be checked in
(docs/adr/0034).
"""

import ctypes
import hashlib
import hmac
import mmap
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import EnvironmentFailure
from . import kernel

# (codes, bytes per code, key) → their fingerprints, by `cryptography`.
Reference = Callable[[bytes, int, bytes], bytes]

WORTH = 65_536  # codes of one length: from here on compiling takes less time than it saves
SIZE = 16
OLDEST = (20,)  # of LLVM: writes constants as `kernel` does

_new_bytes = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.argtypes, _new_bytes.restype = [ctypes.c_void_p, ctypes.c_ssize_t], ctypes.py_object


DIFFERS = "what was compiled computes something else than cryptography"


class Unusable(Exception):
    """Nothing can be compiled here, or what was compiled is wrong: why."""


class Bulk:
    """Chooses for a process. `reference` computes one code after the other."""

    def __init__(self, reference: Reference, worth: int = WORTH) -> None:
        self._reference, self._worth = reference, worth
        self._lock = threading.Lock()
        self._asked: dict[int, int] = {}  # bytes per code → codes so far
        self._kernels: dict[int, Kernel | None] = {}

    def __call__(self, codes: bytes, length: int, key: bytes) -> bytes:
        """The fingerprints of `codes`. Raises `EnvironmentFailure` if the kernel went wrong."""
        found = self._kernel(length, len(codes) // length)
        return self._reference(codes, length, key) if found is None else found(codes, key)

    def prepare(self, count: int, length: int) -> bool:
        """Whether codes of `length` bytes are compiled, now that `count` more are asked for."""
        return self._kernel(length, count) is not None

    def _kernel(self, length: int, count: int) -> "Kernel | None":
        with self._lock:  # a second thread waits: it would compile the same
            asked = self._asked[length] = self._asked.get(length, 0) + count
            if asked >= self._worth and length not in self._kernels:
                self._kernels[length] = None
                with suppress(Unusable):
                    self._kernels[length] = Kernel(length, self._reference)
            return self._kernels.get(length)


class Kernel:
    """The compiled kernel for codes of `length` bytes, compared with `reference`.

    Raises `Unusable`.
    """

    def __init__(self, length: int, reference: Reference) -> None:
        self._length, self._reference = length, reference
        self._function, self.lanes, self._keep = _compiled(length)
        codes, key = os.urandom((2 * self.lanes + 1) * length), os.urandom(32)
        if self._computed(codes, key) != reference(codes, length, key):
            raise Unusable(DIFFERS)

    def __call__(self, codes: bytes, key: bytes) -> bytes:
        """The fingerprints of `codes`. Raises `EnvironmentFailure` if one is found to be wrong."""
        found = self._computed(codes, key)
        count = len(codes) // self._length
        at = int.from_bytes(os.urandom(8), "big") % count // self.lanes * self.lanes
        for first in (at, max(count - self.lanes, 0)):  # rule 2
            part = codes[first * self._length : (first + self.lanes) * self._length]
            again = self._reference(part, self._length, key)
            if not hmac.compare_digest(again, found[first * SIZE : (first + self.lanes) * SIZE]):
                raise EnvironmentFailure(
                    "this machine computed fingerprints wrongly, and nothing was kept of them",
                    "its memory or processor may be failing: have it looked at; mintmark computes "
                    "in another way, slowly, without the package llvmlite",
                )
        return found

    def _computed(self, codes: bytes, key: bytes) -> bytes:
        length, size = self._length, self.lanes * self._length
        count = len(codes) // length
        if len(key) > kernel.BLOCK:
            key = hashlib.sha256(key).digest()  # RFC 2104, section 2
        block = key.ljust(kernel.BLOCK, b"\0")
        # The kernel reads a little beyond a group: the last is computed apart, where there is room.
        groups = (count - 1) // self.lanes
        last = codes[groups * size :].ljust(size + kernel.OVERRUN, b"\0")
        rest = ctypes.create_string_buffer(self.lanes * SIZE)
        self._function(last, ctypes.addressof(rest), 1, block)
        # Nobody else has these bytes yet; a bytearray would be copied, which takes as long as all.
        found: bytes = _new_bytes(None, count * SIZE)
        address = ctypes.cast(ctypes.c_char_p(found), ctypes.c_void_p).value or 0
        if groups:
            self._function(codes, address, groups, block)
        done = groups * self.lanes * SIZE
        ctypes.memmove(address + done, rest, len(found) - done)
        return found


def unusable(reference: Reference) -> str | None:
    """Why fingerprints in bulk aren't compiled here; None if they are."""
    try:
        Kernel(16, reference)
    except Unusable as why:
        return str(why)
    return None


def _compiled(length: int) -> tuple[Callable[[bytes, int, int, bytes], None], int, object]:
    """(the kernel, its lanes, what must live as long as it). Releases the interpreter's lock."""
    if not _may_compile():
        raise Unusable("this system lets no program run what it has compiled")
    try:
        import llvmlite.binding as llvm

        if llvm.llvm_version_info < OLDEST:  # would tell stderr what it does not understand
            raise Unusable("the package llvmlite is older than 0.45")
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = ""
        with suppress(RuntimeError):  # not known of every processor
            features = llvm.get_host_cpu_features().flatten()
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=1, jit=True
        )
        lanes = _lanes(features)
        # LLJIT returns errors where MCJIT, which numba uses, ends the process.
        jit: Any = llvm.create_lljit_compiler(machine)
        library = llvm.JITLibraryBuilder().add_ir(kernel.text(length, lanes))
        made = library.export_symbol(kernel.NAME).link(jit, kernel.NAME)
    except ImportError:
        raise Unusable("the package llvmlite isn't installed") from None
    except (OSError, RuntimeError, AttributeError) as error:
        first, *_ = str(error).splitlines() or [type(error).__name__]
        raise Unusable(f"llvmlite: {first}") from None
    kind = ctypes.CFUNCTYPE(
        None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p
    )
    return kind(made[kernel.NAME]), lanes, (jit, made)


def _lanes(features: str) -> int:
    """Codes abreast: what fills the processor's widest vectors. More take longer to compile."""
    return 16 if "+avx512f" in features else 8


def _may_compile() -> bool:
    """Whether what was written may be executed: hardened systems forbid it.

    LLVM would find out too, and say so on stderr.
    """
    if os.name == "nt":
        return True
    page = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    allowed = mmap.PROT_READ | mmap.PROT_EXEC
    refused: int = ctypes.CDLL(None).mprotect(address, ctypes.c_size_t(mmap.PAGESIZE), allowed)
    return not refused

"""Places that cannot be written, made so for real: by another user, or by a limit of the kernel."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

NOBODY = 65_534


@contextlib.contextmanager
def read_only_folder():
    """A folder to fill, and `locked()`, under which nothing in it can be written.

    Root may write anywhere, so a test that runs as root goes on as nobody while it is locked.
    """
    folder = Path(tempfile.mkdtemp(prefix="mintmark-read-only-"))
    # Everybody may go through: pytest's own folders are closed to others.
    folder.chmod(0o755)

    @contextlib.contextmanager
    def locked():
        root = os.geteuid() == 0
        found = [folder, *folder.rglob("*")]
        modes = {path: path.stat().st_mode for path in found}
        for path in found:
            if root:
                os.chown(path, NOBODY, NOBODY)
            path.chmod(modes[path] & ~0o222)
        if root:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)
            for path, mode in modes.items():
                path.chmod(mode)
                if root:
                    os.chown(path, 0, 0)

    try:
        yield folder, locked
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def no_more_room():
    """No file grows: the kernel refuses it, as on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

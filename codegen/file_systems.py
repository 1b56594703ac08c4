"""Which file system a folder lies on, and what cannot be asked of it.

Linux alone tells: an open folder's mount has a number (`/proc/self/fdinfo`), and the mount's line
(`/proc/self/mountinfo`, proc(5)) a type and a source. A comparison of paths would not do: an
automounted folder has two mounts at one place, and the first of them is empty.
"""

import bisect
import errno
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import EnvironmentFailure

# Shares of other machines and of a virtual machine's host, and what stands for objects in a cloud.
# Two machines do not see each other's locks there, or not each other's shared memory.
_SHARES = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "ncp", "afs", "coda", "ceph", "glusterfs",
    "lustre", "beegfs", "gpfs", "orangefs", "pvfs2", "davfs", "9p", "vboxsf", "vmhgfs",
    "prl_fs", "drvfs",
}  # fmt: skip
_FUSE_SHARES = {
    "sshfs", "rclone", "s3fs", "ossfs", "cosfs", "obsfs", "goofys", "geesefs", "gcsfuse",
    "blobfuse", "blobfuse2", "mount-s3", "mountpoint-s3", "juicefs", "seaweedfs", "glusterfs",
    "ceph", "ceph-fuse", "moosefs", "mfs", "lizardfs", "davfs", "davfs2", "smbnetfs",
    "gvfsd-fuse", "gvfs-fuse-daemon", "kio-fuse", "curlftpfs", "fuse-nfs", "nfs", "cifs",
    "afpfs", "httpfs", "hdfs", "fuse_dfs", "xrootdfs", "onedriver", "google-drive-ocamlfuse",
    "vmhgfs-fuse", "simple-mtpfs", "jmtpfs", "go-mtpfs", "grpcfuse",
}  # fmt: skip
NAME_BYTES = 255  # of a name, on most file systems
_DRIVE_REMOTE = 4  # GetDriveTypeW
# File systems without modes of their own, and the options that give one to all their files.
_MASK = "umask=077,uid={user}"
_FILE_MODE = "file_mode=0600,dir_mode=0700,uid={user}"
_OPTIONS = {
    **dict.fromkeys(("vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "vboxsf"), _MASK),
    **dict.fromkeys(("cifs", "smb3"), _FILE_MODE),
    "9p": f"metadata,{_MASK}",  # a drive of Windows under WSL
}


@dataclass(frozen=True)
class Mount:
    """What a folder lies on: the kernel's words for its type and its source."""

    type: str
    source: str

    @property
    def remote(self) -> bool:
        """Whether it is known to be another machine's."""
        kind, _, program = self.type.partition(".")
        if kind not in ("fuse", "fuseblk"):
            return kind in _SHARES
        # Some programs give the bare type, and name themselves or an address as the source.
        named = self.source.partition("#")[0]
        return program in _FUSE_SHARES or named in _FUSE_SHARES or "://" in self.source


def mount_of(path: Path) -> Mount | None:
    """What `path`, or the nearest folder above it that is there, lies on; None where unknown."""
    if sys.platform != "linux":
        return None
    folder = Path(os.path.realpath(path))
    try:
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        # Opened as a folder, for that brings an automounted one; O_PATH needs no permission.
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            told = Path(f"/proc/self/fdinfo/{descriptor}").read_bytes()
        finally:
            os.close(descriptor)
        number = re.search(rb"^mnt_id:\s*(\d+)", told, re.MULTILINE)
        return mount_in(
            Path("/proc/self/mountinfo").read_bytes(),
            number[1] if number else None,
            os.fsencode(folder),
        )
    except OSError:
        return None


def mount_in(mounts: bytes, number: bytes | None, folder: bytes) -> Mount | None:
    """The mount with that number in the text of `mountinfo`.

    Without a number, or where its line is missing, it is the longest mount point that holds
    `folder`; of two at one place the later covers the earlier.
    """
    best, longest = None, -1
    for line in mounts.split(b"\n"):
        left, _, right = line.partition(b" - ")
        fields, words = left.split(b" "), right.split(b" ")
        if len(fields) < 5 or len(words) < 2:
            continue
        mount = Mount(_text(words[0]), _text(words[1]))
        if fields[0] == number:
            return mount
        point = _bytes(fields[4]).rstrip(b"/")
        if (folder == point or folder.startswith(point + b"/")) and len(point) >= longest:
            best, longest = mount, len(point)
    return best


def _bytes(field: bytes) -> bytes:
    """Spaces and the like are written as octal escapes."""
    return re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), field)


def _text(field: bytes) -> str:
    return _bytes(field).decode("utf-8", "backslashreplace")


def refuse_network_drive(path: Path, what: str, hint: str) -> None:
    """Raises `EnvironmentFailure` if `path` is known to lie on a network drive.

    SQLite's locks and shared memory don't hold there. Best effort: Linux has the mount
    table, Windows the kind of drive; elsewhere nothing is known. `what` is kept there, in words.
    """
    if _is_remote(path):
        mount = mount_of(path)
        kind = f" ({mount.type})" if mount else ""
        raise EnvironmentFailure(
            f"{what} lies on a network drive{kind}, where its locks do not hold", hint
        )


def _is_remote(path: Path) -> bool:
    if sys.platform == "win32":
        import ctypes

        real = Path(os.path.realpath(path))
        if is_unc(real.drive):
            return True
        return int(ctypes.windll.kernel32.GetDriveTypeW(real.anchor)) == _DRIVE_REMOTE
    mount = mount_of(path)
    return mount is not None and mount.remote


def is_unc(drive: str) -> bool:
    r"""Whether a drive of Windows is a share, `\\server\share`, and no disk such as `\\?\C:`."""
    local = drive.startswith(("\\\\?\\", "\\\\.\\")) and drive[4:8].upper() != "UNC\\"
    return drive.startswith("\\\\") and not local


def name_bytes(folder: Path) -> int:
    """How long a name in `folder` may be: 255 bytes, or fewer where names are encrypted.

    What the file system says of itself is tried too, without making anything: encfs names 189,
    and takes 175.
    """
    if sys.platform == "win32":
        return NAME_BYTES
    try:
        told = os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        told = NAME_BYTES
    most = min(told, NAME_BYTES) if told > 0 else NAME_BYTES
    if _takes(folder, most):
        return most
    return bisect.bisect(range(1, most), 0, key=lambda size: 0 if _takes(folder, size) else 1)


def _takes(folder: Path, size: int) -> bool:
    try:
        os.lstat(folder / ("x" * size))
    except OSError as error:
        return error.errno not in (errno.ENAMETOOLONG, errno.EINVAL)
    return True


def open_to_others(path: Path) -> bool:
    """Whether others may read or change the file, by its mode. Windows has no such modes.

    It is asked of a file that was made for its owner alone, too: exFAT and NTFS may take
    every mode and keep none.
    """
    return os.name != "nt" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def to_close(path: Path) -> str:
    """What to do about a file that others may read."""
    mount = mount_of(path)
    options = _OPTIONS.get(mount.type) if mount else None
    then = (
        f"mount its disk ({mount.type}) with {options.format(user=os.getuid())}"
        if mount and options
        else "move it to a disk that keeps permissions"
    )
    return f"chmod 600 {path}; if that changes nothing, {then}"

"""What a folder lies on, by the kernel's own words, and what is refused there."""

import errno
import os
import sys
from pathlib import Path, PureWindowsPath

import pytest

from mintmark.codegen import file_systems
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.file_systems import (
    Mount,
    is_unc,
    mount_in,
    mount_of,
    name_bytes,
    refuse_network_drive,
)

MOUNTS = (
    """\
22 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:30 / /mnt/share rw,relatime shared:5 - nfs4 server:/x rw
31 22 0:31 / /mnt/with\\040space rw - cifs //server/x rw
32 30 0:32 / /mnt/share/local rw - xfs /dev/sdb rw
33 22 0:33 / /mnt/共享 rw - cifs //server/共享 rw
34 22 0:34 / /mnt/a\\134b rw - fuse.sshfs host:/x rw
35 22 0:35 / /mnt/auto rw - autofs /etc/auto.misc rw
36 35 0:36 / /mnt/auto rw - nfs4 server:/y rw
37 22 0:37 / /mnt/over rw - nfs4 server:/z rw
38 37 0:38 / /mnt/over rw - tmpfs tmpfs rw
junk
""".encode()
    + b"39 22 0:39 / /mnt/\xff rw - 9p share rw\n"
)


def kind(folder, number=None):
    return mount_in(MOUNTS, number, os.fsencode(folder)).type


@pytest.mark.parametrize(
    ("folder", "type_"),
    [
        ("/", "ext4"),
        ("/home/mint", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/home/ledger.db", "nfs4"),
        ("/mnt/sharepoint", "ext4"),
        ("/mnt/with space/home", "cifs"),
        ("/mnt/share/local/home", "xfs"),
        ("/mnt/共享/home", "cifs"),
        ("/mnt/a\\b/home", "fuse.sshfs"),
        (b"/mnt/\xff/home", "9p"),
        ("/mnt/auto/home", "nfs4"),
        ("/mnt/over/home", "tmpfs"),
    ],
)
def test_the_mount_table_tells_the_file_system(folder, type_):
    assert kind(folder) == type_


@pytest.mark.parametrize(
    ("number", "type_"), [(b"35", "autofs"), (b"36", "nfs4"), (b"37", "nfs4"), (b"38", "tmpfs")]
)
def test_the_number_of_a_mount_goes_before_its_place(number, type_):
    assert kind("/mnt/auto", number) == type_


def test_a_number_that_has_no_line_leaves_the_place():
    assert kind("/mnt/share/home", b"7") == "nfs4"


def test_the_kernel_is_asked_for_the_folder_that_is_there(tmp_path):
    found = mount_of(tmp_path / "not" / "there")
    assert found == mount_of(tmp_path)
    if sys.platform == "linux":
        assert found is not None
        assert mount_of(Path("/proc/self")).type == "proc"
        (tmp_path / "link").symlink_to("/proc")
        assert mount_of(tmp_path / "link").type == "proc"
    else:
        assert found is None


def test_a_folder_that_may_not_be_looked_at_is_not_known(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert mount_of(tmp_path / "home") is None


@pytest.mark.parametrize(
    ("type_", "source"),
    [
        ("nfs", "server:/x"),
        ("nfs4", "server:/x"),
        ("cifs", "//server/x"),
        ("smb3", "//server/x"),
        ("ncpfs", "server/user"),
        ("afs", "#cell:root."),
        ("ceph", "10.0.0.1:/"),
        ("beegfs", "beegfs_nodev"),
        ("9p", "share"),
        ("vboxsf", "share"),
        ("fuse", "https://dav.example.com/home/"),  # davfs2
        ("fuse", "http://dav.example.com/home/"),
        ("fuse", "curlftpfs#ftp://ftp.example.com/"),
        ("fuse", "s3fs"),
        ("fuse", "mountpoint-s3"),
        ("fuse.smbnetfs", "smbnetfs"),
        ("fuse.gvfsd-fuse", "gvfsd-fuse"),
        ("fuse.sshfs", "host:/x"),
        ("fuse.rclone", "remote:x"),
        ("fuse.ossfs", "ossfs"),
        ("fuse.goofys", "bucket"),
        ("fuse.glusterfs", "server:/volume"),
        ("fuse.ceph-fuse", "ceph-fuse"),
    ],
)
def test_what_another_machine_holds_is_refused(monkeypatch, tmp_path, type_, source):
    monkeypatch.setattr(file_systems, "mount_of", lambda _: Mount(type_, source))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(EnvironmentFailure, match="the books lies on a network drive") as caught:
        refuse_network_drive(tmp_path, "the books", "move them")
    assert type_ in caught.value.message
    assert caught.value.hints == ("move them",)


@pytest.mark.parametrize(
    ("type_", "source"),
    [
        ("ext4", "/dev/sda1"),
        ("xfs", "/dev/nfs"),
        ("btrfs", "/dev/sdb"),
        ("zfs", "pool/nfs"),
        ("overlay", "overlay"),
        ("tmpfs", "nfs"),
        ("fuseblk", "/dev/sdc1"),
        ("fuse.gocryptfs", "/home/mint/sealed"),
        ("fuse.mergerfs", "/disk1:/disk2"),
        ("fuse", "encfs"),
    ],
)
def test_a_disk_of_this_machine_is_not(monkeypatch, tmp_path, type_, source):
    monkeypatch.setattr(file_systems, "mount_of", lambda _: Mount(type_, source))
    monkeypatch.setattr(sys, "platform", "linux")
    refuse_network_drive(tmp_path, "the books", "move them")


@pytest.mark.parametrize(
    ("path", "share"),
    [
        (r"C:\mint\home", False),
        (r"\\server\share\home", True),
        (r"\\wsl.localhost\Debian\home", True),
        (r"\\?\C:\mint\home", False),  # a long path
        (r"\\?\Volume{0b1c}\mint", False),  # a disk without a letter
        (r"\\?\UNC\server\share\home", True),
        (r"\\.\C:\mint", False),
    ],
)
def test_a_share_of_windows_is_known_by_its_path(path, share):
    assert is_unc(PureWindowsPath(path).drive) is share


@pytest.mark.parametrize("mounts", [b"", b"\0\xff\n - \n", b"a - b c\n", b"1 2 3:4 / / rw - \n"])
@pytest.mark.parametrize("number", [None, b"1"])
def test_a_mount_table_that_says_nothing_leaves_it_unknown(mounts, number):
    assert mount_in(mounts, number, b"/home") is None


@pytest.mark.skipif(os.name == "nt", reason="there it is 255 characters")
@pytest.mark.parametrize(
    ("told", "taken", "longest"),
    [
        (255, 255, 255),
        (143, 143, 143),  # securefs
        (189, 175, 175),  # encfs, which is mistaken
        (1530, 255, 255),  # FAT counts the bytes of another encoding
        (-1, 255, 255),
        (255, 1, 1),
    ],
)
def test_how_long_a_name_may_be(monkeypatch, tmp_path, told, taken, longest):
    lstat = os.lstat

    def looked(path):
        if len(Path(path).name) > taken:
            raise OSError(errno.ENAMETOOLONG, "File name too long")
        return lstat(path)

    monkeypatch.setattr(os, "pathconf", lambda *_: told)
    monkeypatch.setattr(os, "lstat", looked)
    assert name_bytes(tmp_path) == longest


def test_a_real_folder_takes_a_name_as_long_as_is_said(tmp_path):
    (tmp_path / ("x" * name_bytes(tmp_path))).touch()

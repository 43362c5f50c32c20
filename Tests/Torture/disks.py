"""Small file systems of our own, to be filled up and to lose their power."""

import array
import contextlib
import ctypes
import fcntl
import os
import subprocess

import torture

# _IOR('X', 125, __u32): stop the file system at once. 2: without writing its journal out, as when the power goes.
EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_THE_JOURNAL = 2


def tool(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, parent, megabytes):
        self.image = os.path.join(parent, "disk.image")
        self.path = os.path.join(parent, "disk")
        os.makedirs(self.path, exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        self.is_mounted = False

    def format(self):
        tool("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.image)

    def mount(self):
        tool("mount", "-o", "loop", self.image, self.path)
        self.is_mounted = True

    def unmount(self):
        if self.is_mounted:
            tool("umount", self.path)
            self.is_mounted = False

    def cut_power(self):
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, array.array("I", [WITHOUT_THE_JOURNAL]))
        finally:
            os.close(folder)


@contextlib.contextmanager
def disk(parent, megabytes):
    """A mounted disk; unmounted and forgotten at the end, whatever happened. Mounting frees the loop device too."""
    made = Disk(parent, megabytes)
    try:
        made.format()
        made.mount()
        yield made
    finally:
        try:
            made.unmount()
        except RuntimeError:
            # Somebody still has a file open there; the name goes now, the rest with the last of them.
            subprocess.run(["umount", "-l", made.path], stderr=subprocess.DEVNULL)


def need_disks(parent):
    if os.geteuid() != 0:
        torture.skip("only root may mount a file system")
    torture.need("mkfs.ext4", "mount", "umount")
    try:
        with disk(parent, 8):
            pass
    except RuntimeError as error:
        torture.skip(f"this machine mounts no file system from a file: {error}")


_libc = ctypes.CDLL(None, use_errno=True)
SYNC_FILE_RANGE_ALL = 7


def write_back(path, at, byte_count):
    """Lets some of a file's pages reach the disk and not others: the state that tears a tail."""
    file = os.open(path, os.O_RDONLY)
    try:
        _libc.sync_file_range(file, ctypes.c_int64(at), ctypes.c_int64(byte_count), SYNC_FILE_RANGE_ALL)
    finally:
        os.close(file)

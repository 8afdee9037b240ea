"""Folders of warm processes on this machine's disk, and what is left of those that were killed."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
import time

from labgrader.sandbox import cgroup, tree, users
from labgrader.sandbox.system import LINUX

PREFIX = "labgrader-sandbox-"
MEMORY = "/dev/shm"


def places() -> list[str]:
    """Return where warm processes may have their folders: in memory (quick to remove), or on the disk."""
    return [place for place in (MEMORY, tempfile.gettempdir()) if os.path.isdir(place)]


def make_base(*, room: int = 1 << 30, in_memory: bool = True) -> tuple[str, int]:
    """Make a folder for a warm process.

    Args:
        room: the bytes that must be free in memory's file system for the folder to be there.
        in_memory: whether it may be there.

    Returns:
        Its path, and an open file that is locked for as long as its owner lives.
    """
    place = tempfile.gettempdir()
    with contextlib.suppress(OSError):
        free = os.statvfs(MEMORY)
        if in_memory and free.f_bavail * free.f_frsize >= room and os.access(MEMORY, os.W_OK):
            place = MEMORY
    base = tempfile.mkdtemp(prefix=PREFIX, dir=place)
    hold = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(hold, fcntl.LOCK_SH)
    return base, hold


def sweep(folder: str | None = None) -> list[str]:
    """End the processes and remove the folders of warm processes whose owner is gone.

    Args:
        folder: where to look; None for all `places`.

    Returns:
        The folders removed.
    """
    removed = []
    for base in [path for place in ([folder] if folder else places()) for path in _bases(place)]:
        try:
            hold = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            owner = os.fstat(hold).st_uid
            if owner != os.geteuid() and not users.leased(owner):  # somebody else's, or bait
                continue
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if group := cgroup.home():
                cgroup.end(str(group / os.path.basename(base)))
            if users.leased(owner):
                users.end_all(owner)
            if LINUX:
                end_of(base)
            if tree.remove(base):
                removed.append(base)
        except OSError:  # its owner lives
            continue
        finally:
            os.close(hold)
    return removed


def _bases(place: str) -> list[str]:
    return glob.glob(os.path.join(glob.escape(place), PREFIX + "*"))


def remove_of(uid: int) -> None:
    """Remove what a leased user has left where everybody may write: the weakest tier lets it."""
    for place in ("/tmp", "/var/tmp", MEMORY):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_uid != uid or entry.name.startswith(PREFIX):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    tree.remove(entry.path)
                else:
                    os.unlink(entry.path)


def end_of(base: str) -> None:
    """Kill the processes that work in `base`, or were started with it, until none is left."""
    for _ in range(1000):
        if not _all_of(base):
            return
        tree.stop_and_kill(lambda: _all_of(base))
        time.sleep(0.002)


def _all_of(base: str) -> set[int]:
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _of(int(entry), base)}


def _of(pid: int, base: str) -> bool:
    if pid == os.getpid():
        return False
    try:
        if os.readlink(f"/proc/{pid}/cwd").startswith(base):
            return True
        with open(f"/proc/{pid}/environ", "rb") as file:
            return os.fsencode(base) in file.read()
    except OSError:
        return False


def copy_font_list(base: str, uid: int | None) -> None:
    """Put matplotlib's font cache, where there is one, into `base`: searching the fonts takes seconds."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (os.environ.get("MPLCONFIGDIR"), os.path.join(cache, "matplotlib")):
        for path in glob.glob(os.path.join(folder or "/nowhere", "fontlist-*.json")):
            copy = os.path.join(base, os.path.basename(path))
            shutil.copyfile(path, copy)
            if uid is not None:
                os.chown(copy, uid, uid)

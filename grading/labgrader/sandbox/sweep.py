"""Folders of warm processes on this machine's disk, and what is left of those that were killed."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
import time

from labgrader.sandbox import processes, users
from labgrader.sandbox.syscalls import LINUX

PREFIX = "labgrader-sandbox-"
MEMORY = "/dev/shm"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    while True:
        base = tempfile.mkdtemp(prefix=PREFIX, dir=place)
        with contextlib.suppress(FileNotFoundError):
            hold = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(hold, fcntl.LOCK_SH)
            if os.path.isdir(base):  # nobody's sweep took it for a dead one's before it was locked
                return base, hold
            os.close(hold)


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
            hold = os.open(base, FOLDER)
        except OSError:
            continue
        try:
            owner = os.fstat(hold).st_uid
            if owner != os.geteuid() and not users.leased(owner):  # somebody else's, or bait
                continue
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if group := processes.own_group():
                processes.end_group(str(group / os.path.basename(base)))
            if users.leased(owner):
                processes.end_user(owner)
            if LINUX:
                end_of(base)
            if remove(base):
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
                    remove(entry.path)
                else:
                    os.unlink(entry.path)


def end_of(base: str) -> None:
    """Kill the processes that work in `base`, were started with it or bear its mark, until none is left."""
    for _ in range(1000):
        if not _all_of(base):
            return
        processes.stop_and_kill(lambda: _all_of(base))
        time.sleep(0.002)


def _all_of(base: str) -> set[int]:
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _of(int(entry), base)}


def _of(pid: int, base: str) -> bool:
    if pid == os.getpid():
        return False
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{pid}/cwd").startswith(base):
            return True
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        if os.fsencode(base) in file.read():
            return True
    return processes.marked(pid, processes.mark(base))


def copy_font_list(base: str, uid: int | None) -> None:
    """Put matplotlib's font cache, where there is one, into `base`: searching the fonts takes seconds."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (os.environ.get("MPLCONFIGDIR"), os.path.join(cache, "matplotlib")):
        for path in glob.glob(os.path.join(folder or "/nowhere", "fontlist-*.json")):
            copy = os.path.join(base, os.path.basename(path))
            shutil.copyfile(path, copy)
            if uid is not None:
                os.chown(copy, uid, uid)


def remove(folder: str) -> bool:
    """Remove a folder with everything in it, without following a link; True when it is gone.

    It goes from folder to folder by open handles, so that neither paths nor recursion grow, however deep they
    lie. Nobody may be writing there any more.
    """
    try:
        _open_up(folder)
        at = os.open(folder, FOLDER)
    except OSError:
        return not os.path.lexists(folder)
    try:
        waiting = [_empty(at)]  # for each folder on the way down: those inside it that are still to be done
        way: list[str] = []
        while True:
            if waiting[-1]:
                way.append(waiting[-1].pop())
                _open_up(way[-1], at)
                at = _step(at, way[-1])
                waiting.append(_empty(at))
                continue
            waiting.pop()
            if not way:
                break
            at = _step(at, "..")
            os.rmdir(way.pop(), dir_fd=at)
        os.rmdir(folder)
    except OSError:
        return not os.path.lexists(folder)
    finally:
        os.close(at)
    return True


def _open_up(name: str, at: int | None = None) -> None:
    with contextlib.suppress(PermissionError):  # not ours, yet perhaps open to us
        os.chmod(name, 0o700, dir_fd=at)


def _step(at: int, name: str) -> int:
    """Return a handle of a neighbouring folder instead of this one's."""
    there = os.open(name, FOLDER, dir_fd=at)
    os.close(at)
    return there


def _empty(at: int) -> list[str]:
    """Remove the files in a folder; return the names of its folders."""
    folders = []
    with os.scandir(at) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=at)
    return folders

"""End a tree of processes for certain, and remove a folder whatever was made of it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from collections.abc import Iterable

from labgrader.sandbox.watch import descendants


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def reap(*, ended: dict[int, int]) -> bool:
    """Collect ended children into `ended` (pid to exit status); False when this process has no child left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        ended[pid] = os.waitstatus_to_exitcode(status)


def end_descendants(
    *, ended: dict[int, int], spare: frozenset[int] = frozenset(), seconds: float = 20.0
) -> bool:
    """Kill and reap every descendant of this process, which must be a subreaper; True when none is left.

    All are stopped before any is killed: a stopped process forks no more but still fills its place under
    RLIMIT_NPROC, so that a fork bomb cannot outrun this.

    Args:
        ended: receives pid to exit status.
        spare: children to leave alone, with their descendants.
        seconds: give up after this.
    """
    end = time.monotonic() + seconds
    me = os.getpid()
    while time.monotonic() < end:
        kept = set(spare).union(*(descendants(pid) for pid in spare))
        seen: set[int] = set()
        while found := set(descendants(me)) - kept - seen:
            send(found, signal.SIGSTOP)
            seen |= found
        send(seen, signal.SIGKILL)
        if not reap(ended=ended) or (not seen and spare):
            return True
        time.sleep(0.001)
    return False


def remove(folder: str) -> bool:
    """Remove a folder with everything in it, without following a link; True when it is gone.

    Folders are moved to the top before they are emptied, so that no path grows long however deep they lie.
    """
    shutil.rmtree(folder, ignore_errors=True)
    number = 0
    while os.path.lexists(folder) and number < 1_000_000:
        before = number
        try:
            os.chmod(folder, 0o700)
            for entry in list(os.scandir(folder)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)
                for inner in list(os.scandir(entry.path)):
                    number += 1
                    if stat.S_ISDIR(inner.stat(follow_symlinks=False).st_mode):
                        os.chmod(inner.path, 0o700)
                        os.rename(inner.path, os.path.join(folder, f".gone-{number}"))
                    else:
                        os.unlink(inner.path)
                os.rmdir(entry.path)
            os.rmdir(folder)
        except OSError:
            if number == before:
                break
    return not os.path.lexists(folder)

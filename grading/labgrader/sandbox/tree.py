"""End a tree of processes for certain, and remove a folder whatever was made of it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterable

Find = Callable[[], set[int]]
LONGEST_SECONDS = 5.0


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def reap() -> None:
    """Collect every child of this process that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def stop_and_kill(find: Find) -> None:
    """Kill the processes that `find` returns, as often as it takes until it returns no new one.

    All are stopped before any is killed: a stopped process forks no more but still fills its place under
    RLIMIT_NPROC, so that a fork bomb cannot outrun this.
    """
    seen: set[int] = set()
    end = time.monotonic() + LONGEST_SECONDS
    while (found := find() - seen) and time.monotonic() < end:
        send(found, signal.SIGSTOP)
        seen |= found
    send(seen, signal.SIGKILL)


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

"""End a tree of processes for certain, and remove a folder whatever was made of it."""

from __future__ import annotations

import os
import signal
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

    Folders are moved to the top before they are emptied, so that neither paths nor recursion grow, however
    deep they lie. Nobody may be writing there any more.
    """
    number = 0
    try:
        waiting = [folder]
        while waiting:
            number = _empty(waiting[-1], folder, number, waiting)
    except FileNotFoundError:
        return not os.path.lexists(folder)
    except OSError:
        return False
    return True


def _empty(path: str, top: str, number: int, waiting: list[str]) -> int:
    """Remove the files of one folder and the folder itself; move its folders to the top and note them."""
    os.chmod(path, 0o700)
    inner = []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            number += 1
            os.chmod(entry.path, 0o700)
            inner.append((entry.path, os.path.join(top, f".labgrader-gone-{os.getpid()}-{number}")))
    if not inner:
        os.rmdir(path)
        waiting.pop()
        return number
    if path != top:
        for old, new in inner:
            os.rename(old, new)
        os.rmdir(path)
        waiting.pop()
        waiting.extend(new for _, new in inner)
    else:
        waiting.extend(old for old, _ in inner)
    return number

"""End a tree of processes for certain, and remove a folder whatever was made of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

Find = Callable[[], set[int]]
LONGEST_SECONDS = 5.0
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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

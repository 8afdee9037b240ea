"""Find processes by their parent, their user or their control group, and end them for certain.

A control group is a second net below the warden's, for when the warden itself was killed; nothing depends on
one. Interface: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import signal
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labgrader.sandbox.syscalls import LINUX

Find = Callable[[], set[int]]
LONGEST_SECONDS = 5.0


def descendants(pid: int) -> list[int]:
    """Return all descendants of a process, parents first; itself left out."""
    out: list[int] = []
    todo = [pid]
    while todo:
        found = children(todo.pop())
        out += found
        todo += found
    return out


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    if not LINUX:
        import psutil

        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
    out: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return out
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                out += map(int, file.read().split())
        except FileNotFoundError:
            if not os.path.exists("/proc/self/task"):
                raise
        except OSError:
            continue
    return out


def session(pid: int) -> int:
    """Return the session that a process belongs to; 0 when it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def of_user(uid: int) -> list[int]:
    """Return the processes of a user, zombies left out."""
    return [pid for pid in _owned(uid) if alive(pid)]


def _owned(uid: int) -> list[int]:
    out = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    out.append(int(entry.name))
            except OSError:
                continue
    return out


def alive(pid: int) -> bool:
    """True for a process that is there and no zombie; one whose first thread alone has ended is none."""
    fields = _stat(pid)
    return bool(fields) and (fields[0] not in (b"Z", b"X") or int(fields[17]) > 1)


def running(pid: int) -> bool:
    """True for a process that computes or could: it is neither stopped, nor waiting, nor gone."""
    return _stat(pid)[:1] == [b"R"]


def _stat(pid: int) -> list[bytes]:
    """Return what /proc tells of a process, from its state on; [] when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def threads(uid: int) -> int:
    """Return how many processes and threads a user has, about as RLIMIT_NPROC counts them."""
    total = 0
    for pid in _owned(uid):
        try:
            total += os.stat(f"/proc/{pid}/task").st_nlink - 2
        except OSError:
            continue
    return total


def send(pids: Iterable[int], number: int) -> set[int]:
    """Send a signal to those that are still there; return who got it."""
    sent = set()
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)
            sent.add(pid)
    return sent


def reap() -> None:
    """Collect every child of this process that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def stop(find: Find) -> set[int]:
    """Stop the processes that `find` returns, and those that they were just starting, until all stand still.

    A stopped process forks no more but still fills its place under RLIMIT_NPROC, so that a fork bomb cannot
    outrun this.
    """
    seen: set[int] = set()
    told: set[int] = set()
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    end = time.monotonic() + LONGEST_SECONDS
    while ((found := find() - seen) or any(map(running, told))) and time.monotonic() < end:
        told |= send(found, signal.SIGSTOP)
        renice(found, ours)
        seen |= found
        time.sleep(0 if found else 0.001)
    return seen


def renice(pids: Iterable[int], nice: int) -> None:
    """Give processes, with all their threads, a priority: 19 is the lowest, and only root may raise one.

    A crowd at the lowest runs in the time that nobody else wants. That is too little to be stopped or to end
    in: each of them first has to get, and to give back, locks of the kernel that all others wait for.
    """
    for pid in pids:
        with suppress(OSError):  # it is gone, or we may not
            for task in map(int, os.listdir(f"/proc/{pid}/task")) if LINUX else (pid,):
                os.setpriority(os.PRIO_PROCESS, task, nice)


@contextmanager
def still(find: Find) -> Iterator[None]:
    """Hold processes still, to look at their memory.

    For that the kernel takes a lock that each of them takes to fork; one that has to wait for its turn behind
    a crowd keeps it for seconds.
    """
    held = stop(find)
    try:
        yield
    finally:
        send(held, signal.SIGCONT)


def stop_and_kill(find: Find) -> None:
    """Kill the processes that `find` returns; all are stopped before any is killed."""
    send(stop(find), signal.SIGKILL)


def end(find: Find) -> bool:
    """Kill and reap what `find` returns until it returns nothing; True when that was reached."""
    deadline = time.monotonic() + 10.0
    while True:
        reap()
        if not find():
            return True
        if time.monotonic() > deadline:
            return False
        stop_and_kill(find)
        time.sleep(0.001)


def end_user(uid: int, *, seconds: float = 10.0) -> bool:
    """Kill every process of a leased user; True when none is left.

    All are stopped before any is killed: a stopped process forks no more and still fills its place.
    """
    end = time.monotonic() + seconds
    while of_user(uid):
        stop_and_kill(lambda: set(of_user(uid)))
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def mark(base: str) -> int:
    """Return a limit on real-time scheduling, which nothing here uses, that all children of one base have.

    The filter of system calls lets none of them change it, so that it tells whose they are when all else
    about them has been changed and their warden is gone. The weakest tier has no filter: there a child can
    hide from this, unless root started the sandbox and the child has a user of its own.
    """
    return (1 << 40) + zlib.crc32(os.fsencode(os.path.basename(base)))


def marked(pid: int, value: int) -> bool:
    """True when a process has this limit on real-time scheduling."""
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            lines = [line for line in file if line.startswith(b"Max realtime timeout")]
    except OSError:
        return False
    return any(line.split()[-2] == b"%d" % value for line in lines)


def own_group() -> Path | None:
    """Return the folder of our own control group; None without version 2 of control groups."""
    if not LINUX:
        return None
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return None
    own = next((line[3:] for line in lines if line.startswith("0::/")), None)
    top = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if own is None or top is None or ".." in own:
        return None
    return Path(top + own)


def make_group(name: str) -> str | None:
    """Return a new group inside our own; None where that is not allowed or groups cannot be killed."""
    folder = own_group()
    if folder is None:
        return None
    group = folder / name
    try:
        group.mkdir()
    except OSError:
        return None
    if (group / "cgroup.kill").exists():
        return str(group)
    group.rmdir()
    return None


def join_group(group: str | None) -> None:
    """Move this process into a group; children follow."""
    if group is None:
        return
    try:
        Path(group, "cgroup.procs").write_text("0")
    except OSError:
        return


def end_group(group: str | None, *, seconds: float = 5.0) -> bool:
    """Kill all that is in a group, and remove it; True when it is gone, or there was none."""
    if group is None or not os.path.isdir(group):
        return True
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            Path(group, "cgroup.kill").write_text("1")
            os.rmdir(group)
        except OSError:
            time.sleep(0.005)
        else:
            return True
    return False

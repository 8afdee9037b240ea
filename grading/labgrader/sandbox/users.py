"""A user of its own for a sandbox that root starts: RLIMIT_NPROC and permissions mean nothing to root."""

from __future__ import annotations

import os
import random
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from labgrader.sandbox import tree
from labgrader.sandbox.capabilities import SETGID, SETUID, have
from labgrader.sandbox.records import SandboxError
from labgrader.sandbox.system import LINUX

# Users that no distribution hands out (systemd's table of uids): the first where all numbers exist, the
# second in containers that have 65536 of them.
RANGES = (range(1_900_000_000, 1_900_004_096), range(60_706, 61_184))


@dataclass(frozen=True)
class Lease:
    """A user number that nobody else on this machine uses while `lock` is open."""

    uid: int
    lock: socket.socket

    def release(self) -> None:
        """Give the number back."""
        self.lock.close()


def lease() -> Lease | None:
    """Return a free user number when this process is root; None for those who cannot change user.

    The lock is an abstract Unix socket, which the kernel frees with its holder. Processes that an earlier
    holder left under this number are killed.

    Raises:
        SandboxError: every number is taken.
    """
    if not LINUX or os.geteuid() != 0 or not (have(SETUID) and have(SETGID)):
        return None
    numbers = next(numbers for numbers in (*RANGES, range(1, 2)) if _mapped(numbers[-1]))
    for uid in random.SystemRandom().sample(numbers, len(numbers)):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0labgrader-sandbox-uid-{uid}")
        except OSError:
            lock.close()
            continue
        end_all(uid)
        return Lease(uid, lock)
    raise SandboxError("No free user number for a sandbox: end the other graders on this machine first.")


def leased(uid: int) -> bool:
    """True for a number that only sandboxes use."""
    return any(uid in numbers for numbers in RANGES)


def _mapped(uid: int) -> bool:
    """True when this user number exists in our user namespace."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= uid < first + count:
            return True
    return False


def processes(uid: int) -> list[int]:
    """Return the processes of a user, zombies left out."""
    return [pid for pid in _owned(uid) if _alive(pid)]


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


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False


def threads(uid: int) -> int:
    """Return how many processes and threads a user has, about as RLIMIT_NPROC counts them."""
    total = 0
    for pid in _owned(uid):
        try:
            total += os.stat(f"/proc/{pid}/task").st_nlink - 2
        except OSError:
            continue
    return total


def end_all(uid: int, *, seconds: float = 10.0) -> bool:
    """Kill every process of a leased user; True when none is left.

    All are stopped before any is killed: a stopped process forks no more and still fills its place.
    """
    end = time.monotonic() + seconds
    while processes(uid):
        tree.stop_and_kill(lambda: set(processes(uid)))
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True

"""Stop being root, to whom RLIMIT_NPROC and permissions mean nothing: a user of its own for each sandbox.

The new user must reach what it has to read, though that lies in a closed home folder such as root's.
Nobody's permissions are changed. With the right to mount, root covers each closed folder, in a private
view of the file system, by an empty one that holds the needed trees only. Without that right (a
container), or where the trees themselves are closed, the sandbox keeps one capability, to read past
permissions; Landlock still holds it to the trees named.
"""

from __future__ import annotations

import ctypes
import os
import random
import socket
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labgrader.sandbox import processes
from labgrader.sandbox.records import SandboxError
from labgrader.sandbox.syscalls import (
    LINUX,
    NEW_MOUNTS,
    NODEV,
    NOSUID,
    PR_CAP_AMBIENT,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PRIVATE,
    RECURSIVE,
    bind_back,
    check,
    libc,
    mount,
    prctl,
    unshare,
)
from labgrader.sandbox.trees import within

DAC_OVERRIDE, DAC_READ_SEARCH, SETGID, SETUID = 1, 2, 6, 7
READERS = (DAC_READ_SEARCH, DAC_OVERRIDE)
CAPABILITY_VERSION_3 = 0x20080522
AMBIENT_RAISE, AMBIENT_CLEAR_ALL = 2, 4
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
    if not LINUX or os.geteuid() != 0 or not (have_capability(SETUID) and have_capability(SETGID)):
        return None
    numbers = next(numbers for numbers in (*RANGES, range(1, 2)) if _mapped(numbers[-1]))
    for uid in random.SystemRandom().sample(numbers, len(numbers)):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0labgrader-sandbox-uid-{uid}")
        except OSError:
            lock.close()
            continue
        processes.end_user(uid)
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


def effective() -> int:
    """Return the bit set of capabilities in force, read from /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def have_capability(capability: int) -> bool:
    """True when the process may use this capability now."""
    return bool(effective() >> capability & 1)


def _set(bits: int) -> None:
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("=6I", low, low, low, high, high, high))
    check(libc().capset(header, data), "capset")


def drop_capabilities(*, keep: int | None = None) -> None:
    """Give up every capability, except at most one that is also handed to programs started later.

    Args:
        keep: number of the one capability to keep; None for none.
    """
    prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
    drop_bounding(keep=keep)
    _set(0 if keep is None else 1 << keep)
    if keep is not None:
        prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, keep)


def drop_bounding(*, keep: int | None = None) -> None:
    """Make sure that no program started later gains a capability, apart from `keep`; needs root's powers."""
    for number in range(64):
        if number != keep:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:  # no such capability, or none of ours to drop
                continue


def keep_over_setuid() -> None:
    """Let the next change of user keep the permitted capabilities, so that one can be kept."""
    prctl(PR_SET_KEEPCAPS, 1)


def closed(path: str) -> str | None:
    """Return the outermost folder on the way to `path` that a stranger may not enter; None for an open way.

    Example:
        >>> closed("/usr/lib")
    """
    at = "/"
    for part in os.path.abspath(path).strip("/").split("/")[:-1]:
        at = os.path.join(at, part)
        if not os.stat(at).st_mode & stat.S_IXOTH:
            return at
    return None


def legible(path: str) -> bool:
    """True when a stranger who can reach `path` may read it."""
    mode = os.stat(path).st_mode
    wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return mode & wanted == wanted


def open_way(trees: Sequence[str], *, base: str, samples: Sequence[str] = ()) -> int | None:
    """Make every tree reachable for another user; called as root, before `become`.

    Args:
        trees: what it must read; they keep their places.
        base: its own folder.
        samples: a few files inside them, whose permissions speak for the rest.

    Returns:
        The capability that the user has to keep, or None when the way is open without one.
    """
    one = next((number for number in READERS if have_capability(number)), None)
    if not all(legible(path) for path in [*trees, *samples]):
        return one
    covers: dict[str, list[str]] = {}
    for tree in [*trees, base]:
        if folder := closed(tree):
            covers.setdefault(folder, []).append(tree)
    if not covers:
        return None
    try:
        unshare(NEW_MOUNTS)
        mount(None, "/", None, RECURSIVE | PRIVATE)
        for folder, inside in covers.items():
            _cover(folder, inside)
    except OSError:
        return one
    return None if all(closed(tree) is None for tree in [*trees, base]) else one


def _cover(folder: str, trees: list[str]) -> None:
    """Mount an empty folder over `folder` and bind the trees back to their places in it."""
    handles = [(tree, os.open(tree, os.O_PATH | os.O_CLOEXEC)) for tree in trees]
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    try:
        for tree, handle in handles:
            if not within(tree, folder):
                raise OSError(f"{tree} is not in {folder}")
            bind_back(handle, tree)
    finally:
        for _, handle in handles:
            os.close(handle)


def become(uid: int, *, keep: int | None = None) -> None:
    """Turn root into another user for good, with at most one capability left.

    Args:
        uid: the user's number, and its only group's.
        keep: what `open_way` returned.
    """
    if keep is not None:
        keep_over_setuid()
    drop_bounding(keep=keep)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    drop_capabilities(keep=keep)
    prctl(PR_SET_DUMPABLE, 1)  # or the watchdog, the same user, may not look into /proc at its child

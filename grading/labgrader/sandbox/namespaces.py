"""A child's own world inside the first one: processes, network, IPC, and an empty /tmp and /dev/shm with sizes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from labgrader.sandbox.records import SandboxLimits
from labgrader.sandbox.system import PR_SET_DUMPABLE, mount, prctl, unshare
from labgrader.sandbox.trees import outermost, within

NEW_USER, NEW_MOUNTS, NEW_PIDS, NEW_NET = 0x10000000, 0x20000, 0x20000000, 0x40000000
NEW_IPC, NEW_UTS, NEW_CGROUP = 0x8000000, 0x4000000, 0x2000000
EVERY = NEW_USER | NEW_MOUNTS | NEW_PIDS | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP
BIND, RECURSIVE, PRIVATE, NOSUID, NODEV, NOEXEC = 4096, 16384, 1 << 18, 2, 4, 8


def leave(limits: SandboxLimits, *, trees: Sequence[str]) -> None:
    """Leave every namespace of the parent; the next fork is process 1 of the new one.

    Args:
        limits: `disk` is the size of /tmp, half of it that of /dev/shm; `files` the number of files in each.
        trees: what must stay readable though it lies in one of these.
    """
    uid, gid = os.getuid(), os.getgid()
    unshare(EVERY)
    prctl(PR_SET_DUMPABLE, 1)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount(None, "/", None, RECURSIVE | PRIVATE)
    for folder, size in (("/tmp", limits.disk), ("/dev/shm", limits.disk // 2)):
        _empty(folder, f"size={size},nr_inodes={limits.files},mode=700", trees)


def _empty(folder: str, options: str, trees: Sequence[str]) -> None:
    inside = [(tree, os.open(tree, os.O_PATH)) for tree in outermost(trees) if within(tree, folder)]
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, options)
    for tree, handle in inside:
        os.makedirs(tree, exist_ok=True)
        mount(f"/proc/self/fd/{handle}", tree, None, BIND | RECURSIVE)
        os.close(handle)


def own_proc() -> None:
    """Show only this world's processes in /proc; called by its process 1."""
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)

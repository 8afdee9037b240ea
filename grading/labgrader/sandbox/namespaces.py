"""A world of its own for each child: processes, network, IPC, an empty /tmp and /dev/shm with sizes.

The warm process owns a user namespace, so that it may make the others; a child drops these powers last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from labgrader.sandbox.records import SandboxLimits
from labgrader.sandbox.system import PR_SET_DUMPABLE, bind_back, check, libc, mount, prctl, unshare
from labgrader.sandbox.trees import outermost, within

NEW_USER, NEW_MOUNTS, NEW_PIDS, NEW_NET = 0x10000000, 0x20000, 0x20000000, 0x40000000
NEW_IPC, NEW_UTS, NEW_CGROUP = 0x8000000, 0x4000000, 0x2000000
RECURSIVE, PRIVATE, NOSUID, NODEV, NOEXEC = 16384, 1 << 18, 2, 4, 8
HOME = "/tmp"


def own_user_and_pids() -> None:
    """Make a user namespace with all powers in it, and have the next fork begin a process namespace in it."""
    uid, gid = os.getuid(), os.getgid()
    unshare(NEW_USER | NEW_MOUNTS | NEW_PIDS)
    prctl(PR_SET_DUMPABLE, 1)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount(None, "/", None, RECURSIVE | PRIVATE)


class World:
    """The namespaces of the warm process, made by process 1 of those that `own_user_and_pids` began."""

    def __init__(self) -> None:
        self._pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)

    def next_child_alone(self) -> None:
        """Have the next fork begin a process namespace."""
        unshare(NEW_PIDS)

    def back(self) -> None:
        """Have later forks stay in this process's own namespace."""
        check(libc().setns(self._pids, NEW_PIDS), "setns")

    def leave(self, limits: SandboxLimits, *, trees: Sequence[str]) -> None:
        """Leave every other namespace; called by a child, process 1 of its own.

        Args:
            limits: `disk` is the size of /tmp, half of it that of /dev/shm; `files` are the files in each.
            trees: what must stay readable though it lies in one of these.
        """
        unshare(NEW_MOUNTS | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP)
        for folder, size in ((HOME, limits.disk), ("/dev/shm", limits.disk // 2)):
            _empty(folder, f"size={size},nr_inodes={limits.files},mode=700", trees)
        mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)


def _empty(folder: str, options: str, trees: Sequence[str]) -> None:
    inside = [(tree, os.open(tree, os.O_PATH)) for tree in outermost(trees) if within(tree, folder)]
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, options)
    for tree, handle in inside:
        bind_back(handle, tree)
        os.close(handle)

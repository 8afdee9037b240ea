"""The two layers of the strongest tier: bubblewrap's world for the warm process, then one for each child.

Bubblewrap shows the readable trees only. In it the warm process owns a user namespace, so that it may make
the other namespaces for each child: processes, network, IPC, an empty /tmp and /dev/shm with sizes. A child
drops these powers last.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from labgrader.sandbox.records import SandboxLimits
from labgrader.sandbox.syscalls import (
    NEW_MOUNTS,
    NODEV,
    NOEXEC,
    NOSUID,
    PR_SET_DUMPABLE,
    PRIVATE,
    RECURSIVE,
    bind_back,
    check,
    libc,
    mount,
    prctl,
    unshare,
)
from labgrader.sandbox.trees import SYSTEM, outermost, within

NEW_USER, NEW_PIDS, NEW_NET = 0x10000000, 0x20000000, 0x40000000
NEW_IPC, NEW_UTS, NEW_CGROUP = 0x8000000, 0x4000000, 0x2000000
HOME = "/tmp/home"
PASSWD = f"student:x:1000:1000::{HOME}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
FILES = (
    ("/etc/passwd", PASSWD),
    ("/etc/group", "student:x:1000:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
)
LIBRARIES = ("/lib", "/lib32", "/lib64", "/bin", "/sbin")


def program() -> str | None:
    """Return the path of bubblewrap; None where it is not installed."""
    return shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")


def arguments(
    trees: Sequence[str], *, environment: dict[str, str], files: Sequence[tuple[str, bytes]] = ()
) -> tuple[list[str], list[int]]:
    """Return bubblewrap's arguments up to "--", and the open files they name.

    Args:
        trees: what is to be seen, read-only, in its place.
        environment: the only variables.
        files: more files to make, by path and content.
    """
    out = [f"--unshare-{kind}" for kind in ("user", "pid", "net", "ipc", "uts", "cgroup-try")]
    out += ["--hostname", "grader", "--uid", "1000", "--gid", "1000"]
    out += ["--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment.items():
        out += ["--setenv", name, value]
    out += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    out += ["--tmpfs", "/tmp", "--dir", HOME]
    for path in LIBRARIES:
        if os.path.islink(path):
            out += ["--symlink", os.readlink(path), path]
    for tree in trees:
        if not (tree in SYSTEM and os.path.islink(tree)):
            out += ["--ro-bind", tree, tree]
    handles = []
    for path, content in [*((path, text.encode()) for path, text in FILES), *files]:
        handle = os.memfd_create("sandbox")
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        handles.append(handle)
        out += ["--file", str(handle), path]
    return [*out, "--remount-ro", "/", "--chdir", HOME], handles


def command(arguments: Sequence[str]) -> tuple[list[str], int]:
    """Return a command line that reads the arguments from an open file: it shows in /proc/1/cmdline."""
    handle = os.memfd_create("arguments")
    os.write(handle, b"".join(os.fsencode(text) + b"\0" for text in arguments))
    os.lseek(handle, 0, os.SEEK_SET)
    return [program() or "bwrap", "--args", str(handle), "--"], handle


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
        for folder, size in (("/tmp", limits.disk), ("/dev/shm", limits.disk // 2)):
            _empty(folder, f"size={size},nr_inodes={limits.files},mode=700", trees)
        os.makedirs(HOME, 0o700, exist_ok=True)  # /tmp itself shows what must stay readable there
        mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)


def _empty(folder: str, options: str, trees: Sequence[str]) -> None:
    inside = [(tree, os.open(tree, os.O_PATH)) for tree in outermost(trees) if within(tree, folder)]
    mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, options)
    for tree, handle in inside:
        bind_back(handle, tree)
        os.close(handle)

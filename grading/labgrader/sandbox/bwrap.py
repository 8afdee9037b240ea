"""The first layer of the strongest tier: bubblewrap's arguments for a world with the readable trees only.

The warm process lives in it and imports; each child then leaves for a world of its own (`namespaces`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from labgrader.sandbox.trees import SYSTEM

PASSWD = "student:x:1000:1000::/tmp/home:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
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
    out += ["--tmpfs", "/tmp", "--dir", "/tmp/home"]
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
    return [*out, "--remount-ro", "/", "--chdir", "/tmp/home"], handles


def command(arguments: Sequence[str]) -> tuple[list[str], int]:
    """Return a command line that reads the arguments from an open file: it shows in /proc/1/cmdline."""
    handle = os.memfd_create("arguments")
    os.write(handle, b"".join(os.fsencode(text) + b"\0" for text in arguments))
    os.lseek(handle, 0, os.SEEK_SET)
    return [program() or "bwrap", "--args", str(handle), "--"], handle

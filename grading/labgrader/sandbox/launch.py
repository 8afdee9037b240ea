"""First steps in the new process: drop root, enter the first layer, part into warden and nursery."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from dataclasses import replace

from labgrader.sandbox import bwrap, landlock, nursery, processes, seal, trees, users
from labgrader.sandbox.lines import Lines
from labgrader.sandbox.records import SandboxError, Start, read_start
from labgrader.sandbox.syscalls import LINUX, PR_SET_CHILD_SUBREAPER, prctl
from labgrader.sandbox.trees import DEVICES, DEVICES_WRITABLE, KERNEL
from labgrader.sandbox.warden import Warden

INSIDE = "--inside"
A_DAY = 86400.0
# Python's isolated mode looks at no PYTHONPATH, and Landlock keeps it from searching a checkout's folders.
START = """
import json, sys
from importlib.util import spec_from_file_location
packages, folders = json.loads(sys.argv[1])
sys.path += [folder for folder in folders if folder not in sys.path]
class Packages:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in packages:
            return spec_from_file_location(name, packages[name] + "/__init__.py")
sys.meta_path.insert(0, Packages)
from labgrader.sandbox import launch
launch.main(sys.argv[2:])
"""


def command(*arguments: object) -> list[str]:
    """Return the command line of a Python that imports what this one imports, and calls `main`."""
    found = json.dumps([trees.packages(), trees.package_folders()])
    return [sys.executable, "-I", "-c", START, found, *map(str, arguments)]


def main(arguments: list[str]) -> None:
    """Enter the sandbox's first layer and serve.

    Args:
        arguments: the numbers of three open files: a stream socket for requests, the `Start` record,
            a handle of the trusted process (or -1); then "--inside" once bubblewrap has been passed.
    """
    control_fd, spec_fd, owner_fd = map(int, arguments[:3])
    start = read_start(spec_fd)
    if INSIDE not in arguments:
        processes.join_group(start.group)
        start = _step_down(start)
        os.ftruncate(spec_fd, 0)
        os.pwrite(spec_fd, start.dumps(), 0)
        if start.tier == "bwrap":
            _enter_bwrap(start, arguments[:3])
    os.close(spec_fd)
    if LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    if start.tier == "landlock":
        landlock.restrict(
            read=[*start.trees, *KERNEL, *DEVICES, "/proc"], write=[start.base, *DEVICES_WRITABLE]
        )
    _part(start, socket.socket(fileno=control_fd), owner_fd)


def _step_down(start: Start) -> Start:
    """Stop being root, keeping the way open to what must be read."""
    if start.uid is None:
        return start
    samples = [os.__file__, seal.__file__, sys.executable]
    keep = users.open_way(start.trees, base=start.base, samples=samples)
    users.become(start.uid, keep=keep)
    return replace(start, keep_capability=keep)


def _enter_bwrap(start: Start, fds: list[str]) -> None:
    """Replace this process by bubblewrap, which starts this module again inside."""
    if start.keep_capability is not None:
        raise SandboxError(
            "This Python's files are closed to other users, which bubblewrap cannot pass; "
            "install it where everybody may read it, or use the landlock tier."
        )
    environment = {**seal.common_environment(), "HOME": bwrap.HOME, "MPLCONFIGDIR": "/tmp/mpl"}
    files = [(os.path.join("/tmp/mpl", name), content) for name, content in nursery.font_list(start.base)]
    options, handles = bwrap.arguments(start.trees, environment=environment, files=files)
    around, handle = bwrap.command(options)
    for fd in [*handles, handle, *map(int, fds)]:
        if fd >= 0:
            os.set_inheritable(fd, True)
    os.execv(around[0], [*around, *command(*fds, INSIDE)])


def _part(start: Start, control: socket.socket, owner_fd: int) -> None:
    """Fork the nursery, wait until it is warm, and become the warden."""
    link, theirs = socket.socketpair()
    if hasattr(socket, "SO_PASSCRED"):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        link.close()
        if owner_fd >= 0:
            os.close(owner_fd)
        _nursery(start, theirs, warden)
    theirs.close()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lines = Lines(link)
    ready, _, _ = select.select([link, control], [], [])
    if link not in ready:  # the trusted side, which says nothing yet, has given up: the end of us all
        return
    record = lines.next(A_DAY) or {"error": "the warm process ended without a word"}
    control.sendall(json.dumps(record).encode() + b"\n")
    if "ready" in record:
        Warden(start, control, link, lines.sender or pid, owner_fd).run()


def _nursery(start: Start, link: socket.socket, warden: int) -> None:
    """Go on as the warm process, in the bwrap tier as process 1 of a world of its own."""
    try:
        seal.die_with_parent(warden)
        if start.tier == "bwrap":
            bwrap.own_user_and_pids()
            if os.fork():
                os._exit(0)  # the warden adopts the one inside; both end with bubblewrap's process 1
        nursery.main(start, link)
    finally:
        os._exit(1)

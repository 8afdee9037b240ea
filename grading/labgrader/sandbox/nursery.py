"""The warm process: inside the first layer of the sandbox, imports once, then forks a keeper for every child.

It runs no student code, and holds nothing a student may not see: it was started afresh, with an empty environment.
"""

from __future__ import annotations

import gc
import glob
import importlib
import json
import os
import select
import socket
import sys
import time

from labgrader.sandbox import keeper, landlock, tree
from labgrader.sandbox.records import SandboxError
from labgrader.sandbox.spec import Start, read_request, read_start
from labgrader.sandbox.system import LINUX, PR_SET_CHILD_SUBREAPER, prctl
from labgrader.sandbox.trees import DEVICES, DEVICES_WRITABLE, KERNEL

IDLE_MILLISECONDS = 5000
BUSY_MILLISECONDS = 100
LONGEST_REQUEST = 1 << 16
PATIENCE_SECONDS = 5.0


def main(control_fd: int, spec_fd: int, owner_fd: int) -> None:
    """Serve until the trusted side is gone.

    Args:
        control_fd: a stream socket; requests come with two sockets each (the child's and its status).
        spec_fd: an open file with the `Start` record.
        owner_fd: a handle of the trusted process (pidfd), or -1.
    """
    control = socket.socket(fileno=control_fd)
    try:
        start = read_start(spec_fd)
        os.close(spec_fd)
        if LINUX:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        if start.tier == "landlock":
            landlock.restrict(
                read=[*start.trees, *KERNEL, *DEVICES, "/proc"], write=[start.base, *DEVICES_WRITABLE]
            )
        _import(start)
        fonts = font_list(os.environ.get("MPLCONFIGDIR", "/nowhere"))
    except BaseException as error:
        control.sendall(json.dumps({"error": f"{type(error).__name__}: {error}"[:4000]}).encode() + b"\n")
        raise SystemExit(1) from error
    control.sendall(json.dumps({"ready": os.getpid()}).encode() + b"\n")
    _serve(control, start, owner_fd, fonts)


def _import(start: Start) -> None:
    for name in start.preload:
        importlib.import_module(name)
    keeper.find_entry(start.entry)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    if LINUX and (count := len(os.listdir("/proc/self/task"))) != 1:
        raise SandboxError(
            f"importing {', '.join(start.preload)} started {count - 1} threads; a fork needs none."
        )
    gc.collect()
    gc.freeze()


def font_list(folder: str) -> tuple[tuple[str, bytes], ...]:
    """Return matplotlib's font cache in a folder, so that no child's program searches the fonts again."""
    out = []
    for path in glob.glob(os.path.join(folder, "fontlist-*.json")):
        with open(path, "rb") as file:
            out.append((os.path.basename(path), file.read()))
    return tuple(out)


def _serve(control: socket.socket, start: Start, owner_fd: int, fonts: tuple[tuple[str, bytes], ...]) -> None:
    keepers: dict[int, str] = {}
    poller = select.poll()
    poller.register(control, select.POLLIN)
    if owner_fd >= 0:
        poller.register(owner_fd, select.POLLIN)
    me = os.pidfd_open(os.getpid()) if hasattr(os, "pidfd_open") else -1
    while True:
        events = poller.poll(BUSY_MILLISECONDS if keepers else IDLE_MILLISECONDS)
        _collect(keepers)
        if any(fd == owner_fd for fd, _ in events):
            break
        if not any(fd == control.fileno() for fd, _ in events):
            continue
        line, handles = _receive(control)
        if not line:
            break
        request = read_request(line)
        pid = os.fork()
        if pid == 0:
            control.close()
            keeper.keep(
                keeper.Post(
                    start,
                    request,
                    socket.socket(fileno=handles[0]),
                    socket.socket(fileno=handles[1]),
                    tuple(fd for fd in (owner_fd, me) if fd >= 0),
                    fonts,
                )
            )
        keepers[pid] = os.path.join(start.base, f"child-{request.number}")
        for fd in handles:
            os.close(fd)
    _end(keepers)


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    line, handles = b"", []
    while not line.endswith(b"\n"):
        part, fds, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
        if not part:
            return b"", []
        line += part
        handles += fds
    return line, handles


def _collect(keepers: dict[int, str]) -> None:
    """Reap keepers that are done; end and remove what one that died early has left."""
    ended: dict[int, int] = {}
    tree.reap(ended=ended)
    homes = {pid: keepers.pop(pid, None) for pid in ended}
    lost = [home for pid, home in homes.items() if home is None or ended[pid] != 0]
    if lost:
        tree.end_descendants(ended=ended, spare=frozenset(keepers))
        for home in filter(None, lost):
            tree.remove(home)


def _end(keepers: dict[int, str]) -> None:
    """Let the keepers finish (they see the trusted side gone too), then end everything."""
    ended: dict[int, int] = {}
    end = time.monotonic() + PATIENCE_SECONDS
    while tree.reap(ended=ended) and time.monotonic() < end:
        time.sleep(0.01)
    tree.end_descendants(ended=ended)
    for home in keepers.values():
        tree.remove(home)
    os._exit(0)

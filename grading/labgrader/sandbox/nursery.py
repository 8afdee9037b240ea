"""The warm process: inside the first layer of the sandbox, imports once, then forks every child.

It runs no student code, and holds nothing that a student may not see: it was started afresh, with an empty
environment.
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
from collections.abc import Callable

from labgrader.sandbox import honest, namespaces, newborn, seal, users
from labgrader.sandbox.records import SandboxError
from labgrader.sandbox.spec import Request, Start, read_request
from labgrader.sandbox.system import LINUX
from labgrader.sandbox.warden import close_all, receive


def main(start: Start, link: socket.socket) -> None:
    """Import, say so, and serve until the link is closed.

    Args:
        start: how the sandbox is made.
        link: to the warden.
    """
    try:
        world = namespaces.World() if start.tier == "bwrap" else None
        entry = _import(start)
        fonts = font_list(os.environ.get("MPLCONFIGDIR", "/nowhere"))
        if start.tier != "bwrap":
            honest.load_in_one_process()
    except BaseException as error:
        say(link, {"error": f"{type(error).__name__}: {error}"[:4000]})
        raise SystemExit(1) from error
    gc.collect()
    gc.freeze()
    say(link, {"ready": os.getpid()})
    _serve(link, newborn.Birth(start, entry, fonts, world))


def _import(start: Start) -> Callable[[socket.socket], object]:
    for name in start.preload:
        module, _, function = name.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    entry = find_entry(start.entry)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    if LINUX and (count := len(os.listdir("/proc/self/task"))) != 1:
        raise SandboxError(
            f"importing {', '.join(start.preload)} started {count - 1} threads; a fork needs none."
        )
    return entry


def find_entry(name: str) -> Callable[[socket.socket], object]:
    """Return the function that "module:function" names.

    Raises:
        SandboxError: there is none.
    """
    module, _, function = name.partition(":")
    try:
        found: Callable[[socket.socket], object] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SandboxError(
            f'The entry "{name}" cannot be found ({error}); expected "module:function".'
        ) from error
    return found


def font_list(folder: str) -> tuple[tuple[str, bytes], ...]:
    """Return matplotlib's font cache in a folder, so that no child's program searches the fonts again."""
    out = []
    for path in glob.glob(os.path.join(folder, "fontlist-*.json")):
        with open(path, "rb") as file:
            out.append((os.path.basename(path), file.read()))
    return tuple(out)


def say(link: socket.socket, record: dict[str, object]) -> None:
    """Send one record to the warden."""
    link.sendall(json.dumps(record).encode() + b"\n")


def _serve(link: socket.socket, birth: newborn.Birth) -> None:
    children: dict[int, tuple[int, int]] = {}  # handle: (process, number)
    poller = select.poll()
    poller.register(link, select.POLLIN)
    while True:
        for fd, _ in poller.poll(None if LINUX or not children else 50):
            if fd in children:
                pid, number = children.pop(fd)
                poller.unregister(fd)
                os.close(fd)
                _, status = os.waitpid(pid, 0)
                say(link, {"number": number, "ended": os.waitstatus_to_exitcode(status)})
        if not LINUX:
            _collect_by_waiting(link, children)
        if not select.select([link], [], [], 0)[0]:
            continue
        line, handles = receive(link)
        if not line:
            return
        request = read_request(line)
        pid = _fork(link, request, handles, birth)
        close_all(handles)
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -pid
        children[handle] = (pid, request.number)
        if handle >= 0:
            poller.register(handle, select.POLLIN)


def _collect_by_waiting(link: socket.socket, children: dict[int, tuple[int, int]]) -> None:
    for handle, (pid, number) in list(children.items()):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            del children[handle]
            say(link, {"number": number, "ended": os.waitstatus_to_exitcode(status)})


def _fork(link: socket.socket, request: Request, handles: list[int], birth: newborn.Birth) -> int:
    """Return the process number of a new child; in the child, never."""
    others = users.threads(os.getuid()) if LINUX else 0
    parent = os.getpid()
    if birth.world:
        birth.world.next_child_alone()
    pid = os.fork()
    if pid:
        if birth.world:
            birth.world.back()
        return pid
    try:
        say(link, {"number": request.number, "hello": os.getpid()})
        link.close()
        sock, status = seal.detach(socket.socket(fileno=handles[0]), socket.socket(fileno=handles[1]))
        newborn.live(birth, request, sock, status, others=others, parent=parent)
    finally:
        os._exit(1)

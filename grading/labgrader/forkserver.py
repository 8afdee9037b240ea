"""A trusted warm process: it imports once, runs nobody's code, and forks a fresh process for each request.

Run as `python -I -m labgrader.forkserver CONTROL_FD`. Each request comes with two sockets: the child's
own, and one on which the child says that it is ready, and this process, how it ended; a word on it, or its
end, kills the child.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from labgrader.messages import Hungup, receive, send
from labgrader.sandbox import pages, seal

LOOK_SECONDS = 1.0
LOOK_OFTEN_SECONDS = 0.02  # where the system does not tell of a child's end


@dataclass(frozen=True)
class Born:
    """One child: its process number, a handle of it or -1, and the socket of its keeper's words."""

    pid: int
    handle: int
    status: socket.socket


def main(control: socket.socket) -> None:
    """Import what the first message names, say so, and fork until the other end is gone.

    Args:
        control: to the process that asks.
    """
    gc.disable()
    try:
        start, _ = receive(control)
        for name in start["preload"]:
            importlib.import_module(name)
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)
    except BaseException as error:
        send(control, {"error": f"{type(error).__name__}: {error}"[:2000]})
        raise SystemExit(1) from error
    seal.freeze()
    send(control, {"ready": os.getpid()})
    children: dict[int, Born] = {}
    try:
        serve(control, children, owner=start["owner"])
    finally:
        for child in children.values():
            _kill(child)
        os._exit(0)  # nothing here is worth the second that Python takes to tidy up


def serve(control: socket.socket, children: dict[int, Born], *, owner: int) -> None:
    """Answer requests, pass on orders to kill, and report endings; return when the asking process is gone.

    Args:
        control: to the process that asks.
        children: those that live, by process number.
        owner: the process number of who asks.
    """
    forks = 0
    while os.getppid() == owner:
        told = {child.status.fileno(): child for child in children.values()}
        handles = [child.handle for child in children.values() if child.handle >= 0]
        often = len(handles) < len(children)
        watched = [control.fileno(), *told, *handles]
        ready, _, _ = select.select(watched, [], [], LOOK_OFTEN_SECONDS if often else LOOK_SECONDS)
        for fd, child in told.items():
            if fd in ready:
                _kill(child)
        for child in list(children.values()):
            if child.handle in ready or child.handle < 0 or child.status.fileno() in ready:
                _collect(child, children)
        if control.fileno() in ready:
            try:
                request, sockets = receive(control)
            except Hungup:
                return
            child = _fork(request, [socket.socket(fileno=fd) for fd in sockets], control)
            children[child.pid] = child
            forks += 1
            if forks == pages.WORTH_AFTER:
                pages.collapse()


def _collect(child: Born, children: dict[int, Born]) -> None:
    """Report a child that has ended, and everything of its session with it."""
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    if not pid:
        return
    del children[child.pid]
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    why = f"died: {signal.Signals(-code).name}" if code < 0 else ""
    with contextlib.suppress(OSError):
        end = {"why": why, "status": code, "clean": True}
        child.status.sendall(json.dumps({"end": end}).encode() + b"\n")
    child.status.close()
    if child.handle >= 0:
        os.close(child.handle)


def _kill(child: Born) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(child.pid, signal.SIGKILL)


def _fork(request: dict[str, Any], sockets: list[socket.socket], control: socket.socket) -> Born:
    """Return a new child; in the child, never."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            _live(request, *sockets, parent=parent)
        finally:
            os._exit(1)
    sockets[0].close()
    return Born(pid, os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1, sockets[1])


def _live(request: dict[str, Any], sock: socket.socket, status: socket.socket, *, parent: int) -> NoReturn:
    """Let go of everything of the parent's, say so, run the entry, exit."""
    sock, status = seal.detach(sock, status)
    seal.die_with_parent(parent)
    if request.get("home"):
        seal.settle(request["home"], seed=request["seed"])
    module, _, function = str(request["entry"]).partition(":")
    entry = getattr(importlib.import_module(module), function)
    status.sendall(json.dumps({"ready": os.getpid()}).encode() + b"\n")
    status.close()
    code = 1
    try:
        entry(sock)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(code & 0xFF)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))

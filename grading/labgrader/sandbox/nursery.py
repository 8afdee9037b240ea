"""The warm process: inside the first layer of the sandbox, imports once, then forks and seals every child.

It runs no student code, and holds nothing that a student may not see: it was started afresh, with an empty
environment.
"""

from __future__ import annotations

import functools
import gc
import glob
import importlib
import json
import os
import select
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from labgrader.sandbox import bwrap, pages, processes, seal
from labgrader.sandbox.lines import close_all, receive, say
from labgrader.sandbox.records import Request, SandboxError, Start, read_request
from labgrader.sandbox.syscalls import LINUX

NUM_WORKERS = 5  # its place among DataLoader's arguments after self
ONLY_WITH_WORKERS = (
    "num_workers",
    "timeout",
    "prefetch_factor",
    "persistent_workers",
    "multiprocessing_context",
    "worker_init_fn",
)


@dataclass(frozen=True)
class Birth:
    """What every child of a warm process has in common.

    Args:
        start: how the sandbox is made.
        entry: what the child runs.
        fonts: matplotlib's font cache, by file name.
        world: the namespaces of the warm process, in the bwrap tier.
    """

    start: Start
    entry: Callable[[socket.socket], object]
    fonts: tuple[tuple[str, bytes], ...]
    world: bwrap.World | None


def main(start: Start, link: socket.socket) -> None:
    """Import, say so, and serve until the link is closed.

    Args:
        start: how the sandbox is made.
        link: to the warden.
    """
    gc.disable()
    try:
        world = bwrap.World() if start.tier == "bwrap" else None
        entry = _import(start)
        fonts = font_list(os.environ.get("MPLCONFIGDIR", "/nowhere"))
        if start.tier != "bwrap":
            load_in_one_process()
    except BaseException as error:
        say(link, {"error": f"{type(error).__name__}: {error}"[:4000]})
        raise SystemExit(1) from error
    seal.freeze()
    say(link, {"ready": os.getpid()})
    _serve(link, Birth(start, entry, fonts, world))


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
    warm: Callable[[], object] | None = getattr(sys.modules[start.entry.partition(":")[0]], "warm", None)
    if warm:
        warm()
    if LINUX and (count := len(os.listdir("/proc/self/task"))) != 1:
        raise SandboxError(
            f"importing {', '.join([*start.preload, start.entry])} started {count - 1} threads; "
            "a fork needs none."
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


def _serve(link: socket.socket, birth: Birth) -> None:
    children: dict[int, tuple[int, int]] = {}  # handle: (process, number)
    poller = select.poll()
    poller.register(link, select.POLLIN)
    forks = 0
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
        forks += 1
        if forks == pages.WORTH_AFTER:
            pages.collapse()


def _collect_by_waiting(link: socket.socket, children: dict[int, tuple[int, int]]) -> None:
    for handle, (pid, number) in list(children.items()):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            del children[handle]
            say(link, {"number": number, "ended": os.waitstatus_to_exitcode(status)})


def _fork(link: socket.socket, request: Request, handles: list[int], birth: Birth) -> int:
    """Return the process number of a new child; in the child, never."""
    others = processes.threads(os.getuid()) if LINUX else 0
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
        live(birth, request, sock, status, others=others, parent=parent)
    finally:
        os._exit(1)


def load_in_one_process() -> None:
    """Have torch's DataLoader ignore `num_workers`: the same batches, in one process.

    Worker processes need POSIX semaphores and named sockets, which Landlock cannot hold to one folder, and
    which stay behind when their makers are killed.
    """
    data = sys.modules.get("torch.utils.data")
    if data is None:
        return
    plain = data.DataLoader.__init__

    @functools.wraps(plain)
    def init(self: Any, *args: Any, **options: Any) -> None:
        args = (*args[:NUM_WORKERS], 0, *args[NUM_WORKERS + 1 :]) if len(args) > NUM_WORKERS else args
        for name in ONLY_WITH_WORKERS:
            options.pop(name, None)
        plain(self, *args, **options)

    data.DataLoader.__init__ = init


def live(
    birth: Birth, request: Request, sock: socket.socket, status: socket.socket, *, others: int, parent: int
) -> NoReturn:
    """Seal this process, report that it is ready, run the entry, exit.

    Args:
        birth, request: what to become.
        sock: the child's socket.
        status: where to report; closed before any student code.
        others: processes and threads of the same user outside.
        parent: process number of the warm process.
    """
    start = birth.start
    home = os.path.join(start.base, f"child-{request.number}")
    try:
        seal.first_to_die()
        if birth.world:
            home = bwrap.HOME
            birth.world.leave(request.limits, trees=start.trees)
        seal.die_with_parent(None if birth.world else parent)
        files = [(os.path.join(".mpl", name), content) for name, content in birth.fonts]
        seal.settle(home, seed=request.seed, files=files)
        seal.confine(
            start.tier,
            limits=request.limits,
            trees=start.trees,
            home=home,
            others=others,
            mark=processes.mark(start.base),
            keep_capability=start.keep_capability,
        )
        report = {"ready": os.getpid()}
        status.sendall(json.dumps(report).encode() + b"\n")
        status.close()
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"[:2000]
        status.sendall(json.dumps({"error": text}).encode() + b"\n")
        os._exit(1)
    code = 1
    try:
        birth.entry(sock)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # nobody is left to tell: the other side sees the socket close
        code = 1
    finally:
        os._exit(code & 0xFF)

"""One keeper for each child: makes it, watches what it uses, and leaves nothing of it behind.

The keeper is a fork of the warm process, outside the child's seal, and adopts whatever the child's processes leave.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from labgrader.sandbox import namespaces, seal, tree, users, watch
from labgrader.sandbox.records import MIB, SandboxError, SandboxLimits
from labgrader.sandbox.spec import Request, Start
from labgrader.sandbox.system import LINUX, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl

POLL_SECONDS = 0.05
OWN_FILES = 16
SIGNALLED = 128


@dataclass(frozen=True)
class Post:
    """What a keeper holds.

    Args:
        start, request: what to make.
        sock: the child's end of its socket.
        status: where "ready" and the ending are reported; "end" arrives there.
        guards: process handles that become readable when the trusted side or the warm process is gone.
        font_list: matplotlib's font cache, by file name.
    """

    start: Start
    request: Request
    sock: socket.socket
    status: socket.socket
    guards: tuple[int, ...]
    font_list: tuple[tuple[str, bytes], ...]


def keep(post: Post) -> NoReturn:
    """Make the child, stay until it has ended or must, clean up, report, exit."""
    if LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    bwrap = post.start.tier == "bwrap"
    home = "/tmp" if bwrap else os.path.join(post.start.base, f"child-{post.request.number}")
    if not bwrap:
        os.mkdir(home, 0o700)
    others = users.threads(os.getuid()) if LINUX and not bwrap else 0
    base_rss = watch.usage([os.getpid()]).rss
    keeper = os.getpid()
    first = os.fork()
    if first == 0:
        try:
            _child(post, home, others, keeper)
        finally:
            os._exit(1)
    post.sock.close()
    why, ended = Watch(post.request.limits, home, base_rss, bwrap).run(post, first)
    by_itself = first in ended
    gone = tree.end_descendants(ended=ended)
    gone = (bwrap or tree.remove(home)) and gone
    status = ended.get(first)
    if bwrap and status is not None and status > SIGNALLED:
        status = SIGNALLED - status
    report = {"end": {"why": why or (_natural(status) if by_itself else ""), "status": status, "clean": gone}}
    try:
        post.status.sendall(json.dumps(report).encode() + b"\n")
    except OSError:
        pass
    os._exit(0 if gone else 3)


def _natural(status: int | None) -> str:
    """Return why a child ended that nobody ended, "" for an exit of its own."""
    if status is None or status >= 0:
        return ""
    number = -status
    if LINUX and number == signal.SIGXCPU:
        return "time: used all of its processor seconds"
    if number == signal.SIGKILL:
        return "memory: ended by the system, which probably ran out of memory"
    name = signal.Signals(number).name if number in iter(signal.Signals) else f"signal {number}"
    return f"died: {name}"


class Watch:
    """Compare what a child uses with its limits, again and again."""

    def __init__(self, limits: SandboxLimits, home: str, base_rss: int, bwrap: bool) -> None:
        self.limits = limits
        self.home = home
        self.base_rss = base_rss
        self.bwrap = bwrap
        self.began = time.monotonic()
        self.next_disk = 0.0

    def run(self, post: Post, first: int) -> tuple[str, dict[int, int]]:
        """Wait until the child has ended or must.

        Returns:
            Why it must end ("" when it ended by itself or was told to), and the children reaped so far.
        """
        ended: dict[int, int] = {}
        poller = select.poll()
        for fd in (post.status.fileno(), *post.guards):
            poller.register(fd, select.POLLIN)
        handle = _handle(first)
        if handle is not None:
            poller.register(handle, select.POLLIN)
        while True:
            events = poller.poll(POLL_SECONDS * 1000)
            tree.reap(ended=ended)
            if first in ended:
                return "", ended
            if any(fd != handle for fd, _ in events):
                return "", ended
            if why := self.exceeded():
                return why, ended

    def exceeded(self) -> str:
        """Return the limit that is passed, as a sentence beginning with its kind; "" when none is."""
        limits, pids = self.limits, watch.descendants(os.getpid())
        now = watch.usage(pids)
        if now.rss - self.base_rss > limits.memory:
            used = watch.proportional(pids)
            if used > limits.memory:
                return f"memory: used {used // MIB} MB, {limits.memory // MIB} MB are allowed"
        if now.tasks > limits.processes:
            return f"processes: started {now.tasks}, {limits.processes} are allowed at a time"
        if now.cpu > limits.cpu_seconds:
            return f"time: used {now.cpu:.0f} processor seconds, {limits.cpu_seconds} are allowed"
        if time.monotonic() - self.began > limits.wall_seconds:
            return f"time: ran for {limits.wall_seconds:g} s, the most that is allowed"
        return "" if self.bwrap else self._disk(pids)

    def _disk(self, pids: list[int]) -> str:
        began = time.monotonic()
        if began < self.next_disk:
            return ""
        found = watch.disk(self.home)
        hidden = watch.unlinked(self.home, pids, unknown=self.limits.file_size) if LINUX else 0
        took = time.monotonic() - began
        self.next_disk = began + min(1.0, max(0.1, 10 * took))
        if found.trouble:
            return f"disk: made {found.trouble}"
        if found.bytes + hidden > self.limits.disk:
            used = (found.bytes + hidden) // MIB
            return f"disk: wrote {used} MB, {self.limits.disk // MIB} MB are allowed"
        if found.files > self.limits.files + OWN_FILES:
            return f"disk: made {found.files} files, {self.limits.files} are allowed"
        return ""


def _handle(pid: int) -> int | None:
    """Return an open handle that becomes readable when the process ends; None where there are none."""
    return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None


def _child(post: Post, home: str, others: int, keeper: int) -> None:
    """Become the child: seal, report ready, run the entry, exit."""
    status = post.status
    try:
        seal.die_with_parent(keeper)
        sock, status = seal.detach(post.sock, post.status)
        seal.first_to_die()
        seed = post.request.seed
        files = [(os.path.join(".mpl", name), content) for name, content in post.font_list]
        entry = find_entry(post.start.entry)
        if post.start.tier == "bwrap":
            _into_namespaces(post, home, seed, files, (sock, status))
        else:
            seal.settle(home, seed=seed, files=files)
            _confine(post, home, others)
        status.sendall(json.dumps({"ready": os.getpid()}).encode() + b"\n")
        status.close()
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        status.sendall(json.dumps({"error": text[:2000]}).encode() + b"\n")
        os._exit(1)
    _run(entry, sock)


def _into_namespaces(
    post: Post, home: str, seed: int, files: list[tuple[str, bytes]], sockets: tuple[socket.socket, ...]
) -> None:
    """Return in the second process of a new world, sealed; its first process only waits for it.

    The process that makes the world stays outside and passes on how it ended.
    """
    keeper = os.getppid()
    namespaces.leave(post.request.limits, trees=post.start.trees)
    seal.die_with_parent(keeper)  # the new powers have cleared this
    first = os.fork()
    if first:
        _wait_for(first, sockets)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    namespaces.own_proc()
    seal.settle(home, seed=seed, files=files)
    _confine(post, home, 0)
    student = os.fork()
    if student:
        _wait_for(student, sockets)
    os.setsid()


def _wait_for(pid: int, sockets: tuple[socket.socket, ...]) -> NoReturn:
    """Reap every child until this one ends; exit as it did (128 + its signal)."""
    for sock in sockets:
        sock.close()
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else SIGNALLED - code)


def _confine(post: Post, home: str, others: int) -> None:
    start = post.start
    seal.confine(
        start.tier,
        limits=post.request.limits,
        trees=start.trees,
        home=home,
        others=others,
        keep_capability=start.keep_capability,
    )


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


def _run(entry: Callable[[socket.socket], object], sock: socket.socket) -> NoReturn:
    code = 1
    try:
        entry(sock)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # nobody is left to tell; the other side sees the socket close
        code = 1
    finally:
        os._exit(code & 0xFF)

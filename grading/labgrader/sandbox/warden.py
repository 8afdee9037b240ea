"""A small process above the warm one: passes requests on, watches the children, leaves nothing behind.

It is forked before anything heavy is imported, and adopts every process that a child's processes leave. One
that has lost its parent is killed at the next look, so that nothing can outlive its child by hiding.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from labgrader.sandbox import processes, sweep, watch
from labgrader.sandbox.lines import Lines, receive
from labgrader.sandbox.records import MIB, Request, Start, read_request

LOOK_SECONDS = 0.05
IDLE_SECONDS = 5.0
OWN_FILES = 16
MOST_SOCKETS = 200
CROWD = 8  # processes and threads, from which on a child must not take time from its neighbours


@dataclass
class Ward:
    """One child under watch; `pid` is 0 until it has said hello."""

    request: Request
    home: str
    status: socket.socket
    pid: int = 0
    told: bool = False
    why: str = ""
    began: float = field(default_factory=time.monotonic)
    next_disk: float = 0.0


class Warden:
    """The loop of the small process.

    Args:
        start: how the sandbox is made.
        control: to the trusted side: requests with two sockets each; closed means the end.
        link: to the warm process: requests go there; hellos and endings come back.
        nursery: process number of the warm process.
        owner_fd: a handle of the trusted process, or -1.
    """

    def __init__(
        self, start: Start, control: socket.socket, link: socket.socket, nursery: int, owner_fd: int
    ) -> None:
        self.start = start
        self.control = control
        self.link = link
        self.nursery = nursery
        self.wards: dict[int, Ward] = {}
        self.lines = Lines(link)
        self.bwrap = start.tier == "bwrap"
        self.poller = select.poll()
        self.fatal = [fd for fd in (owner_fd, _handle(nursery)) if fd >= 0]
        for fd in (control.fileno(), link.fileno(), *self.fatal):
            self.poller.register(fd, select.POLLIN)

    def run(self) -> None:
        """Serve until the trusted side or the warm process is gone, then end everything."""
        try:
            while self._once():
                pass
        finally:
            self._end_everything()

    def _once(self) -> bool:
        seconds = LOOK_SECONDS if self.wards else IDLE_SECONDS
        ready = {fd for fd, _ in self.poller.poll(seconds * 1000)}
        if ready & set(self.fatal):
            return False
        if self.link.fileno() in ready and not self._hear():
            return False
        if self.control.fileno() in ready and not self._take_request():
            return False
        for ward in self.wards.values():
            if ward.status.fileno() in ready:  # "end", or the other side is gone
                ward.told = True
                self.poller.unregister(ward.status)
        self._look()
        return True

    def _take_request(self) -> bool:
        line, handles = receive(self.control)
        if not line:
            return False
        request = read_request(line)
        home = "/tmp" if self.bwrap else os.path.join(self.start.base, f"child-{request.number}")
        if not self.bwrap:
            os.mkdir(home, 0o700)
        ward = Ward(request, home, socket.socket(fileno=os.dup(handles[1])))
        self.wards[request.number] = ward
        self.poller.register(ward.status, select.POLLIN)
        socket.send_fds(self.link, [line], handles)
        for fd in handles:
            os.close(fd)
        return True

    def _hear(self) -> bool:
        """Note what the warm process and new children say; False when it is gone."""
        while (record := self.lines.next(0)) is not None:
            ward = self.wards.get(record.get("number", -1))
            if ward is None:
                continue
            if "hello" in record:
                ward.pid = self.lines.sender or record["hello"]
            if "ended" in record:
                self._finish(ward, record["ended"])
        return not self.lines.ended

    def _look(self) -> None:
        strays = self._strays()
        base = watch.usage([self.nursery]).rss
        for ward in self.wards.values():
            if not ward.pid:
                continue
            mine = _with_below(ward.pid)
            mine |= {pid for pid in strays if len(self.wards) == 1 or processes.session(pid) == ward.pid}
            if not (ward.told or ward.why):
                crowd = len(mine) > CROWD
                with processes.still(partial(_with_below, ward.pid)) if crowd else nullcontext():
                    ward.why = self._exceeded(ward, list(mine), base)
                    if crowd:
                        processes.renice(mine, 19)
            if ward.told or ward.why:
                self._kill(ward)
        if strays:
            processes.end(self._strays)

    def _strays(self) -> set[int]:
        """Return every process that has lost its parent or taken on the warm one, with all that it started.

        Without those below them, a fork bomb would fill each place that the killing of its roots leaves, and
        on a busy machine outrun it.
        """
        roots = [pid for pid in processes.children(os.getpid()) if pid != self.nursery]
        known = {ward.pid for ward in self.wards.values()}
        if not self.bwrap and 0 not in known:  # 0: the warm process has one child of which we do not know yet
            others = [pid for pid in processes.children(self.nursery) if pid not in known]
            roots += filter(processes.alive, others)
        return {*roots, *(pid for root in roots for pid in processes.descendants(root))}

    def _kill(self, ward: Ward) -> None:
        """End its processes, all of them even where the first one's end is the others'.

        That one may have stepped back, and would wait for its turn behind a fork bomb of its own.
        """
        processes.stop_and_kill(partial(_with_below, ward.pid))

    def _finish(self, ward: Ward, status: int) -> None:
        """Make sure that nothing is left of a child that has ended, and report."""
        del self.wards[ward.request.number]
        if not ward.told:
            self.poller.unregister(ward.status)
        gone = processes.end(self._strays)
        gone = (self.bwrap or sweep.remove(ward.home)) and gone
        why = ward.why or ("" if ward.told else natural(status))
        self._report(ward, {"why": why, "status": status, "clean": gone})

    def _report(self, ward: Ward, ending: dict[str, object]) -> None:
        try:
            ward.status.sendall(json.dumps({"end": ending}).encode() + b"\n")
        except OSError:  # nobody is listening any more
            ward.told = True
        ward.status.close()

    def _exceeded(self, ward: Ward, pids: list[int], base_rss: int) -> str:
        """Return the limit that is passed, as a sentence beginning with its kind; "" when none is."""
        limits, now = ward.request.limits, watch.usage(pids)
        if now.tasks > limits.processes:
            return f"processes: started {now.tasks}, {limits.processes} are allowed at a time"
        if now.rss - base_rss > limits.memory:
            used = watch.proportional(pids)
            if used > limits.memory:
                return f"memory: used {used // MIB} MB, {limits.memory // MIB} MB are allowed"
        if now.cpu > limits.cpu_seconds:
            return f"time: used {now.cpu:.0f} processor seconds, {limits.cpu_seconds} are allowed"
        if time.monotonic() - ward.began > limits.wall_seconds:
            return f"time: ran for {limits.wall_seconds:g} s, the most that is allowed"
        return self._holdings(ward, pids)

    def _holdings(self, ward: Ward, pids: list[int]) -> str:
        """Return what is too much of sockets and, where the folder has no size of its own, of the disk."""
        began, limits = time.monotonic(), ward.request.limits
        if began < ward.next_disk:
            return ""
        hidden = watch.hidden(ward.home, pids, unknown=limits.file_size)
        found = watch.Disk(0, 0) if self.bwrap else watch.disk(ward.home)
        ward.next_disk = began + min(1.0, max(0.1, 10 * (time.monotonic() - began)))
        if hidden.sockets > MOST_SOCKETS:
            return f"memory: opened {hidden.sockets} sockets, {MOST_SOCKETS} are allowed"
        if hidden.trouble:
            return f"memory: made {hidden.trouble}"
        if self.bwrap:
            return ""
        if found.trouble:
            return f"disk: made {found.trouble}"
        used = found.bytes + hidden.bytes
        if used > limits.disk:
            return f"disk: wrote {used // MIB} MB, {limits.disk // MIB} MB are allowed"
        if found.files > limits.files + OWN_FILES:
            return f"disk: made {found.files} files, {limits.files} are allowed"
        return ""

    def _end_everything(self) -> None:
        processes.stop_and_kill(lambda: set(processes.descendants(os.getpid())))
        processes.end(lambda: set(processes.descendants(os.getpid())))
        for ward in self.wards.values():
            gone = self.bwrap or sweep.remove(ward.home)
            self._report(ward, {"why": ward.why, "status": None, "clean": gone})


def _with_below(pid: int) -> set[int]:
    return {pid, *processes.descendants(pid)}


def natural(status: int) -> str:
    """Return why a child ended that nobody ended; "" for an exit of its own.

    Example:
        >>> natural(-11)
        'died: SIGSEGV'
    """
    if status >= 0:
        return ""
    number = -status
    if number == signal.SIGXCPU:
        return "time: used all of its processor seconds"
    if number == signal.SIGKILL:
        return "died: SIGKILL, its own or the system's, which may have run out of memory"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return f"died: {name}"


def _handle(pid: int) -> int:
    return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1

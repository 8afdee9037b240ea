"""The trusted warm process as the grader sees it: start it once, fork a process for every submission."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from labgrader.messages import Hungup, receive, send
from labgrader.sandbox import Child, SandboxError, seal
from labgrader.sandbox.lines import Lines

FORK_SECONDS = 30.0
END_SECONDS = 5.0


class ForkServer:
    """A process of our own that has imported what tests need and forks on request; none of it is sealed.

    Args:
        preload: modules to import once; none of them may start a thread.
        start_seconds: the longest that it may take to start.

    Example:
        >>> server = ForkServer(("torch",), start_seconds=60)  # doctest: +SKIP
        >>> with server.fork("labgrader.tester:serve") as child:  # doctest: +SKIP
        ...     child.sock.sendall(b"hello")
    """

    def __init__(self, preload: Sequence[str], *, start_seconds: float) -> None:
        self.preload = tuple(preload)
        self.start_seconds = start_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None
        self._ready = False

    @property
    def pid(self) -> int:
        """Its process number; 0 when there is none."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process unless it runs, without waiting for it; `fork` does so too."""
        with self._lock:
            self._ensure()

    def fork(self, entry: str, **more: Any) -> Child:
        """Ask for a process that runs an entry; `Child.wait_ready` says when it does.

        Args:
            entry: "module:function", called with the child's socket.
            more: `home` and `seed`, for one that starts in a folder of its own with settled random numbers.

        Raises:
            SandboxError: neither this warm process nor a second one could be asked.
        """
        with self._lock:
            for last in (False, True):
                self._ensure()
                try:
                    return self._ask({"entry": entry, **more})
                except Hungup as error:
                    reason = self._last_words() or str(error)
                    self._close()
                    if last:
                        raise SandboxError(f"The process for tests did not start: {reason}.") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the process and all that it forked."""
        with self._lock:
            self._close()

    def _ensure(self) -> None:
        if self.alive:
            return
        self._close()
        self._control, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "labgrader.forkserver", str(theirs.fileno())],
                env=environment(os.environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        with contextlib.suppress(Hungup):  # the first `fork` finds out why
            send(self._control, {"preload": self.preload})

    def _ask(self, request: dict[str, Any]) -> Child:
        assert self._control is not None
        if not self._ready:
            record, _ = receive(self._control, self.start_seconds)
            if "ready" not in record:
                raise Hungup(str(record.get("error", "it said nothing")))
            self._ready = True
        ours, theirs = socket.socketpair()
        status, keepers = socket.socketpair()
        child = Child(ours, Lines(status))
        with theirs, keepers:
            try:
                send(self._control, request, [theirs.fileno(), keepers.fileno()])
            except Hungup:
                child.abandon()
                raise
        return child

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            if not self._ready:
                self._process.kill()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._errors is not None:
            self._errors.close()
        self._process, self._control, self._errors, self._ready = None, None, None, False

    def _last_words(self) -> str:
        if self._errors is None or self._process is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else ""


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the trusted process starts with: of ours, only where home and caches are.

    Example:
        >>> sorted(set(environment({"HOME": "/h", "TOKEN": "t"})) & {"HOME", "TOKEN"})
        ['HOME']
    """
    kept = ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "LD_LIBRARY_PATH")
    return {**{name: ours[name] for name in kept if name in ours}, **seal.common_environment()}

"""The trusted side's view of one sealed child."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from types import TracebackType
from typing import Any

from labgrader.sandbox.lines import Lines
from labgrader.sandbox.records import Ending, SandboxError
from labgrader.sandbox.syscalls import LINUX

LONG_ENOUGH = 30.0


class Child:
    """A sealed process that runs the entry with the other end of `sock`.

    Args:
        sock: ours.
        status: the keeper's line to us.

    Example:
        >>> with zygote.fork() as child:  # doctest: +SKIP
        ...     child.sock.sendall(b"hello")
    """

    def __init__(self, sock: socket.socket, status: Lines) -> None:
        self.sock = sock
        self.pid = 0
        self._status = status
        self._handle: int | None = None
        self._ending: Ending | None = None
        self._killed = ""
        self._lock = threading.Lock()

    def wait_ready(self, seconds: float) -> None:
        """Wait until the child is sealed.

        Raises:
            SandboxError: it could not be sealed, or not in time.
        """
        record = self._status.next(seconds)
        if record is not None and "ready" in record:
            self.pid = (self._status.sender if LINUX else None) or int(record["ready"])
            self._handle = _handle(self.pid)
            return
        if record is None:
            reason = "the warm process is gone" if self._status.ended else f"no answer in {seconds:g} s"
        else:
            self._note(record)
            reason = str(record.get("error") or self.why() or record)
        raise SandboxError(f"A sealed process could not be made: {reason}.")

    def interrupt(self) -> None:
        """Send SIGINT, the notebook's stop button, to the child's first process."""
        if self._handle is not None:
            try:
                signal.pidfd_send_signal(self._handle, signal.SIGINT)
            except OSError:
                return
        elif self.pid and not LINUX:
            os.kill(self.pid, signal.SIGINT)

    def kill(self, why: str = "") -> None:
        """Have the child and all of its processes killed; `why` is remembered unless a limit came first.

        Returns at once; `close` or `ending` wait until they are gone.
        """
        if self._ending is None:
            self._killed = self._killed or why
            try:
                self._status.sock.sendall(b"end\n")
            except OSError:
                return

    def why(self, seconds: float = 0.0) -> str:
        """Return why the child was ended or died; "" while it lives and after an exit of its own.

        It begins with "memory:", "processes:", "disk:", "time:" or "died:", or is what `kill` was given.

        Args:
            seconds: wait so long for the ending first; useful when the socket has just closed.
        """
        ending = self.ending(seconds)
        return ending.why if ending else ""

    def ending(self, seconds: float = 0.0) -> Ending | None:
        """Return how the child ended; None when it has not within `seconds`."""
        deadline = time.monotonic() + seconds
        with self._lock:  # the warm process's owner and the child's may ask at the same time
            while self._ending is None:
                record = self._status.next(max(0.0, deadline - time.monotonic()))
                if record is not None:
                    self._note(record)
                elif self._status.ended:
                    self._ending = Ending(self._killed or "died: the keeper is gone", None, clean=False)
                else:
                    return None
            return self._ending

    def close(self) -> Ending:
        """Kill what still runs, wait until no process and no file of it is left, close the socket.

        Returns:
            How it ended; `clean` is False when its keeper could not see everything gone.
        """
        self.kill()
        ending = self.ending(LONG_ENOUGH) or Ending(
            self._killed or "died: not gone in time", None, clean=False
        )
        self._ending = ending
        self.sock.close()
        self._status.sock.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        return ending

    def abandon(self) -> None:
        """Close both sockets without waiting; a keeper that lives sees that and cleans up."""
        self.sock.close()
        self._status.sock.close()

    def _note(self, record: dict[str, Any]) -> None:
        end = record.get("end")
        if isinstance(end, dict):
            why = str(end.get("why") or "")
            self._ending = Ending(why or self._killed, end.get("status"), clean=bool(end.get("clean")))

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _handle(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # it has ended already
        return None


def released(sock: socket.socket, *, seconds: float = 2.0) -> bool:
    """True when no process holds the other end of a socket any more."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            sock.settimeout(max(0.01, deadline - time.monotonic()))
            if not sock.recv(1 << 16):
                return True
    except TimeoutError:
        return False
    except OSError:
        return True
    return False

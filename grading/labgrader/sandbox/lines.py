"""Lines of JSON from a stream socket, with a deadline, a longest length, and the sender's process number."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterable
from typing import Any

LONGEST = 1 << 16
LONGEST_REQUEST = 1 << 16
CREDENTIALS = struct.Struct("iII")


class Lines:
    """Read records from a socket whose other end is trusted but may die.

    Args:
        sock: a stream socket; with SO_PASSCRED set, each record tells who sent it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.waiting = b""
        self.ended = False
        self.sender: int | None = None

    def next(self, seconds: float) -> dict[str, Any] | None:
        """Return the next record; None when the time is up or the other end is closed (`ended` is True)."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.waiting:
            if self.ended or not self._more(max(0.0, deadline - time.monotonic())):
                return None
        line, _, self.waiting = self.waiting.partition(b"\n")
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        return record if isinstance(record, dict) else {}

    def _more(self, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        if not poller.poll(seconds * 1000):
            return False
        try:
            data, ancillary, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
        except OSError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", -1):
                self.sender = CREDENTIALS.unpack_from(content)[0]
        if not data or len(self.waiting) > LONGEST:
            self.ended = True
            return False
        self.waiting += data
        return True


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Return one line and the open files that came with it; an empty line when the other end is gone."""
    line = b""
    handles: list[int] = []
    while not line.endswith(b"\n"):
        try:
            part, fds, _, _ = socket.recv_fds(sock, LONGEST_REQUEST, 2)
        except OSError:
            part, fds = b"", []
        if not part:
            close_all(handles)
            return b"", []
        line += part
        handles += fds
    return line, handles


def say(link: socket.socket, record: dict[str, object]) -> None:
    """Send one record to the warden."""
    link.sendall(json.dumps(record).encode() + b"\n")


def close_all(handles: Iterable[int]) -> None:
    """Close open files by number."""
    for fd in handles:
        os.close(fd)

"""The student's process: an IPython shell and the student's objects, asked over one socket.

Student code can change anything in this process. Every bound here only keeps honest work tidy; the trusted
side checks again.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import Any

from . import shell as shells
from .channel import Channel
from .errors import SessionLost
from .limits import Limits
from .remote import StudentPeer, unknown
from .streams import Collector


def serve(sock: socket.socket, limits: Limits | None = None) -> None:
    """Answer the trusted side until it hangs up.

    Args:
        sock: a connected stream socket.
        limits: bounds; the same as the trusted side's.
    """
    limits = limits or Limits()
    shell = shells.start_shell(Collector(limits))

    def lookup(name: str) -> Any:
        if name not in shell.user_ns:
            raise unknown(name)
        return shell.user_ns[name]

    peer = StudentPeer(
        Channel(sock, limits),
        limits,
        lookup,
        {
            "run": lambda source: shells.run_cell(shell, source),
            "printed": lambda: shells.printed(shell),
            "ping": lambda: True,
        },
    )
    peer.shield = 1
    signal.signal(signal.SIGINT, peer.on_interrupt)
    with contextlib.suppress(SessionLost):
        peer.serve()

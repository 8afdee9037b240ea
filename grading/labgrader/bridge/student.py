"""The student's process: an IPython shell and the student's objects, asked over one socket.

Student code can change anything in this process. Every bound here only keeps honest work tidy; the trusted
side checks again.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import socket
from typing import Any

import torch

from . import shell as shells
from .channel import Channel
from .errors import SessionLost
from .limits import Limits
from .remote import StudentPeer, unknown

REHEARSAL = (
    "1",
    "1/0",
    "import matplotlib.pyplot as plt, numpy as np; plt.plot([1, 2]); plt.title('a'); plt.show()",
    "import torch; w = torch.nn.Conv2d(1, 1, 2); o = torch.optim.SGD(w.parameters(), 0.1)",
    "w(torch.ones(1, 1, 3, 3)).sum().backward(); o.step(); o.zero_grad()",
)


def warm() -> None:
    """Import and use once what nearly every notebook needs, in a process that then forks for each submission.

    No student code runs. The namespace, streams and descriptors stay as they were; torch keeps to one
    thread, because a process with more must not fork.
    """
    torch.set_num_threads(1)
    importlib.import_module("matplotlib.pyplot")
    shells.rehearse(shells.make_shell(Limits()), REHEARSAL)


def serve(sock: socket.socket, limits: Limits | None = None) -> None:
    """Answer the trusted side until it hangs up.

    Args:
        sock: a connected stream socket.
        limits: bounds; the same as the trusted side's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The first call after a fork makes torch's pool anew, without a lock: it must not come from two threads.
    torch.set_num_threads(torch.get_num_threads())
    limits = limits or Limits()
    shell = shells.make_shell(limits)
    shells.redirect(shell)

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
    peer.own.shield = 1
    signal.signal(signal.SIGINT, peer.on_interrupt)
    with contextlib.suppress(SessionLost):
        peer.serve()

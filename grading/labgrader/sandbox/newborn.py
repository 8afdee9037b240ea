"""From a plain fork to a sealed child that runs the entry."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from labgrader.sandbox import namespaces, seal
from labgrader.sandbox.spec import Request, Start


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
    world: namespaces.World | None


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
            home = namespaces.HOME
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

"""The process that runs one submission's tests; it holds the hidden inputs, and never the student's code.

The student's process is at the other end of a socket; `labgrader.bridge` carries plain data between the two.
"""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from labgrader.bridge.errors import SessionLost
from labgrader.bridge.limits import Limits
from labgrader.bridge.runs import Failure
from labgrader.bridge.tester import Session
from labgrader.messages import Hungup, receive, send
from labgrader.sandbox.seal import reseed

_TEXT = 200


def serve(link: socket.socket) -> None:
    """Do what the grader orders until it hangs up.

    Args:
        link: to the grader. Its first message comes with the socket to the student's process, and has
            `limits` (of `labgrader.bridge`), `secrets` (what `secret(exercise)` returns), `names` (which a
            test may get from the student, or None) and `memory`.
    """
    start, handles = receive(link)
    student = socket.socket(fileno=handles[0])
    _prepare(start)
    with Session(
        student, Limits(**start["limits"]), interrupt=lambda: send(link, {"interrupt": True})
    ) as session:
        while True:
            try:
                order, _ = receive(link)
                send(link, answer(session, order, start))
            except Hungup:
                return


def answer(session: Session, order: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Do one thing and say what came of it.

    Args:
        session: with the student's process.
        order: `do` is "cell" (the student's), "setup" (the instructor's, here) or "test"; `source`, `seconds`
            and `room`, the characters of output to keep.
        told: `secrets` and `names`.

    Returns:
        `lost`, the reason, where the student's process is gone; else what the run left.
    """
    start = time.monotonic()
    source, seconds = order["source"], order["seconds"]
    session.limits = replace(session.limits, output_bytes=order.get("room", session.limits.output_bytes))
    try:
        if order["do"] == "setup":
            return {"failed": [str(each) for each in session.run_setup(source, seconds)]}
        if order["do"] == "cell":
            run = session.run_cell(source, seconds)
            return {**_ended(run.error, late=run.timed_out, seconds=run.seconds), "outputs": run.outputs}
        secret = told["secrets"].__getitem__
        test = session.run_test(source, seconds, names={"secret": secret}, student=told["names"])
    except SessionLost as error:
        return {"lost": str(error), "deaf": session.peer.in_grace, "seconds": time.monotonic() - start}
    late = test.error is not None and test.error.name == "TimeUp"
    return {
        **_ended(test.error, late=late, seconds=test.seconds),
        "value": None if test.error else plain_value(test.value),
        "printed": test.printed,
        "said": test.stdout,
    }


def plain_value(value: Any) -> float | str | None:
    """Return the points that a test's last value stands for: a number, None, or what else it is, in words.

    Example:
        >>> plain_value(3), plain_value(None), plain_value("full"), plain_value([2.0])
        (3.0, None, "'full'", 'a list')
    """
    numpy = sys.modules.get("numpy")
    numbers = (int, float) if numpy is None else (int, float, numpy.integer, numpy.floating)
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, numbers):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return repr(value[:_TEXT]) if type(value) is str else f"a {type(value).__name__}"


def _ended(error: Failure | None, *, late: bool, seconds: float) -> dict[str, Any]:
    return {"error": asdict(error) if error else None, "late": late, "seconds": seconds}


def _prepare(start: Mapping[str, Any]) -> None:
    """Begin random numbers afresh, as the secrets say, and bound this process's memory."""
    seed = int.from_bytes(hashlib.sha256(repr(sorted(start["secrets"].items())).encode()).digest()[:4])
    reseed(seed)
    gc.collect(0)
    if hasattr(resource, "RLIMIT_DATA") and sys.platform == "linux":
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (now + start["memory"],) * 2)
    os.umask(0o077)

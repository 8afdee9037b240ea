"""The two processes of one submission: the student's, sealed, and the one that runs the tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from labgrader.messages import Hungup, receive, send
from labgrader.policy import Policy
from labgrader.sandbox import Child, SandboxError

PATIENCE = 15.0  # seconds beyond all deadlines of its own that the trusted process gets on a busy machine
_WHY_SECONDS = 5.0
_GONE = ("The other process", "The connection")
_TIME_UP = "deaf"


class PairLost(Exception):  # noqa: N818
    """One of the two processes is gone; the message is a reason that the student may read, or "deaf"."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds

    @property
    def deaf(self) -> bool:
        """Whether it was ended because it did not stop in time."""
        return str(self) == _TIME_UP


class Pair:
    """A student's process and a test process that are connected with each other.

    Args:
        student: the sealed process.
        tester: the process that runs `labgrader.tester`.
        told: what only the tester is told: `secrets` and `names` of `labgrader.tester`.
        policy: the limits.
        end: ends both and removes what they leave.

    Raises:
        SandboxError: the processes could not be made; they are ended.
    """

    def __init__(
        self,
        student: Child,
        tester: Child,
        *,
        told: Mapping[str, Any],
        policy: Policy,
        end: Callable[[], None],
    ) -> None:
        self.student, self.tester, self.policy, self.close = student, tester, policy, end
        self._first = policy.start_seconds
        limits = {
            "outputs": 200,
            "output_bytes": policy.cell_output,
            "image_bytes": int(policy.image_bytes * 1.4),
            "start": policy.start_seconds,
            "grace": policy.grace_seconds,
        }
        start = {**told, "limits": limits, "memory": policy.memory}
        try:
            send(tester.sock, start, [student.sock.fileno()])
            student.sock.close()  # theirs alone from now on: each sees the other's end
        except Hungup as error:
            self.close()
            raise SandboxError(f"The process for tests ended at once: {error}.") from error

    def ask(self, what: str, source: str, *, seconds: float, room: int) -> dict[str, Any]:
        """Have a cell or a test run, and return what `labgrader.tester.answer` says came of it.

        Args:
            what: "cell", "setup" or "test".
            source: its code.
            seconds: the time that it gets.
            room: the characters of output to keep.

        Raises:
            PairLost: nothing came of it, and both are of no more use.
        """
        start = time.monotonic()
        until = start + seconds + 4 * self.policy.grace_seconds + PATIENCE + self._first
        self._first = 0.0
        try:
            send(self.tester.sock, {"do": what, "source": source, "seconds": seconds, "room": room})
            while True:
                reply, _ = receive(self.tester.sock, max(until - time.monotonic(), 0.1))
                if "interrupt" not in reply:
                    break
                self.student.interrupt()
        except Hungup:
            reason = self.student.why() or "the test ended without a verdict"
            raise PairLost(_in_words(reason), time.monotonic() - start) from None
        if "lost" in reply:
            raise PairLost(self._why(str(reply["lost"]), deaf=bool(reply["deaf"])), float(reply["seconds"]))
        return reply

    def _why(self, lost: str, *, deaf: bool) -> str:
        """Return why the student's process is of no more use."""
        if deaf:
            return _TIME_UP
        ending = self.student.ending(_WHY_SECONDS if lost.startswith(_GONE) else 0.0)
        if ending is None:
            return lost[:1].lower() + lost[1:].rstrip(".")
        if ending.why:
            return _in_words(ending.why)
        return f"the student's process ended while it ran (exit code {ending.status})"


def _in_words(why: str) -> str:
    """Return a sandbox's reason as part of a sentence.

    Example:
        >>> _in_words("memory: used 3000 MB, 2048 MB are allowed")
        "the student's process was ended: it used 3000 MB, 2048 MB are allowed (memory)"
        >>> _in_words("died: SIGSEGV")
        "the student's process died while it ran (SIGSEGV)"
    """
    kind, colon, rest = why.partition(": ")
    if kind == "died" and colon:
        return f"the student's process died while it ran ({rest})"
    if kind in ("memory", "processes", "disk", "time") and colon:
        return f"the student's process was ended: it {rest} ({kind})"
    return why

"""What one grading process keeps warm: a sandbox and a trusted process, which fork for each submission.

They are made when the first submission comes, serve all that follow, and end with their process.
"""

from __future__ import annotations

import os
import pkgutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import util
from typing import Any

from labgrader.forks import FORK_SECONDS, ForkServer
from labgrader.isolation import resolved
from labgrader.pair import Pair
from labgrader.policy import Policy
from labgrader.sandbox import SandboxError, SandboxLimits, SandboxPolicy, Zygote, sweep
from labgrader.sandbox.records import PRELOAD
from labgrader.sandbox.syscalls import LINUX

LIBRARIES = ("torchvision", "tqdm", "ipywidgets")
PROGRAMS = ("cli", "doctor", "handin", "lookover", "pdf")  # what no lab imports
STUDENT = "labgrader.bridge.student:serve"
REHEARSAL = "labgrader.bridge.student:warm"
TESTER = "labgrader.tester:serve"


class Warm:
    """Two warm processes, from which the two processes of every submission are forked.

    Args:
        policy: its tier and what is to stay hidden; limits are those of each submission.
    """

    def __init__(self, policy: Policy) -> None:
        self.users = 0
        self.tier = policy.tier
        modules = (*PRELOAD, *LIBRARIES, *lab_modules())
        self.trusted = ForkServer((*modules, "labgrader.tester"), start_seconds=policy.start_seconds)
        self.zygote: Zygote | None = None
        if policy.tier == "none":
            sweep.sweep()
        else:
            self.zygote = Zygote(
                policy.tier,
                SandboxPolicy(
                    limits=sandbox_limits(policy),
                    entry=STUDENT,
                    preload=(*modules, REHEARSAL),
                    readable=policy.readable,
                    hidden=policy.hidden,
                    start_seconds=policy.start_seconds,
                ),
            )

    def start(self) -> None:
        """Start both at the same time."""
        self.trusted.start()
        if self.zygote is not None:
            self.zygote.start()

    @property
    def alive(self) -> bool:
        """Whether both run."""
        return self.trusted.alive and (self.zygote is None or self.zygote.alive)

    def pair(self, policy: Policy, *, told: Mapping[str, Any], seed: int) -> Pair:
        """Return the two processes of one submission, fresh.

        Args:
            policy: the limits.
            told: what only the process for tests is told: `secrets` and `names` of `labgrader.tester`.
            seed: of the student's random numbers.

        Raises:
            SandboxError: this machine cannot make them.
        """
        try:
            return self._pair(policy, told, seed)
        except SandboxError:  # a warm process may just have died, and its successor can do it
            return self._pair(policy, told, seed)

    def _pair(self, policy: Policy, told: Mapping[str, Any], seed: int) -> Pair:
        tester = self.trusted.fork(TESTER)
        with ExitStack() as undo:
            undo.callback(tester.close)
            if self.zygote is not None:
                student = self.zygote.fork(limits=sandbox_limits(policy), seed=seed)
                undo.callback(student.close)
            else:
                base, hold = sweep.make_base(in_memory=False)
                undo.callback(_remove, base, hold)
                student = self.trusted.fork(STUDENT, home=base, seed=seed)
                undo.callback(student.close)
                student.wait_ready(FORK_SECONDS)
            undo.callback(tester.kill)  # first, so that both end at the same time
            undo.callback(student.kill)
            tester.wait_ready(FORK_SECONDS)
            pair = Pair(student, tester, told=told, policy=policy, end=undo.pop_all().close)
        return pair

    def close(self) -> None:
        """End both and everything forked from them."""
        self.trusted.close()
        if self.zygote is not None:
            self.zygote.close()


def _remove(base: str, hold: int) -> None:
    """End what still works in a folder, and remove the folder."""
    if LINUX:
        sweep.end_of(base)
    sweep.remove(base)
    os.close(hold)


def lab_modules() -> tuple[str, ...]:
    """Return the modules of labkit that a lab's cells import.

    Example:
        >>> {"labkit.check", "labkit.plot"} <= set(lab_modules())
        True
    """
    import labkit

    found = (module.name for module in pkgutil.iter_modules(labkit.__path__))
    return tuple(f"labkit.{name}" for name in found if name not in PROGRAMS)


def sandbox_limits(policy: Policy) -> SandboxLimits:
    """Return what the sandbox is to allow one submission."""
    return SandboxLimits(
        memory=policy.memory,
        processes=policy.processes,
        disk=policy.disk,
        file_size=policy.file_size,
        cpu_seconds=int(2 * policy.submission_seconds) + 10,
        wall_seconds=policy.submission_seconds + 60,
    )


@dataclass
class _Kept:
    """The one thing that this module remembers: what this process keeps warm, and for which settings."""

    process: int = 0
    settings: tuple[object, ...] = ()
    warm: Warm | None = None


_lock = threading.Lock()
_kept = _Kept()


@contextmanager
def warm(policy: Policy) -> Iterator[Warm]:
    """Yield this process's warm processes for a policy, started if there are none yet.

    Args:
        policy: its isolation is tried out first, unless it has its tier.

    Raises:
        IsolationError: the isolation cannot be had here.
        SandboxError: the processes do not start.
    """
    policy = resolved(policy)
    settings = (policy.tier, policy.hidden, policy.readable, policy.disk)
    with _lock:
        if _kept.process != os.getpid():  # the first time, or a copy of a process that had some
            _kept.process, _kept.warm = os.getpid(), None
            util.Finalize(None, close, exitpriority=100)
        if _kept.warm is None or _kept.settings != settings:
            _let_go()
            _kept.settings, _kept.warm = settings, Warm(policy)
        mine = _kept.warm
        mine.users += 1
        try:
            mine.start()
        except BaseException:
            mine.users -= 1
            _let_go()
            raise
    try:
        yield mine
    finally:
        with _lock:
            mine.users -= 1
            if mine is not _kept.warm and not mine.users:
                mine.close()


def close() -> None:
    """End what this process keeps warm; the next submission starts it anew."""
    with _lock:
        if _kept.process == os.getpid() and _kept.warm is not None:
            _kept.warm.close()
            _kept.warm = None


def _let_go() -> None:
    """Keep no longer what is kept; who still uses it ends it."""
    if _kept.warm is not None and not _kept.warm.users:
        _kept.warm.close()
    _kept.warm = None

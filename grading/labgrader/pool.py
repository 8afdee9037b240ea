"""Processes that grade: they end with the process that started them, and clean up when asked to end."""

from __future__ import annotations

import concurrent.futures as cf
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait

from labgrader.grade import Result, grade
from labgrader.lab import Lab
from labgrader.marker import stamp
from labgrader.policy import Policy

_GRACE = 5  # seconds in which a process that has to end may clean up


@contextmanager
def processes(jobs: int) -> Iterator[cf.Executor]:
    """Yield an executor of own processes; an exception in the block, such as Ctrl-C, ends them at once.

    Args:
        jobs: how many processes.
    """
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    # Its helpers start with `python -c`, which would import from the folder that the command was given in.
    os.environ["PYTHONSAFEPATH"] = "1"
    if method == "forkserver":
        context.set_forkserver_preload(["labgrader.pool"])  # imports once, for all workers
    before = set(multiprocessing.active_children())
    pool = cf.ProcessPoolExecutor(jobs, mp_context=context, initializer=_start)
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@dataclass(frozen=True)
class Finished:
    """A graded submission on its way back: the result, its notebook stamped, and how long it took."""

    result: Result
    seconds: float


def grade_stamped(notebook: bytes, lab: Lab, policy: Policy) -> Finished:
    """Return what `grade` does, with the stamp in the notebook, so that who records it has little to do."""
    start = time.monotonic()
    result = grade(notebook, lab, policy)
    return Finished(replace(result, notebook=stamp(result, lab, policy)), time.monotonic() - start)


def _start() -> None:
    """Prepare a worker: Ctrl-C is the coordinator's, SIGTERM cleans up, and no worker outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Wait for the parent's end, then end this process, first gently: a task in hand removes its kernel."""
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)

"""Who grades, and how a class is taken through them: refilled at once, lost work done again."""

from __future__ import annotations

import concurrent.futures as cf
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from labgrader.graded import Graded
from labgrader.interrupt import Interrupt
from labgrader.plan import content
from labgrader.pool import Finished, grade_stamped, processes
from labgrader.recorder import Recorder

POLL_SECONDS = 5.0  # between two looks at whether a cluster still has workers
Waiting = dict["cf.Future[Finished]", str]


@dataclass(frozen=True)
class Workers:
    """Who grades.

    Args:
        count: how many submissions are graded at the same time.
        executor: runs the calls of `grade`; None for own processes.
        lost: says why no result can come any more, "" while one can.
    """

    count: int = 1
    executor: cf.Executor | None = None
    lost: Callable[[], str] = field(default=str)


def graded(todo: deque[str], record: Recorder, workers: Workers, interrupt: Interrupt) -> Iterator[Graded]:
    """Grade submissions; yield each once it is recorded, or cannot be graded.

    Whatever was in hand when a process was lost is graded again, one at a time in a process that grades
    nothing else meanwhile: so one that ends its process costs nobody else. An executor that is given looks
    after its own, as Dask does.

    Args:
        todo: the students, taken from as work is handed out; one is left only after Ctrl-C.
        record: records the results.
        workers: who grades.
        interrupt: true when somebody asked to stop.
    """
    fruitless = 0
    while todo and not interrupt:
        lost: deque[str] = deque()
        fruitless += 1
        for entry in _through(todo, record, workers, interrupt):
            if entry.state == "ended" and workers.executor is None:
                lost.append(entry.student)
            else:
                fruitless = 0 if entry.state == "graded" else fruitless
                yield entry
        while lost and not interrupt:
            for entry in _through(lost, record, Workers(), interrupt, ahead=0):
                fruitless = 0 if entry.state == "graded" else fruitless
                yield entry
        if todo and not interrupt and (workers.executor or fruitless == 2):
            error = "the executor is broken" if workers.executor else "no grading process lives long enough"
            yield from (record.failed(student, error) for student in todo)
            todo.clear()


def _through(
    todo: deque[str], record: Recorder, workers: Workers, interrupt: Interrupt, *, ahead: int | None = None
) -> Iterator[Graded]:
    """Take submissions through one pool until all are done, or the pool is broken.

    Args:
        todo: the students.
        record: records the results.
        workers: who grades.
        interrupt: true when somebody asked to stop.
        ahead: how many are handed out beyond those at work, so that nobody waits while results are recorded;
            default: one for each at work.
    """
    waiting: Waiting = {}
    window = workers.count + (workers.count if ahead is None else ahead)
    broken = False
    with _pool(workers, len(todo)) as pool:
        while True:
            try:
                while todo and len(waiting) < window and not (broken or interrupt):
                    future = _submitted(pool, todo[0], record)
                    waiting[future] = todo.popleft()
            except cf.BrokenExecutor:
                broken = True
            interrupt.in_hand = len(waiting)
            if not waiting:
                return
            ready = cf.wait(waiting, timeout=POLL_SECONDS, return_when=cf.FIRST_COMPLETED).done
            if not ready and (why := workers.lost()):
                yield from (record.failed(student, why) for student in [*waiting.values(), *todo])
                todo.clear()
                return
            results, others = _sorted({future: waiting.pop(future) for future in ready}, record)
            broken = broken or any(entry.state == "ended" for entry in others)
            yield from others
            if results:
                yield from record(results)


def _pool(workers: Workers, count: int) -> AbstractContextManager[cf.Executor]:
    if workers.executor is not None:
        return nullcontext(workers.executor)
    return processes(min(workers.count, count))


def _submitted(pool: cf.Executor, student: str, record: Recorder) -> cf.Future[Finished]:
    return pool.submit(
        grade_stamped, content(record.course, student, record.lab.name), record.lab, record.policy
    )


def _sorted(
    ready: Mapping[cf.Future[Finished], str], record: Recorder
) -> tuple[list[tuple[str, Finished]], list[Graded]]:
    """Return the results, and the entries of those without one."""
    results, others = [], []
    for future, student in ready.items():
        try:
            results.append((student, future.result()))
        except (cf.BrokenExecutor, cf.CancelledError):
            error = "its process was ended from outside (out of memory?)"
            others.append(record.failed(student, error, state="ended"))
        except Exception as problem:  # a fault of the machine leaves it ungraded
            others.append(record.failed(student, f"{type(problem).__name__}: {problem}"))
    return results, others

"""Classes graded by `labgrade grade --cluster`: two Dask workers against one, and one killed.

Scheduler, workers and coordinator are processes of their own, started as an instructor starts them.
Efficiency is the submissions a minute of two workers over twice those of one, in turn, once a third of the
class is done (all are warm by then): of a class of 30 with an honest lab, and of small submissions, the
toy lab and one figure. One worker's processes, left alone, keep more than one processor busy with small
submissions, which two of them cannot both have: how many are busy is printed, and the workers run with a
processor each too, as on machines of their own. The coordinator's memory is read from outside as 1,000 go by.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from alternate import machine
from bench_grading import hand_in, our_course
from kill_runs import LAB, ROOT, copy_of, finish, grade, rows, toy_course
from labgrader.course import Course

MIB = 1 << 20


@dataclass(frozen=True)
class Seen:
    """One run, once warm: submissions a minute, processors busy, and the coordinator's MiB as it goes on."""

    rate: float
    busy: float
    memory: tuple[tuple[int, float], ...]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=200, help="in each run of two workers against one")
    parser.add_argument("--lab", default="01_convolution", help="that a class of 30 hands in")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--isolation", default="auto")
    arguments = parser.parse_args()
    options = ["--isolation", arguments.isolation]
    print(machine("distributed", "nbgrader", "torch", "labkit"), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT.parent) as folder:
        course, solved = our_course(Path(folder) / "lab", arguments.lab)
        hand_in(course, arguments.lab, solved, 30)
        small = toy_course(Path(folder) / "small", arguments.pairs, kinds=("figure",))
        for fresh, lab, own in ((course, arguments.lab, False), (small, LAB, False), (small, LAB, True)):
            efficiency(fresh, Path(folder), lab=lab, own=own, rounds=arguments.rounds, options=options)
        whole = toy_course(Path(folder) / "whole", arguments.students, kinds=("figure",))
        memory(whole, Path(folder), options=options)
        killed(small, Path(folder), options=options)


def efficiency(fresh: Course, folder: Path, *, lab: str, own: bool, rounds: int, options: list[str]) -> None:
    """Print the submissions a minute of one worker and of two, in turn.

    Args:
        fresh: the course, copied for each run.
        folder: where to work.
        lab: what is graded.
        own: whether each worker has a processor of its own.
        rounds: how many runs of each.
        options: of `labgrade grade`.
    """
    print(f"{count_of(fresh)} of {lab}, workers {'with a processor each' if own else 'left alone'}:")
    runs: dict[int, list[Seen]] = {1: [], 2: []}
    for _ in range(rounds):
        for count, found in runs.items():
            with cluster(count, own=own) as (address, _):
                course = copy_of(fresh, folder / "run")
                found.append(watched(course, [*options, "--cluster", address], count_of(fresh), lab=lab))
                shutil.rmtree(course.root)
    for count, found in runs.items():
        rates = [seen.rate for seen in found]
        busy = statistics.median(seen.busy for seen in found)
        spread = f"{min(rates):.0f}-{max(rates):.0f}, n={len(rates)}"
        name = f"{count} worker{'s' * (count > 1)}"
        print(f"  {name:9s} {statistics.median(rates):6.1f} a minute ({spread}), {busy:.2f} processors busy")
    one, two = (statistics.median(seen.rate for seen in found) for found in runs.values())
    load = os.getloadavg()[0]
    print(f"  efficiency {two / (2 * one):.2f}; load {load:.1f}, {os.cpu_count()} cores", flush=True)


def memory(fresh: Course, folder: Path, *, options: list[str]) -> None:
    """Print the coordinator's memory as a class goes on."""
    total = count_of(fresh)
    with cluster(2) as (address, _):
        course = copy_of(fresh, folder / "memory")
        seen = watched(course, [*options, "--cluster", address], total)
        graded = {student for student, *_ in rows(course)[0]}
        shutil.rmtree(course.root)
    print(f"{len(graded)} of {total} recorded, {seen.rate:.0f} a minute; coordinator's MiB: ", end="")
    print(", ".join(f"{megabytes:.0f} at {done}" for done, megabytes in seen.memory), flush=True)


def killed(fresh: Course, folder: Path, *, options: list[str]) -> None:
    """Kill one of two workers midway; the gradebook must be that of an undisturbed run."""
    books = []
    for kill in (False, True):
        course = copy_of(fresh, folder / f"kill-{kill}")
        with cluster(2) as (address, workers):
            run = grade(course, [*options, "--cluster", address])
            while kill and done(course) < count_of(fresh) // 2 and run.poll() is None:
                time.sleep(0.05)
            if kill:
                worker = max(workers[0].children(recursive=True), key=lambda each: each.memory_info().rss)
                worker.kill()
            finish(run)
        books.append(rows(course))
        shutil.rmtree(course.root)
    total, students = count_of(fresh), {student for student, *_ in books[1][0]}
    print(
        f"one worker killed after {total // 2}: {len(students)} of {total} recorded, "
        f"gradebook {'the same' if books[0] == books[1] else 'DIFFERENT'}, "
        f"{'no row twice' if len(set(books[1][0])) == len(books[1][0]) else 'ROWS TWICE'}"
    )


@contextmanager
def cluster(workers: int, *, own: bool = False) -> Iterator[tuple[str, list[psutil.Process]]]:
    """Start a scheduler and workers, each with its `own` processor; yield its address and their nannies."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    command = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    found = [subprocess.Popen(command, **quiet)]  # type: ignore[call-overload]
    try:
        for number in range(workers):
            command = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard"]
            found.append(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
            if own:
                os.sched_setaffinity(found[-1].pid, {sorted(os.sched_getaffinity(0))[-1 - number]})
        wait_for(address, workers)
        yield address, [psutil.Process(each.pid) for each in found[1:]]
    finally:
        for each in reversed(found):
            each.send_signal(signal.SIGTERM)
        for each in found:
            each.wait(60)


def wait_for(address: str, workers: int) -> None:
    """Wait until the workers are there, and warm: the first submission starts what a worker keeps."""
    from distributed import Client

    with Client(address, timeout=60) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(workers, timeout=120)  # type: ignore[no-untyped-call]


def watched(course: Course, options: list[str], total: int, *, lab: str = LAB) -> Seen:
    """Run `labgrade grade` and look at it from outside."""
    run = grade(course, options, lab=lab)
    process = psutil.Process(run.pid)
    marks = [round(total * tenth / 10) for tenth in range(1, 11)]
    memory: list[tuple[int, float]] = []
    first = last = begun_busy = last_busy = 0.0
    count = begun = 0
    while run.poll() is None:
        now = done(course)
        if now >= total / 3 and not first:
            first, begun, begun_busy = time.monotonic(), now, _busy()
        if now != count:
            count, last, last_busy = now, time.monotonic(), _busy()
        while marks and count >= marks[0]:
            memory.append((marks.pop(0), _rss(process)))
        time.sleep(0.2)
    finish(run)
    seconds = last - first
    return Seen(60 * (count - begun) / seconds, (last_busy - begun_busy) / seconds, tuple(memory))


def _busy() -> float:
    """Return the seconds that all processors of this machine have been at work."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def _rss(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / MIB
    except psutil.NoSuchProcess:
        return 0.0


def done(course: Course) -> int:
    """Return how many submissions have been recorded, or are just being written: one look, so often."""
    folder = course.root / "autograded"
    return len(os.listdir(folder)) if folder.is_dir() else 0


def count_of(course: Course) -> int:
    return len(os.listdir(course.root / "submitted"))


if __name__ == "__main__":
    main()

"""Where the time of one submission goes: timers around the grader's own steps, put there from outside."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

BARE = """
import contextlib, io, json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
import torch, matplotlib, labkit.check
torch.set_num_threads(1)
matplotlib.use("agg")
cells = json.load(open(sys.argv[1]))
shell = InteractiveShell.instance()
shell.run_cell("%matplotlib inline", silent=True)
shell.user_ns["secret"] = lambda name: "a constant"
import labkit.plot, labkit.explore, labkit.plot_conv, labkit.plot_layers
times = []
for _ in range(2):
    start = time.perf_counter()
    with capture_output():
        for source in cells:
            shell.run_cell(source)
    times.append(time.perf_counter() - start)
print(times[-1])
"""


def bare_seconds(solved: dict[str, Any], lab: Any) -> float:
    """Return how long a solved notebook takes in a warm process without a grader, hidden tests included."""
    tests = {cell.name: cell.source for cell in lab.tests}
    sources = []
    for cell in solved["cells"]:
        if cell["cell_type"] == "code":
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            sources.append(tests.get(name, "".join(cell["source"])))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(sources, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", BARE, file.name], capture_output=True, text=True, check=True
        )
    return float(done.stdout.split()[-1])


def breakdown(course: Any, lab_name: str, solved: dict[str, Any], policy: Any, *, rounds: int) -> None:
    """Print the median seconds of each step of a submission that is graded and recorded in this process."""
    from labgrader import grade as grading
    from labgrader import pool, recorder
    from labgrader.config import load
    from labgrader.lab import Lab
    from labgrader.warm import Warm, close
    from nbgrader.api import Gradebook

    lab = Lab.from_gradebook(course, lab_name)
    spent: dict[str, list[float]] = defaultdict(list)
    steps = (
        ("start: two processes forked and sealed", Warm, "pair"),
        ("read and sanitise", grading, "rebuild"),
        ("run the cells and tests", grading, "execute"),
        ("make the notebook to show", grading, "executed_notebook"),
        ("stamp it", pool, "stamp"),
        ("gradebook and notebook written", recorder.Recorder, "__call__"),
    )
    content = json.dumps(solved).encode()
    with Gradebook(course.db_url) as gradebook, timers(steps, spent):
        record = recorder.Recorder(course, lab, policy, gradebook, load(course))
        pool.grade_stamped(content, lab, policy)
        spent.clear()
        for number in range(rounds):
            start = time.perf_counter()
            finished = pool.grade_stamped(content + b" " * number, lab, policy)
            record([(f"b{number:02d}", finished)])
            spent["all of it"].append(time.perf_counter() - start)
            cells = dict(finished.result.seconds)
            spent["  in the student's cells and tests"].append(sum(cells.values()))
            spent["  the slowest of them"].append(max(cells.values()))
    close()
    for name in ("all of it", *(name for name, _, _ in steps)):
        print(f"  {name:42s} {statistics.median(spent[name]):7.3f} s")
        if name.startswith("run"):
            for inner in ("  in the student's cells and tests", "  the slowest of them"):
                print(f"  {inner:42s} {statistics.median(spent[inner]):7.3f} s")
    whole = statistics.median(spent["all of it"])
    inside = statistics.median(spent["  in the student's cells and tests"])
    print(f"  {'beyond the cells and tests':42s} {whole - inside:7.3f} s")


@contextmanager
def timers(steps: tuple[tuple[str, Any, str], ...], spent: dict[str, list[float]]) -> Iterator[None]:
    """Time the named functions while the block runs."""
    before = [(place, name, getattr(place, name)) for _, place, name in steps]
    for label, place, name in steps:
        setattr(place, name, timed(getattr(place, name), _adder(spent, label)))
    try:
        yield
    finally:
        for place, name, function in before:
            setattr(place, name, function)


def _adder(spent: dict[str, list[float]], label: str) -> Callable[[float], None]:
    return lambda seconds: spent[label].append(seconds)


def timed(function: Callable[..., Any], add: Callable[[float], None]) -> Callable[..., Any]:
    """Return a function that also tells how long it took."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            add(time.perf_counter() - start)

    return wrapper

"""How long each lab's solution runs, as in JupyterLab, against the `run_seconds` that its master promises.

python bench/bench_labs.py [LAB...]: medians of 3; exit 1 if a lab takes longer than it promises.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import nbformat
from alternate import machine
from labgrader.course import Course
from labgrader.masters import Master, read_masters, solution_notebook
from nbclient import NotebookClient

COURSE = Course(Path(__file__).parents[1] / "grading")


def seconds(master: Master) -> float:
    """Run a solution in a fresh kernel."""
    notebook = nbformat.from_dict(solution_notebook(master))
    start = time.perf_counter()
    NotebookClient(notebook, timeout=600, kernel_name="python3", extra_arguments=["--log-level=40"]).execute()
    return time.perf_counter() - start


def main() -> int:
    """Time the labs that are named, or all."""
    print(machine())
    late = 0
    for master in read_masters(COURSE, tuple(sys.argv[1:])):
        times = sorted(seconds(master) for _ in range(3))
        late += median(times) > master.run_seconds
        print(
            f"{master.lab:<18} {median(times):5.1f} s of {master.run_seconds:g} s promised "
            f"({times[0]:.1f} to {times[2]:.1f})",
            flush=True,
        )
    return 1 if late else 0


if __name__ == "__main__":
    raise SystemExit(main())

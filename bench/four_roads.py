"""The demo's class graded by every road: the gradebooks must be the same, row by row.

The roads: `nbgrader autograde` with labkit's configuration, `labgrade grade` with one process and with two, a
Dask cluster of two workers, and such a cluster whose coordinator is killed midway and started again.

    python bench/four_roads.py 01_convolution 02_pooling
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from alternate import machine
from bench_cluster import cluster
from kill_runs import ROOT, copy_of, finish, rows
from labgrader.course import Course
from nbgrader.api import Gradebook


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labs", nargs="*", help="default: the demo's")
    labs = parser.parse_args().labs
    print(machine("nbgrader", "distributed", "labkit"), flush=True)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory(prefix="roads-", dir=ROOT.parent) as folder:
        fresh = ungraded(Path(folder) / "fresh", labs)
        first: tuple[list[Any], list[Any]] = ([], [])
        differing = 0
        for name, road in ROADS.items():
            start = time.monotonic()
            found = graded(fresh, Path(folder) / "course", road)
            first = first if any(first) else found
            differing += found != first
            same = "the same" if found == first else "DIFFERENT"
            seconds = f"{time.monotonic() - start:.0f} s"
            print(
                f"{name:34s} {len(found[0])} marks, {len(found[1])} comments, {seconds}: {same}", flush=True
            )
            for ours, theirs in zip(found, first, strict=True):
                for row in sorted(set(ours) ^ set(theirs), key=repr)[:10]:
                    print(f"    {row}")
    print(f"load {os.getloadavg()[0]:.1f}")
    raise SystemExit(bool(differing))


def ungraded(root: Path, labs: Sequence[str]) -> Course:
    """Run the demo and take back all that it graded."""
    out = subprocess.run(
        [sys.executable, "-m", "labgrader", "demo", *labs, "--course", str(ROOT / "grading"), "--out", root],
        capture_output=True,
        text=True,
        check=False,
    )
    if out.returncode:
        raise SystemExit(f"The demo failed:\n{out.stdout}\n{out.stderr}")
    course = Course(root)
    for step in ("autograded", "feedback"):
        shutil.rmtree(root / step, ignore_errors=True)
    with Gradebook(course.db_url) as gradebook:
        for lab in [assignment.name for assignment in gradebook.assignments]:
            for student in [each.student.id for each in gradebook.assignment_submissions(lab)]:
                gradebook.remove_submission(lab, student)
    return course


def graded(fresh: Course, root: Path, road: Callable[[Course, str], None]) -> tuple[list[Any], list[Any]]:
    """Return the rows of the gradebook after every lab went down a road, timestamps of grading aside."""
    course = copy_of(fresh, root)
    for lab in labs_of(course):
        road(course, lab)
    found = rows(course)
    shutil.rmtree(root)
    return found


def labs_of(course: Course) -> list[str]:
    return sorted({path.parent.name for path in course.root.glob("submitted/*/*/*.ipynb")})


def autograde(course: Course, lab: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", lab],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"nbgrader autograde {lab} failed:\n{done.stderr[-3000:]}")


def run(course: Course, lab: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "labgrader", "grade", lab, *options, "--course", str(course.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def own(jobs: int) -> Callable[[Course, str], None]:
    """Return the road of some processes of our own."""
    return lambda course, lab: finish(run(course, lab, "--jobs", str(jobs)))


def dask(course: Course, lab: str) -> None:
    with cluster(2) as (address, _):
        finish(run(course, lab, "--cluster", address))


def dask_killed(course: Course, lab: str) -> None:
    """Kill the coordinator once half of the class is on record, and start it again."""
    half = len(course.handed_in(lab)) // 2
    with cluster(2) as (address, _):
        first = run(course, lab, "--cluster", address)
        while first.poll() is None and len(list(course.root.glob(f"autograded/*/{lab}/{lab}.ipynb"))) < half:
            time.sleep(0.02)
        first.kill()
        first.communicate()
        left = len(list(course.root.glob(f"autograded/*/{lab}/{lab}.ipynb")))
        print(f"  {lab}: killed with {left} of {len(course.handed_in(lab))} on record", flush=True)
        finish(run(course, lab, "--cluster", address))


ROADS: dict[str, Callable[[Course, str], None]] = {
    "nbgrader autograde": autograde,
    "labgrade grade --jobs 1": own(1),
    "labgrade grade --jobs 2": own(2),
    "Dask, two workers": dask,
    "Dask, killed midway and run again": dask_killed,
}

if __name__ == "__main__":
    main()

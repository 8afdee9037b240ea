"""A class of honest Lab 1 submissions: `labgrade grade`, isolated, against stock `nbgrader autograde`.

Stock is nbgrader as it comes: its own preprocessors and kernels, no settings but the folder, on a course made
from the same source; only `secret(...)`, which it does not have, is a constant there. Each run is a whole
command, from the start of its process to its end. Every submission has comments of its own, so that no
two files are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from alternate import alternate, machine
from breakdown import bare_seconds, breakdown
from labgrader.config import load
from labgrader.course import Course
from labgrader.isolation import resolved, sentence
from labgrader.madeup import solve
from labgrader.release import release

ROOT = Path(__file__).parents[1]
CONFIG = "from labgrader.config import configure\n\nc = get_config()\nconfigure(c)\n"
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Rival:
    """A prepared course, the command that grades it, and how many submissions a run has."""

    course: Course
    command: list[str]
    students: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", default="01_convolution")
    parser.add_argument("--students", type=int, default=30, help="in a run of ours")
    parser.add_argument("--stock", type=int, default=8, help="in a run of stock nbgrader")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--isolation", default="auto")
    arguments = parser.parse_args()
    print(machine("nbgrader", "torch", "ipykernel", "labkit"), flush=True)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT.parent) as folder:
        measure(Path(folder), arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    lab = arguments.lab
    ours, solved = our_course(folder / "ours", lab)
    stock = stock_course(folder / "stock", ours, lab)
    command = [sys.executable, "-m", "labgrader", "grade", lab, "--jobs", str(arguments.jobs)]
    command += ["--isolation", arguments.isolation]
    rivals = {
        "labgrade grade": Rival(ours, [*command, "--course", str(ours.root)], arguments.students),
        "nbgrader autograde": Rival(
            stock, [sys.executable, "-m", "nbgrader", "autograde", lab], arguments.stock
        ),
    }
    policy = resolved(load_policy(ours, arguments.isolation))
    print(sentence(policy), flush=True)
    alternate(
        {"warm the file cache": lambda: run(rivals["labgrade grade"], lab, solved, students=2)}, rounds=1
    )
    seconds = alternate(
        {name: (lambda rival=rival: run(rival, lab, solved)) for name, rival in rivals.items()},
        rounds=arguments.rounds,
    )
    each = {name: [s / rivals[name].students for s in runs] for name, runs in seconds.items()}
    base = statistics.median(each["nbgrader autograde"])
    for name, runs in each.items():
        median = statistics.median(runs)
        print(
            f"{name:20s} {rivals[name].students:3d} a run  median {60 / median:6.1f} submissions a minute, "
            f"{median:.2f} s each ({min(runs):.2f}-{max(runs):.2f}, n={len(runs)})  {base / median:.2f}x"
        )
    print(f"load now {os.getloadavg()[0]:.1f}; {psutil.cpu_count()} cores, {arguments.jobs} jobs")
    bare = bare_seconds(solved, lab_of(ours, lab))
    print(
        f"\nThe limit: the notebook's own cells and tests in one warm process, no isolation: {bare:.2f} s, so"
    )
    for name, runs in each.items():
        beyond = statistics.median(runs) - bare / (arguments.jobs if name.startswith("labgrade") else 1)
        print(f"  {name:20s} {beyond:6.2f} s a submission beyond it")
    print(f"\nWhere the time of one submission goes, one at a time (median of {arguments.rounds + 2}):")
    breakdown(ours, lab, solved, policy, rounds=arguments.rounds + 2)


def our_course(root: Path, lab: str) -> tuple[Course, Notebook]:
    """Make a course of ours; return it and the solved notebook."""
    (root / "masters").mkdir(parents=True)
    shutil.copy(ROOT / "grading" / "masters" / f"{lab}.py", root / "masters")
    (root / "nbgrader_config.py").write_text(CONFIG)
    course = Course(root)
    release(course, (lab,), repo="", out=root / "notebooks")
    released = json.loads((root / "notebooks" / f"{lab}.ipynb").read_text())
    return course, solve(released, json.loads(course.notebook("source", ".", lab).read_text()))


def stock_course(root: Path, ours: Course, lab: str) -> Course:
    """Make a stock nbgrader course from our source, with constants for the secrets."""
    source = ours.notebook("source", ".", lab).read_text()
    notebook = Course(root).notebook("source", ".", lab)
    notebook.parent.mkdir(parents=True)
    source = re.sub(r"secret\(\\\"([\w-]+)\\\"\)", r"\"a constant: \1\"", source)
    notebook.write_text(re.sub(r"### (BEGIN|END) MARK SCHEME", "", source))  # stock wants these in tasks only
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lab, "--create"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Course(root)


def run(rival: Rival, lab: str, solved: Notebook, *, students: int = 0) -> None:
    """Grade a class afresh; all must come out with full marks."""
    hand_in(rival.course, lab, solved, students or rival.students)
    done = subprocess.run(rival.command, cwd=rival.course.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(rival.command)}\n{done.stdout}\n{done.stderr}")
    points = marks(rival.course, lab)
    if len(points) != (students or rival.students) or len(set(points)) != 1:
        raise SystemExit(f"{' '.join(rival.command)}: the marks are {points}")


def hand_in(course: Course, lab: str, solved: Notebook, students: int) -> None:
    """Put a class's submissions in place, and take away what an earlier run left."""
    from nbgrader.api import Gradebook

    shutil.rmtree(course.root / "submitted", ignore_errors=True)
    shutil.rmtree(course.root / "autograded", ignore_errors=True)
    with Gradebook(course.db_url) as gradebook:
        for student in [each.id for each in gradebook.students]:
            gradebook.remove_student(student)
    for number in range(students):
        path = course.notebook("submitted", f"s{number:02d}", lab)
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(varied(solved, number)))


def varied(solved: Notebook, number: int) -> Notebook:
    """Return the notebook with a comment of one student's in each function."""
    notebook: Notebook = json.loads(json.dumps(solved))
    for cell in notebook["cells"]:
        role = cell["metadata"].get("nbgrader", {})
        if role.get("solution") and cell["cell_type"] == "code":
            cell["source"] += f"\n# student {number}"
    return notebook


def marks(course: Course, lab: str) -> list[float]:
    """Return everybody's automatic points."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        return [submission.score for submission in gradebook.assignment_submissions(lab)]


def lab_of(course: Course, lab: str) -> Any:
    from labgrader.lab import Lab

    return Lab.from_gradebook(course, lab)


def load_policy(course: Course, isolation: str) -> Any:
    from dataclasses import replace

    from labgrader.config import policy

    return replace(policy(course, load(course)), isolation=isolation)


if __name__ == "__main__":
    main()

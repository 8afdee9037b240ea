"""Kill `labgrade grade` with SIGKILL at random instants, run it again, compare with an undisturbed run.

After each kill: every notebook with a stamp agrees with the gradebook, and the processes are gone. After the
second run: the same gradebook, row by row, and the same files, byte by byte. Half of the instants are drawn
over a whole run, half over the part in which results are recorded. A fifth of the kills is of a `--regrade`
with marks and comments of a person on record.

    python bench/kill_runs.py --instants 50
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from labgrader.course import Course
from labgrader.marker import read_stamp
from labgrader.secret import course_secret

LAB = "00_toy"
ROOT = Path(__file__).parents[1]
CONFIG = "from labgrader.config import configure\n\nc = get_config()\nconfigure(c)\n"
KINDS = ("half", "untouched", "broken", "right")
FIGURE = """import matplotlib.pyplot as plt
import torch

x = torch.linspace(-3, 3, 200)
for name in ("relu", "tanh", "sigmoid"):
    plt.plot(x, getattr(torch, name)(x), label=name)
plt.legend()
plt.show()"""
GRADES = """
SELECT s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade, s.timestamp,
       n.late_submission_penalty
FROM grade g JOIN submitted_notebook n ON g.notebook_id = n.id JOIN base_cell c ON g.cell_id = c.id
     JOIN submitted_assignment s ON n.assignment_id = s.id
"""
COMMENTS = """
SELECT s.student_id, c.name, k.auto_comment, k.manual_comment
FROM comment k JOIN submitted_notebook n ON k.notebook_id = n.id JOIN base_cell c ON k.cell_id = c.id
     JOIN submitted_assignment s ON n.assignment_id = s.id
"""
BY_HAND = """
UPDATE grade SET manual_score = 1.5, extra_credit = 0.5 WHERE auto_score IS NULL;
UPDATE comment SET manual_comment = 'by hand';
"""


@dataclass(frozen=True)
class Left:
    """What a killed run left: how many were recorded, and everything that is wrong."""

    recorded: int
    faults: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instants", type=int, default=50)
    parser.add_argument("--students", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    options = ["--jobs", str(arguments.jobs), "--isolation", arguments.isolation]
    with tempfile.TemporaryDirectory(prefix="kills-", dir=ROOT.parent) as folder:
        fresh = toy_course(Path(folder) / "fresh", arguments.students)
        rng = random.Random(arguments.seed)
        again = arguments.instants // 5
        faults = kill_runs(fresh, Path(folder), instants=arguments.instants - again, options=options, rng=rng)
        if again:
            finish(grade(fresh, options))
            with sqlite3.connect(fresh.gradebook) as connection:
                connection.executescript(BY_HAND)
            faults += kill_runs(fresh, Path(folder), instants=again, options=[*options, "--regrade"], rng=rng)
    print(f"{arguments.instants} instants, {faults} with a fault; load {os.getloadavg()[0]:.1f}")
    raise SystemExit(1 if faults else 0)


def toy_course(root: Path, students: int, *, kinds: Sequence[str] = KINDS) -> Course:
    """Release the toy lab, and hand in notebooks of some kinds in turn, half of them with a time.

    "figure" is "right" with a figure of the student's own below.
    """
    from labgrader.release import release

    (root / "masters").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "labgrader" / "data" / f"{LAB}.py", root / "masters")
    (root / "nbgrader_config.py").write_text(CONFIG)
    course = Course(root)
    course_secret(course)  # the same hidden inputs in every copy
    release(course, repo="", out=root / "notebooks")
    released = (root / "notebooks" / f"{LAB}.ipynb").read_text()
    half = json.loads(released)
    for cell in half["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double":
            cell["source"] = "def double(x):\n    return x + x"
    source = course.notebook("source", ".", LAB).read_text()
    drawn = json.loads(source)
    own = {"cell_type": "code", "id": "figure", "metadata": {}, "outputs": [], "execution_count": None}
    drawn["cells"].append({**own, "source": FIGURE})
    texts = {
        "half": json.dumps(half),
        "untouched": released,
        "broken": "no notebook",
        "right": source,
        "figure": json.dumps(drawn),
    }
    for number in range(students):
        path = course.notebook("submitted", f"s{number:02d}", LAB)
        path.parent.mkdir(parents=True)
        path.write_text(texts[kinds[number % len(kinds)]] + " " * number)
        if number % 2:
            (path.parent / "timestamp.txt").write_text(f"2026-11-{number % 28 + 1:02d} 10:00:00 UTC")
    return course


def kill_runs(fresh: Course, folder: Path, *, instants: int, options: list[str], rng: random.Random) -> int:
    """Kill and finish a run at each of some random instants; return how many showed a fault.

    Args:
        fresh: the course to start from, copied each time.
        folder: where to work.
        instants: how many.
        options: of `labgrade grade`.
        rng: draws the instants.
    """
    whole = copy_of(fresh, folder / "whole")
    start = time.monotonic()
    first = grade(whole, options)
    while not list(whole.root.glob(f"autograded/*/{LAB}/{LAB}.ipynb")) and first.poll() is None:
        time.sleep(0.005)
    before = time.monotonic() - start
    finish(first)
    length = time.monotonic() - start
    expected, notebooks = rows(whole), texts(whole)
    shutil.rmtree(whole.root)
    print(f"undisturbed: {length:.1f} s, the first is recorded after {before:.1f} s", flush=True)
    bad = 0
    for number in range(instants):
        course = copy_of(fresh, folder / f"{number}")
        late = number % 2 == 1 and "--regrade" not in options
        left, at = killed(
            course, options, late=late, seconds=rng.uniform(0, length - before if late else length)
        )
        faults = list(left.faults)
        finish(grade(course, options))
        if rows(course) != expected:
            faults.append("the gradebook differs from an undisturbed run's")
        if texts(course) != notebooks:
            faults.append("the notebooks differ from an undisturbed run's")
        bad += bool(faults)
        print(
            f"{number + 1:3d}: killed {at}, {left.recorded} recorded: {'; '.join(faults) or 'ok'}", flush=True
        )
        shutil.rmtree(course.root)
    return bad


def copy_of(course: Course, root: Path) -> Course:
    shutil.copytree(course.root, root)
    return Course(root)


def grade(course: Course, options: list[str], *, lab: str = LAB) -> subprocess.Popen[str]:
    """Start a run."""
    command = [sys.executable, "-m", "labgrader", "grade", lab, *options, "--course", str(course.root)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(run: subprocess.Popen[str]) -> None:
    out, errors = run.communicate(timeout=600)
    if run.returncode:
        raise SystemExit(f"The run failed:\n{out}\n{errors}")


def killed(course: Course, options: list[str], *, late: bool, seconds: float) -> tuple[Left, str]:
    """Start a run and kill it; return what it left once its processes are gone.

    Args:
        course: the course.
        options: of the command.
        late: count the seconds from the first recorded notebook on.
        seconds: when.
    """
    run = grade(course, options)
    start = time.monotonic()
    while late and run.poll() is None and not list(course.root.glob(f"autograded/*/{LAB}/*")):
        time.sleep(0.002)
    first = time.monotonic() - start
    time.sleep(seconds)
    family = relatives(run.pid)
    run.kill()
    run.communicate()
    at = f"{seconds:.2f} s after the first notebook ({first:.1f} s)" if late else f"after {seconds:.2f} s"
    _, alive = psutil.wait_procs(family, timeout=30)
    faults = [f"process {each.pid} is still there" for each in alive]
    found = recorded(course)
    stamped = list(course.root.glob(f"autograded/*/{LAB}/{LAB}.ipynb"))
    for path in stamped:
        if read_stamp(path).get("marks") != found.get(path.parts[-3]):
            faults.append(f"{path.parts[-3]}: notebook and gradebook do not agree")
    return Left(len(stamped), tuple(faults)), at


def relatives(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def rows(course: Course) -> tuple[list[Any], list[Any]]:
    """Return every grade and every comment of a gradebook, without nbgrader's random ids."""
    with sqlite3.connect(course.gradebook, timeout=60) as connection:
        grades, comments = (sorted(connection.execute(query), key=repr) for query in (GRADES, COMMENTS))
    return grades, comments


def recorded(course: Course) -> dict[str, dict[str, Any]]:
    """Return every student's automatic marks in the gradebook."""
    found: dict[str, dict[str, Any]] = {}
    for student, cell, points, *_ in rows(course)[0]:
        found.setdefault(student, {})[cell] = points
    return found


def texts(course: Course) -> dict[str, bytes]:
    """Return every file in autograded/."""
    return {
        str(path.relative_to(course.root)): path.read_bytes()
        for path in sorted((course.root / "autograded").rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()

"""The demo: a made-up class hands in a lab and is graded; everything is real but the people."""

from __future__ import annotations

import concurrent.futures as cf
import json
import multiprocessing
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labgrader.course import Course, CourseError
from labgrader.madeup import Student, hand_in, read_class, solve

if TYPE_CHECKING:
    from rich.console import Console

    from labgrader.collect import Collected
    from labgrader.runner import Graded

LAB = "01_convolution"
MARK = '"""Made by `labgrade demo`'
CONFIG = f'''{MARK}, which starts afresh each time: keep nothing of yours in this folder."""

from pathlib import Path

from labgrader.config import configure

c = get_config()  # noqa: F821
configure(c, Path(__file__).parent)
c.GradeSubmission.cell_seconds = 15  # one of the class wrote a loop that never ends
'''


class DemoError(CourseError):
    """The demo cannot start, or one of its steps failed."""


def demo(home: Course, *, out: Path | None = None, jobs: int = 2, console: Console) -> bool:
    """Run the whole course once with the made-up class, in a folder of its own that is made anew.

    Args:
        home: the course whose masters and made-up class are used.
        out: the demo's course folder; default: `demo-course` in the home course.
        jobs: processes that make PDFs and grade.
        console: where to tell about it.

    Returns:
        True when everything came out as the class's files say.

    Raises:
        CourseError: a step failed.
    """
    from labgrader.config import policy
    from labgrader.demo_report import Clock, class_table, compare, summary, tell
    from labgrader.export import export_grades
    from labgrader.feedback import write_feedback
    from labgrader.isolation import resolved, sentence
    from labgrader.release import write_file

    begun = time.monotonic()
    students = read_class(home.root / "demo")
    course = Course((out if out is not None else home.root / "demo-course").absolute())
    clock = Clock(console)
    console.print(
        f"{len(students)} made-up students hand in {LAB}. Everything is made anew in {course.root}.\n"
    )
    with clock("a fresh course; the lab released into it"):
        fresh(course, home)
        released, solution = _release(course)
    decided = resolved(policy(course))
    console.print(f"   {sentence(decided)}")
    with clock("the model solution run, for its outputs and figures"):
        solved = run(solve(released, solution))
    with clock(f"{len(students)} hand-ins: notebook and PDF, zipped"):
        archive = hand_in_class(course, students, solved, released, jobs=jobs)
    with clock("the class archive collected, each pair proven or not"):
        collected = _collect(course, archive)
    with clock("graded", spinner=False):
        graded, most = _grade(course, students, jobs=jobs, console=console)
    for entry in graded.values():
        if entry.error:
            console.print(f"   {entry.student} not graded: {entry.error}", markup=False)
    with clock("feedback pages"):
        write_feedback(course, LAB)
    with clock("grades.csv"):
        export_grades(course, course.root / "grades.csv", lab=LAB)
    lines = compare(students, collected, graded, most)
    seconds = round(time.monotonic() - begun, 1)
    data = summary(lines, lab=LAB, steps=clock.steps, seconds=seconds, isolation=decided.tier)
    write_file(course.root / "summary.json", (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())
    console.print("\n", class_table(lines, most), sep="")
    tell(clock, course, lines, lab=LAB, seconds=seconds)
    return not any(line.surprises for line in lines)


def fresh(course: Course, home: Course) -> None:
    """Make an empty course folder with the lab's master; one that an earlier demo made is removed.

    Raises:
        DemoError: the folder holds something else.
    """
    config = course.root / "nbgrader_config.py"
    if course.root.exists() and any(course.root.iterdir()):
        if not (config.is_file() and config.read_text(encoding="utf-8").startswith(MARK)):
            raise DemoError(
                f"{course.root} is not empty and no earlier demo; pass another folder with --out."
            )
        shutil.rmtree(course.root)
    master = home.masters / f"{LAB}.py"
    if not master.is_file():
        raise DemoError(f"{master} is missing; the demo needs the master of Lab 1.")
    course.masters.mkdir(parents=True)
    config.write_text(CONFIG, encoding="utf-8")
    shutil.copy(master, course.masters)


def _release(course: Course) -> tuple[dict[str, Any], dict[str, Any]]:
    """Release the lab; return the students' notebook and the instructor's."""
    from labgrader.release import release

    release(course, (LAB,), repo="", out=course.root / "notebooks")
    return _json(course.root / "notebooks" / f"{LAB}.ipynb"), _json(course.notebook("source", ".", LAB))


def run(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells, run from top to bottom in a clean kernel.

    Raises:
        DemoError: a cell raised an error.
    """
    import tempfile

    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    node = nbformat.reads(json.dumps(notebook), as_version=4)
    quiet = ["--IPKernelApp.log_level=40"]
    with tempfile.TemporaryDirectory(prefix="labkit-demo-") as folder:
        place = {"metadata": {"path": folder}}
        try:
            NotebookClient(
                node, timeout=120, kernel_name="python3", resources=place, extra_arguments=quiet
            ).execute()
        except CellExecutionError as error:
            raise DemoError(f"The model solution does not run: {error.ename}: {error.evalue}") from None
    executed: dict[str, Any] = json.loads(nbformat.writes(node))
    return executed


def hand_in_class(
    course: Course,
    students: Sequence[Student],
    solved: Mapping[str, Any],
    released: Mapping[str, Any],
    *,
    jobs: int,
) -> Path:
    """Let every student hand in, and return the class's archive: a zip of `<lab>_<student>.zip` files."""
    handins, work = course.root / "handins", course.root / "students"
    tasks = []
    for student in students:
        path = work / student.id / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        notebook = hand_in(student, solved=solved, released=released)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        tasks.append((path, student.id, student.name, handins))
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    with cf.ProcessPoolExecutor(max(1, min(jobs, len(tasks))), mp_context=context) as pool:
        zips = list(pool.map(_pair, tasks))
    for student, path in zip(students, zips, strict=True):
        if student.damage == "truncated":
            truncate(path)
    archive = course.root / "handins.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for path in zips:
            file.write(path, path.name)
    return archive


def _pair(task: tuple[Path, str, str, Path]) -> Path:
    """Make one student's zip of notebook and PDF, in a process of its own."""
    from labkit.handin import make

    path, student, name, out = task
    return make(path, student=student, name=name, out=out).path


def truncate(path: Path) -> None:
    """Cut off the notebook inside a hand-in in the middle."""
    with zipfile.ZipFile(path) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data[: len(data) // 2] if name.endswith(".ipynb") else data)


def _collect(course: Course, archive: Path) -> list[Collected]:
    from labgrader.collect import collect

    return collect(course, archive, LAB)


def _grade(
    course: Course, students: Sequence[Student], *, jobs: int, console: Console
) -> tuple[dict[str, Graded], dict[str, float]]:
    """Grade the class; return each student's result, and the most points of each automatic exercise."""
    from nbgrader.api import Gradebook

    from labgrader.lab import Lab
    from labgrader.runner import grade_class

    with Gradebook(course.db_url) as gradebook:  # so that formgrader shows names
        for student in students:
            first, _, last = student.name.rpartition(" ")
            gradebook.update_or_create_student(student.id, first_name=first, last_name=last)
    lab = Lab.from_gradebook(course, LAB)
    most = {cell.name.removeprefix("test-"): float(cell.points) for cell in lab.tests}
    return {entry.student: entry for entry in grade_class(course, LAB, jobs=jobs, console=console)}, most


def _json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data

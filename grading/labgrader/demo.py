"""The demo: a made-up class hands in every lab and is graded; everything is real but the people."""

from __future__ import annotations

import concurrent.futures as cf
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labgrader.course import Course, CourseError
from labgrader.demo_data import fetch, used
from labgrader.demo_handins import Released, hand_in_class
from labgrader.madeup import Student, read_class, solve
from labgrader.masters import lab_names, read_masters

if TYPE_CHECKING:
    from rich.console import Console

    from labgrader.collect import Collected
    from labgrader.runner import Graded

KIT = Path(__file__).parents[1] / "demo"  # the class of labkit's own course, for courses without one
LONG = 60.0  # a lab whose solution runs more seconds is handed in by some only
FEW = 5_000  # pictures that Lab 6 trains on
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


def demo(
    home: Course,
    labs: Sequence[str] = (),
    *,
    quick: bool = False,
    out: Path | None = None,
    jobs: int = 2,
    console: Console,
) -> bool:
    """Run the whole course once with the made-up class, in a folder of its own that is made anew.

    Args:
        home: the course whose masters and made-up class are used.
        labs: what is handed in; default: every lab.
        quick: leave out the labs whose solution runs longer than a minute.
        out: the demo's course folder; default: `demo-course` in the home course.
        jobs: processes that run labs, make PDFs and grade.
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
    from labgrader.pool import processes
    from labgrader.release import write_file

    begun = time.monotonic()
    everybody = made_up_class(home)
    masters = [m for m in read_masters(home, tuple(labs)) if not (quick and m.run_seconds > LONG)]
    if not masters:
        verb = "runs" if len(labs) == 1 else "run"
        raise DemoError(f"{', '.join(labs)} {verb} longer than a minute: leave out --quick.")
    some = [student for student in everybody if student.long]
    students = {m.lab: some if m.run_seconds > LONG else everybody for m in masters}
    course = Course((out if out is not None else home.root / "demo-course").absolute())
    clock = Clock(console)
    for group, part in _by_class(students):
        console.print(f"{len(group)} made-up students hand in {', '.join(part)}.")
    console.print(f"Everything is made anew in {course.root}.\n")
    if any(master.run_seconds > LONG for master in masters):
        with clock("CIFAR-10 and ResNet-50, fetched where they are missing", spinner=False):
            fetch(console)
    with clock(f"a fresh course; {len(students)} lab{'s' * (len(students) != 1)} released into it"):
        fresh(course, home, list(students))
        notebooks = _release(course, list(students))
    decided = resolved(policy(course))
    console.print(f"   {sentence(decided)}")
    with _helpers(jobs) as helpers:
        with clock("the model solutions run, for their outputs and figures"):
            first = sorted(masters, key=lambda master: -master.run_seconds)
            running = {m.lab: helpers.submit(run, solve(*notebooks[m.lab])) for m in first}
            released = [
                Released(lab, notebooks[lab][0], running[lab].result(), who) for lab, who in students.items()
            ]
        for done in released:
            if said := used(done.solved):
                console.print(f"   {done.lab}: {said}", highlight=False, markup=False, soft_wrap=True)
        count = sum(map(len, students.values()))
        with clock(f"{count} hand-ins: notebook and PDF, zipped"):
            archives = hand_in_class(course, released, helpers)
    with clock("the archives collected, each pair proven or not"):
        collected = {lab: _collect(course, archive, lab) for lab, archive in archives.items()}
    _name(course, everybody)
    lines = []
    with processes(jobs) as pool:
        for lab, who in students.items():
            with clock(f"{lab} graded", spinner=False):
                graded, most = _grade(course, lab, pool, jobs=jobs, console=console)
            for entry in graded.values():
                if entry.error:
                    console.print(f"   {entry.student} not graded: {entry.error}", markup=False)
            lines += compare(who, lab, collected[lab], graded, most)
    with clock("feedback pages"):
        for lab in students:
            write_feedback(course, lab)
    with clock("grades.csv"):
        export_grades(course, course.root / "grades.csv")
    seconds = round(time.monotonic() - begun, 1)
    data = summary(lines, steps=clock.steps, seconds=seconds, isolation=decided.tier)
    write_file(course.root / "summary.json", (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())
    console.print("\n", class_table(lines), sep="")
    tell(clock, course, lines, seconds=seconds)
    return not any(line.surprises for line in lines)


def made_up_class(home: Course) -> list[Student]:
    """Return a course's made-up class; a course without one borrows that of labkit's own."""
    own = home.root / "demo"
    return read_class(own, labs=lab_names(home)) if own.is_dir() else read_class(KIT, labs=None)


def _by_class(students: Mapping[str, Sequence[Student]]) -> list[tuple[Sequence[Student], list[str]]]:
    """Return who hands in which labs, those together who hand in the same."""
    groups: dict[int, tuple[Sequence[Student], list[str]]] = {}
    for lab, who in students.items():
        groups.setdefault(len(who), (who, []))[1].append(lab)
    return list(groups.values())


@contextmanager
def _helpers(jobs: int) -> Iterator[cf.Executor]:
    """Yield processes that run notebooks and make PDFs."""
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    with cf.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield pool


def fresh(course: Course, home: Course, labs: Sequence[str]) -> None:
    """Make an empty course folder with masters; one that an earlier demo made is removed.

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
    course.masters.mkdir(parents=True)
    config.write_text(CONFIG, encoding="utf-8")
    for lab in labs:
        shutil.copy(home.masters / f"{lab}.py", course.masters)


def _release(course: Course, labs: Sequence[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Release the labs; return the students' notebook and the instructor's of each."""
    from labgrader.release import release

    folder = course.root / "notebooks"
    release(course, tuple(labs), repo="", out=folder)
    return {lab: (_json(folder / f"{lab}.ipynb"), _json(course.notebook("source", ".", lab))) for lab in labs}


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
            ).execute(env={**os.environ, "LABKIT_QUICK": str(FEW), "OMP_NUM_THREADS": "1"})
        except CellExecutionError as error:
            raise DemoError(f"The model solution does not run: {error.ename}: {error.evalue}") from None
    executed: dict[str, Any] = json.loads(nbformat.writes(node))
    return executed


def _collect(course: Course, archive: Path, lab: str) -> list[Collected]:
    from labgrader.collect import collect

    return collect(course, archive, lab)


def _name(course: Course, students: Sequence[Student]) -> None:
    """Put the names into the gradebook, so that formgrader shows them."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        for student in students:
            first, _, last = student.name.rpartition(" ")
            gradebook.update_or_create_student(student.id, first_name=first, last_name=last)


def _grade(
    course: Course, lab: str, pool: cf.Executor, *, jobs: int, console: Console
) -> tuple[dict[str, Graded], dict[str, float]]:
    """Grade a lab; return each student's result, and the most points of each automatic exercise."""
    from labgrader.lab import Lab
    from labgrader.runner import grade_class

    tests = Lab.from_gradebook(course, lab).tests
    most = {cell.name.removeprefix("test-"): float(cell.points) for cell in tests}
    graded = grade_class(course, lab, jobs=jobs, executor=pool, console=console)
    return {entry.student: entry for entry in graded}, most


def _json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data

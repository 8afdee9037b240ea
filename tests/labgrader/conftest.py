"""A toy course, released once; hand-ins made from it by small edits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from labgrader.course import Course
from labgrader.lab import Lab
from labgrader.policy import Policy
from nbgrader.api import Gradebook

DATA = Path(__file__).parent / "data"
CONFIG = Path(__file__).parents[2] / "grading" / "nbgrader_config.py"
LAB = "00_toy"
RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "mean": "def mean(values):\n    return sum(values) / len(values) if values else 0.0",
    "clip": "def clip(x, low, high):\n    return max(low, min(x, high))",
    "q-why": "Zero divided by zero has no value.",
}


class Recorded(NamedTuple):
    """What a gradebook says of the toy lab, sorted, ids aside."""

    submissions: list[tuple[Any, ...]]  # student, time, penalty, score
    grades: list[tuple[Any, ...]]  # student, cell, automatic and manual marks, whether a person has to look
    comments: list[tuple[Any, ...]]  # student, cell, automatic and manual comment


@dataclass(frozen=True)
class Toy:
    """The toy lab's student notebook, and hand-ins made from it."""

    released: bytes

    def hand_in(self, edit: Callable[[Any], None] | None = None, /, **cells: str) -> bytes:
        """Return a right hand-in, with some cells written differently (`double=...`) and then edited."""
        notebook = nbformat.reads(self.released.decode(), as_version=4)
        answers = {**RIGHT, **{name.replace("_", "-"): source for name, source in cells.items()}}
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source)
        if edit is not None:
            edit(notebook)
        return nbformat.writes(notebook).encode()

    @staticmethod
    def find(notebook: Any, name: str) -> Any:
        """Return a notebook's cell by its grade_id."""
        return next(
            cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name
        )

    @staticmethod
    def submit(course: Course, student: str, content: bytes, time: str = "") -> Path:
        """Put a hand-in where collected ones lie."""
        path = course.notebook("submitted", student, LAB)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if time:
            (path.parent / "timestamp.txt").write_text(time)
        return path

    @staticmethod
    def recorded(course: Course) -> Recorded:
        """Return what is in the course's gradebook."""
        with Gradebook(course.db_url) as book:
            found = [(s, s.student.id, nb) for s in book.assignment_submissions(LAB) for nb in s.notebooks]
            return Recorded(
                sorted((who, str(s.timestamp), nb.late_submission_penalty, s.score) for s, who, nb in found),
                sorted(
                    (who, g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                    for _, who, nb in found
                    for g in nb.grades
                ),
                sorted(
                    (who, c.name, c.auto_comment or "", c.manual_comment or "")
                    for _, who, nb in found
                    for c in nb.comments
                ),
            )


@pytest.fixture(scope="session")
def released_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course folder, its path with a space, in which the toy lab has been released; do not write to it."""
    from labgrader.release import release

    root = tmp_path_factory.mktemp("toy") / "my course"
    (root / "masters").mkdir(parents=True)
    shutil.copy(DATA / f"{LAB}.py", root / "masters")
    shutil.copy(CONFIG, root)
    with (root / CONFIG.name).open("a") as file:
        file.write("c.GradeSubmission.cell_seconds = 20\n")
    course = Course(root)
    release(course, repo="", out=root / "notebooks")
    return course


@pytest.fixture
def course(released_course: Course, tmp_path: Path) -> Course:
    """A fresh copy of the released course."""
    root = tmp_path / "my course"
    shutil.copytree(released_course.root, root)
    return Course(root)


@pytest.fixture(scope="session")
def toy(released_course: Course) -> Toy:
    """The toy lab's hand-ins."""
    return Toy((released_course.root / "notebooks" / f"{LAB}.ipynb").read_bytes())


@pytest.fixture(scope="session")
def lab(released_course: Course) -> Lab:
    """The toy lab as the gradebook has it."""
    return Lab.from_gradebook(released_course, LAB)


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Short limits."""
    return Policy(key=b"k" * 32, cell_seconds=2.5, grace_seconds=0.5)

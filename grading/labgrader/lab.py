"""A lab as the grader knows it: its cells, their roles, points and test sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from labgrader.course import Course, CourseError

Kind = Literal["code", "markdown"]
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class LabCell:
    """One cell of a lab that has a role.

    Args:
        name: nbgrader's grade_id.
        kind: "code" or "markdown".
        source: the cell as released, but with its hidden tests; of a solution cell only the stub.
        grade: it carries points: a test cell, or with `solution` an answer that a person marks.
        solution: the student writes in it.
        task: nbgrader's task cell: a person marks work that is elsewhere in the notebook.
        locked: the student must not change it, so its source always comes from here.
        points: the most points it can earn; 0 for a cell that carries none.
        checksum: nbgrader's checksum of the cell as released.
    """

    name: str
    kind: Kind
    source: str
    grade: bool = False
    solution: bool = False
    task: bool = False
    locked: bool = False
    points: float = 0.0
    checksum: str = ""

    @property
    def is_test(self) -> bool:
        """Whether running this cell earns its points."""
        return self.grade and not self.solution and self.kind == "code"

    @property
    def is_manual(self) -> bool:
        """Whether a person gives its points."""
        return self.task or (self.grade and not self.is_test)

    @property
    def metadata(self) -> dict[str, Any]:
        """The cell's nbgrader metadata, in schema version 3."""
        points = {"points": self.points} if self.grade or self.task else {}
        return {
            "schema_version": 3,
            "grade_id": self.name,
            "grade": self.grade,
            "solution": self.solution,
            "task": self.task,
            "locked": self.locked,
            "checksum": self.checksum,
            "cell_type": self.kind,
            **points,
        }


@dataclass(frozen=True)
class Lab:
    """The cells of a lab that have a role, in their order.

    Args:
        name: the lab's name, also its notebook's, for example "01_convolution".
        cells: the cells with a role.
        kernelspec: the notebook's kernelspec entry as sorted pairs.
    """

    name: str
    cells: tuple[LabCell, ...]
    kernelspec: tuple[tuple[str, str], ...] = tuple(sorted(_KERNEL.items()))

    @property
    def tests(self) -> tuple[LabCell, ...]:
        """The test cells."""
        return tuple(cell for cell in self.cells if cell.is_test)

    @property
    def graded(self) -> tuple[LabCell, ...]:
        """Every cell that carries points, whoever gives them."""
        return tuple(cell for cell in self.cells if cell.is_test or cell.is_manual)

    @property
    def max_points(self) -> float:
        """The most points that the whole lab can earn."""
        return sum(cell.points for cell in self.graded)

    def find(self, name: str) -> LabCell | None:
        """Return the cell called `name`, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)

    def digest(self) -> str:
        """Return 64 hexadecimal digits that change when any cell changes."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_gradebook(cls, course: Course, name: str) -> Lab:
        """Read a released lab from nbgrader's gradebook.

        Args:
            course: the course whose gradebook holds the lab.
            name: the lab's name; its assignment and its one notebook have the same.

        Raises:
            CourseError: the gradebook has no such lab.
        """
        from nbgrader.api import Gradebook

        from labgrader.masters import expect_lab

        if not course.gradebook.is_file():
            expect_lab(course, name)
            raise CourseError(f"No gradebook in {course.root}: run `labgrade release {name}` first.")
        with Gradebook(course.db_url) as gradebook:
            try:
                return cls.from_open_gradebook(gradebook, name)
            except CourseError:
                expect_lab(course, name)
                raise

    @classmethod
    def from_open_gradebook(cls, gradebook: Any, name: str, assignment: str = "") -> Lab:
        """Read a released lab from an open gradebook.

        Args:
            gradebook: nbgrader's gradebook.
            name: the notebook's name.
            assignment: its assignment's name, default: the same.

        Raises:
            CourseError: the gradebook has no such lab.
        """
        from nbgrader.api import MissingEntry

        try:
            notebook = gradebook.find_notebook(name, assignment or name)
        except MissingEntry:
            with suppress(MissingEntry):
                there = [each.name for each in gradebook.find_assignment(assignment or name).notebooks]
                raise CourseError(
                    f"{name} has no notebook of its own name, only {', '.join(there) or 'none'}: "
                    "labgrade grades assignments of one notebook that has the assignment's name."
                ) from None
            known = ", ".join(sorted(each.name for each in gradebook.assignments)) or "none"
            raise CourseError(
                f"No lab {name} in the gradebook (it has: {known}); run `labgrade release {name}` first."
            ) from None
        points = {cell.name: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
        grade = {cell.name for cell in notebook.grade_cells}
        task = {cell.name for cell in notebook.task_cells}
        solution = {cell.name for cell in notebook.solution_cells}
        cells = tuple(
            LabCell(
                name=cell.name,
                kind=cell.cell_type,
                source=cell.source or "",
                grade=cell.name in grade,
                solution=cell.name in solution,
                task=cell.name in task,
                locked=bool(cell.locked),
                points=points.get(cell.name, 0.0),
                checksum=cell.checksum or "",
            )
            for cell in notebook.source_cells  # in the order in which they were saved: the notebook's
        )
        return cls(name=name, cells=cells, kernelspec=_pairs(json.loads(notebook.kernelspec or "{}")))

    @classmethod
    def from_notebook(cls, notebook: bytes, name: str) -> Lab:
        """Read a lab from its source notebook, which still has the solutions and the hidden tests.

        nbgrader's own steps of generate_assignment are used, so the result equals the gradebook's.

        Args:
            notebook: the source notebook's bytes.
            name: the lab's name.

        Raises:
            CourseError: the notebook has no cell with a role.
        """
        import nbformat
        from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums
        from nbgrader.utils import is_grade, is_locked, is_solution, is_task

        from labgrader.config import course_config

        node = nbformat.reads(notebook.decode(), as_version=4)
        for step in (ClearSolutions, ClearOutput, ComputeChecksums):
            node, _ = step(config=course_config()).preprocess(node, {"nbgrader": {"notebook": name}})
        cells = []
        for cell in node.cells:
            if not (is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell)):
                continue
            role = cell.metadata.nbgrader
            cells.append(
                LabCell(
                    name=role.grade_id,
                    kind=cell.cell_type,
                    source=cell.source,
                    grade=is_grade(cell),
                    solution=is_solution(cell),
                    task=is_task(cell),
                    locked=is_locked(cell),
                    points=float(role.get("points", 0)) if is_grade(cell) or is_task(cell) else 0.0,
                    checksum=role.get("checksum", ""),
                )
            )
        if not cells:
            raise CourseError(
                f"{name}: no cell of the notebook has nbgrader metadata; expected a source notebook."
            )
        return cls(name=name, cells=tuple(cells), kernelspec=_pairs(node.metadata.get("kernelspec", {})))


def _pairs(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return a kernelspec entry as sorted pairs of texts; the usual one when it is empty."""
    known: Iterable[tuple[str, Any]] = (entry or _KERNEL).items()
    return tuple(sorted((str(key), str(value)) for key, value in known))

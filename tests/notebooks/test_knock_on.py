"""Across the real boundary, an exercise that is not solved costs its own marks and no others."""

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labgrader.grade import grade
from labgrader.lab import Lab
from labgrader.masters import read_master, solution_notebook, student_notebook
from labgrader.policy import Policy

MASTERS = sorted(Path(__file__).parents[2].glob("grading/masters/*.py"))


def role(cell: Any) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def answers(notebook: Any) -> dict[str, Any]:
    """Return the cells that students fill in with code, by name."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and role(cell)]
    return {role(cell): cell for cell in code if cell.metadata.nbgrader.solution}


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_without_one_exercise_exactly_its_marks_are_lost(path: Path):
    master = read_master(path)
    lab = Lab.from_notebook(nbformat.writes(solution_notebook(master, hidden=True)).encode(), name=master.lab)
    solved, stubs = solution_notebook(master), answers(student_notebook(master))
    solved.cells = [cell for cell in solved.cells if cell.cell_type == "code" and role(cell)]  # no figures
    full = {cell.name: cell.points for cell in lab.tests}
    assert {name.removeprefix("test-") for name in full} == set(stubs)
    for missing in ["", *stubs]:
        notebook = copy.deepcopy(solved)
        if missing:
            answers(notebook)[missing].source = stubs[missing].source
        marks = grade(nbformat.writes(notebook).encode(), lab, Policy(key=b"k" * 32)).marks
        expected = full | ({f"test-{missing}": 0.0} if missing else {})
        assert {m.name: m.points for m in marks if m.name in full} == expected, missing

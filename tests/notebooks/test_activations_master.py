"""Lab 3's master: its examples are true, and no exercise needs another one."""

import doctest
import math
from pathlib import Path

import pytest
import torch
from labgrader.masters import read_master, solution_notebook, student_notebook

from labkit import check
from labkit.check.activations import EXERCISES

MASTER = read_master(Path(__file__).parents[2] / "grading" / "masters" / "03_activations.py")


def cells_of(notebook) -> dict:
    found = (cell for cell in notebook.cells if "nbgrader" in cell.metadata)
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in found}


CELLS = cells_of(solution_notebook(MASTER, hidden=True))
STUBS = cells_of(student_notebook(MASTER))
TESTS = [name for name in CELLS if name.startswith("test-")]


def student(without: str = "") -> dict:
    """Run the solution cells, one of them untouched."""
    names: dict = {
        "math": math,
        "torch": torch,
        "check": check,
        "secret": lambda exercise: f"hidden {exercise}",
    }
    for exercise in EXERCISES:
        exec((STUBS if exercise == without else CELLS)[exercise].source, names)
    return names


def points(test: str, names: dict) -> float:
    *lines, last = CELLS[test].source.rstrip().split("\n")
    exec("\n".join(lines), names)
    return eval(last, names)


def test_every_check_is_an_exercise_in_this_order():
    assert [f"test-{exercise}" for exercise in EXERCISES] == TESTS
    assert sum(CELLS[test].metadata["nbgrader"]["points"] for test in TESTS) == 47


@pytest.mark.parametrize("function", [f for names in EXERCISES.values() for f in names])
def test_examples_in_the_docstrings_are_true(function):
    names = student()
    found = doctest.DocTestFinder().find(names[function], function, globs=names)
    if function not in ("my_relu", "pass_through"):
        assert found[0].examples
    for tests in found:
        assert doctest.DocTestRunner().run(tests).failed == 0


@pytest.mark.parametrize("missing", [*EXERCISES, ""])
def test_without_one_exercise_only_its_marks_are_lost(missing, capsys):
    names = student(without=missing)
    for test in TESTS:
        full = CELLS[test].metadata["nbgrader"]["points"]
        assert points(test, names) == (0 if test == f"test-{missing}" else full)


def test_the_worked_numbers_of_one_step_are_true():
    new = student()["train_step"](
        torch.tensor([[1.0, 2]]), torch.tensor([[3.0]]), torch.tensor([[1.0, 0], [-1, 1], [0, -1]]),
        torch.zeros(3), torch.tensor([[2.0, -1, 3]]), torch.zeros(1), 0.05,
    )  # fmt: skip
    w1, b1, w2, b2 = new
    y = (torch.tensor([[1.0, 2]]) @ w1.T + b1).clamp(min=0) @ w2.T + b2
    assert round(float(y), 2) == 4.36
    assert round(float((y - 3) ** 2 / 2), 2) == 0.92


def test_every_exercise_states_dots_minutes_points_and_has_two_hints():
    texts = [c.source for c in MASTER.notebook.cells if c.cell_type == "markdown"]
    asked = [t[t.index("### Exercise") :] for t in texts if "### Exercise" in t]
    assert len(asked) == len(EXERCISES)
    for number, (text, exercise) in enumerate(zip(asked, EXERCISES, strict=True), start=1):
        title = text.split("\n")[0]
        full = CELLS[f"test-{exercise}"].metadata["nbgrader"]["points"]
        assert title.startswith(f"### Exercise {number}. ")
        assert any(dots in title for dots in ("●○○", "●●○", "●●●"))
        assert title.endswith(f"minutes, {full} points")
        assert text.count("<details><summary>Hint</summary>") == 1
        assert text.count("<details><summary>Second hint</summary>") == 1

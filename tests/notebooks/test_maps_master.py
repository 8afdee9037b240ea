"""Lab 4's master: its examples are true, and no exercise needs another one."""

import doctest
from pathlib import Path

import pytest
import torch
from labgrader.masters import read_master, solution_notebook

from labkit import check
from labkit.check.maps import EXERCISES

MASTER = read_master(Path(__file__).parents[2] / "grading" / "masters" / "04_feature_maps.py")
CELLS = {
    cell.metadata["nbgrader"]["grade_id"]: cell
    for cell in solution_notebook(MASTER, hidden=True).cells
    if "nbgrader" in cell.metadata
}
TESTS = [name for name in CELLS if name.startswith("test-")]


def student(without: str = "") -> dict:
    """Run the solution cells, one of them replaced by its stub."""
    names: dict = {"torch": torch, "check": check, "secret": lambda exercise: f"hidden {exercise}"}
    for exercise in EXERCISES:
        exec(CELLS[exercise].source, names)
    if without:
        exec(f"def {without}(*args, **options):\n    raise NotImplementedError", names)
    return names


def points(test: str, names: dict) -> float:
    *lines, last = CELLS[test].source.rstrip().split("\n")
    exec("\n".join(lines), names)
    return eval(last, names)


def test_every_check_is_an_exercise_in_this_order():
    assert TESTS == [f"test-{exercise}" for exercise in EXERCISES]
    assert sum(CELLS[test].metadata["nbgrader"]["points"] for test in TESTS) == 42


def test_examples_in_the_docstrings_are_true():
    names = student()
    for exercise in EXERCISES:
        (found,) = doctest.DocTestFinder().find(names[exercise], exercise, globs=names)
        assert found.examples, exercise
        assert doctest.DocTestRunner().run(found).failed == 0


@pytest.mark.parametrize("missing", [*EXERCISES, ""])
def test_without_one_exercise_only_its_marks_are_lost(missing, capsys):
    names = student(without=missing)
    for test in TESTS:
        full = CELLS[test].metadata["nbgrader"]["points"]
        assert points(test, names) == (0 if test == f"test-{missing}" else full)


def test_every_exercise_states_dots_minutes_points_and_has_two_hints():
    texts = [c.source for c in MASTER.notebook.cells if c.cell_type == "markdown"]
    text = "\n".join(texts)
    minutes = 0
    for number, exercise in enumerate(EXERCISES, start=1):
        (cell,) = [t for t in texts if f"### Exercise {number}. `{exercise}` — " in t]
        title = next(line for line in cell.split("\n") if line.startswith("### Exercise"))
        dots, time = title.split(" — ")[1].split(" ", 1)
        assert dots in ("●○○", "●●○", "●●●")
        assert time.endswith(f"minutes, {CELLS[f'test-{exercise}'].metadata['nbgrader']['points']} points")
        minutes += int(time.split()[0])
        assert cell.count("<details><summary>Hint</summary>") == 1
        assert cell.index("<summary>Hint<") < cell.index("<summary>Second hint<")
    assert 100 < minutes < MASTER.minutes
    assert "| | PyTorch" in text
    assert text.count("### Question ") == 3

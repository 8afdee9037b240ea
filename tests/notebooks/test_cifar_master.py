"""Lab 6's master: its examples are true, no exercise needs another one, and no mark needs training."""

import doctest
import math
from pathlib import Path

import nbformat
import pytest
import torch
from labgrader.masters import read_master, solution_notebook, student_notebook
from torch import nn
from torch.nn import functional as F

from labkit import check, predictions
from labkit.check.cifar import EXERCISES

MASTER = read_master(Path(__file__).parents[2] / "grading" / "masters" / "06_cifar10.py")


def cells(notebook) -> dict:
    return {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}


CELLS = cells(solution_notebook(MASTER, hidden=True))
STUBS = cells(student_notebook(MASTER))
TESTS = [name for name in CELLS if name.startswith("test-")]
FUNCTIONS = {**{e: names for e, names in EXERCISES.items()}, "my_predictions": ("my_predictions",)}


def student(without: str = "") -> dict:
    """Run the solution cells, one of them untouched."""
    names: dict = {"torch": torch, "nn": nn, "F": F, "check": check, "secret": lambda e: f"hidden {e}"}
    for exercise in EXERCISES:
        exec((STUBS if exercise == without else CELLS)[exercise].source, names)
    return names


def points(test: str, names: dict) -> float:
    *lines, last = CELLS[test].source.rstrip().split("\n")
    exec("\n".join(lines), names)
    return eval(last, names)


def test_every_check_is_an_exercise_in_this_order():
    assert [f"test-{exercise}" for exercise in EXERCISES] == TESTS
    assert sum(CELLS[test].metadata["nbgrader"]["points"] for test in TESTS) == 46


@pytest.mark.parametrize("function", [f for names in FUNCTIONS.values() for f in names])
def test_examples_in_the_docstrings_are_true(function):
    names = student()
    (found,) = doctest.DocTestFinder().find(names[function], function, globs=names)
    assert found.examples or function == "my_predictions"
    assert doctest.DocTestRunner().run(found).failed == 0


@pytest.mark.parametrize("missing", [*EXERCISES, ""])
def test_without_one_exercise_only_its_marks_are_lost(missing, capsys):
    names = student(without=missing)
    for test in TESTS:
        full = CELLS[test].metadata["nbgrader"]["points"]
        assert points(test, names) == (0 if test == f"test-{missing}" else full)


def test_the_predictions_of_the_solution_are_real_ones():
    found = predictions.unpack(student()["my_predictions"]())
    assert found.data == "CIFAR-10"
    assert 0.77 < predictions.accuracy(found) < 0.9


def test_the_points_of_the_tiers_are_those_of_the_text():
    text = "\n".join(c.source for c in MASTER.notebook.cells)
    for data, tiers in predictions.TIERS.items():
        row = next(line for line in text.split("\n") if line.startswith("|") and data in line and "at least" in line)
        assert [f"{100 * tier:.0f} %" for tier in tiers] == [cell.strip() for cell in row.split("|")[2:-1]]
    assert CELLS["test-my_predictions"].metadata["nbgrader"]["points"] == len(tiers)


def test_the_budget_in_the_text_is_that_of_the_check():
    from labkit.check.network import BUDGET, LEAST

    assert f"at most {BUDGET:,} parameters" in "\n".join(c.source for c in MASTER.notebook.cells)
    assert f"{LEAST:,} to" in CELLS["build_net"].source
    assert round(math.log(10), 3) == 2.303


def test_every_exercise_states_dots_minutes_points_and_has_two_hints():
    texts = [c.source for c in MASTER.notebook.cells if c.cell_type == "markdown"]
    asked = [t[t.index("### Exercise") :] for t in texts if "### Exercise" in t]
    minutes = 0
    assert len(asked) == len(EXERCISES)
    for number, (text, exercise) in enumerate(zip(asked, EXERCISES, strict=True), start=1):
        title = text.split("\n")[0]
        full = CELLS[f"test-{exercise}"].metadata["nbgrader"]["points"]
        assert title.startswith(f"### Exercise {number}. ")
        assert any(dots in title for dots in ("●○○", "●●○", "●●●"))
        assert title.endswith(f", {full} points")
        minutes += int(title.split(" minutes")[0].split()[-1])
        assert text.count("<details><summary>Hint</summary>") == 1
        assert text.count("<details><summary>Second hint</summary>") == 1
    assert 150 < minutes < MASTER.minutes
    assert "\n".join(texts).count("### Question ") == 4
    assert any("| | PyTorch" in t for t in texts)


def test_the_grader_trains_on_few_drawn_pictures(monkeypatch, capsys):
    from labkit import classifier

    monkeypatch.setenv("LABKIT_QUICK", "1")
    data = classifier.pictures()
    assert (len(data.train_labels), len(data.test_labels), data.real) == (300, 2000, False)
    assert "Stand-in: 300 drawn pictures are used in place of CIFAR-10" in capsys.readouterr().out


def test_the_notebook_needs_no_file_of_the_course():
    notebook = nbformat.writes(student_notebook(MASTER))
    assert "data/cache" not in notebook

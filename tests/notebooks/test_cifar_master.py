"""Lab 6's master: no mark needs training, and its numbers are those of the checks."""

import math
from dataclasses import replace
from pathlib import Path

from labgrader.masters import read_master, solution_notebook

from labkit import classifier, datasets, predictions
from labkit.check.network import BUDGET
from labkit.check.network_measures import LEAST

MASTER = read_master(Path(__file__).parents[2] / "grading" / "masters" / "06_cifar10.py")
CELLS = {
    c.metadata["nbgrader"]["grade_id"]: c
    for c in solution_notebook(MASTER, hidden=True).cells
    if "nbgrader" in c.metadata
}
TEXT = "\n".join(c.source for c in MASTER.notebook.cells)


def test_the_predictions_of_the_solution_are_real_ones():
    names: dict = {}
    exec(CELLS["my_predictions"].source, names)
    found = predictions.unpack(names["my_predictions"]())
    assert found.data == "CIFAR-10"
    assert 0.8 < predictions.accuracy(found) < 0.9


def test_the_points_of_the_tiers_are_those_of_the_text():
    for data, tiers in predictions.TIERS.items():
        rows = (line for line in TEXT.split("\n") if line.startswith("|") and data in line)
        row = next(line for line in rows if "at least" in line)
        assert [f"{100 * tier:.0f} %" for tier in tiers] == [cell.strip() for cell in row.split("|")[2:-1]]
        assert CELLS["test-my_predictions"].metadata["nbgrader"]["points"] == len(tiers)


def test_the_budget_in_the_text_is_that_of_the_check():
    assert f"at most {BUDGET:,} parameters" in TEXT
    assert f"{LEAST:,} to" in CELLS["build_net"].source
    assert round(math.log(10), 3) == 2.303


def test_the_grader_trains_on_few_drawn_pictures(monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_QUICK", "1")
    data = classifier.pictures()
    assert (len(data.train_labels), len(data.test_labels), data.real) == (300, 2000, False)
    assert "Stand-in: 300 drawn pictures are used in place of CIFAR-10" in capsys.readouterr().out


def test_the_demo_trains_on_some_of_the_real_pictures_if_they_are_there(monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_QUICK", "20")
    real = replace(datasets.stand_in(train=50, test=30), name="CIFAR-10")
    monkeypatch.setattr(datasets, "cached_cifar10", lambda: real)
    data = classifier.pictures()
    assert (len(data.train_labels), len(data.test_labels), data.real) == (20, 30, True)
    assert "CIFAR-10: the first 20 training pictures only" in capsys.readouterr().out
    monkeypatch.setattr(datasets, "cached_cifar10", lambda: None)
    assert len(classifier.pictures().train_labels) == 300

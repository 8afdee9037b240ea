"""The numbers that Lab 3's text works out by hand are true."""

from pathlib import Path

import torch
from labgrader.masters import read_master, solution_notebook

MASTER = read_master(Path(__file__).parents[2] / "grading" / "masters" / "03_activations.py")


def test_the_worked_numbers_of_one_step_are_true():
    cells = solution_notebook(MASTER).cells
    space: dict = {"torch": torch}
    exec(next(c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == "train_step").source, space)
    new = space["train_step"](
        torch.tensor([[1.0, 2]]), torch.tensor([[3.0]]), torch.tensor([[1.0, 0], [-1, 1], [0, -1]]),
        torch.zeros(3), torch.tensor([[2.0, -1, 3]]), torch.zeros(1), 0.05,
    )  # fmt: skip
    w1, b1, w2, b2 = new
    y = (torch.tensor([[1.0, 2]]) @ w1.T + b1).clamp(min=0) @ w2.T + b2
    assert round(float(y), 2) == 4.36
    assert round(float((y - 3) ** 2 / 2), 2) == 0.92

"""Lab 3's checks in detail: worked numbers, backwards of one's own, settings, messages word for word."""
# ruff: noqa: E501 (messages)

import time

import pytest
import torch

from labkit.check import library_activations as library
from labkit.check.cases_losses import NN1, NN2, TRUTH


def test_worked_numbers_of_the_lab():
    t = torch.tensor(TRUTH, dtype=torch.float64)
    said = [
        tuple(round(float(v), 3) for v in library.scores(torch.tensor(p, dtype=torch.float64), t))
        for p in (NN1, NN2)
    ]
    assert said == [(0.333, 0.376, 0.253), (0.333, 1.057, 0.707)]


def test_a_function_without_a_graph_is_told_so(run):
    earned, text = run("my_relu", lambda x: x.detach().clamp(min=0))
    assert float(earned) == 0
    assert "the result has no gradient: call the apply of your Function" in text


def test_a_backward_that_is_not_written_keeps_the_forward(run):
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, dy):
            raise NotImplementedError

    earned, text = run("my_relu", lambda x: Half.apply(x))
    assert earned.passed == 4
    assert "dx has to be computed" in text


def test_gradcheck_has_its_say(run):
    class Moody(torch.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, dy):
            Moody.calls += 1
            return dy * (ctx.saved_tensors[0] > 0) * (1 if Moody.calls == 1 else 2)

    earned, text = run("my_relu", lambda x: Moody.apply(x))
    assert float(earned) < 1
    assert "GradcheckError" in text


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (None, "the setting: got NoneType, expected a dictionary"),
        ({"hidden": 3}, "hidden: got 3, expected a list."),
        ({"hidden": [99]}, "expected at most 3 whole numbers from 1 to 16."),
        ({"rates": 1}, "the setting: got 'rates', expected features, hidden, activation, rate, l2."),
        ({"features": []}, "features: got none"),
        ({"features": ["x3"]}, "features: got 'x3'"),
        ({"rate": "fast"}, "rate: got 'fast', expected a number from 0 to 10."),
        ({"rate": float("nan")}, "rate: got nan"),
        ({"activation": "swish"}, "activation: got 'swish', expected linear, sigmoid"),
        ({"features": ["x1*x2"], "hidden": [4]}, "hidden: the circle is to be solved without a hidden layer"),
    ],
)
def test_settings_that_cannot_be_used_are_explained(setting, said, run):
    earned, text = run("playground_setting", lambda data: setting)
    assert float(earned) == 0
    assert "Came back: a setting that cannot be used; " in text
    assert said in text
    assert "Expected: at least 95% of new points right." in text
    assert ".." not in text


def test_the_product_is_not_allowed_for_xor(run, functions):
    easy = {"features": ["x1*x2"], "hidden": [], "rate": 1}
    right = functions["playground_setting"].right
    earned, text = run("playground_setting", lambda d: easy if d == "xor" else right(d))
    assert earned.passed == 1
    assert "features: xor is to be solved from x1 and x2 alone." in text


def test_training_is_quick(run, functions):
    from labkit.check.training import result

    result.cache_clear()
    start = time.process_time()
    run("playground_setting", functions["playground_setting"].right)
    assert time.process_time() - start < 2


def test_message_of_a_wrong_slope(run):
    _, text = run("leaky_relu", lambda x, slope=0.01: torch.where(x > 0, x, 0.1 * x))
    assert (
        text
        == """\
✗ leaky_relu: 0 of 8 cases pass.
  Case "a row of numbers" calls leaky_relu(x) with x (7,) in float64.
  Came back: a tensor of shape (7,) and dtype float64, but 3 of 7 numbers differ: [-0.2, -0.1, -0.05, 0, 0.5, 1, 2].
  Expected: the same numbers, as F.leaky_relu gives: [-0.02, -0.01, -0.005, 0, 0.5, 1, 2].
  Likely cause: your result equals a slope of 0.1 whatever the argument says."""
    )

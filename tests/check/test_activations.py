"""Lab 3's checks: every right answer passes, every named mistake is refused and named."""
# ruff: noqa: E501 (messages)

import runpy
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit import check
from labkit.check import library_activations as library
from labkit.check.activations import EXERCISES, MUTANTS, SPECS
from labkit.check.autograd import through
from labkit.check.cases_losses import NN1, NN2, TRUTH
from labkit.check.marks import earn
from labkit.check.training import trained

HONEST = runpy.run_path(str(Path(__file__).with_name("honest_activations.py")))["HONEST"]
CHECK_OF = {name: exercise for exercise, names in EXERCISES.items() for name in names}
SEEDS = (None, "0f" * 32)
FUNCTIONS = list(SPECS)
STYLES = [(f, style) for f in FUNCTIONS for style in HONEST[f]]
WRONG = [(f, m) for f in FUNCTIONS for m in MUTANTS[f]]
each_wrong = pytest.mark.parametrize(("function", "wrong"), WRONG, ids=[f"{f}-{m.name}" for f, m in WRONG])
each_style = pytest.mark.parametrize(("function", "written"), STYLES)
each = pytest.mark.parametrize("function", FUNCTIONS)
TRAINED = ("playground_setting",)


ADAPTED = {
    "my_relu": lambda fn: through(fn, smooth=True),
    "pass_through": lambda fn: through(fn, smooth=False),
    "playground_setting": trained,
}


def asked(capsys, function, fn, seed=None):
    """Check one function without the others of its exercise; return what was earned and printed."""
    capsys.readouterr()
    earned = earn(function, [(SPECS[function], ADAPTED.get(function, lambda f: f)(fn))], seed)
    return earned, capsys.readouterr().out.rstrip("\n")


def right(function):
    return next(iter(HONEST[function].values()))


def test_every_exercise_has_its_check_styles_and_mutants():
    assert set(CHECK_OF) == set(HONEST) == set(MUTANTS)
    assert len(EXERCISES) == 14
    assert all(callable(getattr(check, exercise)) for exercise in EXERCISES)
    for function in FUNCTIONS:
        assert len(HONEST[function]) >= 4
        names = [m.name for m in MUTANTS[function] if m.name != "changes its input"]
        assert len(set(names)) == len(names) >= 6


@each_style
def test_honest_style_is_accepted(function, written, capsys):
    for seed in (None, "épreuve", b"\xff\x00"):
        earned, text = asked(capsys, function, HONEST[function][written], seed)
        assert float(earned) == 1.0, text
        assert text.startswith("✓ ")
        assert earned.reasons == ()


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_whole_exercise(exercise, capsys):
    fns = [right(name) for name in EXERCISES[exercise]]
    assert getattr(check, exercise)(*fns, seed="x") * 4 == 4.0
    assert capsys.readouterr().out.startswith(f"✓ {exercise}: all ")
    stubs = [_stub(name) for name in EXERCISES[exercise]]
    assert getattr(check, exercise)(*stubs) * 4 == 0.0
    assert capsys.readouterr().out.count("not written yet") == len(stubs)


def _stub(name):
    def stub(*args, **kwargs):
        raise NotImplementedError

    stub.__name__ = name
    return stub


@each
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.one_of(st.integers(), st.text(), st.binary()))
def test_any_seed_accepts_a_right_answer(function, seed, capsys):
    fn = list(HONEST[function].values())[-1]
    assert float(asked(capsys, function, fn, seed)[0]) == 1.0


@each_wrong
def test_mutant_is_refused_and_named(function, wrong, capsys):
    seed = SEEDS[len(wrong.name) % 2]
    earned, text = asked(capsys, function, wrong.fn, seed)
    assert float(earned) < 1, seed
    assert wrong.name in text, text


@pytest.mark.parametrize("seed", range(5))
def test_nine_of_ten_are_named_under_more_seeds(seed, capsys):
    tried = [(f, m) for f, m in WRONG[seed::5] if f not in TRAINED]
    found = [m.name in asked(capsys, f, m.fn, seed)[1] for f, m in tried]
    assert sum(found) >= 0.9 * len(found)


@pytest.mark.parametrize("answer", [None, 0, 1.0, "x", [], [[1.0]], {}, (1, 2), torch.zeros(2, 2)])
@each
def test_constants_earn_nothing(function, answer, capsys):
    assert float(asked(capsys, function, lambda *a, **k: answer)[0]) == 0


@pytest.mark.parametrize(
    "function", ["relu", "softmax", "train_step", "batch_norm", "dropout", "cross_entropy"]
)
def test_remembered_answers_fail_under_a_seed(function, capsys):
    memory = {}

    def key(*a, **k):
        return repr((a, sorted(k.items())))

    def learn(*a, **k):
        memory[key(*a, **k)] = right(function)(*a, **k)
        return memory[key(*a, **k)]

    assert float(asked(capsys, function, learn)[0]) == 1
    assert float(asked(capsys, function, lambda *a, **k: memory[key(*a, **k)], "hidden")[0]) == 0


def test_worked_numbers_of_the_lab():
    t = torch.tensor(TRUTH, dtype=torch.float64)
    said = [
        tuple(round(float(v), 3) for v in library.scores(torch.tensor(p, dtype=torch.float64), t))
        for p in (NN1, NN2)
    ]
    assert said == [(0.333, 0.376, 0.253), (0.333, 1.057, 0.707)]


def test_a_function_without_a_graph_is_told_so(capsys):
    earned, text = asked(capsys, "my_relu", lambda x: x.detach().clamp(min=0))
    assert float(earned) == 0
    assert "the result has no gradient: call the apply of your Function" in text


def test_a_backward_that_is_not_written_keeps_the_forward(capsys):
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, dy):
            raise NotImplementedError

    earned, text = asked(capsys, "my_relu", lambda x: Half.apply(x))
    assert earned.passed == 4
    assert "dx has to be computed" in text


def test_gradcheck_has_its_say(capsys):
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

    earned, text = asked(capsys, "my_relu", lambda x: Moody.apply(x))
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
def test_settings_that_cannot_be_used_are_explained(setting, said, capsys):
    earned, text = asked(capsys, "playground_setting", lambda data: setting)
    assert float(earned) == 0
    assert said in text


def test_the_product_is_not_allowed_for_xor(capsys):
    easy = {"features": ["x1*x2"], "hidden": [], "rate": 1}
    earned, text = asked(
        capsys, "playground_setting", lambda d: easy if d == "xor" else right("playground_setting")(d)
    )
    assert earned.passed == 1
    assert "features: xor is to be solved from x1 and x2 alone." in text


def test_training_is_quick(capsys):
    from labkit.check.training import result

    result.cache_clear()
    start = time.process_time()
    asked(capsys, "playground_setting", right("playground_setting"))
    assert time.process_time() - start < 2


def test_message_of_a_wrong_slope(capsys):
    _, text = asked(capsys, "leaky_relu", lambda x, slope=0.01: torch.where(x > 0, x, 0.1 * x))
    assert (
        text
        == """\
✗ leaky_relu: 0 of 8 cases pass.
  Case "a row of numbers" calls leaky_relu(x) with x (7,) in float64.
  Came back: a tensor of shape (7,) and dtype float64, but 3 of 7 numbers differ: [-0.2, -0.1, -0.05, 0, 0.5, 1, 2].
  Expected: the same numbers, as F.leaky_relu gives: [-0.02, -0.01, -0.005, 0, 0.5, 1, 2].
  Likely cause: your result equals a slope of 0.1 whatever the argument says."""
    )

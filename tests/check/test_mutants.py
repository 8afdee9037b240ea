"""Every named wrong answer is refused, and nearly all are named by the message."""

import pytest

from labkit import check
from labkit.check.convolution import EXERCISES, MUTANTS

HIDDEN = "0f" * 32
SEEDS = (None, HIDDEN)
BESIDE_THE_POINT = {"changes its input", "float32 for a float64 input"}


def test_every_function_has_at_least_six_mutants_with_names_of_their_own(name):
    names = {m.name for m in MUTANTS[name]}
    assert len(names) >= 6


def test_every_exercise_has_its_check():
    assert list(EXERCISES) == [e for e in EXERCISES if callable(getattr(check, e))]
    assert {n for names in EXERCISES.values() for n in names} == set(MUTANTS)
    assert len(EXERCISES) == 13


def test_mutant_is_refused_and_named(name, mutant, run_mutant):
    for seed in SEEDS:
        earned, text = run_mutant(name, mutant, seed)
        assert float(earned) < 1, seed
        assert mutant.name in text, text
        assert any(mutant.name in reason for reason in earned.reasons)
        told = [r for r in earned.reasons if "likely cause" not in r]
        assert len(told) == earned.total - earned.passed
        assert all(r.startswith(name) for r in earned.reasons)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_named_under_more_seeds(seed, run):
    found = [m.name in run(n, m.fn, seed)[1] for n in MUTANTS for m in MUTANTS[n][seed::9]]
    assert sum(found) >= 0.95 * len(found)


CORE = [
    ("corr2d", "true convolution, with the kernel flipped"),
    ("corr2d", "the mean over the window instead of the sum"),
    ("convolve2d", "cross-correlation, with the kernel not flipped"),
    ("pad2d", "padding with rows and columns swapped"),
    ("merge_kernels", "the second kernel slid over the padded first one without a flip"),
    ("conv2d", "conv2d with the kernels flipped (true convolution)"),
    ("conv2d", "conv2d with the mean over channels instead of the sum"),
    ("im2col", "the windows taken column by column"),
    ("corr1d", "true convolution, with the kernel flipped"),
    ("shift_error", "0, as if every f were equivariant"),
    ("shift_error", "the mean difference instead of the largest"),
    ("out_size", "the right size minus 1: the + 1 is missing"),
    ("conv_cost", "the two counts in the wrong order"),
    ("conv2d_backward", "gradients of the opposite sign"),
    ("transposed_size", "the size of an ordinary convolution"),
]


@pytest.mark.parametrize(("exercise", "mistake"), CORE)
def test_wrong_in_the_core_earns_nothing(exercise, mistake, run):
    fn = next(m.fn for m in MUTANTS[exercise] if m.name == mistake)
    for seed in SEEDS:
        assert float(run(exercise, fn, seed)[0]) == 0


def test_a_slip_beside_the_point_costs_one_case(name, run_mutant):
    for mutant in MUTANTS[name]:
        if mutant.name in BESIDE_THE_POINT:
            earned, _ = run_mutant(name, mutant, HIDDEN)
            assert earned.passed == earned.total - 1, mutant.name


@pytest.mark.parametrize("answer", [0, 1, 0.0, [[0.0]], True, b""])
def test_constants_earn_nothing(answer, honest, run):
    for name in set(honest) - {"blur_kernel", "edge_kernel"}:
        assert float(run(name, lambda *a, **k: answer, 2)[0]) == 0, name


def test_two_mistakes_at_once_are_both_named(run, honest):
    right = honest["conv2d"]["torch"]
    _, text = run("conv2d", lambda x, w, b=None, stride=(1, 1), padding=(0, 0): right(x, w, None, stride))
    assert 'equals conv2d with the bias forgotten in the case "bias"' in text
    assert "equals conv2d with the padding forgotten" in text


def test_remembered_answers_fail_under_a_seed(name, honest, run):
    """A function that learned the published answers by heart earns next to nothing on drawn inputs."""
    right, memory = next(iter(honest[name].values())), {}

    def key(*a, **k):
        return repr((a, sorted(k.items())))

    def learn(*a, **k):
        memory[key(*a, **k)] = right(*a, **k)
        return memory[key(*a, **k)]

    def recite(*a, **k):
        return memory[key(*a, **k)]

    if name == "edge_kernel":
        return  # it has no arguments: one answer is the exercise
    assert float(run(name, learn)[0]) == 1
    assert float(run(name, recite, "hidden")[0]) <= (0.5 if name == "blur_kernel" else 0.15)

"""Every named wrong answer is refused and nearly all are named; every right style is accepted."""

import pytest

from labkit import check

FIXED = {"edge_kernel", "playground_setting", "build_net"}  # nothing is drawn
DTYPES = {"float32 for a float64 input", "float64 for a float32 input"}
LEFT = {"changes its input", "changes its input x.requires_grad", "leaves gradients switched off"}
BESIDE_THE_POINT = DTYPES | LEFT


def test_every_function_has_enough_mutants_styles_and_mistakes(name, functions):
    function = functions[name]
    named = {m.name for m in function.mutants}
    assert len(named - BESIDE_THE_POINT) >= 6
    assert len(function.honest) >= 4
    assert len(function.mistakes) >= 4


def test_a_promised_dtype_is_tried_both_ways(name, functions):
    """By mutants, which others of these tests prove to be refused; the perceptron has no float32 rows."""
    function = functions[name]
    if function.lab in ("convolution", "pooling", "activations") and name != "perceptron":
        named = {m.name for m in function.mutants}
        assert named & DTYPES == (DTYPES if function.spec.tensors and function.spec.keeps else set())


def test_mutants_are_rejected_and_named_and_styles_accepted(name, row):
    found = row(name)
    assert not found.accepted
    assert not found.refused
    assert len(set(found.unnamed)) <= found.mutants / 10, found.unnamed


@pytest.mark.parametrize("seed", range(3))
def test_they_are_named_under_more_seeds(seed, functions, run):
    tried = [(n, m) for n, f in functions.items() if n not in FIXED for m in f.mutants[seed::9]]
    unnamed = [(n, m.name) for n, m in tried if m.name not in run(n, m.fn, seed)[1]]
    assert len(unnamed) <= 0.05 * len(tried), unnamed


def test_each_reason_is_told_once(name, functions, run_mutant):
    for mutant in functions[name].mutants[::4]:
        earned, _ = run_mutant(name, mutant, None)
        told = [r for r in earned.reasons if "likely cause" not in r]
        assert len(told) == earned.total - earned.passed
        assert all(r.startswith(name) for r in earned.reasons)


def test_a_whole_exercise(exercise, exercises, functions, capsys):
    """The published function takes the functions of its exercise in order, and counts all their cases."""

    def stub(name):
        def stub(*args, **kwargs):
            raise NotImplementedError

        stub.__name__ = name
        return stub

    whole = getattr(check, exercise)
    given = functions[exercises[exercise][0]].given
    assert whole(*(functions[name].right for name in exercises[exercise]), *given, seed="x") * 4 == 4.0
    assert capsys.readouterr().out.startswith(f"✓ {exercise}: all ")
    assert whole(*(stub(name) for name in exercises[exercise]), *given) * 4 == 0.0
    assert capsys.readouterr().out.count("not written yet") == len(exercises[exercise])


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
def test_wrong_in_the_core_earns_nothing(exercise, mistake, functions, run):
    fn = next(m.fn for m in functions[exercise].mutants if m.name == mistake)
    for seed in (None, "hidden"):
        assert float(run(exercise, fn, seed)[0]) == 0


def test_a_slip_beside_the_point_costs_one_case(name, functions, run_mutant):
    for mutant in functions[name].mutants:
        if mutant.name in BESIDE_THE_POINT:
            earned, _ = run_mutant(name, mutant, "0f" * 32)
            assert earned.passed == earned.total - 1, mutant.name


@pytest.mark.parametrize("answer", [0, [[0.0]], (True, 2)])
def test_constants_earn_next_to_nothing(answer, functions, run):
    for name in set(functions) - {"blur_kernel", "edge_kernel"}:
        assert float(run(name, lambda *a, **k: answer, 2)[0]) <= 0.1, name


def test_two_mistakes_at_once_are_both_named(run, functions):
    right = functions["conv2d"].honest["torch"]
    _, text = run("conv2d", lambda x, w, b=None, stride=(1, 1), padding=(0, 0): right(x, w, None, stride))
    assert 'equals conv2d with the bias forgotten in the case "bias"' in text
    assert "equals conv2d with the padding forgotten" in text


PARTLY = {"blur_kernel": 0.5, "max_pool": 0.35, "mean_kernels": 0.35, "shift_curve": 0.35}


def test_remembered_answers_fail_under_a_seed(name, functions, run):
    """A function that learned the published answers by heart earns next to nothing on drawn inputs."""
    memory = {}

    def key(*a, **k):
        return repr((a, sorted(k.items())))

    def learn(*a, **k):
        memory[key(*a, **k)] = functions[name].right(*a, **k)
        return memory[key(*a, **k)]

    def recite(*a, **k):
        return memory[key(*a, **k)]

    if name in FIXED or name == "bottleneck":  # the right block is right for any numbers
        return
    assert float(run(name, learn)[0]) == 1
    assert float(run(name, recite, "hidden")[0]) <= PARTLY.get(name, 0.15)

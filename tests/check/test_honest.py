"""Right answers, however written, get all the points under every seed."""

from collections import namedtuple

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.check import cases_convolution, library
from labkit.check.draw import Draw

ANY_SEED = st.one_of(st.integers(), st.text(), st.binary())
FAST = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(seed=ANY_SEED)
def test_any_seed_accepts_a_right_answer(name, functions, run, seed):
    earned, text = run(name, list(functions[name].honest.values())[-1], seed)
    assert float(earned) == 1.0, text
    assert text.startswith("✓ ")
    assert earned.reasons == ()


def spaced(value):
    """The same numbers, but not in one piece of memory."""
    if isinstance(value, tuple):
        return tuple(map(spaced, value))
    return torch.stack([value, value], -1)[..., 0] if isinstance(value, torch.Tensor) else value


def followed(value):
    """The same numbers, followed by autograd."""
    if isinstance(value, tuple):
        return tuple(map(followed, value))
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.detach().clone().requires_grad_() if floats else value


@pytest.mark.parametrize("form", [spaced, followed])
def test_results_may_have_any_form(form, name, functions, run):
    if functions[name].spec.adapt is None:
        right = functions[name].right
        earned, text = run(name, lambda *a, **k: form(right(*a, **k)), "form")
        assert float(earned) == 1.0, text


def test_several_results_may_come_as_a_named_tuple(name, functions, run):
    parts = functions[name].spec.parts
    if parts and functions[name].spec.adapt is None:
        named, right = namedtuple("Named", parts), functions[name].right
        earned, text = run(name, lambda *a, **k: named(*right(*a, **k)), "named")
        assert float(earned) == 1.0, text


def test_rows_may_be_named_tuples(functions, run):
    row = namedtuple("Row", "name probability")
    right = functions["top_k"].right
    earned, text = run("top_k", lambda *a, **k: [row(*pair) for pair in right(*a, **k)], "named")
    assert float(earned) == 1.0, text


def test_inputs_need_not_lie_in_one_piece(name, functions, run):
    for style, fn in functions[name].honest.items():
        earned, text = run(name, lambda *a, fn=fn, **k: fn(*map(spaced, a), **k), "spaced")
        assert float(earned) == 1.0, (style, text)


@pytest.mark.parametrize(
    "function", ["im2col", "avg_pool", "max_pool2d", "blur_pool2d", "relu", "softmax", "entropy"]
)
def test_no_rows_at_all_give_no_rows(function, functions):
    case = functions[function].spec.cases(Draw(function, 4))[0]
    for style, fn in functions[function].honest.items():
        if style not in ("rows", "loops", "lists", "loop"):
            got = fn(case.args[0][:0], *case.args[1:], **case.kwargs)
            assert tuple(got.shape) == (0, *case.expected.shape[1:]), style


@pytest.mark.parametrize("exercise", ["corr2d", "convolve2d"])
def test_oracles_agree_with_opencv(exercise):
    for case in getattr(cases_convolution, exercise)(Draw(exercise, 3)):
        x, k = (t.numpy() for t in case.args)
        kernel = k if exercise == "corr2d" else k[::-1, ::-1].copy()
        same = cv2.filter2D(x, -1, kernel, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        valid = same[: x.shape[0] - k.shape[0] + 1, : x.shape[1] - k.shape[1] + 1]
        np.testing.assert_allclose(valid, case.expected.numpy(), rtol=1e-4, atol=1e-5)


def test_worked_numbers_of_the_lab():
    x = cases_convolution.as_float(cases_convolution.IMAGE)
    k = cases_convolution.as_float(cases_convolution.KERNEL)
    assert library.corr2d(x, k).tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert library.convolve2d(x, k).round().tolist() == [[18, 20, 19], [10, 9, 17], [11, 8, 14]]
    assert library.out_size(7, 3, 3) == 2
    assert library.conv_cost(1, 6, (5, 5), (28, 28)) == (156, 117_600)
    assert (
        sum(library.conv_cost(*a)[0] for a in ((1, 6, (5, 5), (1, 1)), (6, 16, (5, 5), (1, 1)))) == 156 + 2416
    )


def test_merged_kernel_does_what_the_two_do():
    g = torch.Generator().manual_seed(1)
    x, k1, k2 = (torch.randn(s, generator=g, dtype=torch.float64) for s in ((9, 8), (3, 2), (2, 4)))
    twice = library.corr2d(library.corr2d(x, k1), k2)
    torch.testing.assert_close(library.corr2d(x, library.merge_kernels(k1, k2)), twice)

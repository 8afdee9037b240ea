"""Lab 2's checks in detail: worked numbers, sizes that occur, odd inputs, messages word for word."""
# ruff: noqa: E501 (messages)

import numpy as np
import pytest
import torch

from labkit.check import cases_pooling as cases
from labkit.check import cases_pooling_nets as nets
from labkit.check import library_pooling as library
from labkit.check.draw import Draw
from labkit.check.run import examine
from labkit.check.specs_pooling import MUTANTS, SPECS

FUNCTIONS = list(SPECS)


CORE = [
    ("max_pool", "the mean of each window: average pooling"),
    ("max_pool", "max pooling with rows and columns of the answer swapped"),
    ("avg_pool", "the sum of each window, not divided"),
    ("pool_size", "the right size minus 1: the + 1 is missing"),
    ("max_pool2d", "average pooling"),
    ("avg_pool2d", "max pooling"),
    ("max_pool2d_backward", "the gradient of average pooling"),
    ("max_from_relu", "the smaller of the two: a - relu(a - b)"),
    ("mean_kernels", "ones, which are not divided"),
    ("global_avg_pool", "the largest number of each map: global max pooling"),
    ("head_params", "the two counts in the wrong order"),
    ("shift_curve", "the curve for shifts to the left"),
    ("blur_pool2d", "the blur with weights that are not divided by 16"),
]


@pytest.mark.parametrize(("function", "mistake"), CORE)
def test_wrong_in_the_core_earns_next_to_nothing(function, mistake, run):
    fn = next(m.fn for m in MUTANTS[function] if m.name == mistake)
    for seed in (None, "hidden"):
        assert float(run(function, fn, seed)[0]) <= 0.35


TENSORS = [f for f in FUNCTIONS if SPECS[f].tensors]


@pytest.mark.parametrize("function", TENSORS)
@pytest.mark.parametrize("form", ["transposed", "requires_grad", "float32"])
def test_honest_styles_take_odd_inputs(function, form, functions):
    """What a style gives for an input in another form is what the library gives."""
    for written, fn in functions[function].honest.items():
        if form == "requires_grad" and written in ("torch", "autograd"):
            continue  # these set requires_grad themselves, which only a leaf allows
        for case in SPECS[function].cases(Draw(function, 4)):
            args = [reformed(a, form) for a in case.args]
            got = torch.as_tensor(np.array(plain(fn(*args, **case.kwargs))))
            want = case.expected.double()
            torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-4)


def plain(value):
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


def reformed(value, form):
    if not isinstance(value, torch.Tensor):
        return value
    if form == "transposed":
        return value.transpose(-1, -2).contiguous().transpose(-1, -2)
    return value.clone().requires_grad_() if form == "requires_grad" else value.float()


def test_worked_numbers_of_the_lab():
    x = cases.as_float(cases.IMAGE)
    assert library.max_pool(x, (3, 3), (1, 1)).tolist() == [[3, 3, 3], [3, 3, 3], [3, 2, 3]]
    means = library.avg_pool(x[None, None], (3, 3), (1, 1))[0, 0]
    assert (means * 9).round().tolist() == [[15, 15, 15], [9, 11, 16], [10, 7, 12]]
    rounded = [[1.67, 1.67, 1.67], [1.00, 1.22, 1.78], [1.11, 0.78, 1.33]]
    assert np.round(means.numpy(), 2).tolist() == rounded
    assert library.pool_size(55, 3, 2) == 27
    assert library.head_params(512, 7, 7, 1000) == (25_089_000, 513_000)
    assert library.head_params(2048, 7, 7, 1000) == (100_353_000, 2_049_000)


def test_soft_relu_gives_the_same_for_every_right_formula(functions):
    a, b = Draw("x", 1).tensor(4, 5), Draw("y", 1).tensor(4, 5)
    want = torch.log(a.exp() + b.exp())
    for fn in functions["max_from_relu"].honest.values():
        torch.testing.assert_close(torch.as_tensor(fn(a, b, library.SOFT)), want)


@pytest.mark.parametrize("seed", range(5))
def test_ties_and_last_windows_really_occur(seed):
    for case in cases.max_pool2d_backward(Draw("max_pool2d_backward", seed)):
        if case.aspect == "equal largest pixels":
            x, dy, k, s = case.args
            turned = library.max_pool2d_backward(x.flip((2, 3)), dy.flip((2, 3)), k, s).flip((2, 3))
            assert not torch.equal(turned, case.expected)
    for case in nets.pool_size(Draw("pool_size", seed)):
        if "last window outside" in case.aspect:
            i, k, s, p = case.args
            assert case.expected == -(-(i + 2 * p - k) // s)


def test_messages_name_the_slip_in_words(run):
    pad = next(m for m in MUTANTS["max_pool2d"] if "zeros as padding" in m.name)
    assert run("max_pool2d", pad.fn)[1] == GOLDEN_PADDING
    mean = next(m for m in MUTANTS["max_pool"] if "average pooling" in m.name)
    assert run("max_pool", mean.fn)[1] == GOLDEN_MEAN


GOLDEN_PADDING = """\
✗ max_pool2d: 4 of 7 cases pass.
  Case "padding" calls max_pool2d(x, kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)) with x (2, 3, 11, 12) in float64.
  Came back: a tensor of shape (2, 3, 11, 6) and dtype float64, but 12 of 396 numbers differ.
  Expected: the same numbers, as torch.nn.functional.max_pool2d gives.
  Likely cause: your result equals max pooling with zeros as padding.
  Not passing yet: padding; padding around numbers below 0; float32."""
GOLDEN_MEAN = """\
✗ max_pool: 0 of 8 cases pass.
  Case "overlapping windows" calls max_pool(x, kernel_size=(3, 3), stride=(1, 1)) with x (5, 5) in float64, the 5 x 5 example of the lab.
  Came back: a tensor of shape (3, 3) and dtype float64, but 9 of 9 numbers differ: [[1.667, 1.667, 1.667], [1, 1.222, 1.778], [1.111, 0.7778, 1.333]].
  Expected: the same numbers, as torch.nn.functional.max_pool2d gives: [[3, 3, 3], [3, 3, 3], [3, 2, 3]].
  Likely cause: your result equals the mean of each window: average pooling."""


def test_examine_reports_every_aspect_once(functions):
    for function in FUNCTIONS:
        report = examine(SPECS[function], functions[function].right, None)
        assert len(report.aspects) == len(set(report.aspects)) >= 2

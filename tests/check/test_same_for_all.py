"""Two students with the same wrong function get the same mark: no seed makes it right anywhere."""

import os
from dataclasses import replace

import pytest

from labkit.check import cases_convolution, cases_layer, cases_size, policy
from labkit.check.case import Mutant
from labkit.check.draw import Draw
from labkit.check.run import examine

EACH = int(os.environ.get("SEEDS", "2"))  # of each kind; as many as you like by hand
SEEDS = (
    None,
    *range(EACH),
    *(f"{n:064x}" for n in range(EACH)),
    *(n.to_bytes(2, "big") * 16 for n in range(EACH)),
)


def test_wrong_functions_fail_the_same_cases_under_every_seed(name, functions, monkeypatch):
    monkeypatch.setattr(policy, "pattern", lambda got, want: "")  # words, which cost no points, but time
    spec = functions[name].spec
    wrong = [*spec.mutants, *(Mutant(text, fn) for text, fn in functions[name].mistakes.items())]
    first = {}
    for seed in SEEDS:
        cases = spec.cases(Draw(name, seed))
        unnamed = replace(spec, mutants=(), cases=lambda draw, cases=cases: cases)
        for mutant in wrong:
            report = examine(unnamed, mutant.fn, seed)
            marks = (report.aspects, report.failed)
            assert report.failed
            assert marks == first.setdefault(mutant, marks), (mutant.name, seed)


def left_over(size, kernel, stride, padding):
    return tuple((n + 2 * p - k) % s for n, k, s, p in zip(size, kernel, stride, padding, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_stride_leaves_over_is_fixed(seed):
    found = []
    for case in cases_layer.conv2d(Draw("conv2d", seed)):
        stride, padding = case.kwargs.get("stride", (1, 1)), case.kwargs.get("padding", (0, 0))
        found.append(left_over(case.args[0].shape[2:], case.args[1].shape[2:], stride, padding))
    assert found == [(0, 0)] * 3 + [(0, 1), (0, 0), (0, 0), (2, 1), (0, 1)]
    found = []
    for case in cases_layer.im2col(Draw("im2col", seed)):
        found.append(
            left_over(case.args[0].shape[2:], case.args[1], case.kwargs.get("stride", (1, 1)), (0, 0))
        )
    assert found == [(0, 0)] * 3 + [(0, 1), (1, 2), (1, 1)]


@pytest.mark.parametrize("seed", SEEDS)
def test_strides_fit_where_the_case_says_so(seed):
    for case in cases_size.out_size(Draw("out_size", seed)):
        if case.aspect.startswith("a stride"):
            i, k, s = (*case.args, *case.kwargs.values())
            assert ((i - k) % s == 0) is (case.aspect == "a stride that fits")


def test_no_image_can_be_known_by_heart():
    numbers = {float(c.args[0].sum()) for s in SEEDS for c in cases_convolution.pad2d(Draw("pad2d", s))}
    assert len(numbers) == 6 * len(SEEDS)

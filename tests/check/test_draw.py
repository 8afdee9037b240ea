"""Inputs are drawn from the seed alone, and have the shapes that catch mistakes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.check import cases_convolution as cases
from labkit.check import cases_layer, cases_size
from labkit.check.draw import Draw

SEED = st.one_of(st.none(), st.integers(), st.text(), st.binary())
FEW = settings(max_examples=25, deadline=None)


@FEW
@given(SEED)
def test_same_seed_same_inputs(seed):
    assert torch.equal(Draw("a", seed).tensor(3, 4), Draw("a", seed).tensor(3, 4))


@FEW
@given(SEED, SEED)
def test_other_seed_or_exercise_other_inputs(one, two):
    same = type(one) is type(two) and one == two
    assert torch.equal(Draw("a", one).tensor(3, 4), Draw("a", two).tensor(3, 4)) is same
    assert not torch.equal(Draw("a", one).tensor(3, 4), Draw("b", one).tensor(3, 4))


@FEW
@given(SEED, st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_values_have_both_signs_and_no_order(seed, shape):
    flat = Draw("x", seed).tensor(*shape).flatten()
    assert bool((flat.abs() >= 0.25).all())
    if flat.numel() > 1:
        assert flat.min() < 0 < flat.max()
    if flat.numel() > 2:
        assert flat.diff().min() < 0 < flat.diff().max()


@FEW
@given(SEED)
def test_layers_are_never_square(seed):
    for case in cases_layer.conv2d(Draw("conv2d", seed)):
        x, w = case.args[:2]
        assert x.shape[0] > 1
        assert x.shape[1] > 1
        assert x.shape[2] != x.shape[3]
        assert w.shape[2] != w.shape[3]
        for key in ("stride", "padding"):
            pair = case.kwargs.get(key, (0, 1))
            assert pair[0] != pair[1]


def test_shapes_vary_with_the_seed():
    shapes = {tuple(c.args[0].shape for c in cases.corr2d(Draw("corr2d", s))) for s in range(20)}
    assert len(shapes) > 15


def test_out_size_is_asked_about_two_hundred_times():
    assert len(cases_size.out_size(Draw("out_size"))) == 203

"""The cases of Lab 1 for sizes and costs: which numbers the functions get, and what must come back."""

from __future__ import annotations

from typing import Any

from labkit.check import library
from labkit.check.case import Case
from labkit.check.draw import Draw

SIZES_PER_ASPECT = 29


def out_size(draw: Draw) -> list[Case]:
    """Sizes: about 200, in seven groups from plain to all parameters at once."""
    cases = []
    for n in range(SIZES_PER_ASPECT):
        k = draw.integer(2, 7)
        i, s, d, p = draw.integer(k + 7, 40), draw.integer(2, 4), draw.integer(2, 3), draw.integer(1, k)
        fit = k + s * draw.integer(2, 9)
        odd = k + s * draw.integer(2, 9) + draw.integer(1, s - 1)
        if n == 0 and draw.published:
            i, k, s, fit, odd = 7, 3, 2, 7, 8
        wide = draw.integer(d * (k - 1) + s + 2, 50)
        groups: dict[str, tuple[tuple[int, ...], dict[str, int]]] = {
            "no padding, stride 1": ((i, k), {}),
            "padding": ((i, k), {"p": p}),
            "padding of half the kernel": ((i, k), {"p": k // 2}),
            "a stride that fits": ((fit, k, s), {}),
            "a stride that leaves pixels over": ((odd, k), {"s": s}),
            "dilation": ((wide, k), {"d": d}),
            "all parameters together": ((wide, k, s, p, d), {}),
        }
        cases += [Case(a, g, library.out_size(*g, **kw), kw) for a, (g, kw) in groups.items()]
    return sorted(cases, key=lambda c: list(groups).index(c.aspect))


def transposed_size(draw: Draw) -> list[Case]:
    """Sizes of the transposed convolution, in five groups."""
    cases = []
    for _ in range(12):
        k, s, d = draw.integer(3, 6), draw.integer(2, 4), draw.integer(2, 3)
        i, p, extra = draw.integer(4, 20), draw.integer(1, 2), draw.integer(1, s - 1)
        groups: dict[str, tuple[tuple[int, ...], dict[str, int]]] = {
            "stride 1": ((i, k), {}),
            "stride": ((i, k, s), {}),
            "padding": ((i, k), {"s": s, "p": p}),
            "output padding": ((i, k, s, p), {"output_padding": extra}),
            "all parameters together": ((i, k, s, p, extra, d), {}),
        }
        cases += [Case(a, g, library.transposed_size(*g, **kw), kw) for a, (g, kw) in groups.items()]
    return sorted(cases, key=lambda c: list(groups).index(c.aspect))


def conv_cost(draw: Draw) -> list[Case]:
    """Parameters and multiply-adds of a layer, with and without groups and bias."""
    sets: list[tuple[str, bool, dict[str, Any]]] = [
        ("plain layer", False, {}),
        ("no bias", False, {"bias": False}),
        ("groups", True, {"groups": 2}),
        ("groups without bias", True, {"groups": 3, "bias": False}),
        ("one group per channel", True, {"groups": 0}),
    ]
    cases = []
    for aspect, grouped, kwargs in sets:
        for _ in range(3):
            c_in, c_out = draw.pair(2, 9)
            groups = kwargs.get("groups", 1) or draw.integer(4, 6)
            if groups > 3:
                c_in, c_out = groups, groups * draw.integer(2, 3)
            elif grouped:
                c_in, c_out = groups * c_in, groups * c_out
            extra = {**kwargs, "groups": groups} if grouped else kwargs
            args = (c_in, c_out, draw.pair(2, 5), draw.pair(4, 11))
            cases.append(Case(aspect, args, library.conv_cost(*args, **extra), extra, "torch.nn.Conv2d"))
    if draw.published:
        lenet = (1, 6, (5, 5), (28, 28))
        cases.insert(0, Case("plain layer", lenet, library.conv_cost(*lenet), note="LeNet-5's first layer"))
    return cases

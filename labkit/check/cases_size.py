"""The cases of Lab 1 for sizes and costs: which numbers the functions get, and what must come back.

Kernels, strides, paddings and what is left over come from a fixed table, so that a wrong formula fails the
same cases under every seed. Drawn is only how many whole steps fit, and for the costs how many of each thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.check import library
from labkit.check.case import Case
from labkit.check.draw import Draw

SIZES_PER_ASPECT = 29
TRANSPOSED_PER_ASPECT = 12


def steps(draw: Draw, n: int, low: int = 1) -> int:
    """Draw how many steps fit: even in every other row of the table, so that rounding is the same too."""
    return 2 * draw.integer(low, low + 3) + n % 2


def out_size(draw: Draw) -> list[Case]:
    """Sizes: about 200, in seven groups from plain to all parameters at once."""
    cases = []
    for n in range(SIZES_PER_ASPECT):
        k, s, d = 2 + (n + 1) % 6, 2 + (n // 6) % 3, 2 + (n // 3) % 2
        p, left = 1 + n % k, 1 + n % (s - 1)
        i, fit, odd = (k + 2 + steps(draw, n), k + s * steps(draw, n), k + left + s * steps(draw, n))
        if n == 0 and draw.published:
            i, fit, odd = 7, 7, 8
        wide = d * (k - 1) + 4 + steps(draw, n)
        full = d * (k - 1) + 1 - 2 * p + n % s + s * (2 * k + steps(draw, n))
        groups: dict[str, tuple[tuple[int, ...], dict[str, int]]] = {
            "no padding, stride 1": ((i, k), {}),
            "padding": ((i, k), {"p": p}),
            "padding of half the kernel": ((i, k), {"p": k // 2}),
            "a stride that fits": ((fit, k, s), {}),
            "a stride that leaves pixels over": ((odd, k), {"s": s}),
            "dilation": ((wide, k), {"d": d}),
            "all parameters together": ((full, k, s, p, d), {}),
        }
        cases += [Case(a, g, library.out_size(*g, **kw), kw) for a, (g, kw) in groups.items()]
    return sorted(cases, key=lambda c: list(groups).index(c.aspect))


def transposed_size(draw: Draw) -> list[Case]:
    """Sizes of the transposed convolution, in five groups."""
    cases = []
    for n in range(TRANSPOSED_PER_ASPECT):
        k, s, d, p = 3 + n % 4, 2 + n % 3, 2 + (n // 4) % 2, 1 + (n // 2) % 2
        i, extra = 2 + steps(draw, n), 1 + n % (s - 1)
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
    """Parameters and multiply-adds of a layer, with and without groups and bias.

    Of two channels, two kernel sides and two image sides the first is the smaller in one case of an aspect,
    and the larger in the other. They are primes, so that two wrong factors do not make a right one.
    """

    def ordered(n: int, small: Sequence[int], large: Sequence[int]) -> tuple[int, int]:
        pair = draw.choice(small), draw.choice(large)
        return pair if n == 0 else pair[::-1]

    sets: list[tuple[str, int, dict[str, Any]]] = [
        ("plain layer", 1, {}),
        ("no bias", 1, {"bias": False}),
        ("groups", 2, {"groups": 2}),
        ("groups without bias", 3, {"groups": 3, "bias": False}),
        ("one group per channel", 4, {}),
    ]
    cases = []
    for aspect, groups, kwargs in sets:
        for n in range(2):
            c_in, c_out = (groups * c for c in ordered(n, (2, 3), (7, 11)))
            if groups == 4:
                c_in = draw.choice((5, 7))
                c_out = c_in * (2 + n)
                kwargs = {"groups": c_in}
            args = (c_in, c_out, ordered(1 - n, (2, 3), (5,)), ordered(n, (5, 7), (11, 13)))
            cases.append(Case(aspect, args, library.conv_cost(*args, **kwargs), kwargs, "torch.nn.Conv2d"))
    if draw.published:
        lenet = (1, 6, (5, 5), (28, 28))
        cases.insert(0, Case("plain layer", lenet, library.conv_cost(*lenet), note="LeNet-5's first layer"))
    return cases

"""Named wrong answers for sizes and costs: library calls with one thing bent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check import library
from labkit.check.case import Mutant

Pair = tuple[int, int]
size = library.out_size
OUT_SIZE = (
    Mutant("the size with the padding counted once", lambda i, k, s=1, p=0, d=1: size(i + p, k, s, 0, d)),
    Mutant("the size without the padding", lambda i, k, s=1, p=0, d=1: size(i, k, s, 0, d)),
    Mutant("the size with stride 1", lambda i, k, s=1, p=0, d=1: size(i, k, 1, p, d)),
    Mutant("the size without the dilation", lambda i, k, s=1, p=0, d=1: size(i, k, s, p)),
    Mutant(
        "the size with a kernel of d * k instead of d * (k - 1) + 1",
        lambda i, k, s=1, p=0, d=1: size(i, d * k, s, p),
    ),
    Mutant("the right size minus 1: the + 1 is missing", lambda *a, **k: size(*a, **k) - 1),
    Mutant("the right size plus 1", lambda *a, **k: size(*a, **k) + 1),
    Mutant("the size rounded up instead of down", lambda i, k, s=1, p=0, d=1: size(i + s - 1, k, s, p, d)),
    Mutant(
        "the size rounded to the nearest",
        lambda i, k, s=1, p=0, d=1: round((size(i, k, 1, p, d) - 1) / s) + 1,
    ),
    Mutant(
        "the size without rounding, by / instead of //",
        lambda i, k, s=1, p=0, d=1: (size(i, k, 1, p, d) - 1) / s + 1,
    ),
    Mutant("the right size as a float: use // not /", lambda *a, **k: float(size(*a, **k))),
    Mutant("the size with 1 added before the division", lambda i, k, s=1, p=0, d=1: size(i, k, 1, p, d) // s),
    Mutant(
        "the size of a transposed convolution",
        lambda i, k, s=1, p=0, d=1: library.transposed_size(i, k, s, p, 0, d),
    ),
)
tsize = library.transposed_size
TRANSPOSED_SIZE = (
    Mutant(
        "the size of an ordinary convolution",
        lambda i, k, s=1, p=0, output_padding=0, d=1: size(i, k, s, p, d),
    ),
    Mutant(
        "the size without the output padding",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, 0, d),
    ),
    Mutant(
        "the size with the padding counted once",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + p,
    ),
    Mutant(
        "the size with the padding added instead of taken off",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + 4 * p,
    ),
    Mutant(
        "the size without the padding",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + 2 * p,
    ),
    Mutant(
        "the size without the dilation",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding),
    ),
    Mutant(
        "the size with a kernel of d * k instead of d * (k - 1) + 1",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, d * k, s, p, output_padding),
    ),
    Mutant(
        "the size with stride 1",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, 1, p, 0, d) + output_padding,
    ),
    Mutant(
        "the size with i * s instead of (i - 1) * s",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i + 1, k, s, p, output_padding, d),
    ),
    Mutant(
        "the size with the output padding counted twice",
        lambda i, k, s=1, p=0, output_padding=0, d=1: tsize(i, k, s, p, output_padding, d) + output_padding,
    ),
    Mutant("the right size minus 1: the + 1 is missing", lambda *a, **k: tsize(*a, **k) - 1),
    Mutant("the right size plus 1", lambda *a, **k: tsize(*a, **k) + 1),
    Mutant("the right size as a float: use // not /", lambda *a, **k: float(tsize(*a, **k))),
)

cost = library.conv_cost


def _cost(params: Callable[..., float], adds: Callable[..., float]) -> Callable[..., tuple[float, float]]:
    """Bend the two counts; each gets (count, biases, c_in, c_out, kernel_size, out_size, groups)."""

    def fn(
        c_in: int, c_out: int, kernel_size: Pair, out_size: Pair, groups: int = 1, bias: bool = True
    ) -> Any:
        n, m = cost(c_in, c_out, kernel_size, out_size, groups, bias)
        rest = (c_out if bias else 0, c_in, c_out, kernel_size, out_size, groups)
        return params(n, *rest), adds(m, *rest)

    return fn


def _keep(n: int, *rest: Any) -> int:
    return n


CONV_COST = (
    Mutant(
        "the counts with groups forgotten", lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, 1, bias)
    ),
    Mutant(
        "the counts without the bias", lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, groups, False)
    ),
    Mutant(
        "the counts with a bias always",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, s, groups, True),
    ),
    Mutant(
        "the counts with the bias added at each place",
        _cost(_keep, lambda m, b, i, o, k, s, g: m + b * s[0] * s[1]),
    ),
    Mutant("the counts with the bias added once to the multiply-adds", _cost(_keep, lambda m, b, *_: m + b)),
    Mutant(
        "the counts with one bias per input channel", _cost(lambda n, b, i, o, *_: n - b + i * (b > 0), _keep)
    ),
    Mutant("the counts with one bias for the whole layer", _cost(lambda n, b, *_: n - b + (b > 0), _keep)),
    Mutant(
        "the counts with kernel height only",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[0], 1), s, groups, bias),
    ),
    Mutant(
        "the counts with kernel height squared",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[0], k[0]), s, groups, bias),
    ),
    Mutant(
        "the counts with kernel width squared",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, (k[1], k[1]), s, groups, bias),
    ),
    Mutant(
        "the counts with output height squared", _cost(_keep, lambda m, b, i, o, k, s, g: m // s[1] * s[0])
    ),
    Mutant(
        "the multiply-adds of one place only",
        lambda i, o, k, s, groups=1, bias=True: cost(i, o, k, (1, 1), groups, bias),
    ),
    Mutant("the multiply-adds counted as two operations", _cost(_keep, lambda m, *_: 2 * m)),
    Mutant(
        "the counts without the input channels",
        _cost(lambda n, b, i, o, k, s, g: (n - b) // (i // g) + b, lambda m, b, i, o, k, s, g: m // (i // g)),
    ),
    Mutant(
        "the counts without the output channels",
        _cost(lambda n, b, i, o, *_: (n - b) // o + b, lambda m, b, i, o, *_: m // o),
    ),
    Mutant(
        "the counts divided by groups twice",
        _cost(lambda n, b, i, o, k, s, g: (n - b) // g + b, lambda m, b, i, o, k, s, g: m // g),
    ),
    Mutant("the bias divided by groups too", _cost(lambda n, b, i, o, k, s, g: n - b + b // g, _keep)),
    Mutant("the two counts in the wrong order", lambda *a, **k: cost(*a, **k)[::-1]),
    Mutant(
        "the right counts as floats: use // not /", lambda *a, **k: tuple(float(v) for v in cost(*a, **k))
    ),
)

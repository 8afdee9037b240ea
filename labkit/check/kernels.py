"""The design exercise: kernels that must have properties instead of one right value."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.check import library
from labkit.check.case import Case, Mutant, Rule, Spec
from labkit.check.draw import Draw

EPS = 1e-5
ENOUGH = "a tenth of its height times the sum of the absolute weights"


def blur_cases(draw: Draw) -> list[Case]:
    """`blur_kernel(n)`, shape (n, n), n odd or even.

    Its weights sum to 1, none is below 0, and none is above 0.99. The largest n is another one when it
    is drawn, so that no list of kernels can hold all answers.
    """
    cases = []
    more = 0 if draw.published else 2 * draw.integer(1, 3)
    for aspect, sizes in (("odd n", (3, 5, 7 + more)), ("even n", (2, 4, 8 + more))):
        for n in sizes:
            flat = torch.full((n + 3, n + 5), 2.5, dtype=torch.float64)
            level = lambda k, flat=flat: bool(((library.corr2d(flat, k) / 2.5 - 1).abs() < EPS).all())
            rules = [
                Rule((n, n), level, "weights that sum to 1", "divide by what the weights sum to"),
                Rule((n, n), lambda k: bool((k >= 0).all()), "no weight below 0", "a blur only averages"),
                Rule(
                    (n, n),
                    spread,
                    "no weight above 99% of their sum",
                    "a single weight moves the image and blurs nothing",
                ),
            ]
            cases += [Case(aspect, (n,), r) for r in rules]
    return cases


def spread(k: Tensor) -> bool:
    """Say whether more than one weight matters, so that some contrast is lost."""
    return bool(k.abs().max() <= 0.99 * k.abs().sum())


def step(h: int, w: int, at: int, low: float, high: float) -> Tensor:
    """An image with one vertical edge: `low` on the left of column `at`, `high` from there on."""
    x = torch.full((h, w), low, dtype=torch.float64)
    x[:, at:] = high
    return x


def edge_cases(draw: Draw) -> list[Case]:
    """`edge_kernel()`: nothing on a flat image or a horizontal edge, much on a vertical edge.

    "Much" means at least a tenth of the edge's height times the sum of the absolute weights.
    """
    h, w = draw.distinct(7, 11)
    low, high = -draw.integer(1, 9) / 4, draw.integer(2, 9) / 4
    image = step(h, w, draw.integer(3, w - 3), low, high)

    def answer(x: Tensor, k: Tensor) -> float:
        return float(library.corr2d(x, k).max() / ((high - low) * k.abs().sum().clamp_min(1e-12)))

    def strong(k: Tensor) -> bool:
        return answer(image, k) >= 0.1

    def none(k: Tensor) -> bool:
        return max(answer(image.T, k), answer(image.T, -k)) < EPS

    def flat(k: Tensor) -> bool:
        return bool(k.abs().sum() > EPS) and abs(float(k.sum())) < EPS * float(k.abs().sum())

    def turned(k: Tensor) -> str:
        if none(k) and strong(-k):
            return "the sign is turned round: dark left and bright right must give a number above 0"
        if none(k.T) and (strong(k.T) or strong(-k.T)):
            return "it is a detector of horizontal edges: turn it by 90 degrees"
        return "the left and the right column need weights of opposite sign, and each row has to sum to 0"

    one = "one direction only"
    return [
        Case(one, (), Rule((3, 3), strong, f"a response to a vertical edge of at least {ENOUGH}", turned)),
        Case(one, (), Rule((3, 3), none, "no response at all to a horizontal edge", turned)),
        Case(
            "sums to 0",
            (),
            Rule((3, 3), flat, "weights that sum to 0, and not all 0", "a flat image has no edge"),
        ),
    ]


def impulse(n: int) -> Tensor:
    """An (n, n) image with a single 1."""
    x = torch.zeros(n, n, dtype=torch.float64)
    x[n // 2, n // 2] = 1
    return x


def even(*shape: int) -> Tensor:
    """Equal weights that sum to 1."""
    return torch.zeros(shape).flatten().softmax(0).reshape(shape)


def rows(*values: list[int]) -> Tensor:
    """A kernel of whole numbers."""
    return torch.tensor(values, dtype=torch.float64)


SOBEL = rows([-1, 0, 1], [-2, 0, 2], [-1, 0, 1])
BLUR_MUTANTS = (
    Mutant("a kernel that keeps one pixel and blurs nothing", impulse),
    Mutant("ones that are not divided by their sum", lambda n: torch.ones(n, n)),
    Mutant("ones divided by n instead of n * n", lambda n: torch.ones(n, n) / n),
    Mutant("ones divided by 9 whatever n is", lambda n: torch.ones(n, n) / 9),
    Mutant("a 3 x 3 kernel whatever n is", lambda n: even(3, 3)),
    Mutant("a kernel one row and column too large for even n", lambda n: even(n + 1 - n % 2, n + 1 - n % 2)),
    Mutant("one row of n weights instead of n rows", even),
    Mutant("weights that sum to 0", lambda n: impulse(n) - even(n, n)),
    Mutant("a sharpening kernel with negative weights", lambda n: 2 * impulse(n) - even(n, n)),
)
EDGE_MUTANTS = (
    Mutant("a detector of horizontal edges", lambda: SOBEL.T),
    Mutant("a detector of bright left and dark right: the wrong sign", lambda: -SOBEL),
    Mutant("a Laplacian, which sees edges in all directions", lambda: rows([0, 1, 0], [1, -4, 1], [0, 1, 0])),
    Mutant("a diagonal edge detector", lambda: rows([-2, -1, 0], [-1, 0, 1], [0, 1, 2])),
    Mutant("a corner detector", lambda: rows([1, 0, -1], [0, 0, 0], [-1, 0, 1])),
    Mutant("a sharpening kernel, which sums to 1", lambda: rows([0, -1, 0], [-1, 5, -1], [0, -1, 0])),
    Mutant("a blur", lambda: even(3, 3)),
    Mutant("a kernel of zeros", lambda: torch.zeros(3, 3)),
    Mutant("a kernel that keeps one pixel", lambda: impulse(3)),
    Mutant("a kernel with columns of one sign", lambda: SOBEL.abs()),
)

BLUR = Spec("blur_kernel", ("n",), blur_cases, BLUR_MUTANTS, tensors=False, witness="what a blur must do")
EDGE = Spec("edge_kernel", (), edge_cases, EDGE_MUTANTS, tensors=False, witness="what an edge kernel must do")

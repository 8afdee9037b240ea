"""The cases of Lab 3 for gradients by layer, dead units and first weights.

What tells right from wrong (a unit that is off, one at exactly 0) is there under every seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Case, Rule
from labkit.check.draw import Draw

FLOAT32 = torch.float32
LAYERS = 20
FLAT = 0.25  # the share of tanh's answers that may be near -1 or 1


def gradient_norms(draw: Draw) -> list[Case]:
    """Gradients by layer."""
    made = []
    sets = [("tanh", torch.tanh, torch.float64), ("ReLU", torch.relu, torch.float64),
            ("sigmoid", torch.sigmoid, torch.float64), ("float32", torch.tanh, FLOAT32)]  # fmt: skip
    for aspect, phi, dtype in sets:
        layers, h, n = 3, draw.integer(4, 5), draw.integer(6, 7)
        while True:  # until no layer is left without a gradient, or with one of a single direction
            x, w = draw.tensor(n, h, dtype=dtype), draw.tensor(layers, h, h, dtype=dtype) * 0.4
            answer = library.gradient_norms(x, w, phi)
            largest = torch.linalg.matrix_norm(library.gradients(x, w, phi), 2)
            if bool(answer.min() > 0.2) and bool((largest < 0.97 * answer).any()):
                break
        made.append(
            Case(aspect, (x, w, phi), answer, oracle="torch's autograd", note=f"with {aspect} as phi")
        )
    return made


def dead_units(draw: Draw) -> list[Case]:
    """A layer in which some units never answer and one always does."""
    made = []
    for aspect, dtype in (("dead, living and always active units", torch.float64), ("float32", FLOAT32)):
        n, d, h = 9, draw.integer(6, 7), draw.integer(10, 12)
        chosen, dead = list(draw.distinct(0, h - 1, 5)), draw.integer(2, 3)
        while True:
            x, w = draw.tensor(n, d, dtype=dtype), draw.tensor(h, d, dtype=dtype)
            b = draw.tensor(h, dtype=dtype) / 4
            b[chosen[:dead]] = -60
            w[chosen[3]], b[chosen[3]] = 0, 0.04  # always active, but never by much
            count, share = library.dead_units(x, w, b)
            off = (F.linear(x, w, b) <= 0).sum(1)  # no row looks as if it were all rows
            bare, _ = library.dead_units(x, w, 0 * b)  # without the bias
            if count == dead < int(off.min()) and int((share == 1).sum()) == bare == 1:
                break
        made.append(Case(aspect, (x, w, b), (count, share)))
    while True:  # until without the bias no unit is dead, and none always active
        x, w, b = draw.tensor(7, 3), draw.tensor(5, 3), torch.full((5,), 40.0, dtype=torch.float64)
        on = F.linear(x, w) > 0
        if bool(on.any(0).all()) and not bool(on.all(0).any()):
            break
    made.append(Case("no dead unit", (x, w, b), library.dead_units(x, w, b)))
    while True:  # until one unit is above 0 for a single row, which is not the first, and the others for some
        x, w, b = draw.tensor(24, 4), draw.tensor(8, 4), torch.zeros(8, dtype=torch.float64)
        w[:2], b[1], b[2:4] = 0, 0.04, -60  # u is exactly 0, always 0.04, always below 0
        b[4] = -(x @ w[4]).topk(2).values.mean()
        count, share = library.dead_units(x, w, b)
        alone = F.linear(x, w, b)[1:, 4].max() > 0.2
        if count == 3 and bool(alone) and bool((share[5:] > 0.2).all()) and bool((share[5:] < 0.8).all()):
            break
    made.append(Case("units at 0 and units that hardly fire", (x, w, b), (count, share)))
    return made


@lru_cache(maxsize=16)
def _noise(fan_in: int) -> tuple[Tensor, Tensor]:
    """Numbers of mean 0 and spread 1: inputs (48, fan_in) and layers (20, fan_in, fan_in)."""
    g = torch.Generator().manual_seed(fan_in)
    x = torch.randn(48, fan_in, generator=g, dtype=torch.float64)
    return x, torch.randn(LAYERS, fan_in, fan_in, generator=g, dtype=torch.float64)


def signal(std: float, fan_in: int, activation: str, slope: float) -> Tensor:
    """The answers of the last of 20 layers whose weights have the given standard deviation."""
    known: dict[str, Callable[[Tensor], Tensor]] = {
        "linear": lambda v: v,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "leaky_relu": lambda v: F.leaky_relu(v, slope),
    }
    phi = known[activation]
    h, layers = _noise(fan_in)
    for w in layers:
        h = phi(h @ w * std)
    return h


@lru_cache(maxsize=1024)
def measured(std: float, fan_in: int, activation: str, slope: float) -> tuple[float, float]:
    """Root mean square of the last answers, and the share of them beyond 0.97."""
    h = signal(std, fan_in, activation, slope)
    return float(h.square().mean().sqrt()), float((h.abs() > 0.97).double().mean())


def init_std(draw: Draw) -> list[Case]:
    """The spread of weights that keeps the signal alive through 20 layers."""

    def rule(fan_in: int, activation: str, slope: float) -> Rule:
        power, _ = measured(library.init_std(fan_in, activation, slope), fan_in, activation, slope)

        def holds(std: Tensor) -> bool:
            if not 0 < float(std) < 10:
                return False
            end, flat = measured(float(std), fan_in, activation, slope)
            if activation == "tanh":
                return end > 0.15 * power and flat < FLAT  # a gain from 1 to 2
            return 0.5 < end / power < 2

        def hint(std: Tensor) -> str:
            if not 0 < float(std) < 10:
                return "a standard deviation is a positive number, here far below 1"
            end, flat = measured(float(std), fan_in, activation, slope)
            if activation == "tanh" and flat >= FLAT:
                return (
                    f"after {LAYERS} layers the signal saturates: {flat:.0%} of the answers are near -1 or 1"
                )
            told = "dies away" if end < power else "explodes"
            return f"after {LAYERS} layers the signal {told}: {end / power:.2g} times what it should be"

        return Rule((), holds, f"a spread that keeps the signal through {LAYERS} layers", hint)

    made = []
    for activation in ("relu", "linear", "leaky_relu", "tanh"):
        for at, slope in enumerate((0.01, 0.3, 0.5) if activation == "leaky_relu" else (0.01, 0.01)):
            fan_in = (40, 100, 70)[at] + draw.integer(0, 4)  # so different that no constant is right twice
            given = {} if slope == 0.01 else {"slope": slope}
            made.append(Case(activation, (fan_in, activation), rule(fan_in, activation, slope), given))
    return made

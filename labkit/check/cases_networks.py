"""The cases of Lab 3 for neurons, layers, gradients, normalisation and dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check import library_activations as library
from labkit.check.case import Case, Rule
from labkit.check.draw import Draw

FLOAT32 = torch.float32
LAYERS = 20


def either(f: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    """Let a function of tensors take numpy arrays and numbers too; an array gives an array."""

    def g(x: Any) -> Any:
        return (
            f(torch.from_numpy(np.array(x))).numpy() if isinstance(x, np.ndarray) else f(torch.as_tensor(x))
        )

    return g


def neuron(draw: Draw) -> list[Case]:
    """One neuron for several rows."""
    made = []
    sets: list[tuple[str, Callable[[Tensor], Tensor], torch.dtype]] = [
        ("phi gives back its input", lambda u: u.clone(), torch.float64),
        ("phi is the sigmoid", torch.sigmoid, torch.float64),
        ("phi is u squared plus 1", lambda u: u.square() + 1, torch.float64),
        ("float32", torch.tanh, FLOAT32),
    ]
    for aspect, f, dtype in sets:
        n, d = draw.pair(3, 6)
        args = draw.tensor(n, d, dtype=dtype), draw.tensor(d, dtype=dtype), draw.tensor(1, dtype=dtype)[0]
        made.append(Case(aspect, (*args, either(f)), library.neuron(*args, f)))
    return made


def perceptron(draw: Draw) -> list[Case]:
    """The perceptron rule on data with and without a separating line."""
    corners = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    made = []
    for aspect, targets in (("AND", [0, 0, 0, 1]), ("OR", [0, 1, 1, 1]), ("XOR", [0, 1, 1, 0])):
        order = list(range(4)) if draw.published else list(draw.distinct(0, 3, 4))
        x, t = corners[order], torch.tensor(targets, dtype=torch.float64)[order]
        epochs = draw.integer(5, 6)
        made.append(Case(aspect, (x, t, epochs), _learned(x, t, epochs), note=f"the four rows of {aspect}"))
    for _ in range(1):
        n, d = draw.integer(7, 9), draw.integer(3, 5)
        x = draw.tensor(n, d)
        t = (x @ draw.tensor(d) + 0.3 > 0).double()
        t[0], t[1] = 0, 1
        made.append(Case("more inputs", (x, t, 2), _learned(x, t, 2)))
    return made


def _learned(x: Tensor, t: Tensor, epochs: int) -> tuple[Tensor, Tensor, Rule]:
    """The answer; the numbers of mistakes may be whole numbers of any kind."""
    w, b, mistakes = library.perceptron(x, t, epochs)
    wanted = f"{epochs} numbers of mistakes, one an epoch"
    right = torch.tensor(mistakes, dtype=torch.float64)
    hint = "count a row when t is not y at that moment, before the weights move"
    return w, b, Rule((epochs,), lambda m: bool((m - right).abs().max() < 1e-6), wanted, hint)


def collapse(draw: Draw) -> list[Case]:
    """Three linear layers as one."""
    made = []
    for aspect, dtype in (("four sizes", torch.float64), ("four sizes", torch.float64), ("float32", FLOAT32)):
        d, a, b, k = draw.distinct(2, 6, 4)
        shapes = [(a, d), (a,), (b, a), (b,), (k, b), (k,)]
        args = tuple(draw.tensor(*shape, dtype=dtype) for shape in shapes)
        made.append(Case(aspect, args, library.collapse(*args), oracle="one nn.Linear that does the same"))
    return made


def train_step(draw: Draw) -> list[Case]:
    """One gradient step of a perceptron with a hidden layer."""
    made = []
    for aspect, outputs, dtype in (("several outputs", 3, torch.float64), ("one output", 1, torch.float64),
                                   ("one row", 2, torch.float64), ("float32", 2, FLOAT32)):  # fmt: skip
        n, d, h = draw.distinct(4, 7, 3)
        n = 1 if aspect == "one row" else n
        shapes = [(n, d), (n, outputs), (h, d), (h,), (outputs, h), (outputs,)]
        rate = draw.choice([0.05, 0.15, 0.3])
        args: tuple[Any, ...] = (*(draw.tensor(*shape, dtype=dtype) for shape in shapes), rate)
        made.append(Case(aspect, args, library.train_step(*args), oracle="torch's autograd and SGD"))
    return made


def gradient_norms(draw: Draw) -> list[Case]:
    """Gradients by layer."""
    made = []
    sets = [("tanh", torch.tanh, torch.float64), ("ReLU", torch.relu, torch.float64),
            ("sigmoid", torch.sigmoid, torch.float64), ("float32", torch.tanh, FLOAT32)]  # fmt: skip
    for aspect, phi, dtype in sets:
        n, h, layers = draw.distinct(3, 6, 3)
        x, w = draw.tensor(n, h, dtype=dtype), draw.tensor(layers, h, h, dtype=dtype) * 0.4
        answer = library.gradient_norms(x, w, phi)
        made.append(
            Case(aspect, (x, w, phi), answer, oracle="torch's autograd", note=f"with {aspect} as phi")
        )
    return made


def dead_units(draw: Draw) -> list[Case]:
    """A layer in which some units never answer and some always do."""
    made = []
    for aspect, dtype in (("dead, living and always active units", torch.float64), ("float32", FLOAT32)):
        (n, d), h = draw.pair(6, 9), draw.integer(10, 12)
        x, w, b = (
            draw.tensor(n, d, dtype=dtype),
            draw.tensor(h, d, dtype=dtype),
            draw.tensor(h, dtype=dtype) / 4,
        )
        chosen = list(draw.distinct(0, h - 1, 5))
        b[chosen[: draw.integer(2, 3)]] = -60
        b[chosen[3]] = 60
        made.append(Case(aspect, (x, w, b), library.dead_units(x, w, b)))
    x, w, b = draw.tensor(7, 3), draw.tensor(5, 3), torch.full((5,), 40.0, dtype=torch.float64)
    made.append(Case("no dead unit", (x, w, b), library.dead_units(x, w, b)))
    return made


def signal(std: float, fan_in: int, activation: str, slope: float) -> Tensor:
    """The answers of the last of 20 layers whose weights have the given standard deviation."""
    known: dict[str, Callable[[Tensor], Tensor]] = {
        "linear": lambda v: v,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "leaky_relu": lambda v: F.leaky_relu(v, slope),
    }
    phi = known[activation]
    g = torch.Generator().manual_seed(fan_in)
    h = torch.randn(48, fan_in, generator=g, dtype=torch.float64)
    for _ in range(LAYERS):
        h = phi(h @ torch.randn(fan_in, fan_in, generator=g, dtype=torch.float64) * std)
    return h


def init_std(draw: Draw) -> list[Case]:
    """The spread of weights that keeps the signal alive through 20 layers."""

    def rule(fan_in: int, activation: str, slope: float) -> Rule:
        right = library.init_std(fan_in, activation, slope)
        power = float(signal(right, fan_in, activation, slope).square().mean().sqrt())

        def ratio(std: Tensor) -> float:
            h = signal(float(std), fan_in, activation, slope)
            return float(h.square().mean().sqrt()) / power

        def holds(std: Tensor) -> bool:
            if not 0 < float(std) < 10:
                return False
            if activation == "tanh":
                flat = float((signal(float(std), fan_in, activation, slope).abs() > 0.97).double().mean())
                return ratio(std) > 0.25 and flat < 0.25
            return 0.5 < ratio(std) < 2

        def hint(std: Tensor) -> str:
            if not 0 < float(std) < 10:
                return "a standard deviation is a positive number, here far below 1"
            end = ratio(std)
            told = "dies away" if end < 1 else "explodes" if activation != "tanh" else "saturates"
            return f"after {LAYERS} layers the signal {told}: {end:.2g} times what it should be"

        return Rule((), holds, f"a spread that keeps the signal through {LAYERS} layers", hint)

    made = []
    for activation in ("relu", "linear", "leaky_relu", "tanh"):
        for slope in (0.01, 0.3, 0.5) if activation == "leaky_relu" else (0.01, 0.01):
            fan_in = draw.integer(60, 110)
            given = {} if slope == 0.01 else {"slope": slope}
            made.append(Case(activation, (fan_in, activation), rule(fan_in, activation, slope), given))
    return made


def batch_norm(draw: Draw) -> list[Case]:
    """Normalisation of each unit over the batch."""
    return _norms(draw, library.batch_norm, "torch.nn.functional.batch_norm")


def layer_norm(draw: Draw) -> list[Case]:
    """Normalisation of each row over its units."""
    return _norms(draw, library.layer_norm, "torch.nn.functional.layer_norm")


def _norms(draw: Draw, oracle: Callable[..., Any], name: str) -> list[Case]:
    made = []
    sets: list[tuple[str, float, dict[str, float], torch.dtype]] = [
        ("spread of about 1", 1, {}, torch.float64),
        ("large numbers", 50, {}, torch.float64),
        ("hardly any spread, so that eps counts", 0.003, {}, torch.float64),
        ("another eps", 1, {"eps": 0.25}, torch.float64),
        ("float32", 1, {}, FLOAT32),
    ]
    for aspect, scale, given, dtype in sets:
        n, h = draw.pair(4, 8)
        x = ((draw.tensor(n, h) + draw.integer(2, 5)) * scale).to(dtype)
        gamma, beta = draw.tensor(h, dtype=dtype), draw.tensor(h, dtype=dtype)
        made.append(Case(aspect, (x, gamma, beta), oracle(x, gamma, beta, **given), given, name))
    return made


def dropout(draw: Draw) -> list[Case]:
    """Inverted dropout with the random numbers given."""
    made = []
    sets: list[tuple[str, float, dict[str, bool], torch.dtype]] = [
        ("training", draw.choice([0.3, 0.4]), {}, torch.float64),
        ("another p", draw.choice([0.6, 0.75]), {}, torch.float64),
        ("evaluation", 0.4, {"training": False}, torch.float64),
        ("p = 0", 0.0, {}, torch.float64),
        ("float32", 0.5, {}, FLOAT32),
    ]
    for aspect, p, given, dtype in sets:
        shape = draw.pair(4, 8)
        x = draw.tensor(*shape, dtype=dtype)
        u = torch.rand(shape, generator=draw.generator, dtype=torch.float64)
        u[0, :2], u[1, :2] = torch.tensor([0.02, 0.97]), torch.tensor([p, 0.9])
        made.append(Case(aspect, (x, p, u.to(dtype)), library.dropout(x, p, u.to(dtype), **given), given))
    return made

"""The checks of Lab 3: one function an exercise, each returning the share of points earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.marks import earn
from labkit.check.specs_activations import EXERCISES, MUTANTS, SPECS

Fn = Callable[..., Any]
__all__ = [
    "EXERCISES",
    "MUTANTS",
    "SPECS",
    "collapse",
    "depth",
    "dropout",
    "init_std",
    "losses",
    "normalise",
    "own_backward",
    "perceptron",
    "playground_setting",
    "rectify",
    "slopes",
    "soften",
    "squash",
    "train_step",
]


def _check(exercise: str, *fns: Fn, seed: Seed) -> Earned:
    names = EXERCISES[exercise]
    return earn(exercise, [(SPECS[name], fn) for name, fn in zip(names, fns, strict=True)], seed)


def perceptron(neuron: Fn, perceptron: Fn, *, seed: Seed = None) -> Earned:
    """Check `neuron(x, w, b, phi)` and `perceptron(x, t, epochs) -> (w, b, mistakes)`.

    Args:
        neuron: The student's function: (N, D), (D,), () and phi to (N,).
        perceptron: The student's function: the perceptron rule from zeros, row by row.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("perceptron", neuron, perceptron, seed=seed)


def collapse(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `collapse(w1, b1, w2, b2, w3, b3) -> (w, b)`: three linear layers as one.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.

    Example:
        >>> earned = collapse(lambda a, b, c, d, e, f: (e @ c @ a, e @ (c @ b + d) + f))
        ✓ collapse: all 6 cases agree with torch.
    """
    return _check("collapse", fn, seed=seed)


def squash(step: Fn, sigmoid: Fn, tanh: Fn, *, seed: Seed = None) -> Earned:
    """Check `step(x)`, `sigmoid(x)` and `tanh(x)`, for tensors of any shape.

    Args:
        step: 0 below 0, 1 from 0 on.
        sigmoid: 1 / (1 + exp(-x)).
        tanh: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("squash", step, sigmoid, tanh, seed=seed)


def rectify(
    relu: Fn, leaky_relu: Fn, elu: Fn, gelu: Fn, softplus: Fn, maxout: Fn, *, seed: Seed = None
) -> Earned:
    """Check ReLU and its relatives: `relu(x)`, `leaky_relu(x, slope)`, `elu(x, alpha)`, and so on.

    Args:
        relu: The student's function.
        leaky_relu: With the slope as a parameter, default 0.01.
        elu: With alpha as a parameter, default 1.
        gelu: The exact one, with the error function.
        softplus: Finite for numbers of ±1000.
        maxout: (N, D), (K, D, H), (K, H) to (N, H).
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("rectify", relu, leaky_relu, elu, gelu, softplus, maxout, seed=seed)


def slopes(
    sigmoid_slope: Fn,
    tanh_slope: Fn,
    leaky_relu_slope: Fn,
    elu_slope: Fn,
    gelu_slope: Fn,
    *,
    seed: Seed = None,
) -> Earned:
    """Check the derivatives of activations; at 0 the left branch counts, as in PyTorch.

    Args:
        sigmoid_slope: The student's function.
        tanh_slope: The student's function.
        leaky_relu_slope: With the slope as a parameter; slope 0 is ReLU.
        elu_slope: With alpha as a parameter.
        gelu_slope: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("slopes", sigmoid_slope, tanh_slope, leaky_relu_slope, elu_slope, gelu_slope, seed=seed)


def own_backward(my_relu: Fn, pass_through: Fn, *, seed: Seed = None) -> Earned:
    """Check two functions that call the `apply` of a `torch.autograd.Function`, forward and backward.

    Args:
        my_relu: ReLU; finite differences (`gradcheck`) have to agree.
        pass_through: The step, with dy handed on where abs(x) <= 1.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("own_backward", my_relu, pass_through, seed=seed)


def playground_setting(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `playground_setting(data) -> dict` by training with what it gives; nothing in it is random.

    Args:
        fn: The student's function; it is called with "circle" and "xor".
        seed: Taken like everywhere, but the setting itself is the answer, so it changes nothing.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("playground_setting", fn, seed=seed)


def train_step(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `train_step(x, t, w1, b1, w2, b2, rate) -> (w1, b1, w2, b2)`: one gradient step by hand.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("train_step", fn, seed=seed)


def depth(gradient_norms: Fn, dead_units: Fn, *, seed: Seed = None) -> Earned:
    """Check `gradient_norms(x, weights, phi)` and `dead_units(x, w, b) -> (dead, active)`.

    Args:
        gradient_norms: (N, H), (L, H, H) and phi to (L,).
        dead_units: (N, D), (H, D), (H,) to an int and (H,).
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("depth", gradient_norms, dead_units, seed=seed)


def init_std(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `init_std(fan_in, activation, slope=0.01) -> float` by sending a signal through 20 layers.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("init_std", fn, seed=seed)


def normalise(batch_norm: Fn, layer_norm: Fn, *, seed: Seed = None) -> Earned:
    """Check `batch_norm(x, gamma, beta, eps) -> (mu, var, x_hat, y)` and `layer_norm(...) -> y`, x of (N, H).

    Args:
        batch_norm: Over the rows, with the biased variance.
        layer_norm: Over the units of each row.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("normalise", batch_norm, layer_norm, seed=seed)


def dropout(fn: Fn, *, seed: Seed = None) -> Earned:
    """Check `dropout(x, p, u, training=True)`: inverted dropout, where the random numbers u are given.

    Args:
        fn: The student's function.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("dropout", fn, seed=seed)


def soften(softmax: Fn, log_softmax: Fn, entropy: Fn, *, seed: Seed = None) -> Earned:
    """Check `softmax(z, temperature)`, `log_softmax(z)` and `entropy(p)` along the last axis.

    Args:
        softmax: Finite for scores of ±1000.
        log_softmax: Finite for scores of ±1000.
        entropy: In nats, with 0 log 0 = 0.
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("soften", softmax, log_softmax, entropy, seed=seed)


def losses(scores: Fn, cross_entropy: Fn, cross_entropy_grad: Fn, *, seed: Seed = None) -> Earned:
    """Check `scores(p, t)`, `cross_entropy(z, labels)` and `cross_entropy_grad(z, labels)`.

    Args:
        scores: (N, C) twice to (error, cross_entropy, squared_error).
        cross_entropy: (N, C) scores and (N,) labels to the mean loss.
        cross_entropy_grad: Its gradient, (N, C).
        seed: None for the published inputs; an int, str or bytes draws others of the same kind.

    Returns:
        The share of cases that pass; the message is printed.
    """
    return _check("losses", scores, cross_entropy, cross_entropy_grad, seed=seed)

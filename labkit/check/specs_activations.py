"""The functions of Lab 3: their parameters, cases and named wrong answers."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from labkit.check import (
    cases_activations,
    cases_losses,
    cases_networks,
    cases_signal,
    mutants_activations,
    mutants_losses,
    mutants_networks,
    mutants_normalise,
    mutants_signal,
    mutants_slopes,
    training,
)
from labkit.check import library_activations as library
from labkit.check.autograd import through
from labkit.check.case import Mutant, Spec
from labkit.check.cases_activations import each_number, own_backward, pass_backward, relu_backward

_AUTO = "torch's autograd"
_ALL = (
    Spec("neuron", ("x", "w", "b", "phi"), cases_networks.neuron, mutants_networks.NEURON),
    Spec(
        "perceptron",
        ("x", "t", "epochs"),
        cases_networks.perceptron,
        mutants_networks.PERCEPTRON,
        parts=("w", "b", "mistakes"),
        witness="the perceptron rule",
    ),
    Spec(
        "collapse",
        ("w1", "b1", "w2", "b2", "w3", "b3"),
        cases_networks.collapse,
        mutants_networks.COLLAPSE,
        parts=("w", "b"),
    ),
    Spec("step", ("x",), each_number(library.step, "torch.heaviside", zero="at 0"), mutants_activations.STEP),
    Spec("sigmoid", ("x",), each_number(torch.sigmoid, "torch.sigmoid"), mutants_activations.SIGMOID),
    Spec("tanh", ("x",), each_number(torch.tanh, "torch.tanh"), mutants_activations.TANH),
    Spec("relu", ("x",), each_number(torch.relu, "torch.relu"), mutants_activations.RELU),
    Spec(
        "leaky_relu",
        ("x", "slope"),
        each_number(library.leaky_relu, "F.leaky_relu", slope=0.01),
        mutants_activations.LEAKY_RELU,
    ),
    Spec("elu", ("x", "alpha"), each_number(library.elu, "F.elu", alpha=1.0), mutants_activations.ELU),
    Spec("gelu", ("x",), each_number(F.gelu, "F.gelu"), mutants_activations.GELU),
    Spec("softplus", ("x",), each_number(library.softplus, "torch.logaddexp"), mutants_activations.SOFTPLUS),
    Spec("maxout", ("x", "w", "b"), cases_activations.maxout, mutants_activations.MAXOUT),
    Spec("sigmoid_slope", ("x",), each_number(library.sigmoid_slope, _AUTO), mutants_slopes.SIGMOID_SLOPE),
    Spec("tanh_slope", ("x",), each_number(library.tanh_slope, _AUTO), mutants_slopes.TANH_SLOPE),
    Spec(
        "leaky_relu_slope",
        ("x", "slope"),
        each_number(library.leaky_relu_slope, _AUTO, zero="at 0", exact=True, slope=0.01),
        mutants_slopes.LEAKY_RELU_SLOPE,
        keeps=False,
    ),
    Spec(
        "elu_slope",
        ("x", "alpha"),
        each_number(library.elu_slope, _AUTO, zero="at 0", alpha=1.0),
        mutants_slopes.ELU_SLOPE,
    ),
    Spec("gelu_slope", ("x",), each_number(library.gelu_slope, _AUTO), mutants_slopes.GELU_SLOPE),
    Spec(
        "my_relu",
        ("x",),
        own_backward(torch.relu, relu_backward),
        mutants_slopes.MY_RELU,
        parts=("y", "dx"),
        tensors=False,
        adapt=partial(through, smooth=True),
    ),
    Spec(
        "pass_through",
        ("x",),
        own_backward(library.step, pass_backward, edges=True),
        mutants_slopes.PASS_THROUGH,
        parts=("y", "dx"),
        tensors=False,
        witness="what the text asks",
        adapt=partial(through, smooth=False),
    ),
    Spec(
        "train_step",
        ("x", "t", "w1", "b1", "w2", "b2", "rate"),
        cases_networks.train_step,
        mutants_networks.TRAIN_STEP,
        parts=("w1", "b1", "w2", "b2"),
    ),
    Spec(
        "gradient_norms",
        ("x", "weights", "phi"),
        cases_signal.gradient_norms,
        mutants_signal.GRADIENT_NORMS,
        keeps=False,
    ),
    Spec(
        "dead_units",
        ("x", "w", "b"),
        cases_signal.dead_units,
        mutants_signal.DEAD_UNITS,
        parts=("dead", "active"),
        keeps=False,
    ),
    Spec(
        "init_std",
        ("fan_in", "activation", "slope"),
        cases_signal.init_std,
        mutants_signal.INIT_STD,
        tensors=False,
        witness="a signal that lives through 20 layers",
    ),
    Spec(
        "batch_norm",
        ("x", "gamma", "beta", "eps"),
        cases_networks.batch_norm,
        mutants_normalise.BATCH_NORM,
        parts=("mu", "var", "x_hat", "y"),
    ),
    Spec(
        "layer_norm", ("x", "gamma", "beta", "eps"), cases_networks.layer_norm, mutants_normalise.LAYER_NORM
    ),
    Spec("dropout", ("x", "p", "u", "training"), cases_networks.dropout, mutants_normalise.DROPOUT),
    Spec("softmax", ("z", "temperature"), cases_losses.softmax, mutants_losses.SOFTMAX),
    Spec("log_softmax", ("z",), cases_losses.log_softmax, mutants_losses.LOG_SOFTMAX),
    Spec("entropy", ("p",), cases_losses.entropy, mutants_losses.ENTROPY),
    Spec(
        "scores",
        ("p", "t"),
        cases_losses.scores,
        mutants_losses.SCORES,
        parts=("error", "cross_entropy", "squared_error"),
        keeps=False,
    ),
    Spec(
        "cross_entropy",
        ("z", "labels"),
        cases_losses.cross_entropy,
        mutants_losses.CROSS_ENTROPY,
        keeps=False,
    ),
    Spec(
        "cross_entropy_grad",
        ("z", "labels"),
        cases_losses.cross_entropy_grad,
        mutants_losses.CROSS_ENTROPY_GRAD,
    ),
    training.SPEC,
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in _ALL}
"""Function that a student writes -> what its check needs."""

MUTANTS: dict[str, tuple[Mutant, ...]] = {spec.name: spec.mutants for spec in _ALL}
"""Function -> its named wrong answers; `fn` takes what the student's function takes."""

EXERCISES: dict[str, tuple[str, ...]] = {
    "perceptron": ("neuron", "perceptron"),
    "collapse": ("collapse",),
    "squash": ("step", "sigmoid", "tanh"),
    "rectify": ("relu", "leaky_relu", "elu", "gelu", "softplus", "maxout"),
    "slopes": ("sigmoid_slope", "tanh_slope", "leaky_relu_slope", "elu_slope", "gelu_slope"),
    "own_backward": ("my_relu", "pass_through"),
    "playground_setting": ("playground_setting",),
    "train_step": ("train_step",),
    "depth": ("gradient_norms", "dead_units"),
    "init_std": ("init_std",),
    "normalise": ("batch_norm", "layer_norm"),
    "dropout": ("dropout",),
    "soften": ("softmax", "log_softmax", "entropy"),
    "losses": ("scores", "cross_entropy", "cross_entropy_grad"),
}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""

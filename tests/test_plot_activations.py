"""Figures of Lab 3: right ones say what they show, and nothing a student's function does breaks them."""

import io
import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from labkit import activations, plot, plot_activations, plot_depth, plot_losses, plot_neurons

HONEST = runpy.run_path(str(Path(__file__).parent / "check" / "honest_activations.py"))["HONEST"]
Z = torch.tensor([2.0, 1, 0], dtype=torch.float64)


def right(name: str) -> Any:
    return next(iter(HONEST[name].values()))


Drawing = Callable[[Any], Figure]
# name: how it is drawn, and the student's function in it
FIGURES: dict[str, tuple[Drawing, str]] = {
    "gates": (lambda f: plot_neurons.gates(f, epochs=8), "perceptron"),
    "learned": (lambda f: plot_neurons.learned(f, steps=150), "train_step"),
    "curve": (lambda f: plot_activations.curves({"elu": f}), "elu"),
    "slope": (lambda f: plot_activations.slopes({"tanh": (torch.tanh, f)}), "tanh_slope"),
    "curve of a slope": (lambda f: plot_activations.slopes({"tanh": (f, right("tanh_slope"))}), "tanh"),
    "gradients": (lambda f: plot_depth.gradients(f, layers=4), "gradient_norms"),
    "dead_map": (plot_depth.dead_map, "dead_units"),
    "signals": (lambda f: plot_depth.signals(f, layers=5), "init_std"),
    "batch norm": (lambda f: plot_depth.normalised(f, right("layer_norm")), "batch_norm"),
    "layer norm": (lambda f: plot_depth.normalised(right("batch_norm"), f), "layer_norm"),
    "dropped": (plot_depth.dropped, "dropout"),
    "softmax": (lambda f: plot_losses.temperatures(f, right("entropy"), Z, ("a", "b", "c")), "softmax"),
    "entropy": (lambda f: plot_losses.temperatures(right("softmax"), f, Z, ("a", "b", "c")), "entropy"),
    "punished": (plot_losses.punished, "scores"),
    "pull": (plot_losses.pull, "cross_entropy_grad"),
}


def _unwritten(*_args: Any, **_options: Any) -> Any:
    raise NotImplementedError("write your code here")


def _crash(*_args: Any, **_options: Any) -> Any:
    raise ValueError("two\nlines of $trouble_{here")


BAD: dict[str, Any] = {
    "unwritten": _unwritten,
    "crash": _crash,
    "number": lambda *a, **o: 2.5,
    "large": lambda *a, **o: 10**30,
    "nan": lambda *a, **o: math.nan,
    "none": lambda *a, **o: None,
    "all nan": lambda x, *a, **o: torch.full_like(torch.as_tensor(x, dtype=torch.float64), math.nan),
    "infinite": lambda x, *a, **o: np.full(np.shape(x), math.inf),
    "empty": lambda *a, **o: torch.zeros(0, 3),
    "three": lambda *a, **o: (torch.full((2,), math.nan), math.inf, [math.nan] * 8),
    "four": lambda x, t, *v: tuple(torch.full_like(torch.as_tensor(u), math.nan) for u in v[:4]),
}


def _texts(fig: Figure) -> str:
    found = [text.get_text() for text in fig.texts]
    for ax in fig.axes:
        found += [
            ax.get_title(),
            ax.get_title(loc="left"),
            ax.get_xlabel(),
            *(t.get_text() for t in ax.texts),
        ]
    return " ".join(" ".join(found).split())


@pytest.mark.parametrize("name", FIGURES)
def test_right_answer(name: str, cut_off) -> None:
    draw, function = FIGURES[name]
    fig = draw(right(function))
    assert cut_off(fig) == []
    fig.savefig(io.BytesIO(), format="png", dpi=20)
    alt = str(fig.get_label())
    assert 40 < len(alt) < 700
    assert alt.endswith(".")
    assert "not as expected" not in alt
    assert fig.get_figwidth() == plot.WIDTH


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_nothing_breaks_a_figure(name: str, bad: str) -> None:
    fig = FIGURES[name][0](BAD[bad])
    fig.savefig(io.BytesIO(), format="png", dpi=20)
    assert fig.get_label()
    if bad == "unwritten":
        assert f"{FIGURES[name][1]} is not written yet" in _texts(fig)
    if bad == "crash":
        assert "stopped: ValueError: two lines" in _texts(fig)


def test_a_wrong_curve_looks_wrong() -> None:
    fig = plot_activations.curves({"leaky_relu": lambda x: torch.relu(x)})
    assert "(dotted: expected)" in _texts(fig)
    assert len([line for line in fig.axes[0].lines if line.get_linestyle() == ":"]) == 1
    assert "not as expected" in str(fig.get_label())
    fig = plot_activations.slopes({"sigmoid": (torch.sigmoid, torch.sigmoid)})
    assert "(slope not as expected)" in _texts(fig)


def test_gates_say_what_is_learned() -> None:
    assert plot_neurons.gates(right("perceptron"), epochs=8).get_label() == (
        "A perceptron on three gates. AND: 4 of 4 corners right, 0 mistakes in the last epoch; "
        "OR: 4 of 4 corners right, 0 mistakes in the last epoch; "
        "XOR: 2 of 4 corners right, 4 mistakes in the last epoch."
    )


def test_the_hidden_layer_learns_xor() -> None:
    alt = str(plot_neurons.learned(right("train_step")).get_label())
    assert "it answers 0, 1, 1, 0; the loss goes from 0.18 to" in alt


def test_gradients_vanish_behind_sigmoids() -> None:
    alt = str(plot_depth.gradients(right("gradient_norms")).get_label())
    assert "sigmoid: 1e−10 in layer 1" in alt


def test_units_die_with_a_large_rate_only() -> None:
    alt = str(plot_depth.dead_map(right("dead_units")).get_label())
    assert "rate 0.1: 0 of 24 units dead" in alt
    dead = int(alt.split("rate 8: ")[1].split()[0])
    assert dead > 8


def test_table_golden(capsys: pytest.CaptureFixture[str]) -> None:
    plot_losses.table(right("scores"))
    assert capsys.readouterr().out == (
        "photo      network 1          network 2\n"
        "1: dog     dog 0.9  cat 0.1 right   dog 0.6  cat 0.4 right\n"
        "2: cat     dog 0.1  cat 0.9 right   dog 0.3  cat 0.7 right\n"
        "3: dog     dog 0.4  cat 0.6 wrong   dog 0.1  cat 0.9 wrong\n"
        "\n"
        "error               0.333              0.333\n"
        "cross-entropy       0.376              1.057\n"
        "squared error       0.253              0.707\n"
    )
    for bad in BAD.values():
        plot_losses.table(bad)
        assert capsys.readouterr().out.startswith("photo")


def test_collapsed(capsys: pytest.CaptureFixture[str]) -> None:
    plot_neurons.collapsed(right("collapse"))
    out = capsys.readouterr().out
    assert "83 numbers; your one layer, 4 > 3: 15 numbers" in out
    assert float(out.rsplit(" ", 1)[1]) < 1e-12
    for bad in BAD.values():
        plot_neurons.collapsed(bad)
        assert capsys.readouterr().out.startswith("No comparison: ")


def test_check_backward(capsys: pytest.CaptureFixture[str]) -> None:
    plot_neurons.check_backward(right("my_relu"), right("pass_through"))
    mismatch = "(Jacobian mismatch for output 0 with respect to input 0)"
    assert capsys.readouterr().out == (
        f"my_relu: gradcheck agrees\npass_through: gradcheck does not agree {mismatch}\n"
    )
    for bad in BAD.values():
        plot_neurons.check_backward(bad, bad)
        assert "agrees" not in capsys.readouterr().out


def test_references_are_torchs() -> None:
    x = torch.tensor([-1.0, 0, 2])
    assert activations.reference("step")(x).tolist() == [0, 1, 1]
    assert torch.equal(activations.reference("elu")(x, 0.5), torch.nn.functional.elu(x, 0.5))


def test_nothing_is_left_in_pyplot() -> None:
    assert plt.get_fignums() == []

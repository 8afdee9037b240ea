"""Figures of Lab 1: right ones say what they show, and nothing a student's function does breaks them."""

import io
import math
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from labkit import (
    conv,
    images,
    plot,
    plot_conv,
    plot_costs,
    plot_filters,
    plot_grids,
    plot_layers,
    plot_sizes,
)
from labkit.plot_cells import Labels

X, K = conv.worked_example()
IMAGE, FILTERS = conv.binary_example()
PHOTO = images.photo("camera", 24)
COLOUR = images.photo("coffee", 24)
ROW, DIFFERENCE = torch.tensor([1.0, 3, 2, 0, 4, 1, 5, 2]), torch.tensor([1.0, -1])
W, B, CHANNELS = conv.colour_filters()


def pad(x: Any, top: int, bottom: int, left: int, right: int, value: float = 0.0) -> Any:
    return F.pad(x, (left, right, top, bottom), value=value)


def size(i: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    return (i + 2 * p - d * (k - 1) - 1) // s + 1


def up(i: int, k: int, s: int = 1, p: int = 0, output_padding: int = 0, d: int = 1) -> int:
    return (i - 1) * s - 2 * p + d * (k - 1) + output_padding + 1


def cost(
    c_in: int, c_out: int, kernel_size: Any, out_size: Any, groups: int = 1, bias: bool = True
) -> tuple[int, int]:
    weights = c_out * c_in // groups * math.prod(kernel_size)
    return weights + c_out * bias, weights * math.prod(out_size)


def gradients(x: Any, w: Any, dy: Any, stride: Any = (1, 1)) -> Any:
    dx = torch.nn.grad.conv2d_input(x.shape, w, dy, stride)
    return dx, torch.nn.grad.conv2d_weight(x, w.shape, dy, stride), dy.sum((0, 2, 3))


def shift_error(f: Any, x: Any, dy: int, dx: int) -> float:
    moved = F.pad(x, (dx, 0, dy, 0))[: x.shape[0], : x.shape[1]]
    a, b = f(moved)[dy:, dx:], f(x)
    return float((a - b[: a.shape[0], : a.shape[1]]).abs().max())


def conv2d(x: Any, w: Any, b: Any, stride: Any, padding: Any) -> Any:
    return F.conv2d(x, w, b, stride, padding)


def merge(k1: Any, k2: Any) -> Any:
    return F.conv_transpose2d(k1[None, None], k2[None, None])[0, 0]


Drawing = Callable[[Any], Figure]
# name: how it is drawn, and a right answer
FIGURES: dict[str, tuple[Drawing, Any]] = {
    "filmstrip": (lambda f: plot_conv.filmstrip(f, X, K), conv.correlate),
    "flipped": (lambda f: plot_conv.flipped(f, X, K), lambda x, k: conv.correlate(x, k.flip(0, 1))),
    "feature_maps": (lambda f: plot_conv.feature_maps(f, IMAGE, FILTERS), conv.correlate),
    "feature_maps, stride 2": (lambda f: plot_conv.feature_maps(f, IMAGE, FILTERS, stride=2), conv.correlate),
    "volume": (lambda f: plot_conv.volume(f, IMAGE, FILTERS), conv.correlate),
    "padded": (lambda f: plot_conv.padded(f, X[:2], (1, 1, 1, 1, 0.0), (0, 2, 1, 0, 9.0)), pad),
    "strides_1d": (
        lambda f: plot_sizes.strides_1d(f, ROW, DIFFERENCE),
        lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s)[0, 0],
    ),
    "sizes": (lambda f: plot_sizes.sizes(f, (7, 3, 1, 0, 1), (7, 3, 3, 1, 1), (7, 3, 1, 0, 2)), size),
    "stamps": (lambda f: plot_sizes.stamps(f, (3, 3, 1, 0), (4, 3, 2, 1)), up),
    "columns": (lambda f: plot_layers.columns(f, X[:3], (2, 3)), F.unfold),
    "channels": (lambda f: plot_layers.channels(f, COLOUR, W, B, CHANNELS, stride=(1, 2)), conv2d),
    "pixel_gradients": (plot_layers.pixel_gradients, gradients),
    "strip": (
        lambda f: plot_filters.strip("corr2d", f, PHOTO, conv.classic_kernels()),
        conv.correlate,
    ),
    "designed, blur": (
        lambda f: plot_filters.designed(f, lambda: K, PHOTO),
        lambda n: torch.full((n, n), 1 / n**2),
    ),
    "designed, edge": (lambda f: plot_filters.designed(lambda n: K, f, PHOTO), lambda: K - K.mean()),
    "merged": (lambda f: plot_filters.merged(f, K, K), merge),
    "shifts": (lambda f: plot_filters.shifts(f, PHOTO, K / 10, furthest=3), shift_error),
    "parameters": (lambda f: plot_costs.parameters(f, conv.alexnet(), title="AlexNet"), cost),
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
    "list": lambda *a, **o: [[1, 2], [3, 4.5]],
    "empty": lambda *a, **o: torch.zeros(0, 3),
    "array": lambda *a, **o: np.array([[math.nan, math.inf], [-math.inf, 1e30]]),
    "all nan": lambda *a, **o: torch.full((3, 3), math.nan),
    "wide": lambda *a, **o: torch.ones(2, 400),
    "pair": lambda *a, **o: (1, math.nan),
    "three tensors": lambda *a, **o: (torch.ones(1, 1, 2, 2), torch.ones(1), torch.ones(1)),
}


def _render(fig: Figure) -> None:
    fig.savefig(io.BytesIO(), format="png", dpi=20)


@pytest.mark.parametrize("name", FIGURES)
def test_right_answer(name: str, cut_off) -> None:
    draw, right = FIGURES[name]
    fig = draw(right)
    assert cut_off(fig) == []
    _render(fig)
    alt = fig.get_label()
    assert 20 < len(alt) < 800
    assert alt.endswith(".")
    assert "not" not in alt.replace("note", "")
    assert fig.get_figwidth() == plot.WIDTH
    assert not any("not as expected" in text for text in _texts(fig))


def _texts(fig: Figure) -> list[str]:
    found = [text.get_text() for text in fig.texts]
    found += [text for artist in fig.artists if isinstance(artist, Labels) for text in artist.texts]
    for ax in fig.axes:
        found += [ax.get_title(), *(text.get_text() for text in ax.texts)]
    return found


@pytest.mark.parametrize("name", [name for name in FIGURES if "stride 2" not in name])
@pytest.mark.parametrize("bad", BAD)
def test_nothing_breaks_a_figure(name: str, bad: str) -> None:
    fig = FIGURES[name][0](BAD[bad])
    _render(fig)
    assert fig.get_label()
    if bad == "unwritten":
        assert any("is not written yet" in " ".join(text.split()) for text in _texts(fig))
    if bad == "crash":
        assert any("stopped: ValueError: two lines" in " ".join(text.split()) for text in _texts(fig))


@pytest.mark.parametrize("wrong", ["flipped", "twice", "one row short", "numpy of a list"])
def test_a_wrong_answer_looks_wrong(wrong: str) -> None:
    answers = {
        "flipped": lambda x, k: conv.correlate(x, k.flip(1)),
        "twice": lambda x, k: 2 * conv.correlate(x, k),
        "one row short": lambda x, k: conv.correlate(x, k)[:-1],
        "numpy of a list": lambda x, k: np.zeros((3, 3)).tolist(),
    }
    fig = plot_conv.filmstrip(answers[wrong], X, K)
    assert any("not as expected" in text for text in _texts(fig))
    assert "not as expected" in fig.get_label()


def test_filmstrip_shows_the_products() -> None:
    fig = plot_conv.filmstrip(conv.correlate, X, K)
    assert plot_grids.place(fig, 5)
    texts = _texts(fig)
    assert "3·0 + 3·1 + 2·2 +\n0·2 + 0·2 + 1·0 +\n3·0 + 1·1 + 2·2 = 12" in texts
    assert fig.get_label() == (
        "A 3 by 3 window steps over a 5 by 5 input: at row 0, column 0 the products add up to 12; at row 0, "
        "column 1 the products add up to 12; at row 2, column 2 the products add up to 14."
    )


def test_the_students_function_cannot_change_the_figures_data() -> None:
    def greedy(x: Any, k: Any) -> Any:
        x.zero_()
        return conv.correlate(x, k)

    before = X.clone()
    plot_conv.filmstrip(greedy, X, K)
    assert torch.equal(X, before)


def test_dropped_pixels_are_hatched_and_counted() -> None:
    fig = plot_sizes.sizes(size, (7, 3, 3, 0, 1))
    assert fig.get_label() == (
        "i = 7, k = 3, s = 3, p = 0: your out_size gives 2; 2 windows fit, 1 pixel never seen."
    )
    hatches = [patch.get_hatch() for ax in fig.axes for patch in ax.patches]
    assert hatches.count("xxxx") == 1
    padded = plot_sizes.sizes(size, (8, 7, 2, 3, 1))  # like the first layer of a ResNet: only padding is lost
    assert "0 pixels never seen" in padded.get_label()
    assert any("and 1 of padding" in text for text in _texts(padded))


def test_a_size_too_large_hangs_over_the_edge() -> None:
    fig = plot_sizes.sizes(lambda *setting: size(*setting) + 1, (7, 3, 2, 0, 1))
    assert "does not fit" in _texts(fig)
    assert any("which is not what fits" in text for text in _texts(fig))


def test_gradients_mark_pixels_without_any() -> None:
    fig = plot_layers.pixel_gradients(gradients)
    assert fig.get_label() == (
        "Gradient at each pixel, zeros hatched. dx, stride 1: 0 pixels without gradient; dx, stride 2: 13 "
        "pixels without gradient; dx, stride 3: 12 pixels without gradient."
    )


def test_shift_error_is_zero_for_even_shifts_with_stride_two() -> None:
    fig = plot_filters.shifts(shift_error, PHOTO, conv.classic_kernels()["box blur"], furthest=4)
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in fig.axes[0].lines}
    assert np.allclose(lines["stride 1"], 0, atol=1e-5)
    assert np.allclose(lines["stride 2"][::2], 0, atol=1e-5)
    assert (lines["stride 2"][1::2] > 0.05).all()


def test_wiring_and_channel_sum_need_no_student() -> None:
    assert "Convolution: the same 3 weights at every place" in plot_costs.wiring().get_label()
    assert "the sums 4, 2, −1 and the bias 0.5 make 5.5" in plot_layers.channel_sum().get_label()


def test_table_golden(capsys: pytest.CaptureFixture[str]) -> None:
    plot_costs.table(cost, conv.lenet5(), total=61_706, title="LeNet-5")
    assert capsys.readouterr().out == (
        "LeNet-5\n"
        "layer                  parameters     multiply-adds\n"
        "C1                            156           117,600\n"
        "C3                          2,416           240,000\n"
        "C5                         48,120            48,000\n"
        "F6                         10,164            10,080\n"
        "output                        850               840\n"
        "total                      61,706           416,520\n"
        "the known total is 61,706: yours is the same\n"
    )


def test_table_of_a_wrong_function(capsys: pytest.CaptureFixture[str]) -> None:
    plot_costs.table(lambda *a, **o: (1, 2), conv.lenet5(), total=61_706, title="LeNet-5")
    assert "yours differs by -61,701" in capsys.readouterr().out
    for bad in BAD.values():
        plot_costs.table(bad, conv.lenet5(), total=61_706, title="LeNet-5")
        assert capsys.readouterr().out.startswith("LeNet-5")


def test_stages_are_summed(capsys: pytest.CaptureFixture[str]) -> None:
    plot_costs.table(cost, conv.network("resnet18"), total=11_689_512, title="ResNet-18", stages=True)
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[2:-1]] == [
        "conv1",
        "layer1",
        "layer2",
        "layer3",
        "layer4",
        "fc",
        "batch",
        "total",
    ]
    assert "yours is the same" in out


def test_size_table(capsys: pytest.CaptureFixture[str]) -> None:
    plot_sizes.size_table(size, (7, 3, 3, 0), (7, 3, 1, 0, 2))
    assert capsys.readouterr().out == (
        "    i   k   s   p   d   your out_size   torch\n"
        "    7   3   3   0   1               2       2\n"
        "    7   3   1   0   2               3       3\n"
    )
    plot_sizes.size_table(lambda *a: 4, (7, 3, 3, 0))
    assert "not the same" in capsys.readouterr().out
    for bad in BAD.values():
        plot_sizes.size_table(bad, (7, 3, 3, 0))
    plot_sizes.size_table(_unwritten, (7, 3, 3, 0))
    assert capsys.readouterr().out.endswith("(no numbers: out_size is not written yet)\n")


def test_matrix_product(capsys: pytest.CaptureFixture[str]) -> None:
    plot_layers.matrix_product(F.unfold)
    out = capsys.readouterr().out
    assert "w_flat (4, 18)  @  columns (2, 18, 48)  =  (2, 4, 48)" in out
    assert "reshaped to (2, 4, 6, 8)" in out
    for bad in [*BAD.values(), lambda x, k: torch.ones(1, 18, 48), lambda x, k: torch.ones(2, 18, 7)]:
        plot_layers.matrix_product(bad)
        assert capsys.readouterr().out.strip()


def test_check_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    plot_layers.check_gradients(gradients)
    assert capsys.readouterr().out.splitlines()[1:] == ["dx: agrees", "dw: agrees", "db: agrees"]
    plot_layers.check_gradients(
        lambda x, w, dy, stride: (*gradients(x, w, dy, stride)[:2], dy.mean((0, 2, 3)))
    )
    agree = [line.split(".")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert agree == ["dx: agrees", "dw: agrees", "db: does not agree"]
    plot_layers.check_gradients(_unwritten)
    assert capsys.readouterr().out.endswith("conv2d_backward is not written yet\n")
    for bad in BAD.values():
        plot_layers.check_gradients(bad)
        assert "dw: agrees" not in capsys.readouterr().out


def test_show_carries_alt_text_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda *output: shown.append(output))
    plot.show(plot_costs.wiring())
    ((data, metadata),) = shown
    assert data["image/png"].startswith("iVBOR")
    assert data["text/plain"].startswith("Wires from 7 inputs")
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert metadata["image/png"]["width"] == 672
    plot.show(Figure(), alt="an empty figure")
    assert shown[1][1]["image/png"]["alt"] == "an empty figure"


def test_show_needs_alt_text() -> None:
    with pytest.raises(ValueError, match="has no alt text"):
        plot.show(Figure())


def test_nothing_is_left_in_pyplot() -> None:
    for draw, right in FIGURES.values():
        draw(right)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.001, "0"),
        (12.0, "12"),
        (-3.5, "−3.5"),
        (1 / 3, "0.33"),
        (1e6, "1e+06"),
        (-math.inf, "-inf"),
    ],
)
def test_label(value: float, text: str) -> None:
    assert plot.label(value) == text


def test_ask_notes() -> None:
    assert plot.ask("f", _unwritten).note == "f is not written yet"
    assert plot.ask("f", lambda: None).note == "f returned None: is the return line missing?"
    assert plot.ask("f", lambda: [[1, 2], [3]]).note == "f returned list, which is not an array of numbers"
    assert plot.ask("f", lambda: {"y": 1}).note == "f returned dict, which is not an array of numbers"
    assert plot.ask("f", lambda: 1j, ndim=0).note == "f returned complex, which is not an array of numbers"
    assert plot.ask("f", lambda: "x").note == "f returned str, which is not an array of numbers"
    assert plot.ask("f", lambda: [1, 2]).note == "f returned shape (2,), which cannot be drawn here"
    assert plot.ask("f", lambda: 1 / 0, ndim=0).note == "f stopped: ZeroDivisionError: division by zero"


def test_a_grid_is_whole_where_the_figure_is_cropped() -> None:
    buffer = io.BytesIO()
    plot_conv.filmstrip(conv.correlate, X, K).savefig(
        buffer, format="png", dpi=50, bbox_inches="tight", pad_inches=0.2
    )
    buffer.seek(0)
    ink = (plt.imread(buffer)[:, :, :3] < 0.9).any(2)
    assert ink.any()
    ink[8:-8, 8:-8] = False
    assert not ink.any()


def test_large_grids_are_drawn_without_numbers() -> None:
    fig = plot_grids.grids([plot_grids.Grid(np.random.default_rng(0).normal(size=(40, 60)))], alt="noise")
    _render(fig)
    assert _texts(fig) == [""]

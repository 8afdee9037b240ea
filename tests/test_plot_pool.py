"""Figures of Lab 2: right ones say what they show, and nothing a student's function does breaks them."""

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from labkit import (
    explore_pool,
    images,
    plot,
    plot_grids,
    plot_pool,
    plot_pool_layers,
    plot_pool_sizes,
    plot_shift,
    pool,
)
from labkit.plot_cells import Labels

X = pool.worked_example()
MAPS = pool.two_maps()
PHOTO = images.photo("camera", 32)
SETTINGS = ((6, 3, 2, 0, False), (6, 3, 2, 0, True), (7, 2, 4, 1, True))


def size(i: int, k: int, s: int, p: int = 0, ceil_mode: bool = False) -> int:
    return pool.windows_placed(i, k, s, p, ceil_mode=ceil_mode)


def avg_pool2d(x: Any, k: Any, s: Any = None, p: Any = (0, 0), count: bool = True) -> Any:
    return F.avg_pool2d(x, k, s, p, False, count)


def backward(x: Any, dy: Any, k: Any, s: Any) -> Any:
    return pool.routed(x, dy, k, s)


def kernels(channels: int, kernel_size: Any) -> Any:
    return torch.full((channels, 1, *kernel_size), 1 / math.prod(kernel_size))


def head(c: int, h: int, w: int, k: int) -> Any:
    return (c * h * w + 1) * k, (c + 1) * k


def curve(f: Any, x: Tensor, most: int) -> Any:
    return torch.stack([torch.dist(f(x.roll(d, 1)), f(x), p=1) / f(x).abs().sum() for d in range(most + 1)])


def blur(x: Tensor, stride: Any = (2, 2)) -> Any:
    twice = F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 2, 1), 2, 1)
    return twice[:, :, :: stride[0], :: stride[1]]


Drawing = Callable[[Any], Figure]
# name: how it is drawn, and a right answer
FIGURES: dict[str, tuple[Drawing, Any]] = {
    "filmstrip": (lambda f: plot_pool.filmstrip(f, X, (3, 3), (1, 1)), pool.largest),
    "winners": (lambda f: plot_pool.winners(f, MAPS, (2, 2), (2, 2)), pool.largest),
    "averages": (lambda f: plot_pool.averages(f, X, (3, 3), (1, 1)), F.avg_pool2d),
    "padded": (lambda f: plot_pool.padded(f, -X[:3, :4] - 1, (3, 3), (1, 1)), F.max_pool2d),
    "counted": (plot_pool.counted, avg_pool2d),
    "routing": (lambda f: plot_pool.routing(f, MAPS[0], torch.ones(2, 2), (2, 2), (2, 2)), backward),
    "routing, overlapping": (lambda f: plot_pool.routing(f, X, torch.ones(3, 3), (3, 3), (1, 1)), backward),
    "global_means": (lambda f: plot_pool_layers.global_means(f, MAPS), lambda x: x.mean((2, 3))),
    "mean_filters": (plot_pool_layers.mean_filters, kernels),
    "hinge": (plot_pool_layers.hinge, lambda a, b, relu: a + relu(b - a)),
    "sizes": (lambda f: plot_pool_sizes.sizes(f, *SETTINGS), size),
    "shrinking, max": (lambda f: plot_shift.shrinking(f, F.avg_pool2d, PHOTO), pool.largest),
    "shrinking, mean": (lambda f: plot_shift.shrinking(pool.largest, f, PHOTO), F.avg_pool2d),
    "heads": (lambda f: plot_shift.heads(f, pool.heads()), head),
    "curves": (lambda f: plot_shift.curves(f, PHOTO, most=3), curve),
    "flicker": (plot_shift.flicker, blur),
    "smoother, curve": (lambda f: plot_shift.smoother(f, blur, PHOTO, most=3), curve),
    "smoother, blur": (lambda f: plot_shift.smoother(curve, f, PHOTO, most=3), blur),
    "aliasing": (lambda f: plot_shift.aliasing(f, pool.rings(size=24)), blur),
}


def _unwritten(*_args: Any, **_options: Any) -> Any:
    raise NotImplementedError("write your code here")


def _crash(*_args: Any, **_options: Any) -> Any:
    raise ValueError("two\nlines of $trouble_{here")


BAD: dict[str, Any] = {
    "unwritten": _unwritten,
    "crash": _crash,
    "number": lambda *a, **o: 2.5,
    "negative": lambda *a, **o: -3,
    "nan": lambda *a, **o: math.nan,
    "empty": lambda *a, **o: torch.zeros(0, 3),
    "four axes": lambda *a, **o: torch.full((1, 1, 3, 3), math.inf),
    "odd kernels": lambda *a, **o: torch.ones(3, 1, 1, 2),
    "all nan": lambda *a, **o: torch.full((3, 3), math.nan),
    "pair": lambda *a, **o: (1, math.nan),
}


def _texts(fig: Figure) -> list[str]:
    found = [text.get_text() for text in fig.texts]
    found += [text for artist in fig.artists if isinstance(artist, Labels) for text in artist.texts]
    for ax in fig.axes:
        found += [ax.get_title(), *(text.get_text() for text in ax.texts)]
    return found


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
    assert "as expected" not in alt
    assert fig.get_figwidth() == plot.WIDTH
    assert not any("not as expected" in text for text in _texts(fig))


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("bad", BAD)
def test_nothing_breaks_a_figure(name: str, bad: str) -> None:
    fig = FIGURES[name][0](BAD[bad])
    _render(fig)
    assert fig.get_label()
    said = " ".join(" ".join(_texts(fig)).split())
    if bad == "unwritten":
        assert "is not written yet" in said
    if bad == "crash":
        assert "stopped: ValueError: two lines" in said


@pytest.mark.parametrize("wrong", ["mean", "one row short", "list"])
def test_a_wrong_answer_looks_wrong(wrong: str) -> None:
    answers = {
        "mean": pool.means,
        "one row short": lambda *a: pool.largest(*a)[:-1],
        "list": lambda *a: [[0.0] * 3] * 3,
    }
    fig = plot_pool.filmstrip(answers[wrong], X, (3, 3), (1, 1))
    assert any("not as expected" in text for text in _texts(fig))
    assert "not as expected" in fig.get_label()


def test_worked_numbers_are_what_the_figures_show() -> None:
    assert "your output is [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0], [3.0, 2.0, 3.0]]" in (
        plot_pool.filmstrip(pool.largest, X, (3, 3), (1, 1)).get_label()
    )
    alt = plot_pool.winners(pool.largest, MAPS, (2, 2), (2, 2)).get_label()
    assert "your output is [[3.0, 0.0], [3.0, 1.0]]" in alt
    assert "your output is [[-1.0, 1.0], [0.0, 3.0]]" in alt
    fig = plot_pool.averages(F.avg_pool2d, X, (3, 3), (1, 1))
    assert "[[1.67, 1.67, 1.67], [1.0, 1.22, 1.78], [1.11, 0.78, 1.33]]" in fig.get_label()
    assert [t for t in _texts(fig) if "." in t] == ["1.67"] * 3 + ["1.22", "1.78", "1.11", "0.78", "1.33"]


def test_the_winner_is_the_first_pixel_with_the_students_number() -> None:
    fig = plot_pool.winners(pool.largest, torch.zeros(1, 2, 4), (2, 2), (2, 2))
    assert _outlined(fig) == [(-0.5, -0.5), (1.5, -0.5)]
    fig = plot_pool.winners(lambda *a: torch.full((1, 2), 5.0), torch.zeros(1, 2, 4), (2, 2), (2, 2))
    assert _outlined(fig) == []


def _outlined(fig: Figure) -> list[tuple[float, float]]:
    """Return the corners of the outlines in a figure's first grid."""
    first = [a for a in fig.artists if isinstance(a, Rectangle) and a.get_linewidth() > 2]
    inside = plot_grids.place(fig, 0)
    return [a.get_xy() for a in first if (a.get_data_transform().get_matrix() == inside.get_matrix()).all()]


def test_letters_lead_from_dy_to_dx_and_nothing_crosses_a_number() -> None:
    fig = plot_pool.routing(backward, MAPS[0], torch.ones(2, 2), (2, 2), (2, 2))
    places = {t.get_text(): t.get_position() for t in fig.texts if t.get_fontsize() < 7}  # the last: in dx
    assert places == {"a": (0.45, 0.5), "b": (2.45, 1.5), "c": (0.45, 3.5), "d": (3.45, 2.5)}
    outlines = [a for a in fig.artists if isinstance(a, Rectangle) and a.get_linewidth() > 2]
    assert len(outlines) == 12  # the same four in x, in dy and in dx
    assert len({(a.get_edgecolor(), a.get_linestyle()) for a in outlines}) == 4
    assert not [a for a in fig.artists if type(a).__name__ == "ConnectionPatch"]
    fig = plot_pool.routing(backward, X, torch.ones(3, 3), (3, 3), (1, 1))
    letters = [t.get_text() for t in fig.texts if t.get_fontsize() < 7]
    assert letters == [*"abcdefghi", "a", "b", "cef", "dg", "h", "i"]  # the 3 in row 1 wins three windows
    wrong = plot_pool.routing(lambda *a: -backward(*a), X, torch.ones(3, 3), (3, 3), (1, 1))
    assert any("not as expected" in text for text in _texts(wrong))


def test_padding_that_counts_makes_the_edge_darker() -> None:
    alt = plot_pool.counted(avg_pool2d).get_label()
    assert "True: [[0.44, 0.67, 0.67, 0.67, 0.44], [0.67, 1.0," in alt
    assert "False: [[1.0, 1.0," in alt
    always = plot_pool.counted(lambda x, k, s, p, count: F.avg_pool2d(x, k, s, p))
    assert sum("not as expected" in text for text in _texts(always)) == 1


def test_a_window_outside_is_dotted_and_dropped_pixels_are_crossed() -> None:
    fig = plot_pool_sizes.sizes(size, (7, 2, 4, 1, True))
    assert "starts outside, left out" in _texts(fig)
    assert _texts(fig).count("×") == 5
    assert fig.get_label() == (
        "i = 7, k = 2, s = 4, p = 1, ceil_mode=True: your pool_size: 2; 4 pixels never seen."
    )
    more = plot_pool_sizes.sizes(lambda *a: size(*a) + 1, (7, 2, 4, 1, True))
    assert "your pool_size: 3, torch: 2" in more.get_label()


def test_size_table(capsys: pytest.CaptureFixture[str]) -> None:
    plot_pool_sizes.size_table(size, (55, 3, 2, 0), (6, 3, 2, 0))
    assert capsys.readouterr().out == (
        "    i   k   s   p     yours  torch    ceil: yours  torch\n"
        "   55   3   2   0        27     27             27     27\n"
        "    6   3   2   0         2      2              3      3\n"
    )
    plot_pool_sizes.size_table(lambda *a: 4, (55, 3, 2, 0))
    assert "(!)" in capsys.readouterr().out
    for bad in BAD.values():
        plot_pool_sizes.size_table(bad, (55, 3, 2, 0))
    plot_pool_sizes.size_table(_unwritten, (55, 3, 2, 0))
    assert capsys.readouterr().out.endswith("(no numbers: pool_size is not written yet)\n")


def test_all_marks_of_the_heads_can_be_seen() -> None:
    (ax,) = plot_shift.heads(head, pool.heads()).axes
    marks = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    low, high = np.log(ax.get_xlim())
    places = [(np.log(float(line.get_xdata()[0])) - low) / (high - low) for line in marks]  # type: ignore[index]
    assert len(places) == 6
    assert all(0.05 < at < 0.95 for at in places)
    assert all(abs(a - b) > 0.3 for a, b in zip(places[::2], places[1::2], strict=True))


def test_head_table(capsys: pytest.CaptureFixture[str]) -> None:
    plot_shift.head_table(head, pool.heads())
    assert capsys.readouterr().out.splitlines()[1:] == [
        "AlexNet            256×6×6       9,217,000     257,000   35.86",
        "VGG16              512×7×7      25,089,000     513,000   48.91",
        "ResNet-50         2048×7×7     100,353,000   2,049,000   48.98",
    ]
    for bad in BAD.values():
        plot_shift.head_table(bad, pool.heads())
    assert "head_params is not written yet" in capsys.readouterr().out


def test_curves_tell_the_story_of_the_text() -> None:
    lines = {
        line.get_label(): np.asarray(line.get_ydata())
        for line in plot_shift.curves(curve, images.photo("camera", 96), most=2).axes[0].lines
    }
    first = {name: values[1] for name, values in lines.items()}
    assert first["no pooling"] > 0.9
    assert 0.2 < first["largest of 4×4"] < 0.3 < first["mean of 4×4"] < first["every 4th pixel"]
    assert np.allclose(lines["global average"], 0, atol=1e-9)
    jumping, smooth = plot_shift.smoother(curve, blur, images.photo("camera", 96), most=4).axes[0].lines
    assert np.allclose(np.asarray(jumping.get_ydata())[::2], 0, atol=1e-9)
    assert (np.asarray(jumping.get_ydata())[1::2] > 0.05).all()
    assert (np.asarray(smooth.get_ydata()) < 0.005).all()
    alt = plot_shift.flicker(blur).get_label()
    crossed = plot_shift.flicker(lambda x, s: 2 * blur(x, s)).artists
    assert any("xxx" in str(a.get_hatch()) for a in crossed if isinstance(a, PolyCollection))
    assert "the pattern: [0.0, 1.0, 0.0, 1.0], blurred [0.5, 1.0, 0.5, 1.0]" in alt
    assert "moved by 1: [1.0, 1.0, 1.0, 1.0], blurred [0.75, 0.75, 0.75, 0.75]" in alt


CALLS = {
    "window": lambda f: explore_pool.window(f or pool.largest, X, (3, 3), (1, 1)),
    "sizes": lambda f: explore_pool.sizes(f or size),
    "shrinking": lambda f: explore_pool.shrinking(f or pool.largest, f or F.avg_pool2d, PHOTO),
}


@pytest.mark.parametrize("f", [None, _unwritten], ids=["written", "unwritten"])
@pytest.mark.parametrize("name", CALLS)
def test_without_a_kernel_the_static_strip_stands_alone(
    name: str, f: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda *output: shown.append(output))
    CALLS[name](f)
    ((data, metadata),) = shown
    assert data["image/png"]
    assert len(metadata["image/png"]["alt"]) > 20


def test_all_sliders_are_tried_and_draw_at_every_end(monkeypatch: pytest.MonkeyPatch) -> None:
    public = [
        n for n, f in vars(explore_pool).items() if getattr(f, "__module__", "") == explore_pool.__name__
    ]
    assert sorted(public) == sorted(CALLS)
    monkeypatch.setattr("labkit.plot.show", lambda fig: None)
    tried: list[str] = []

    def sliders(draw: Callable[..., Figure], **controls: Any) -> None:
        for end in (0, 1, -1):
            chosen = {n: spec[end] if isinstance(spec[0], str) else spec[end % 2 if end >= 0 else 2]
                      for n, spec in controls.items()}  # fmt: skip
            _render(draw(**chosen))
            tried.append(str(chosen))

    monkeypatch.setattr(explore_pool, "_sliders", sliders)
    for call in CALLS.values():
        call(None)
    assert len(tried) == 9

"""How labkit draws: colours, what a student's function answers, and one way to show a figure with alt text.

Nothing here uses pyplot, so no figure is left open and nothing is set globally.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from labkit import plot_fonts

# Okabe and Ito's colours: told apart by the colour-blind, and in grey print by their lightness.
BLUE, SKY, GREEN, ORANGE, RED, PURPLE, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#6B6B6B",
)  # fmt: skip
WIDTH = 7.0  # inches: the text width of a notebook and of a page


@dataclass(frozen=True)
class Answer:
    """What a student's function gave: numbers, or a note that says in one line why there are none."""

    values: NDArray[np.float64] | None
    note: str = ""


def ask(name: str, f: Callable[..., Any], *args: Any, ndim: int | None = 2, **options: Any) -> Answer:
    """Call a student's function so that nothing it does can break a figure.

    Args:
        name: what to call the function in the note.
        f: the student's function; tensors among the arguments are copied before they are passed.
        ndim: how many dimensions the figure needs; None takes any.

    Returns:
        The numbers as float64, or a one-line note.

    >>> ask("half", lambda v: v / 2, 5, ndim=0).values
    array(2.5)
    """
    copies = [a.clone() if hasattr(a, "clone") else a for a in args]
    try:
        result = f(*copies, **options)
    except NotImplementedError:
        return Answer(None, f"{name} is not written yet")
    except Exception as error:
        text = " ".join(str(error).split())
        return Answer(None, textwrap.shorten(f"{name} stopped: {type(error).__name__}: {text}", 90))
    return numbers(name, result, ndim=ndim)


def numbers(name: str, result: Any, *, ndim: int | None = 2) -> Answer:
    """Turn what came back (tensor, array, list, number) into float64 numbers, or into a note."""
    if result is None:
        return Answer(None, f"{name} returned None: is the return line missing?")
    try:
        if hasattr(result, "detach"):
            result = result.detach().cpu().numpy()
        if np.iscomplexobj(result):
            raise TypeError
        values = np.asarray(result, dtype=np.float64)
    except Exception:
        return Answer(None, f"{name} returned {type(result).__name__}, which is not an array of numbers")
    if (ndim is not None and values.ndim != ndim) or values.size == 0:
        return Answer(None, f"{name} returned shape {values.shape}, which cannot be drawn here")
    return Answer(values)


def differs(got: NDArray[np.float64], expected: Any) -> NDArray[np.bool_] | None:
    """Say which cells differ from the expected ones; all of them when the shape differs."""
    want = np.asarray(expected, dtype=np.float64)
    if got.shape != want.shape:
        return np.ones(got.shape, dtype=bool)
    wrong: NDArray[np.bool_] = ~np.isclose(got, want, rtol=1e-5, atol=1e-6)
    return wrong if wrong.any() else None


def blank(ax: Axes, note: str) -> None:
    """Draw a note in place of a picture."""
    ax.set(xticks=[], yticks=[])
    ax.set_facecolor("#F5F5F5")
    for spine in ax.spines.values():
        spine.set(linestyle=(0, (4, 3)), color=GREY)
    inches = ax.bbox.width / ax.figure.dpi
    text = textwrap.fill(note, max(12, int(13.5 * inches)))
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=8.5, style="italic",
            parse_math=False)  # fmt: skip


def label(value: float) -> str:
    """Write a number the way a grid shows it: two places at most, and a real minus sign.

    >>> label(-3.0), label(0.125), label(float("nan"))
    ('−3', '0.12', 'nan')
    """
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:.4g}".replace("-", "−")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def count(number: int, thing: str) -> str:
    """Return a number with its noun.

    >>> count(1, "pixel"), count(2, "pixel")
    ('1 pixel', '2 pixels')
    """
    return f"{number} {thing}" + ("" if number == 1 else "s")


def note_figure(note: str) -> Figure:
    """Return a figure that holds only a one-line note."""
    fig = Figure(figsize=(WIDTH, 0.5))
    told = f"No picture: {note}."  # maybe an error's own words, with any signs
    fig.text(0.02, 0.5, told, ha="left", va="center", fontsize=10, style="italic", parse_math=False)
    return describe(fig, f"No picture: {note}.")


def describe(fig: Figure, alt: str) -> Figure:
    """Keep the alt text with the figure, where `show` finds it."""
    fig.set_label(alt)
    return fig


def show(fig: Figure, *, alt: str = "", dpi: int = 160) -> None:
    """Display a figure as a PNG that carries its alt text, for screen readers and for the PDF.

    Args:
        fig: the figure.
        alt: what it shows, in words; the figure functions of labkit bring their own.

    Raises:
        ValueError: when there is no alt text at all.
    """
    from IPython.display import publish_display_data

    data, metadata = png(fig, alt=alt, dpi=dpi)
    publish_display_data(data, metadata)  # type: ignore[no-untyped-call]


def png(fig: Figure, *, alt: str = "", dpi: int = 160) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a figure as what a notebook displays: a PNG with its text, and the alt text beside it.

    Raises:
        ValueError: when there is no alt text at all.
    """
    text = alt or str(fig.get_label())
    if not text:
        raise ValueError('the figure has no alt text: call plot.show(fig, alt="what the figure shows")')
    plot_fonts.mend(fig)
    buffer = io.BytesIO()
    # Level 6, the usual one, takes twice the time for files that are 7 % smaller.
    fig.savefig(buffer, format="png", dpi=dpi, facecolor="white", pil_kwargs={"compress_level": 2})
    width, height = (round(float(side) * 96) for side in fig.get_size_inches())
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode("ascii"), "text/plain": text}
    return data, {"image/png": {"alt": text, "width": width, "height": height}}

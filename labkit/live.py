"""Watching a training run: a growing plot in a notebook, lines of text elsewhere, TensorBoard on request."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labkit.training import Run

_BLOCKS = "▁▂▃▄▅▆▇█"


class Watch:
    """Called after each epoch: prints a line; in a notebook also draws the loss so far in one place."""

    def __init__(self, epochs: int, *, say: Callable[[str], object] = print):
        self.epochs, self.say = epochs, say
        self._shown: Any = None

    def __call__(self, run: Run) -> None:
        """Show how far the run is."""
        if not _notebook():
            self.say(line(run, self.epochs))
            return
        from IPython.display import display

        from labkit import plot

        content, metadata = plot.png(loss_figure([("", run)]))
        content["text/plain"] = "\n".join(line(run, self.epochs, at) for at in range(len(run.epochs)))
        if self._shown is None:
            self._shown = display(content, metadata=metadata, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(content, metadata=metadata, raw=True)


def line(run: Run, epochs: int, at: int = -1) -> str:
    """Return a line of text on an epoch (the last one), with a small picture of the loss so far."""
    row = run.epochs[at]
    accuracy = f"  accuracy {100 * row['accuracy']:5.1f} %" if "accuracy" in row else ""
    seen = run.epochs[: int(row["epoch"])]
    blocks = sparks([r["loss"] for r in seen]) if len(seen) > 1 else ""
    start = f"epoch {row['epoch']:.0f}/{epochs}  loss {row['loss']:.3f}{accuracy}"
    return f"{start}  {row['seconds']:.1f} s  {blocks}".rstrip()


def sparks(values: Sequence[float], width: int = 24) -> str:
    """Return a line of blocks, high for high values, × for no number; long series are thinned.

    >>> sparks([3, 2, 1, 1.5, math.nan])
    '█▅▁▃×'
    """
    thin = [values[i * len(values) // width] for i in range(width)] if len(values) > width else values
    good = [v for v in thin if math.isfinite(v)] or [0.0]
    low, high = min(good), max(good)
    return "".join(
        _BLOCKS[round(7 * ((v - low) / ((high - low) or 1)))] if math.isfinite(v) else "×" for v in thin
    )


def loss_figure(runs: Sequence[tuple[str, Run]]) -> Figure:
    """Draw the loss of every step, smoothed, and the accuracy after each epoch, of one run or more.

    Args:
        runs: names and runs; runs are told apart by colour, line style and a label at the end.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from labkit import plot

    fig = Figure(figsize=(plot.WIDTH, 2.6), layout="constrained")
    left, right = fig.subplots(1, 2)
    colours = (plot.BLUE, plot.RED, plot.GREEN, plot.ORANGE, plot.PURPLE, plot.SKY)
    styles, parts = ("-", "--", "-.", ":"), []
    for i, (name, run) in enumerate(runs):
        per_epoch = len(run.losses) / max(1, len(run.epochs))
        smooth = smoothed(run.losses, max(1, round(per_epoch / 20)))
        look: dict[str, Any] = {"color": colours[i % 6], "linestyle": styles[i % 4], "label": name or None}
        left.plot([(at + 1) / per_epoch for at in range(len(smooth))], smooth, linewidth=1.2, **look)
        rows = [row for row in run.epochs if "accuracy" in row]
        right.plot(
            [r["epoch"] for r in rows], [100 * r["accuracy"] for r in rows], marker="o", markersize=4, **look
        )
        if run.epochs:
            last = run.epochs[-1]
            end = f", accuracy {100 * rows[-1]['accuracy']:.1f} %" if rows else ""
            parts.append(
                f"{name + ': ' if name else ''}loss {last['loss']:.2f} in epoch {last['epoch']:.0f}{end}"
            )
    left.set_title("loss", fontsize=10)
    left.set(xlabel="epoch")
    limit(left)
    right.set_title("accuracy on other pictures (%)", fontsize=10)
    right.set(xlabel="epoch")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    if any(name for name, _ in runs):
        left.legend(fontsize=8, frameon=False)
    for ax in (left, right):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    return plot.describe(fig, "Loss and accuracy by epoch. " + "; ".join(parts) + ".")


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """Return the running mean over the last `width` values; where one of them is no number, so is the mean.

    >>> smoothed([4.0, 2.0, 0.0], 2)
    [4.0, 3.0, 1.0]
    """
    parts = (values[max(0, at - width) : at] for at in range(1, len(values) + 1))
    return [sum(part) / len(part) for part in parts]


def limit(ax: Any, most: float = 10.0) -> None:
    """Cut off what a loss rises to when the learning rate is too high, so that the rest stays to be seen."""
    drawn = [v for curve in ax.get_lines() for v in curve.get_ydata() if math.isfinite(v)]
    if max(drawn, default=0.0) > most:
        ax.set_ylim(0, most)


class TensorBoard:
    """Called after each epoch: writes loss and accuracy where TensorBoard finds them, each step once.

    The first call writes all there is, in place of what an earlier run left in the folder.

    Raises:
        ImportError: when TensorBoard is not installed, with the command that installs it.
    """

    def __init__(self, folder: Path | str):
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "TensorBoard is not installed: pip install tensorboard; training works without it"
            )
        self._folder = str(folder)
        self._writer: Any = None
        self._steps = self._rows = 0

    def __call__(self, run: Run) -> None:
        """Write what is new."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._folder, purge_step=0)
        for step in range(self._steps, len(run.losses)):
            self._writer.add_scalar("loss/step", run.losses[step], step)
        for row in run.epochs[self._rows :]:
            for name in {"loss", "test_loss", "accuracy"} & row.keys():
                self._writer.add_scalar(f"{name}/epoch", row[name], int(row["epoch"]))
        self._steps, self._rows = len(run.losses), len(run.epochs)
        self._writer.flush()


def both(*watchers: Callable[[Run], object]) -> Callable[[Run], None]:
    """Return one watcher that calls several."""

    def watch(run: Run) -> None:
        for each in watchers:
            each(run)

    return watch


def _notebook() -> bool:
    """Say whether this runs in a notebook's kernel."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None

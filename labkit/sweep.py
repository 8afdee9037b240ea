"""Trying learning rates by numbers of epochs: runs side by side in processes, and no epoch trained twice."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import multiprocessing as mp
import os
import queue
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from tqdm.auto import tqdm

from labkit import cache, inputs
from labkit.cores import best_device, shaped
from labkit.datasets import Images
from labkit.training import Plan, Run, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SweepError(RuntimeError):
    """A sweep, or a member of one, that ended without a result."""


@dataclass(frozen=True)
class Sweep:
    """A table: `accuracy[rate, epochs]` and `loss[rate, epochs]`, and the runs that were really made."""

    rates: tuple[float, ...]
    epochs: tuple[int, ...]
    accuracy: dict[tuple[float, int], float]
    loss: dict[tuple[float, int], float]
    runs: dict[tuple[float, int], Run]

    @property
    def best(self) -> tuple[float, int]:
        """Return the rate and the number of epochs with the highest accuracy, where the loss is a number."""
        return max(self.accuracy, key=lambda key: (math.isfinite(self.loss[key]), self.accuracy[key]))


def sweep(
    net: nn.Module,
    data: Images,
    *,
    rates: Sequence[float] = (0.1, 0.01, 0.001),
    epochs: Sequence[int] = (1, 2, 4),
    plan: Plan | None = None,
    workers: int | None = None,
) -> Sweep:
    """Train copies of a network with each learning rate for each number of epochs.

    With a constant rate (the default here) the run of 2 epochs is the beginning of the run of 4, so there is
    one run a rate, measured on its way. With another schedule every cell is a run of its own. Ctrl-C ends the
    sweep and returns the runs that are finished.

    Args:
        net: the network as it is before training; it is left as it is, but for the shape of lazy layers.
        plan: the rest of how to train.
        workers: processes at a time; None takes one a core, one thread each. With a GPU, or where processes
            cannot be forked, the runs are made one after the other.

    Raises:
        SweepError: when a run fails, with its reason; when the sweep is stopped before the first is finished.
        ValueError: for rates or epochs that are no sequences of numbers in range, without test pictures, and
            where a training could not begin.
    """
    plan = Plan(schedule="constant") if plan is None else plan
    inputs.kind("plan", plan, Plan, 'a Plan, such as training.Plan(schedule="constant")')
    inputs.kind("data", data, Images, "Images, such as datasets.cifar10() gives")
    inputs.trainable(net)
    for name, given in (("rates", rates), ("epochs", epochs)):
        if not isinstance(given, Iterable):
            raise ValueError(f"{name} is {given!r}; expected several numbers, such as (1, 2)")
    rates, epochs = tuple(rates), tuple(epochs)
    if not rates or not epochs:
        raise ValueError(f"there are no {'epochs' if rates else 'rates'} to try; give one or more numbers")
    for length in epochs:
        replace(plan, epochs=length)  # refuses what is no number of epochs
    if workers is not None:
        inputs.whole("workers", workers, 1)
    if not len(data.test_images):
        raise ValueError("there are no test pictures to compare the rates on")
    shaped(net, data.train_images)
    lengths = (max(epochs),) if plan.schedule == "constant" else tuple(epochs)
    # The longest first, so that no core is left with a long run at the end.
    keys = sorted(((rate, length) for rate in rates for length in lengths), key=lambda key: -key[1])
    plans = {key: replace(plan, rate=key[0], epochs=key[1]) for key in keys}
    many = 1 if cache.quick() else min(workers or _cores(), len(keys))
    runs: dict[tuple[float, int], Run] = {}
    bar = tqdm(total=sum(length for _, length in keys), unit="epoch", desc="sweep", leave=False)
    with bar, contextlib.suppress(KeyboardInterrupt):  # what is finished is in `runs`
        if many > 1 and sys.platform.startswith("linux") and best_device() == "cpu":
            _side_by_side(net, data, plans, many, bar, runs)
        else:
            for key, p in plans.items():
                with contextlib.redirect_stdout(io.StringIO()):
                    run = train(copy.deepcopy(net), data, p, watch=lambda _run: bar.update())
                if run.stopped:
                    break
                runs[key] = run
    if len(runs) < len(plans):
        if not runs:
            raise SweepError("the sweep was stopped before a run was finished: run it again")
        print(f"The sweep was stopped: {len(runs)} of {len(plans)} runs are finished, and returned.")
    # Of a sweep that was stopped: the longest row of cells, and the rates that have it whole.
    have = {r: tuple(n for n in epochs if (r, lengths[0] if len(lengths) == 1 else n) in runs) for r in rates}
    row = max(have.values(), key=len)
    whole = tuple(rate for rate in rates if have[rate] == row)
    accuracy, loss = {}, {}
    for rate in whole:
        for length in row:
            rows = runs[rate, lengths[0] if len(lengths) == 1 else length].epochs
            last = rows[min(length, len(rows)) - 1]  # fewer where the loss became no number
            accuracy[rate, length], loss[rate, length] = last["accuracy"], last["loss"]
    return Sweep(whole, row, accuracy, loss, runs)


def _side_by_side(
    net: nn.Module,
    data: Images,
    plans: dict[tuple[float, int], Plan],
    many: int,
    bar: Any,
    runs: dict[tuple[float, int], Run],
) -> None:
    """Fill `runs` in forked processes: pictures and network are shared, nothing needs to be importable."""
    context = mp.get_context("fork")
    news: Any = context.Queue()
    working: dict[tuple[float, int], Any] = {}
    waiting = list(plans)
    try:
        while waiting or working:
            while waiting and len(working) < many:
                key = waiting.pop(0)
                working[key] = context.Process(
                    target=_member, args=(net, data, plans[key], key, news), daemon=True
                )
                working[key].start()
            try:
                key, what = news.get(timeout=0.5)
            except queue.Empty:
                dead = [k for k, process in working.items() if process.exitcode not in (None, 0)]
                if dead:
                    raise SweepError(f"the run with rate {dead[0][0]:g} was ended from outside") from None
                continue
            if what == "epoch":
                bar.update()
            elif isinstance(what, str):
                raise SweepError(f"the run with rate {key[0]:g} failed: {what}")
            else:
                runs[key] = Run(_filled(net, what.pop("net")), plans[key], **what)
                working[key].join()
                del working[key]  # and not before: Ctrl-C may come while it ends
    finally:
        for process in working.values():
            process.terminate()
            process.join()


def _member(net: nn.Module, data: Images, plan: Plan, key: tuple[float, int], news: Any) -> None:
    """Make one run in a process of its own, with one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started this
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run = train(net, data, plan, device="cpu", watch=lambda _run: news.put((key, "epoch")))
        state = {name: value.contiguous().numpy() for name, value in run.net.state_dict().items()}
        parts = ("mean", "std", "losses", "epochs", "seconds", "stopped", "channels_last")
        news.put((key, {"net": state, **{part: getattr(run, part) for part in parts}}))
    except Exception as error:
        news.put((key, f"{type(error).__name__}: {error}" or traceback.format_exc()))


def _filled(net: nn.Module, state: dict[str, Any]) -> nn.Module:
    """Return a copy of a network that holds a state of arrays."""
    copied = copy.deepcopy(net)
    copied.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return copied.eval()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def figure(result: Sweep) -> Figure:
    """Draw a sweep: the loss of every run, and a table of accuracies with the best one framed."""
    from matplotlib.figure import Figure

    from labkit import plot
    from labkit.live import limit, smoothed

    fig = Figure(figsize=(plot.WIDTH, 2.8), layout="constrained")
    left, right = fig.subplots(1, 2)
    colours, styles = (plot.BLUE, plot.RED, plot.GREEN, plot.ORANGE), ("-", "--", "-.", ":")
    longest = {
        rate: max((k for k in result.runs if k[0] == rate), key=lambda k: k[1]) for rate in result.rates
    }
    for i, (rate, key) in enumerate(longest.items()):
        run = result.runs[key]
        per_epoch = len(run.losses) / len(run.epochs)
        values = smoothed(run.losses, max(1, round(per_epoch / 10)))
        steps = [(at + 1) / per_epoch for at in range(len(values))]
        left.plot(
            steps, values, color=colours[i % 4], linestyle=styles[i % 4], linewidth=1.2, label=f"{rate:g}"
        )
    left.set(xlabel="epoch", ylabel="loss")
    limit(left)
    left.legend(title="learning rate", fontsize=8, title_fontsize=8, frameon=False)
    left.grid(alpha=0.3)
    left.spines[["top", "right"]].set_visible(False)
    table = [[100 * result.accuracy[rate, length] for length in result.epochs] for rate in result.rates]
    right.imshow(table, cmap="Blues", vmin=10, vmax=max(30.0, 1.3 * max(map(max, table))), aspect="auto")
    for row, values_of_row in enumerate(table):
        for column, value in enumerate(values_of_row):
            best = result.best == (result.rates[row], result.epochs[column])
            frame = {"boxstyle": "square", "fill": False, "edgecolor": "black"} if best else None
            weight = "bold" if best else "normal"
            mark = (
                "" if math.isfinite(result.loss[result.rates[row], result.epochs[column]]) else "\nloss: nan"
            )
            right.text(
                column, row, f"{value:.1f}{mark}", ha="center", va="center", fontweight=weight, bbox=frame
            )
    right.set_xticks(range(len(result.epochs)), [str(length) for length in result.epochs])
    right.set_yticks(range(len(result.rates)), [f"{rate:g}" for rate in result.rates])
    right.set(xlabel="epochs", ylabel="learning rate", title="accuracy on other pictures (%)")
    right.title.set_fontsize(9)
    lost = {key for key, loss in result.loss.items() if not math.isfinite(loss)}
    cells = "; ".join(
        f"rate {rate:g}, {length} epochs: {100 * result.accuracy[rate, length]:.1f} %"
        + (", its loss is not a number" if (rate, length) in lost else "")
        for rate in result.rates
        for length in result.epochs
    )
    return plot.describe(fig, f"Loss by epoch for each learning rate, and accuracies: {cells}.")

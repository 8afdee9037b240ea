"""Training a classifier of small pictures: one loop, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit import batches, checkpoint, cores, inputs
from labkit.cores import autocast, best_threads, threads
from labkit.datasets import Images
from labkit.live import Watch


@dataclass(frozen=True)
class Plan:
    """How to train: what a step does, and how many there are.

    Args:
        epochs, batch: how often every picture is seen; how many make one step.
        rate: learning rate: the highest of schedule "one-cycle" (up, then down), the only of "constant".
        warm: the part of all steps in which the rate goes up.
        decay: weight decay, of weights only.
        smoothing: of the labels: the part of the probability that goes to all classes alike.
        bias: what the rate of biases is multiplied by.
        shift: how many pixels a picture is moved at most.
        flip: mirror each picture every other epoch.
        bf16: compute in bfloat16; None where it is faster.

    Raises:
        ValueError: when a number is out of range, with its name.
    """

    epochs: int = 2
    batch: int = 64
    rate: float = 0.1
    schedule: str = "one-cycle"
    warm: float = 0.25
    momentum: float = 0.9
    nesterov: bool = True
    decay: float = 5e-4
    smoothing: float = 0.0
    bias: float = 1.0
    shift: int = 2
    flip: bool = True
    bf16: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        inputs.plan(self)

    def rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step."""
        if self.schedule == "constant":
            return self.rate
        top = self.warm * steps
        return self.rate * min((step + 1) / (top + 1), (steps - step) / (steps - top))


@dataclass
class Run:
    """What training gave: the network, the loss of every step, a row for every epoch, and how it went.

    `stopped` is set by Ctrl-C; `threads` is how many computed, chosen once: results depend on it a little.
    `channels_last` says how weights and pictures lie in memory.
    """

    net: nn.Module
    plan: Plan
    mean: tuple[float, ...]
    std: tuple[float, ...]
    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False
    threads: int = 0
    channels_last: bool = True


@dataclass(frozen=True)
class Score:
    """Mean loss, accuracy, and the probabilities (N, classes) behind them."""

    loss: float
    accuracy: float
    probabilities: Tensor


def train(
    net: nn.Module,
    data: Images,
    plan: Plan | None = None,
    *,
    device: str | None = None,
    evaluate_every: int = 1,
    keep: Path | str | None = None,
    watch: Callable[[Run], object] | None = None,
) -> Run:
    """Train a network in place; Ctrl-C, or a loss that is no number, ends training and returns what there is.

    Args:
        data: what to learn (`train_images`), and what to be measured on (`test_images`).
        plan: how; the same plan, data, network, machine and number of threads give the same result. Several
            threads are taken where they are faster at the moment; torch.set_num_threads(1) leaves no choice.
        device: "cuda", "mps" or "cpu"; None takes the fastest there is.
        evaluate_every: measure on the test pictures after so many epochs; 0 never.
        keep: a file to keep the state in after each epoch, before and after it is measured, and to go on from
            when it is there. Where it cannot be written, a line says so, and training goes on without.
        watch: called after every epoch; None shows a line an epoch, and a plot in a notebook.

    Raises:
        CheckpointError: when the checkpoint is damaged, is of another training, or cannot have this name.
        ValueError: when the network, pictures, labels and options do not fit, or the device is not there.
    """
    plan, place = Plan() if plan is None else plan, cores.place(device)
    inputs.kind("plan", plan, Plan, "a Plan, such as training.Plan(epochs=2)")
    inputs.options(evaluate_every, watch)
    inputs.trainable(net)
    inputs.data(data, plan.shift)
    evaluate_every = evaluate_every if len(data.test_images) else 0
    watch = Watch(plan.epochs) if watch is None else watch
    images, labels = data.train_images.to(place), data.train_labels.to(place)
    run = Run(net, plan, *batches.statistics(images))
    run.channels_last = cores.channels_last(net.to(place), images)
    optimizer = torch.optim.SGD(
        _groups(net, plan),
        momentum=plan.momentum,
        nesterov=plan.nesterov and plan.momentum > 0,
        fused=place.type != "mps",
    )
    kept = checkpoint.Keeper(keep, run, optimizer, data)
    steps, begin = plan.epochs * max(1, len(images) // plan.batch), time.perf_counter() - run.seconds
    losses: list[Tensor] = []
    with torch.random.fork_rng(), torch.enable_grad():
        try:
            run.threads = run.threads or best_threads(place)
            if _measure(run, data, evaluate_every):  # it was stopped before that
                kept.save()
            if len(run.epochs) == plan.epochs:
                watch(run)
            views = batches.windows(images, plan.shift)
            ready = batches.normaliser(run.mean, run.std, place, run.channels_last)
            for epoch in range(len(run.epochs), plan.epochs):
                net.train()
                torch.manual_seed(10_007 * plan.seed + epoch)  # the same epoch, whether resumed or not
                with threads(run.threads):
                    for x, y in batches.batches(
                        views, labels, size=plan.batch, epoch=epoch, flip=plan.flip, seed=plan.seed
                    ):
                        rate = plan.rate_at(len(run.losses) + len(losses), steps)
                        for group in optimizer.param_groups:
                            group["lr"] = rate * group["factor"]
                        with inputs.explained(), autocast(net, place, plan.bf16):
                            logits = net(ready(x))
                        inputs.outputs(logits, len(y), len(data.classes), learns=True)
                        loss = F.cross_entropy(logits.float(), y, label_smoothing=plan.smoothing)
                        optimizer.zero_grad(set_to_none=True)
                        loss.backward()  # type: ignore[no-untyped-call]
                        optimizer.step()
                        losses.append(loss.detach())
                _end_epoch(run, losses, begin)
                kept.save()  # before it is measured, which takes a while: nothing is lost then
                if _measure(run, data, evaluate_every):
                    kept.save()
                watch(run)
                if not math.isfinite(run.losses[-1]):
                    print("Training ends: the loss is not a number any more; the learning rate is too high.")
                    break
        except KeyboardInterrupt:
            run.stopped = True
            _end_epoch(run, losses, begin)
            print(f"Training was stopped after {len(run.losses)} of {steps} steps; the network is kept.")
            _measure(run, data, min(1, evaluate_every))
    net.eval()
    return run


@torch.inference_mode()
def evaluate(run: Run, images: Tensor, labels: Tensor, *, views: int = 1, batch: int = 500) -> Score:
    """Measure a trained network on pictures (N, 3, H, W) uint8.

    Args:
        run: what `train` gave back: it knows how the pictures were normalised.
        views: 1 the picture; 2 also its mirror image; 6 also both moved by a pixel, two ways.

    Raises:
        ValueError: when run, pictures and labels do not fit.
    """
    inputs.kind("run", run, Run, "the Run that training.train gave back")
    inputs.measured(images, labels, batch)
    run.net.eval()
    place = next(run.net.parameters()).device
    ready, logits = batches.normaliser(run.mean, run.std, place, run.channels_last), []
    with threads(run.threads or best_threads(place)):
        for some in torch.split(images, batch):
            x = ready(some.to(place))
            with autocast(run.net, place, run.plan.bf16):
                logits.append(
                    torch.stack([run.net(view).float() for view in batches.several(x, views)]).mean(0).cpu()
                )
    joined, truth = torch.cat(logits), labels.cpu()
    inputs.outputs(joined, len(truth), int(truth.max()) + 1)
    hits = (joined.argmax(1) == truth).double().mean()
    return Score(float(F.cross_entropy(joined, truth)), float(hits), joined.softmax(1))


def _groups(net: nn.Module, plan: Plan) -> list[dict[str, Any]]:
    """Return the free parameters in two groups: weights, which decay, and biases, which do not."""
    free = [p for p in net.parameters() if p.requires_grad]
    weights, biases = [p for p in free if p.ndim > 1], [p for p in free if p.ndim <= 1]
    groups = ((weights, plan.decay, 1.0), (biases, 0.0, plan.bias))
    return [{"params": p, "weight_decay": d, "factor": f, "lr": plan.rate} for p, d, f in groups if p]


def _measure(run: Run, data: Images, every: int) -> bool:
    """Add what the test pictures say to the last epoch, when it is its turn and not done; say if it was."""
    if not every or not run.epochs or len(run.epochs) % every or "accuracy" in run.epochs[-1]:
        return False
    score = evaluate(run, data.test_images, data.test_labels)
    run.epochs[-1] |= {"test_loss": score.loss, "accuracy": score.accuracy}
    return True


def _end_epoch(run: Run, losses: list[Tensor], begin: float) -> None:
    """Move the losses of an epoch, or of the part of it that was done, into the run."""
    run.seconds = time.perf_counter() - begin
    if losses:
        values = torch.stack(losses).tolist()
        losses.clear()
        run.losses += values
        row = {"epoch": len(run.epochs) + 1, "loss": sum(values) / len(values), "seconds": run.seconds}
        run.epochs.append(row)

"""Training a classifier of small pictures: a loop to read from top to bottom, and fast without tricks that hide it."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit import store
from labkit.datasets import Images
from labkit.live import Watch


class TrainingError(ValueError):
    """A plan, or a checkpoint, that does not fit."""


@dataclass(frozen=True)
class Plan:
    """How to train: what a step does, and how many there are.

    Args:
        rate: learning rate, the highest one of "one-cycle" (linear up, linear down), the only one of "constant".
        decay: weight decay, of weights only; smoothing: of the labels; bias: what biases' rate is multiplied by.
        shift: pixels that a picture is moved by at most; flip: mirror each picture every other epoch.
        bf16: compute in bfloat16; None where it is faster.
    """

    epochs: int = 2
    batch: int = 64
    rate: float = 0.1
    schedule: str = "one-cycle"
    warm: float = 0.25
    momentum: float = 0.9
    decay: float = 5e-4
    smoothing: float = 0.0
    bias: float = 1.0
    shift: int = 2
    flip: bool = True
    bf16: bool | None = None
    seed: int = 0

    def rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step."""
        if self.schedule == "constant":
            return self.rate
        top = self.warm * steps
        return self.rate * min((step + 1) / (top + 1), (steps - step) / (steps - top))


@dataclass
class Run:
    """What training gave: the network, the loss of every step, a row for every epoch, and how it went."""

    net: nn.Module
    plan: Plan
    mean: tuple[float, ...]
    std: tuple[float, ...]
    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False


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
    checkpoint: Path | str | None = None,
    watch: Callable[[Run], object] | None = None,
) -> Run:
    """Train a network in place; Ctrl-C ends training and returns it as it is.

    Args:
        data: what to learn (`train_images`), and what to be measured on (`test_images`).
        plan: how; the same plan, data, network and machine give the same result.
        device: "cuda", "mps" or "cpu"; None takes the fastest there is.
        evaluate_every: measure on the test pictures after so many epochs; 0 never.
        checkpoint: a file to keep the state in after each epoch, and to go on from when it is there.
        watch: called after every epoch; None shows a line an epoch, and a plot in a notebook.

    Raises:
        TrainingError: when the checkpoint belongs to another plan.
    """
    plan, place = plan or Plan(), torch.device(device or best_device())
    watch = Watch(plan.epochs) if watch is None else watch
    images, labels = data.train_images.to(place), data.train_labels.to(place)
    run = Run(net, plan, *statistics(data.train_images))
    net.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(_groups(net, plan), momentum=plan.momentum, nesterov=True, fused=True)
    first = _resume(checkpoint, run, optimizer) if checkpoint else 0
    windows = _windows(images, plan.shift)
    steps, begin, losses = plan.epochs * max(1, len(images) // plan.batch), time.perf_counter(), []
    with torch.random.fork_rng():
        try:
            for epoch in range(first, plan.epochs):
                net.train()
                torch.manual_seed(10_007 * plan.seed + epoch)  # an epoch does not depend on where we started
                losses = []
                for x, y in batches(windows, labels, plan, epoch):
                    rate = plan.rate_at(len(run.losses) + len(losses), steps)
                    for group in optimizer.param_groups:
                        group["lr"] = rate * group["factor"]
                    with autocast(place, plan.bf16):
                        logits = net(normalise(x, run.mean, run.std))
                    loss = F.cross_entropy(logits.float(), y, label_smoothing=plan.smoothing)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()
                    losses.append(loss.detach())
                _end_epoch(run, losses, begin)
                if evaluate_every and (epoch + 1) % evaluate_every == 0:
                    score = evaluate(run, data.test_images, data.test_labels)
                    run.epochs[-1] |= {"test_loss": score.loss, "accuracy": score.accuracy}
                if checkpoint:
                    _keep(Path(checkpoint), run, optimizer)
                watch(run)
        except KeyboardInterrupt:
            run.stopped = True
            if len(run.epochs) * len(losses) == 0 or len(run.losses) % len(losses):
                _end_epoch(run, losses, begin)
    net.eval()
    return run


def batches(windows: Tensor, labels: Tensor, plan: Plan, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the shuffled batches (B, 3, 32, 32) uint8 of an epoch: each picture moved and mirrored on its own.

    `windows` (N, 3, 2 shift + 1, 2 shift + 1, 32, 32) shows every place to cut a picture out, without copies.
    """
    count, places = len(labels), windows.shape[2]
    order = torch.randperm(count).to(labels.device)
    dy, dx = torch.randint(places, (2, count)).to(labels.device)
    coin = torch.Generator().manual_seed(plan.seed)  # half of the pictures begin mirrored, then take turns
    mirrored = (torch.randint(2, (count,), generator=coin) + epoch).to(labels.device) % 2 == 1
    for start in range(0, max(1, count - plan.batch + 1), plan.batch):
        index = order[start : start + plan.batch]
        x = windows[index, :, dy[index], dx[index]]
        if plan.flip:
            x = torch.where(mirrored[index, None, None, None], x.flip(3), x)
        yield x, labels[index]


@torch.inference_mode()
def evaluate(run: Run, images: Tensor, labels: Tensor, *, views: int = 1, batch: int = 500) -> Score:
    """Measure a trained network on pictures (N, 3, H, W) uint8.

    Args:
        views: 1 the picture; 2 also its mirror image; 6 also both moved by a pixel, two ways.
    """
    run.net.eval()
    place = next(run.net.parameters()).device
    logits = []
    for some in images.split(batch):
        x = normalise(some.to(place), run.mean, run.std)
        with autocast(place, run.plan.bf16):
            logits.append(torch.stack([run.net(view).float() for view in _views(x, views)]).mean(0).cpu())
    joined, truth = torch.cat(logits), labels.cpu()
    hits = (joined.argmax(1) == truth).double().mean()
    return Score(float(F.cross_entropy(joined, truth)), float(hits), joined.softmax(1))


def statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation of each channel of uint8 pictures, on the scale 0 to 1."""
    counts = torch.stack([torch.bincount(channel.flatten().int(), minlength=256) for channel in images.unbind(1)])
    values, shares = torch.arange(256).double() / 255, counts.cpu().double() / counts.sum(1, keepdim=True).cpu()
    mean = shares @ values
    return tuple(mean.tolist()), tuple((shares @ values**2 - mean**2).clamp(min=1e-6).sqrt().tolist())


def normalise(x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Turn uint8 pictures into float32 with mean 0 and deviation 1, stored channels last."""
    scale = torch.tensor([1 / (255 * s) for s in std], device=x.device)[:, None, None]
    offset = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=x.device)[:, None, None]
    return torch.addcmul(offset, x.contiguous(memory_format=torch.channels_last), scale)


def best_device() -> str:
    """Return "cuda" or "mps" when there is a GPU that torch can use, else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def autocast(place: torch.device, bf16: bool | None) -> torch.autocast:
    """Compute in bfloat16 when asked to, or where the hardware multiplies it faster."""
    if bf16 is None:
        bf16 = torch.cuda.is_bf16_supported() if place.type == "cuda" else _cpu_has_bf16() and place.type == "cpu"
    return torch.autocast(place.type, torch.bfloat16, enabled=bf16)


def _cpu_has_bf16() -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _windows(images: Tensor, shift: int) -> Tensor:
    """Pad once by mirroring the edge, and return a view of every place to cut the picture out."""
    height, width = images.shape[2:]
    rows, columns = (torch.arange(-shift, side + shift).abs() for side in (height, width))
    rows = torch.where(rows >= height, 2 * height - 2 - rows, rows)
    columns = torch.where(columns >= width, 2 * width - 2 - columns, columns)
    padded = images[:, :, rows.to(images.device)][..., columns.to(images.device)]
    return padded.unfold(2, height, 1).unfold(3, width, 1)


def _views(x: Tensor, count: int) -> list[Tensor]:
    views = [x] if count == 1 else [x, x.flip(3)]
    if count == 6:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        moved = [padded[:, :, d : d + x.shape[2], d : d + x.shape[3]] for d in (0, 2)]
        views += moved + [m.flip(3) for m in moved]
    return views


def _groups(net: nn.Module, plan: Plan) -> list[dict[str, Any]]:
    """Return the free parameters in two groups: weights, which decay, and biases, which do not."""
    free = [p for p in net.parameters() if p.requires_grad]
    weights, biases = [p for p in free if p.ndim > 1], [p for p in free if p.ndim <= 1]
    groups = ((weights, plan.decay, 1.0), (biases, 0.0, plan.bias))
    return [{"params": p, "weight_decay": d, "factor": f, "lr": plan.rate} for p, d, f in groups if p]


def _end_epoch(run: Run, losses: list[Tensor], begin: float) -> None:
    values = torch.stack(losses).tolist() if losses else []
    run.losses += values
    run.seconds = time.perf_counter() - begin
    if values:
        run.epochs.append({"epoch": len(run.epochs) + 1, "loss": sum(values) / len(values), "seconds": run.seconds})


def _keep(path: Path, run: Run, optimizer: torch.optim.Optimizer) -> None:
    state = {"plan": asdict(run.plan), "net": run.net.state_dict(), "optimizer": optimizer.state_dict()}
    state |= {"losses": run.losses, "epochs": run.epochs}
    store.replace(path, lambda stream: torch.save(state, stream))


def _resume(checkpoint: Path | str, run: Run, optimizer: torch.optim.Optimizer) -> int:
    """Take up the state of a checkpoint; return how many epochs are done."""
    path = Path(checkpoint)
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        kept = state["plan"]
    except (RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError):
        raise TrainingError(f"{path} is no checkpoint, or is damaged: delete it to start again") from None
    if kept != asdict(run.plan):
        names = ", ".join(k for k, v in asdict(run.plan).items() if kept.get(k) != v)
        raise TrainingError(f"{path} was made with another plan ({names}): delete it, or name another file")
    run.net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    run.losses, run.epochs = state["losses"], state["epochs"]
    return len(run.epochs)

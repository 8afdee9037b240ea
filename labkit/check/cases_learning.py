"""The cases of Lab 6 for learning: one step, one epoch, measuring, the rate, and when to stop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labkit.check import library_cifar as library
from labkit.check.case import Case
from labkit.check.draw import Draw


@dataclass(frozen=True)
class Start:
    """The weights that a small network starts with; callable, so that messages show its name only."""

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor

    def __call__(self) -> tuple[Tensor, ...]:
        """Return the weights."""
        return self.w1, self.b1, self.w2, self.b2


@dataclass(frozen=True)
class Descent:
    """Rate and momentum of SGD, and whether the network was just measured (in evaluation mode)."""

    rate: float
    momentum: float
    measured: bool

    def __call__(self) -> tuple[float, float]:
        """Return rate and momentum."""
        return self.rate, self.momentum


def workbench(
    w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, rate: float, momentum: float
) -> tuple[Any, Any]:
    """Build the small network and its optimizer, as the lab's cell does."""
    net = nn.Sequential(
        nn.Linear(w1.shape[1], w1.shape[0]), nn.BatchNorm1d(w1.shape[0]), nn.ReLU(),
        nn.Linear(w2.shape[1], w2.shape[0]),
    ).to(w1.dtype)  # fmt: skip
    with torch.no_grad():
        for layer, w, b in ((net[0], w1, b1), (net[3], w2, b2)):
            layer.weight.copy_(w)  # type: ignore[operator]
            layer.bias.copy_(b)  # type: ignore[operator]
    return net, torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum)


def stepping(sgd_step: Callable[..., Any], bench: Callable[..., Any] = workbench) -> Callable[..., Any]:
    """Turn a step into a function of numbers: one call for each batch; all losses, then all
    weights and running statistics.

    Args:
        sgd_step: the student's function of (net, optimizer, x, labels); it may live in another process.
        bench: makes network and optimizer there, like `workbench`.
    """

    def run(net: Start, optimizer: Descent, x: Tensor, labels: Tensor) -> Any:
        with torch.random.fork_rng(devices=[]):
            made, descent = bench(*net(), *optimizer())
        losses = []
        for some, truth in zip(x, labels, strict=True):
            if optimizer.measured:
                made.eval()
            losses.append(sgd_step(made, descent, some, truth))
        if any(v is None for v in losses):
            return None  # the return line is missing
        numbers = [*made.parameters(), *(b for b in made.buffers() if b.is_floating_point())]
        weights = torch.cat([p.detach().flatten() for p in numbers])
        return [v if type(v) in (int, float) else _number(v) for v in losses], weights

    return run


def _number(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _steep(start: Start, x: Tensor, labels: Tensor) -> bool:
    """Say whether the first gradient is so long that clipping it, which nobody asked for, shows."""
    bench: Callable[..., Any] = workbench
    with torch.random.fork_rng(devices=[]):
        net, optimizer = bench(*start(), rate=1.0, momentum=0.0)
    library_step(net, optimizer, x, labels)
    return float(torch.nn.utils.get_total_norm([p.grad for p in net.parameters()])) > 12


def sgd_step(draw: Draw) -> list[Case]:
    """Steps of SGD on a small network with batch norm."""
    made = []
    for aspect, batches, momentum, measured in (
        ("one step", 1, 0.0, False),
        ("three steps", 3, 0.0, False),
        ("momentum", 3, 0.9, False),
        ("a step after measuring", 2, 0.0, True),
    ):
        n, d, h = draw.distinct(5, 8, 3)
        c = 4
        descent = Descent(draw.choice([0.3, 0.4]), momentum, measured)
        while True:
            start = Start(draw.tensor(h, d) / 40, draw.tensor(h) / 2, draw.tensor(c, h), draw.tensor(c) / 2)
            x = draw.tensor(batches, n, d)
            labels = torch.stack([torch.randperm(n, generator=draw.generator) % c for _ in range(batches)])
            if _steep(start, x[0], labels[0]):
                break
        args = (start, descent, x, labels)
        answer = stepping(library_step)(*args)
        losses = torch.tensor(answer[0], dtype=torch.float64)
        batch = "for one batch" if batches == 1 else f"once for each of {batches} batches"
        after = ", the network being in evaluation mode before" if measured else ""
        note = f"{batch}{after}"
        made.append(Case(aspect, args, (losses, answer[1]), oracle="torch.optim.SGD", note=note))
    return made


def library_step(net: Any, optimizer: Any, x: Tensor, labels: Tensor) -> float:
    """The gradients by `torch.autograd.grad`, handed to the optimizer."""
    net.train()
    parts = list(net.parameters())
    with torch.enable_grad():
        loss = nn.functional.cross_entropy(net(x), labels)
        grads = torch.autograd.grad(loss, parts)
    for part, grad in zip(parts, grads, strict=True):
        part.grad = grad
    optimizer.step()
    return float(loss.detach())


@dataclass(frozen=True)
class Steps:
    """A start of learning; callable, so that messages show its name only."""

    weights: Tensor

    def __call__(self) -> Callable[[Any, Any], float]:
        """Make a step whose loss tells which pictures came with which labels, where, after how many steps."""
        made = itertools.count()

        def step(x: Any, y: Any) -> float:
            x, y = torch.as_tensor(x).double(), torch.as_tensor(y).double()
            each = (x.flatten(1) @ self.weights) * (1 + y) * torch.linspace(1, 1.5, len(y)).double()
            return float(2 + each.mean() / 10) * 0.97 ** next(made)

        return step


def from_start(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a fit into one that gets a step which has not learned yet."""
    return lambda step, *rest: fit(step(), *rest)


def fit(draw: Draw) -> list[Case]:
    """Epochs of batches in given orders."""
    made = []
    for aspect, n, size, epochs in (
        ("batches that fit", 12, 4, 2),
        ("a short last batch", 11, 4, 2),
        ("one batch", 5, 8, 2),
    ):
        images = draw.tensor(n, 3, 2, 4)
        labels = torch.arange(n) % 5
        orders = [torch.arange(n)]
        while len(orders) <= epochs:  # each another one
            order = torch.randperm(n, generator=draw.generator)
            orders += [] if any(torch.equal(order, other) for other in orders) else [order]
        args = (Steps(draw.tensor(24)), images, labels, torch.stack(orders[1:]), size)
        note = f"with {n} pictures, size={size} and {epochs} orders"
        made.append(Case(aspect, args, from_start(library.fit)(*args), note=note))
    return made


def _scorer(draw: Draw, features: int, most: int) -> Callable[[Any], Any]:
    """Make a network of one layer that refuses more pictures than a batch may have."""
    weights = draw.tensor(features, 4) / 3

    def net(x: Any) -> Tensor:
        x = torch.as_tensor(x)
        if len(x) > most:
            raise ValueError(f"{len(x)} pictures at once, where size is {most}")
        return torch.as_tensor(x.flatten(1) @ weights.to(x.dtype))

    return net


def _measured(draw: Draw, n: int, size: int) -> tuple[Callable[[Any], Any], Tensor, Tensor, int]:
    """Draw a network, pictures and labels; the last of several batches errs most, which a mean shows."""
    images = draw.tensor(n, 3, 2, 3)
    net = _scorer(draw, 18, size)
    labels = torch.cat([net(some) for some in torch.split(images, size)]).argmax(1)
    if n > size:
        labels[n - 2 :] = (labels[n - 2 :] + 1) % 4
        labels[0] = (labels[0] + 2) % 4
    return net, images, labels, size


def _right_by_chance(net: Callable[[Any], Any], images: Tensor, labels: Tensor, size: int) -> bool:
    """Say whether labels backwards are the same, or answers along the wrong axis right as often."""
    if torch.equal(labels, labels.flip(0)):
        return True
    if len(images) % size:
        return False
    scores = [net(some) for some in torch.split(images, size)]
    hits = [int((torch.cat([s.argmax(axis) for s in scores]) == labels).sum()) for axis in (0, 1)]
    return hits[0] == hits[1]


def evaluate(draw: Draw) -> list[Case]:
    """Loss and accuracy of a network that is given as a function."""
    made = []
    for aspect, n, size in (("batches that fit", 12, 4), ("a short last batch", 11, 4), ("one batch", 4, 4)):
        args = _measured(draw, n, size)
        while _right_by_chance(*args):
            args = _measured(draw, n, size)
        note = f"with {n} pictures and size={size}"
        made.append(Case(aspect, args, library.evaluate(*args), oracle="F.cross_entropy", note=note))
    return made


def one_cycle(draw: Draw) -> list[Case]:
    """The rate at steps before, at and after the top."""
    made = []
    for aspect, part in (("the way up, from 0", 0.0), ("the way up, from 0", 0.25), ("the top", 1.0),
                         ("the way down, to 0", 1.3), ("the way down, to 0", 2.0)):  # fmt: skip
        for warm in (0.2, 0.25):
            steps = 20 * draw.integer(2, 9)
            top = round(warm * steps)
            step = round(part * top) if part <= 1 else round(top + (part - 1) * (steps - top))
            peak = draw.choice([0.1, 0.4, 0.5])
            args = (step, steps, peak, warm)
            made.append(Case(aspect, args, library.one_cycle(*args), oracle="np.interp"))
    for late in (False, True):
        half = draw.integer(5, 20)  # the top is at half + 1/2
        args = (3 * half if late else half - 2, 4 * half + 2, 0.4, 0.25)
        made.append(Case("a top between two steps", args, library.one_cycle(*args), oracle="np.interp"))
    return made


STOPS: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("it gets better to the end", 2, (9, 8, 7, 6, 5)),
    ("it stops, and misses a better epoch later", 2, (9, 6, 4, 5, 7, 8, 1)),
    ("it waits, and is rewarded", 3, (9, 6, 7, 8, 3, 4, 5)),
    ("a patience of 1", 1, (9, 7, 8, 2, 1)),
    ("as low as the best is not better", 2, (9, 5, 6, 5, 3, 2)),
    ("better than the epoch before, but not than the best", 3, (9, 4, 8, 7, 6, 5, 2)),
)


def early_stop(draw: Draw) -> list[Case]:
    """Losses of a validation set: where to stop, and which epoch was the best."""
    made = []
    for aspect, patience, ranks in STOPS:
        for whole in (ranks, (10, *ranks)):  # the second with one more epoch before
            steps = torch.rand(11, generator=draw.generator, dtype=torch.float64) / 2 + 0.25
            values = steps.cumsum(0)[torch.tensor(whole)].round(decimals=6)
            answer = library.early_stop(values, patience)
            made.append(Case(aspect, (values, patience), answer))
    return made

"""What the check of `build_net` measures on a network that has not learned anything yet.

A measure takes the network, pictures (N, 3, 32, 32) and `again`, which builds another network and calls it
once. It uses only what can be asked of a network in another process: calls, modes, parameters, the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit.check.calling import CUT, UnusableError

Again = Callable[[], Any]
LEAST = 5_000
HIDDEN = (
    "layers that the network does not know of, as in a Python list: nn.ModuleList or nn.Sequential make them "
    "its own"
)
CHANGING = (
    "scores that change from call to call in evaluation mode: give F.dropout training=self.training, and "
    "make layers in __init__, not in forward"
)
PARTLY_CUT = (
    "weights whose gradient is cut off: nothing learns through .detach(), .data or torch.no_grad() in forward"
)
ASLEEP = "weights that are all 0 at the start: then all units of a layer learn the same"


@contextmanager
def moved(
    net: Any, *, factor: float = 1.0, names: set[str] | None = None, by: float = 0.01
) -> Iterator[None]:
    """Change weights for a while: what stands behind a layer that starts at 0 counts, too.

    Args:
        net: the network.
        factor: what its weights are multiplied with.
        names: the parameters to change; None for all.
        by: standard deviation of what is added.
    """
    noise = torch.Generator().manual_seed(0)
    start = {name: value.detach().clone() for name, value in dict(net.state_dict()).items()}
    changed = dict(start)
    for name, _ in net.named_parameters():
        if names is None or name in names:
            shake = torch.randn(start[name].shape, generator=noise).to(start[name].dtype)
            changed[name] = factor * start[name] + by * shake
    net.load_state_dict(changed)
    yield
    net.load_state_dict(start)


def scored(net: Any, x: Tensor) -> Tensor:
    """The scores as plain numbers."""
    with torch.no_grad():
        scores: Tensor = net(x).detach().double()
    return scores


def _differ(one: Tensor, other: Tensor) -> bool:
    return not bool((one - other).abs().max() <= 1e-3 * one.abs().max())


def changing(net: Any, x: Tensor) -> bool:
    """Say whether the same pictures get other scores in a second call, in evaluation mode."""
    net.eval()
    with moved(net):
        return _differ(scored(net, x), scored(net, x))


def hidden(net: Any, x: Tensor, again: Again) -> bool:
    """Say whether a second network with all of the first one's state still gives other scores."""
    other = again()
    net.eval()
    other.eval()
    with moved(net), suppress(Exception):  # two networks of different layers cannot be compared
        other.load_state_dict(dict(net.state_dict()))
        return _differ(scored(net, x), scored(other, x))
    return False


def scores(net: Any, x: Tensor, again: Again) -> Any:
    """The scores as they come."""
    return net(x)


def end(net: Any, x: Tensor, again: Again) -> Tensor:
    """What stands at the end: 0 if nothing that does not belong there.

    1 if no score is below 0 and some are 0, 1.5 if none is, 2 if rows add to 1, 3 if they are logarithms of
    such rows, 4 if scores do not leave -1 to 1, 5 if training sets some to 0.
    """
    y = scored(net, x)
    for _ in range(3):  # by chance a network starts without any below 0
        low = not bool((y < 0).any()) and bool(y.any())
        if low and bool((y.sum(1) - 1).abs().max() < 1e-3):
            return torch.tensor(2.0)
        y = scored(again(), x) if low else y
    if not bool((y < 0).any()) and bool(y.any()):
        return torch.tensor(1.0 if bool((y == 0).any()) else 1.5)
    if bool(y.logsumexp(1).abs().max() < 1e-3):
        return torch.tensor(3.0)
    return torch.tensor(4.0 if _bounded(net, x) else 5.0 if _dropped(net, x) else 0.0)


def _bounded(net: Any, x: Tensor) -> bool:
    """Say whether scores stay between -1 and 1, most at these, when all weights are made large."""
    net.eval()
    with moved(net, factor=20.0):
        y = scored(net, x).abs()
    return bool(y.max() <= 1) and bool((y > 0.99).double().mean() > 0.5)


def _dropped(net: Any, x: Tensor) -> bool:
    """Say whether scores are set to 0 in training mode that are not 0 in evaluation mode."""
    many = x.repeat(6, 1, 1, 1)[:64]
    with moved(net):
        net.eval()
        calm = scored(net, many)
        net.train()
        return not bool((calm == 0).any()) and int((scored(net, many) == 0).sum()) > 2


def count(net: Any, x: Tensor, again: Again) -> Tensor:
    """How many parameters there are, and the share of the largest one of two axes, as of a linear layer."""
    sizes = [(p.numel(), p.ndim) for p in net.parameters()]
    total = sum(n for n, _ in sizes)
    if total < LEAST:
        unknown = CHANGING if changing(net, x) else HIDDEN if hidden(net, x, again) else ""
        if unknown:
            raise UnusableError(f"a network of {total:,} parameters, and {unknown}")
    linear = max((n for n, axes in sizes if axes == 2), default=0)
    return torch.tensor([float(total), linear / max(total, 1)], dtype=torch.float64)


def loss(net: Any, x: Tensor, again: Again) -> Tensor:
    """The loss before any training."""
    return F.cross_entropy(scored(net, x), torch.arange(len(x)) % 10)


def shared(net: Any, x: Tensor, again: Again) -> Tensor:
    """Whether a network that was switched and one that was built after it are in the same mode, 1 or 0."""
    net.train(not net.training)  # a fresh one does not know
    return torch.tensor(float(bool(net.training) == bool(again().training)))


def _wake(net: Any) -> None:
    if not any(bool(p.detach().any()) for p in net.parameters() if p.ndim > 1):
        raise UnusableError(ASLEEP)


def unused(net: Any, x: Tensor, again: Again) -> Tensor:
    """How many weights (of more than one axis) get no gradient, and how many are frozen."""
    named = list(net.named_parameters())
    with moved(net), torch.enable_grad():
        y = net(x)
        if not y.requires_grad and any(p.requires_grad for _, p in named):
            raise UnusableError(CUT)
        F.cross_entropy(y, torch.arange(len(x)) % 10).backward()  # type: ignore[no-untyped-call]
    free = [(name, p) for name, p in named if p.ndim > 1 and p.requires_grad]
    idle = {name for name, p in free if p.grad is None or not bool(p.grad.abs().max() > 0)}
    if idle and _felt(net, x, {name for name, p in free if p.grad is None}):
        raise UnusableError(PARTLY_CUT)
    frozen = sum(not p.requires_grad for _, p in named)
    if free and not frozen:
        _wake(net)
    if not idle and not frozen and hidden(net, x, again):
        raise UnusableError(CHANGING if changing(net, x) else HIDDEN)
    return torch.tensor([float(len(idle)), float(frozen)])


def _felt(net: Any, x: Tensor, names: set[str]) -> bool:
    """Say whether the scores depend on some parameters."""
    net.eval()
    with moved(net):
        before = scored(net, x)
        with moved(net, names=names, by=1.0):
            return bool(names) and _differ(before, scored(net, x))


def corners(net: Any, x: Tensor, again: Again) -> Tensor:
    """How many of the four corners change the scores when they are painted over."""
    _wake(net)
    net.eval()
    with moved(net):
        before, seen = scored(net, x), 0
        for top in (0, 24):
            for left in (0, 24):
                painted = x.clone()
                painted[:, :, top : top + 8, left : left + 8] *= -1
                seen += int(bool((scored(net, painted) - before).abs().max() > 1e-6))
    return torch.tensor(float(seen))


def straight(net: Any, x: Tensor, again: Again) -> Tensor:
    """1 if the network is a linear map of the picture, as seen when two are added; else 0."""
    net.eval()
    one, other = 10 * x[::2], 10 * x[1::2]
    with moved(net):
        zero, both = scored(net, 0 * one), scored(net, one + other)
        bend = (scored(net, one) + scored(net, other) - zero - both).abs().max()
    reach = (both - zero).abs().max()
    rounding = 1e-2 * both.abs().max()  # what is less than this cannot be told from rounding
    return torch.tensor(float(bool(reach > rounding) and bool(bend < 1e-3 * reach)))


def alone(net: Any, x: Tensor, again: Again) -> Tensor:
    """How far the scores of one picture are from its scores among others, in evaluation mode."""
    net.eval()
    gap = (scored(net, x)[:1] - scored(net, x[:1])).abs().max()
    if gap >= 1e-3 and changing(net, x):
        raise UnusableError(CHANGING)
    return gap

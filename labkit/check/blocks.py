"""The exercises of Lab 5 whose objects live where the student's code runs: a block, and a network's mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labkit.check.calling import CUT, HELD, SWALLOWED, UnusableError
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64
from labkit.check.draw import Draw
from labkit.check.kept import keeping
from labkit.check.policy import is_a

OUTPUT, MODES, BUFFERS, MODES_AFTER_ERROR = "output", "modes", "running statistics", "modes after an error"
GRAPH, KEPT = "graph", "the rest"
LEARNS = "the gradient goes through"
TRAINS = "a stride, in training mode"  # batch norm sees at which place the stride leaves numbers out
STATISTICS = tuple(f"{norm}.running_{what}" for norm in ("bn1", "block.bn") for what in ("mean", "var"))
MIXED = ("bn1", "block.bn", "drop")  # parts that are in eval mode before the call, while the rest trains


def standard(c_in: int, width: int, stride: int) -> nn.Module:
    """Build torchvision's bottleneck block, with a shortcut convolution where the shapes need one."""
    from torchvision.models.resnet import Bottleneck

    with torch.random.fork_rng(devices=[]):
        shortcut = None
        if stride != 1 or c_in != 4 * width:
            shortcut = nn.Sequential(
                nn.Conv2d(c_in, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )
        block: nn.Module = Bottleneck(c_in, width, stride, shortcut)
    return block


def drawn(draw: Draw, net: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Draw a state: weights of both signs, variances above 0, counts as they are."""
    state = {}
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            state[name] = value
            continue
        numbers = draw.tensor(*value.shape) / 2
        state[name] = (numbers.abs() + 0.5 if name.endswith("var") else numbers).to(dtype)
    return state


@dataclass(frozen=True)
class Block:
    """What one block is built with, its weights, its mode, and whether the gradient is asked for."""

    c_in: int
    width: int
    stride: int
    state: Mapping[str, Tensor]
    learns: bool
    trains: bool

    def __call__(self, build: Callable[..., Any]) -> Any:
        """Build it, load the weights (all of them, and no others), and set its mode."""
        block = build(self.c_in, self.width, self.stride)
        block = block.double() if self.state["bn1.weight"].dtype == FLOAT64 else block.float()
        names = {str(name) for name in dict(block.state_dict())}
        lacking, odd = sorted(set(self.state) - names), sorted(names - set(self.state))
        if lacking or odd:
            told = [f"it lacks {', '.join(lacking[:3])}"] if lacking else []
            told += [f"it has {', '.join(odd[:3])}, which the weights do not have"] if odd else []
            raise LookupError(f"the weights do not fit the block: {' and '.join(told)}")
        block.load_state_dict(dict(self.state))
        return block.train() if self.trains else block.eval()


def built(cls: Any) -> Any:
    """Turn a student's class into a function of (block, x) that builds, loads and runs it."""

    def fn(block: Block, x: Tensor) -> Any:
        with torch.random.fork_rng(devices=[]):  # weights are drawn before ours are loaded
            own = block(cls)
        if not block.learns:
            return own(x)
        leaf = x.clone().requires_grad_()
        y = own(leaf)
        if isinstance(y, Tensor) and not y.requires_grad:
            raise UnusableError(CUT)
        return torch.autograd.grad(y.sum(), leaf)[0] if isinstance(y, Tensor) else y

    return fn


def _same(own: nn.Module, *_: int) -> nn.Module:
    """Stand for a class whose instance is there already."""
    return own


def bottleneck(draw: Draw) -> list[Case]:
    """Blocks with the identity as shortcut, with another number of channels, with a stride."""
    cases = []
    sets = [
        ("the identity as shortcut", 12, 3, 1, FLOAT64),
        ("the identity as shortcut", 8, 2, 1, FLOAT64),
        ("a convolution as shortcut", 6, 3, 1, FLOAT64),
        ("a stride", 6, 3, 2, FLOAT64),
        ("a stride with as many channels", 8, 2, 2, FLOAT64),
        (TRAINS, 6, 3, 2, FLOAT64),
        (LEARNS, 6, 3, 1, FLOAT64),
        ("float32", 6, 4, 2, FLOAT32),
    ]
    for aspect, c_in, width, stride, dtype in sets:
        own = standard(c_in, width, stride)
        block = Block(c_in, width, stride, drawn(draw, own, dtype), aspect == LEARNS, aspect == TRAINS)
        x = draw.tensor(2, c_in, 6, 9).to(dtype)
        answer = built(partial(_same, own))(block, x).detach()
        note = f"built by Bottleneck({c_in}, {width}, stride={stride}) and loaded with weights"
        note += ", and then takes the gradient of the sum" if block.learns else ""
        note += ", in training mode" if block.trains else ""
        cases.append(Case(aspect, (block, x), answer, oracle="torchvision's block", note=note))
    return cases


def moody_net() -> nn.Module:
    """Build the network that the mode exercise gives: batch norms (one inside a block) and dropout."""
    with torch.random.fork_rng(devices=[]):
        block = nn.Sequential()
        block.conv = nn.Conv2d(4, 5, 3, stride=2)
        block.bn = nn.BatchNorm2d(5)
        net = nn.Sequential()
        net.conv1 = nn.Conv2d(3, 4, 3)
        net.bn1 = nn.BatchNorm2d(4)
        net.relu = nn.ReLU()
        net.block = block
        net.pool = nn.AdaptiveAvgPool2d(1)
        net.flatten = nn.Flatten()
        net.drop = nn.Dropout(0.5)
    return net


@dataclass(frozen=True)
class Mood:
    """The weights of a network, which parts are in eval mode, and what a case looks at."""

    state: Mapping[str, Tensor]
    look: str
    still: tuple[str, ...]

    def __call__(self, build: Callable[[], Any]) -> Any:
        """Build it, load the weights, and set each part's mode."""
        net = build()
        net = net.double() if self.state["bn1.weight"].dtype == FLOAT64 else net.float()
        net.load_state_dict(dict(self.state))
        net.get_submodule("drop").p = 1.0  # while it trains, its answers are not by chance
        net.train()
        for name in self.still:
            net.get_submodule(name).eval() if name else net.eval()
        return net


def modes(net: Any) -> Tensor:
    """Read the mode of each part, 1 for training."""
    return torch.tensor([float(bool(part.training)) for part in net.modules()], dtype=FLOAT64)


def in_mood(fn: Any, build: Callable[[], Any] = moody_net) -> Any:
    """Turn a student's features_of into a function of (mood, x) that gives what the mood looks at."""

    def run(mood: Mood, x: Tensor) -> Any:
        net = mood(build)
        if mood.look == MODES_AFTER_ERROR:
            try:
                with torch.enable_grad():  # a mode that is left by an error is put back
                    fn(net, x[:, :2])
            except Exception:
                after = modes(net)
            else:
                raise UnusableError(SWALLOWED)
            fn(net, x)
            return after
        if mood.look == KEPT:
            net.get_submodule("conv1").requires_grad_(False)  # so that setting all free shows, too
            value = keeping(net, lambda: fn(net, x))
        else:
            value = fn(net, x)
        if mood.look == GRAPH and is_a(value, Tensor) and value.requires_grad:
            raise UnusableError(HELD)
        if value is None or mood.look in (OUTPUT, GRAPH, KEPT):
            return value
        if not is_a(value, Tensor, np.ndarray) or tuple(value.shape) != (len(x), 5):
            return value
        if mood.look == MODES:
            return modes(net)
        buffers = dict(net.state_dict())
        return torch.cat([torch.as_tensor(buffers[name]) for name in STATISTICS])

    return run


def features_of(draw: Draw) -> list[Case]:
    """What comes out, and what is left of modes and running statistics."""
    cases = []
    sets: list[tuple[str, str, tuple[str, ...], torch.dtype]] = [
        ("a network that trains", OUTPUT, (), FLOAT64),
        ("a network that trains", OUTPUT, (), FLOAT64),
        ("a network in eval mode", OUTPUT, ("",), FLOAT64),
        ("the mode is as before", MODES, (), FLOAT64),
        ("the mode is as before", MODES, ("",), FLOAT64),
        ("each part's mode is as before", MODES, MIXED, FLOAT64),
        ("the mode is as before when the network stops", MODES_AFTER_ERROR, (), FLOAT64),
        ("the running statistics are as before", BUFFERS, (), FLOAT64),
        ("no graph for gradients", GRAPH, (), FLOAT64),
        ("what is trained is as before", KEPT, (), FLOAT64),
        ("float32", OUTPUT, (), FLOAT32),
    ]
    notes = {
        MODES: "and then looks at the mode of each part (1 is training)",
        KEPT: "and then looks at requires_grad",
        GRAPH: "and then looks whether they hold on to a graph for gradients",
        MODES_AFTER_ERROR: "first with a picture that stops the network, and then looks at the modes",
        BUFFERS: "and then looks at the running means and variances",
    }
    for aspect, look, still, dtype in sets:
        own = moody_net()
        mood = Mood(drawn(draw, own, dtype), look, still)
        x = draw.tensor(3, 3, 7, 10).to(dtype)
        net = mood(partial(_same, own))
        expected = modes(net)
        if look in (OUTPUT, GRAPH, KEPT):
            with torch.no_grad():
                expected = net.eval()(x)
        elif look == BUFFERS:
            expected = torch.cat([mood.state[name] for name in STATISTICS])
        cases.append(Case(aspect, (mood, x), expected, note=notes.get(look, "")))
    return cases

"""The hook exercise: a small network, built where the student's function runs, gets our weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labkit.check.calling import SWALLOWED, UnusableError
from labkit.check.case import Case
from labkit.check.cases_convolution import FLOAT32, FLOAT64
from labkit.check.draw import Draw
from labkit.check.kept import keeping

LEFT, LEFT_BY_ERROR, COUNT, OUTPUT, MODE = "hooks", "hooks after an error", "names", "output", "mode"
KEPT = "the rest"
OTHERS, HOOKED = "others' hooks", ("relu1", "pool")  # somebody else's hooks, and where they are
NAMES = ["conv1", "relu1", "block.conv", "block.relu", "conv2", "pool", "fc"]


@dataclass(frozen=True)
class Recipe:
    """The weights of one small network, and what a case looks at."""

    state: Mapping[str, Tensor]
    look: str

    def __call__(self, build: Callable[[], Any]) -> Any:
        """Build the network and load the weights."""
        dtype = self.state["fc.bias"].dtype
        net = build()
        net = net.double() if dtype == FLOAT64 else net.float()
        net.load_state_dict(dict(self.state))
        return net.eval()


def tiny_net() -> nn.Module:
    """Build the network that the exercise gives: convolutions, one of them inside a block with a shortcut."""

    class Shortcut(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            added: Tensor = x + super().forward(x)  # type: ignore[no-untyped-call]
            return added

    with torch.random.fork_rng(devices=[]):
        block = Shortcut()
        block.conv = nn.Conv2d(4, 4, 3, padding=1)
        block.relu = nn.ReLU(inplace=True)
        net = nn.Sequential()
        net.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        net.relu1 = nn.ReLU(inplace=True)
        net.block = block
        net.conv2 = nn.Conv2d(4, 6, (3, 2), stride=(2, 1))
        net.relu2 = nn.ReLU(inplace=True)
        net.pool = nn.AdaptiveAvgPool2d(1)
        net.flatten = nn.Flatten()
        net.fc = nn.Linear(6, 5)
    return net


def left_on(net: Any) -> int:
    """Count the hooks on a network and on all its layers."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


def quiet(*_: Any) -> None:
    """Stand for a hook of somebody else."""


def recorded(record: Any, build: Callable[[], Any] = tiny_net) -> Any:
    """Turn a student's recorder into a function of (recipe, names, x) that gives what the recipe looks at."""

    def fn(recipe: Recipe, names: Sequence[str], x: Tensor) -> Any:
        net = recipe(build)
        if recipe.look == LEFT_BY_ERROR:
            try:
                with torch.enable_grad():  # a mode that is left by an error is put back
                    record(net, list(names), x[:, :2])
            except Exception:
                before = left_on(net)
            else:
                raise UnusableError(SWALLOWED)
        if recipe.look == MODE:
            net.train()
        for name in HOOKED if recipe.look == OTHERS else ():
            net.get_submodule(name).register_forward_hook(quiet)
        picture = x.clone()  # should the student change x, that is told apart
        if recipe.look == KEPT:
            net.get_submodule("conv1").requires_grad_(False)  # so that setting all free shows, too
            found = keeping(net, lambda: record(net, list(names), x))
        else:
            found = record(net, list(names), x)
        if not isinstance(found, Mapping):
            return found
        found = dict(found)
        if recipe.look in (COUNT, KEPT):
            return len(found)
        if not set(names) <= set(found):
            raise LookupError(f"record gave back the names {sorted(map(str, found))}, not {sorted(names)}")
        if recipe.look == MODE:
            return int(net.training)
        if recipe.look == OTHERS:
            return sum(min(1, len(net.get_submodule(name)._forward_hooks)) for name in HOOKED)
        if recipe.look in (LEFT, LEFT_BY_ERROR):
            return left_on(net) if recipe.look == LEFT else before
        return net(picture) if recipe.look == OUTPUT else found[recipe.look]

    return fn


def weights(draw: Draw, dtype: torch.dtype) -> dict[str, Tensor]:
    """Draw weights of both signs; the biases let every layer answer with both signs as well."""
    return {name: draw.tensor(*value.shape).to(dtype) for name, value in tiny_net().state_dict().items()}


def right(state: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """Give what each layer puts out, worked layer by layer."""
    net = Recipe(state, "")(tiny_net)
    answers: dict[str, Tensor] = {}
    with torch.no_grad():
        for name in ("conv1", "relu1", "block.conv", "block.relu", "conv2", "relu2", "pool", "flatten", "fc"):
            if name == "conv2":  # behind the block, which adds its input
                x = answers["relu1"] + answers["block.relu"]
            x = net.get_submodule(name)(x.clone())
            answers[name] = x.clone()
    return answers


def cases(draw: Draw) -> list[Case]:
    """Maps of several layers, then how many names come back, what is left behind, and the output."""
    found = []
    looks = [
        ("the maps", ["relu1", "pool"], "relu1", FLOAT64),
        ("the maps", ["relu1", "pool"], "pool", FLOAT64),
        ("several layers at once", NAMES, COUNT, FLOAT64),
        ("a layer inside a block", ["block.relu", "fc"], "block.relu", FLOAT64),
        ("a layer before an in-place ReLU", ["conv1", "relu1"], "conv1", FLOAT64),
        ("a layer before an in-place ReLU", ["block.conv"], "block.conv", FLOAT64),
        ("a layer before an in-place ReLU", ["conv2"], "conv2", FLOAT64),
        ("layers behind a shortcut", ["conv2", "fc"], "fc", FLOAT64),
        ("no hook is left behind", ["conv1", "fc"], LEFT, FLOAT64),
        ("no hook is left behind when the network stops", ["conv1", "fc"], LEFT_BY_ERROR, FLOAT64),
        ("hooks of others stay", ["relu1", "fc"], OTHERS, FLOAT64),
        ("the network answers as before", NAMES, OUTPUT, FLOAT64),
        ("the mode is as before", ["relu1", "fc"], MODE, FLOAT64),
        ("all else of the network is as before", ["relu1", "fc"], KEPT, FLOAT64),
        ("float32", ["relu1", "pool"], "pool", FLOAT32),
    ]
    notes = {
        LEFT: "and then counts the hooks",
        LEFT_BY_ERROR: "first with a picture that stops the network, and then counts the hooks",
        OTHERS: f"and then counts on which of {' and '.join(HOOKED)} somebody else's hook still is",
        COUNT: "and counts the names that come back",
        MODE: "and then looks whether the network still trains (1)",
        KEPT: "and then looks at each part's mode, requires_grad and inplace",
        OUTPUT: "and then runs the network",
    }
    for aspect, names, look, dtype in looks:
        state = weights(draw, dtype)
        x = draw.tensor(2, 3, 7, 10).to(dtype)
        answers = right(state, x)
        counts = {LEFT: 0, LEFT_BY_ERROR: 0, COUNT: len(names), MODE: 1, KEPT: 2, OTHERS: len(HOOKED)}
        expected = counts[look] if look in counts else answers["fc" if look == OUTPUT else look]
        note = notes.get(look, f"of which the answer for {look} is taken")
        found.append(Case(aspect, (Recipe(state, look), names, x), expected, note=note))
    return found

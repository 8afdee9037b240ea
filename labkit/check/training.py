"""The playground exercise: a setting is right when the network that it makes learns its data."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from labkit.check.calling import UnusableError
from labkit.check.case import Case, Mutant, Rule, Spec
from labkit.check.draw import Draw
from labkit.playground import Playground, Setting, SettingError, setting_of

STEPS, STARTS, ENOUGH = 300, (0, 1), 0.95
ASPECTS = {"circle": "circle without a hidden layer", "xor": "xor from x1 and x2 alone"}


@lru_cache(maxsize=256)
def result(setting: Setting, start: int) -> tuple[float, float]:
    """Train a playground and give its accuracy on new points and its loss."""
    game = Playground(setting, seed=start)
    game.train(STEPS)
    loss = game.loss()
    return game.accuracy(), loss if loss < 1e6 else 1e6


def allowed(setting: Setting) -> None:
    """Refuse what the exercise forbids.

    Raises:
        SettingError: a hidden layer for the circle, or another feature than x1 and x2 for xor.
    """
    if setting.data == "circle" and setting.hidden:
        raise SettingError("hidden: the circle is to be solved without a hidden layer; expected [].")
    if setting.data == "xor" and not set(setting.features) <= {"x1", "x2"}:
        raise SettingError("features: xor is to be solved from x1 and x2 alone.")


def trained(fn: Callable[..., Any]) -> Callable[..., Tensor]:
    """Turn a function that chooses a setting into one that gives (accuracy, loss) after training with it."""

    def train(data: str, start: int) -> Tensor:
        chosen = fn(data)
        try:
            setting = setting_of(chosen, data=data)
            allowed(setting)
        except SettingError as error:
            raise UnusableError(f"a setting that cannot be used; {error}") from None
        return torch.tensor(result(setting, start), dtype=torch.float64)

    return train


def share_right(found: Tensor) -> str:
    """Say how good the trained network is."""
    return f"a network that gets {float(found[0]):.0%} of new points right after {STEPS} steps"


def hint(found: Tensor, data: str) -> str:
    """Say what the accuracy and the loss hint at."""
    share, loss = (float(v) for v in found)
    told = f"{share:.0%} of new points are right after {STEPS} steps"
    if loss > 1:
        return f"{told}, and the loss is {loss:.2g}, above its start: the steps are too large"
    if share < 0.75:
        return f"{told}: either it hardly moves (rate, l2), or its border cannot bend as the data need"
    if data == "circle":
        return (
            f"{told}: its border does not close round the middle yet; look at its features, then at its rate"
        )
    return f"{told}: it is on the way; try a larger rate, more units or another activation"


def cases(draw: Draw) -> list[Case]:
    """Two data sets, each from two starts; nothing is drawn, since the setting is the answer."""

    def rule(data: str) -> Rule:
        wanted = f"at least {ENOUGH:.0%} of new points right"
        return Rule((2,), lambda v: bool(v[0] >= ENOUGH), wanted, lambda v: hint(v, data), share_right)

    return [
        Case(ASPECTS[data], (data, start), rule(data), note=f"and trains {STEPS} steps from start {start}")
        for data in ASPECTS
        for start in STARTS
    ]


def _only(data: str, **setting: Any) -> Callable[[str], Any]:
    """Choose a setting for one data set, and none for the other."""
    return lambda asked: setting if asked == data else None


MUTANTS = (
    Mutant("xor without a hidden layer: its border is a straight line", _only("xor", hidden=[])),
    Mutant(
        "hidden layers that are linear: together they are one straight line",
        _only("xor", hidden=[4, 4], activation="linear"),
    ),
    Mutant("one hidden unit for xor: its border bends once", _only("xor", hidden=[1])),
    Mutant("a circle from x1 and x2 alone: its border is a straight line", _only("circle", hidden=[])),
    Mutant("a circle from one square only", _only("circle", features=["x1^2"], hidden=[])),
    Mutant("a learning rate of 0.001: it hardly moves", _only("xor", rate=0.001)),
    Mutant("a learning rate of 0: nothing moves", _only("xor", rate=0.0)),
    Mutant("weight decay of 0.5, which pulls all weights to 0", _only("xor", l2=0.5)),
    Mutant("the product as feature for a circle", _only("circle", features=["x1*x2"], hidden=[])),
)

SPEC = Spec(
    "playground_setting", ("data",), cases, MUTANTS, tensors=False, witness="what was asked", adapt=trained
)

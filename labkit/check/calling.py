"""Call a function on a case, whatever it does, and keep what it did."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from labkit.check.case import Case
from labkit.check.policy import plain

OURS = ("labkit", "labgrader")
HELD = "features that hold on to a graph for gradients: torch.no_grad() is missing"
CUT = "a result without a gradient: no weight learns through .detach(), .data or torch.no_grad() in forward"
JOINED = "one tensor for all stages, and not a list"
SWALLOWED = "an answer although the network stopped with an error: it was swallowed, not passed on"


class UnusableError(Exception):
    """A result that cannot be judged; the text says what came back, and why that is of no use.

    `wanted` says what should have come back, where the case's own answer does not say it.
    """

    def __init__(self, text: str, wanted: str = "") -> None:
        super().__init__(text)
        self.wanted = wanted


@dataclass(frozen=True)
class Outcome:
    """What one call did: the value it returned or the error it raised, and what it left behind.

    Attributes:
        value: What came back.
        error: What it raised.
        changed: Which inputs are not as they were.
        off: Gradients, which are on when it begins, were off when it ended.
    """

    value: Any = None
    error: BaseException | None = None
    changed: tuple[str, ...] = ()
    off: bool = False


def copied(value: Any) -> Any:
    """Copy a tensor so that a call cannot change ours; other arguments cannot be changed."""
    return value.detach().clone(memory_format=torch.contiguous_format) if isinstance(value, Tensor) else value


def call(fn: Callable[..., Any], case: Case, params: tuple[str, ...]) -> Outcome:
    """Call a function on copies of a case's arguments; anything it raises but KeyboardInterrupt is kept."""
    args = [copied(a) for a in case.args]
    kwargs = {k: copied(v) for k, v in case.kwargs.items()}
    value, error = None, None
    with torch.enable_grad():
        try:
            value = fn(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            error = e
        off = not torch.is_grad_enabled()
    ours = [*zip(params, case.args, args, strict=False)]
    ours += [(k, v, kwargs[k]) for k, v in case.kwargs.items()]
    pairs = [(name, mine, theirs) for name, mine, theirs in ours if isinstance(mine, Tensor)]
    changed = [name for name, mine, theirs in pairs if not intact(mine, theirs)]
    followed = [f"{name}.requires_grad" for name, _, x in pairs if type(x) is Tensor and x.requires_grad]
    return Outcome(value, error, tuple(changed or followed), off)


def intact(mine: Tensor, theirs: Tensor) -> bool:
    """Say whether a copy still holds what it held."""
    try:
        return theirs.shape == mine.shape and torch.equal(plain(theirs).to(mine.dtype), mine)
    except Exception:
        return False


def frames_of(error: BaseException) -> list[tuple[str, int]]:
    """List functions and lines of the student's own file through which an error went; empty where unknown."""
    try:
        walk = traceback.walk_tb(error.__traceback__)
        frames = [
            (f.f_code, line) for f, line in walk if f.f_globals.get("__name__", "").split(".")[0] not in OURS
        ]
        home = frames[0][0].co_filename
        return [(code.co_name, line) for code, line in frames if code.co_filename == home]
    except Exception:
        return []


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).split(".")[0]


def stub_of(error: BaseException, name: str) -> str:
    """Name the unwritten function: the exercise itself, or another one that it calls."""
    frames = frames_of(error)
    inner = frames[-1][0] if len(frames) > 1 else name
    return inner if inner.isidentifier() else name

"""The records a check is made of: cases to call, rules to hold, mistakes to name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from labkit.check.draw import Draw


@dataclass(frozen=True)
class Rule:
    """A property that a result must have where there is no single right answer.

    Attributes:
        shape: The shape the result must have.
        holds: Says whether the property is there.
        wanted: The property in words.
        hint: What to do, in words; it may look at the result.
        got: What came back, in words, from the result; None describes its kind.
    """

    shape: tuple[int, ...]
    holds: Callable[[Tensor], bool]
    wanted: str
    hint: str | Callable[[Tensor], str]
    got: Callable[[Tensor], str] | None = None


Expected = int | float | Tensor | Rule | tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """One call of the student's function and what must come back.

    Attributes:
        aspect: What the case is about, such as "stride (2, 1)"; it passes when all its cases pass.
        args: Positional arguments; tensors are cloned before each call.
        kwargs: Keyword arguments.
        expected: The right answer: int, float, tensor, rule, or a tuple of these.
        oracle: What `expected` is, in words, for the message.
        note: More about the arguments, for the message.
        small: The numbers may be shown: a published example that can be worked by hand.
    """

    aspect: str
    args: tuple[Any, ...]
    expected: Expected
    kwargs: dict[str, Any] = field(default_factory=dict)
    oracle: str = ""
    note: str = ""
    small: bool = False


@dataclass(frozen=True)
class Mutant:
    """A named wrong answer; `name` completes the sentence "your result equals ...", or names what it does.

    `fn` is what a student would write, or gives at once what `Spec.adapt` makes of that.
    """

    name: str
    fn: Callable[..., Any]


@dataclass(frozen=True)
class Spec:
    """All that a check of one function needs.

    Attributes:
        name: The function the student writes.
        params: Names of its parameters, in order.
        cases: Builds the cases from a seeded generator; the first aspect is the core of the exercise.
        mutants: The named wrong answers.
        parts: Names of the results where the function returns several.
        tensors: Whether it takes and returns tensors, so that changed inputs and another dtype count.
        keeps: Whether its results promise the dtype of its inputs; if not, any float dtype is welcome.
        witness: What the answers agree with, for the line printed on success.
        adapt: Turns the student's function, and those given in its cell, into what the cases call, where that
            is something else; mutants go through it, too.
    """

    name: str
    params: tuple[str, ...]
    cases: Callable[[Draw], list[Case]]
    mutants: tuple[Mutant, ...]
    parts: tuple[str, ...] = ()
    tensors: bool = True
    keeps: bool = True
    witness: str = "torch"
    adapt: Callable[..., Callable[..., Any]] | None = None

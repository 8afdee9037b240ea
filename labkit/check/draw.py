"""Inputs for the checks, drawn from a seed: the same seed always gives the same inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

Seed = int | str | bytes | None


class Draw:
    """A local random generator for one exercise; it touches no global random state.

    Args:
        exercise: Name of the exercise, so that two exercises with one seed get different inputs.
        seed: An int, str or bytes; None gives the published inputs.

    Raises:
        TypeError: The seed is of another type.

    Example:
        >>> Draw("corr2d", 7).integer(1, 9) == Draw("corr2d", 7).integer(1, 9)
        True
    """

    def __init__(self, exercise: str, seed: Seed = None) -> None:
        if seed is not None and type(seed) not in (int, str, bytes):
            raise TypeError(f"seed: got {type(seed).__name__}, expected int, str, bytes or None.")
        raw = seed if isinstance(seed, bytes) else str(seed).encode("utf-8", "surrogatepass")
        text = b"\0".join([exercise.encode(), type(seed).__name__.encode(), raw])
        number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
        self.published = seed is None
        self.generator = torch.Generator().manual_seed(number)

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of the items."""
        return items[self.integer(0, len(items) - 1)]

    def distinct(self, low: int, high: int, count: int = 2) -> tuple[int, ...]:
        """Draw `count` different whole numbers from `low` to `high`, both included."""
        order = torch.randperm(high - low + 1, generator=self.generator)[:count]
        return tuple(int(v) + low for v in order)

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Draw two different whole numbers."""
        first, second = self.distinct(low, high)
        return first, second

    def shuffled(self, values: Tensor) -> Tensor:
        """Put the numbers of a tensor in another order."""
        order = torch.randperm(values.numel(), generator=self.generator)
        return values.flatten()[order].reshape(values.shape)

    def tensor(self, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Draw a tensor of `shape` with values of both signs, in no order, none close to 0."""
        while True:
            size = torch.rand(shape, generator=self.generator, dtype=torch.float64) * 2 + 0.25
            sign = torch.randint(0, 2, shape, generator=self.generator) * 2 - 1
            flat = (size * sign).flatten()
            steps = flat.diff() if flat.numel() > 2 else flat
            if flat.numel() < 2 or all(bool(v.min() < 0 < v.max()) for v in (flat, steps)):
                return flat.reshape(shape).to(dtype)

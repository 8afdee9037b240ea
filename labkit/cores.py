"""How many threads to compute with, found out by trying."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

GAIN = 0.8  # several threads must take less than this part of the time of one


@contextmanager
def threads(place: torch.device) -> Iterator[None]:
    """Compute with one thread where several are not faster: the computer has other work then.

    Threads that wait for each other are then slower than one alone: 3 to 25 times, as measured on two cores.
    """
    before = torch.get_num_threads()
    try:
        if place.type == "cpu" and before > 1:
            alone, *together = (seconds(count) for count in (1, before, before))
            if max(together) > GAIN * alone:
                torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def seconds(count: int) -> float:
    """Return the seconds that some small convolutions take with so many threads."""
    torch.set_num_threads(count)
    x, weight = torch.ones(32, 16, 32, 32), torch.ones(16, 16, 3, 3)
    torch.conv2d(x, weight)
    start = time.perf_counter()
    for _ in range(8):
        torch.conv2d(x, weight)
    return time.perf_counter() - start

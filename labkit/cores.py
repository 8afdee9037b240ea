"""What to compute with: the device, the numbers, and how many threads, which is found out by trying."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

GAIN = 0.8  # several threads must take less than this part of the time of one


def best_device() -> str:
    """Return "cuda" or "mps" when there is a GPU that torch can use, else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def autocast(net: nn.Module, place: torch.device, bf16: bool | None) -> torch.autocast:
    """Compute in bfloat16 when asked to, or where the hardware multiplies it faster.

    On processors that have it, it halves the time of convolutions of many channels, and is slower with few.
    """
    if bf16 is None and place.type == "cuda":
        bf16 = torch.cuda.is_bf16_supported()
    elif bf16 is None:
        bf16 = place.type == "cpu" and _cpu_has_bf16() and _channels(net) >= 16
    return torch.autocast(place.type, torch.bfloat16, enabled=bf16)


def _cpu_has_bf16() -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _channels(net: nn.Module) -> float:
    """Return how many channels the convolutions of a network give in the mean."""
    counts = [layer.out_channels for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    return sum(counts) / len(counts) if counts else 0.0


def channels_last(net: nn.Module, images: Tensor) -> bool:
    """Lay a network's weights out channels last, which is faster, and say so; not where it stops then.

    `x.view(len(x), -1)` behind a convolution needs the usual layout.

    Args:
        images: (N, 3, H, W) uint8, where the network is; the first ones are tried.
    """
    shaped(net.eval(), images).to(memory_format=torch.channels_last)
    try:
        with torch.no_grad(), torch.random.fork_rng():
            net((images[:2] / 255).contiguous(memory_format=torch.channels_last))
    except Exception:  # what stops it in the usual layout, too, it says when it is trained
        net.to(memory_format=torch.contiguous_format)
        return False
    return True


def shaped(net: nn.Module, images: Tensor) -> nn.Module:
    """Return a network whose lazy layers have taken the shape that these pictures want."""
    if any(is_lazy(value) for value in (*net.parameters(), *net.buffers())):
        with torch.no_grad(), torch.random.fork_rng():
            net.eval()(images[:2] / 255)
    return net


def place(device: str | None) -> torch.device:
    """Return a device that is there; None takes the fastest.

    Raises:
        ValueError: for another name, or what this computer does not have.
    """
    try:
        found = torch.device(device or best_device())
    except (RuntimeError, TypeError):
        raise ValueError(f'device is {device!r}; expected "cuda", "mps" or "cpu"') from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(found.type, False):
        raise ValueError(f"device is {device!r}, which torch does not find here; leave it out")
    return found


def best_threads(place: torch.device) -> int:
    """Return one where several threads are not faster, because the computer has other work, else how many.

    Threads that wait for each other are then slower than one alone: 3 to 25 times, as measured on two cores.
    After `torch.set_num_threads(1)` nothing is tried.
    """
    before = torch.get_num_threads()
    if place.type != "cpu" or before == 1:
        return before
    try:
        alone, *together = (seconds(count) for count in (1, before, before))
    finally:
        torch.set_num_threads(before)
    return 1 if max(together) > GAIN * alone else before


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads, but with no more than torch is set to."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(min(count, before))
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

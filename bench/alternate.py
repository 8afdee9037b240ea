"""Time rivals in turn, A B A B, and print the medians: shared machines are noisy."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version


def machine(*packages: str) -> str:
    """One line: Python, packages, cores, load."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    named = ", ".join([f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)])
    return f"{named}; {os.cpu_count()} cores ({platform.machine()}), load {load:.1f}"


def alternate(rivals: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Run every rival once a round, in turn, and print each; return the seconds of each run."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, run in rivals.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
            print(f"  {name}: {seconds[name][-1]:.2f} s", flush=True)
    return seconds


def report(seconds: dict[str, list[float]], *, of: str) -> None:
    """Print each rival's median and its ratio to the rival named `of`."""
    base = statistics.median(seconds[of])
    for name, runs in seconds.items():
        median = statistics.median(runs)
        spread = f"{min(runs):.3f}-{max(runs):.3f}"
        print(f"{name:28s} median {median:8.3f} s  ({spread}, n={len(runs)})  {base / median:6.1f}x")

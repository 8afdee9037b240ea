"""The state of a training run on disk: written whole or not at all, read without running anything."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from labkit import store

if TYPE_CHECKING:
    from labkit.training import Run


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or was made with another plan."""


def keep(path: Path, run: Run, optimizer: torch.optim.Optimizer) -> None:
    """Write the state of a run after an epoch."""
    state: dict[str, Any] = {
        "plan": asdict(run.plan),
        "net": run.net.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    state |= {"losses": run.losses, "epochs": run.epochs}
    store.replace(path, lambda stream: torch.save(state, stream))


def resume(path: Path, run: Run, optimizer: torch.optim.Optimizer) -> None:
    """Put the state of a checkpoint into a run and its optimizer.

    Raises:
        CheckpointError: when the file is damaged, or was made with another plan.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        kept = state["plan"]
    except (RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError):
        raise CheckpointError(f"{path} is no checkpoint, or is damaged: delete it to start again") from None
    if kept != asdict(run.plan):
        names = ", ".join(k for k, v in asdict(run.plan).items() if kept.get(k) != v)
        raise CheckpointError(f"{path} was made with another plan ({names}): delete it, or name another file")
    run.net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    run.losses, run.epochs = state["losses"], state["epochs"]
    run.seconds = run.epochs[-1]["seconds"]

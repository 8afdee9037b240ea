"""The state of a training run on disk: written whole or not at all, read without running anything."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from labkit import store
from labkit.plainfile import FileError, read_file, whole

if TYPE_CHECKING:
    from labkit.datasets import Images
    from labkit.training import Run


_MARK = b"labkit checkpoint 2\n"  # then SHA-256 of the rest, and the rest


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or belongs to another training."""


def owner(path: Path, net: nn.Module, data: Images) -> dict[str, str]:
    """Return what a checkpoint belongs to: digests of labels and some pictures, and of the network.

    Raises:
        CheckpointError: when the file's place is taken by a folder, or its folder cannot be made.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: name a file in it to keep the training in")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise CheckpointError(f"{path.parent} cannot be made a folder: name another file") from None
    arrays = {}
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        values = getattr(data, name)
        some = values[:: max(1, len(values) // 256)] if name.endswith("images") else values
        arrays[f"{name} {len(values)}"] = some.cpu().numpy()
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    free = [name for name, value in net.named_parameters() if value.requires_grad]
    drawn = re.sub(r"0x[0-9a-fA-F]+", "", f"{net} {shapes} {free}")  # no addresses in memory
    return {"pictures": store.digest(arrays), "network": hashlib.sha256(drawn.encode()).hexdigest()}


def keep(path: Path, run: Run, optimizer: torch.optim.Optimizer, owned: dict[str, str]) -> bool:
    """Write the state of a run after an epoch; False, and a line, where it cannot be written."""
    state: dict[str, Any] = {
        "plan": asdict(run.plan),
        "owner": owned,
        "net": run.net.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    state |= {"losses": run.losses, "epochs": run.epochs, "threads": run.threads}
    payload = io.BytesIO()
    torch.save(state, payload)
    try:
        with whole(path) as stream:
            stream.write(_MARK + hashlib.sha256(payload.getbuffer()).digest())
            stream.write(payload.getbuffer())
    except OSError as error:
        why = error.strerror or error
        print(f"The training is not kept: {path} cannot be written ({why}). It goes on without.")
        return False
    return True


def resume(path: Path, run: Run, optimizer: torch.optim.Optimizer, owned: dict[str, str]) -> None:
    """Put the state of a checkpoint into a run and its optimizer, and say so.

    Raises:
        CheckpointError: when the file is damaged, or was made with other data, another network or plan.
    """
    state = _read(path)
    for what in owned:
        if state["owner"].get(what) != owned[what]:
            other = "other pictures" if what == "pictures" else "another network"
            raise CheckpointError(f"{path} was made with {other}: delete it, or name another file")
    kept, plan = state["plan"], asdict(run.plan)
    if kept != plan:
        names = ", ".join(k for k, v in plan.items() if kept.get(k) != v)
        raise CheckpointError(f"{path} was made with another plan ({names}): delete it, or name another file")
    run.net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    run.losses, run.epochs, run.threads = state["losses"], state["epochs"], state["threads"]
    run.seconds = run.epochs[-1]["seconds"]
    done, last = len(run.epochs), run.plan.epochs
    more = f"goes on after epoch {done} of {last}" if done < last else "is finished, nothing is trained now"
    print(f"The training kept in {path} {more}. To begin anew, delete the file.")


def _read(path: Path) -> dict[str, Any]:
    """Return the state in a file whose checksum is right; nothing in it is run."""
    try:
        content = read_file(path)
    except FileError as error:
        raise CheckpointError(str(error)) from None
    if content[:2] == b"PK":  # what torch.save writes
        raise CheckpointError(f"{path} has no checksum, as from an older labkit: delete it to start again")
    start = len(_MARK) + 32
    digest = hashlib.sha256(memoryview(content)[start:]).digest()
    if content[:start] != _MARK + digest:
        raise CheckpointError(f"{path} is no checkpoint, or is damaged: delete it to start again")
    state: dict[str, Any] = torch.load(io.BytesIO(content[start:]), map_location="cpu", weights_only=True)
    return state

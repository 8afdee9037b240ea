"""The state of a training run on disk: written whole or not at all, read without running anything."""

from __future__ import annotations

import errno
import hashlib
import io
import math
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from labkit import inputs, store
from labkit.plainfile import FileError, read_file, whole

if TYPE_CHECKING:
    from labkit.datasets import Images
    from labkit.training import Run


_MARK = b"labkit checkpoint 2\n"  # then SHA-256 of the rest, and the rest


class CheckpointError(ValueError):
    """A checkpoint that is damaged, belongs to another training, or cannot have its name."""


class Keeper:
    """Keeps a run in a file, and at first puts what the file holds into the run; without a file does nothing.

    Args:
        keep: the file's name, or None.
        optimizer: of the run's network.
        data: what the run learns.

    Raises:
        CheckpointError: when there can be no such file, it is damaged, or it is of another training.
    """

    def __init__(self, keep: Path | str | None, run: Run, optimizer: torch.optim.Optimizer, data: Images):
        self._path = None if keep is None else _place(keep)
        self._run, self._optimizer = run, optimizer
        if self._path:
            self._owner = _owner(run.net, data)
            if _is_there(self._path):
                _resume(self._path, run, optimizer, self._owner)

    def save(self) -> None:
        """Write the run as it is after an epoch; a line, and no more of it, where it cannot be written.

        Not after a loss that is no number: there is nothing to go on from.
        """
        if self._path is None or not self._run.losses or not math.isfinite(self._run.losses[-1]):
            return
        written = (self._path, self._run, self._optimizer, self._owner)
        try:
            try:
                _write(*written)
            except KeyboardInterrupt:
                _write(*written)  # and then stop: the epoch is not lost
                raise
        except OSError as error:
            why = error.strerror or error
            print(f"The training is not kept: {self._path} cannot be written ({why}). It goes on without.")
            self._path = None


def _place(keep: Path | str) -> Path:
    """Return the path of a file that could be there; its folder is made later.

    Raises:
        CheckpointError: when it cannot have this name, or its place is taken by a folder.
    """
    if not isinstance(keep, str | os.PathLike) or not str(keep) or "\0" in str(keep):
        got = repr(keep[:40]) if isinstance(keep, str) else inputs.what(keep)
        raise CheckpointError(f"keep is {got}; expected a file's name, such as 'lab6.checkpoint'")
    try:
        path = Path(keep).expanduser()
    except RuntimeError:
        user = Path(keep).parts[0]
        raise CheckpointError(
            f"keep begins with {user}, and there is no such user: write the whole path"
        ) from None
    try:
        folder = path.is_dir()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return path  # where it cannot be written either, which is said then
        told = f"keep is a name of {len(str(keep))} signs, which is too long: take a shorter one"
        raise CheckpointError(told) from None
    if folder:
        raise CheckpointError(f"{path} is a folder: name a file in it to keep the training in")
    above = next((parent for parent in path.absolute().parents if parent.exists()), None)
    if above and not above.is_dir():
        raise CheckpointError(f"{path.parent} cannot be made a folder, {above} is a file: name another file")
    return path


def _is_there(path: Path) -> bool:
    """Say whether there is a file to go on from; not in a folder that may not be looked into."""
    try:
        return path.exists()
    except OSError:
        return False


def _owner(net: nn.Module, data: Images) -> dict[str, str]:
    """Return what a checkpoint belongs to: digests of labels and some pictures, and of the network."""
    arrays = {}
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        values = getattr(data, name)
        some = values[:: max(1, len(values) // 256)] if name.endswith("images") else values
        arrays[f"{name} {len(values)}"] = some.cpu().numpy()
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    free = [name for name, value in net.named_parameters() if value.requires_grad]
    drawn = re.sub(r"0x[0-9a-fA-F]+", "", f"{net} {shapes} {free}")  # no addresses in memory
    return {"pictures": store.digest(arrays), "network": hashlib.sha256(drawn.encode()).hexdigest()}


def _write(path: Path, run: Run, optimizer: torch.optim.Optimizer, owned: dict[str, str]) -> None:
    """Write the state of a run, in a folder that is made where there is none."""
    state: dict[str, Any] = {
        "plan": asdict(run.plan),
        "owner": owned,
        "net": run.net.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    state |= {"losses": run.losses, "epochs": run.epochs, "threads": run.threads}
    payload = io.BytesIO()
    torch.save(state, payload)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as stream:
        stream.write(_MARK + hashlib.sha256(payload.getbuffer()).digest())
        stream.write(payload.getbuffer())


def _resume(path: Path, run: Run, optimizer: torch.optim.Optimizer, owned: dict[str, str]) -> None:
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

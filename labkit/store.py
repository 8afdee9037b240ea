"""One file of named arrays (.npz, no pickle), written whole or not at all, known by its digest."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.plainfile import whole

Arrays = dict[str, NDArray[Any]]


class StoreError(ValueError):
    """A stored file that is damaged, or holds something else than it should."""


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of names, types, shapes and values: the same whatever file they came from.

    >>> digest({"a": np.arange(3, dtype=np.uint8)})[:8]
    'c026cc3e'
    """
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype=arrays[name].dtype.newbyteorder("<"))
        state.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        state.update(array.data if array.size else b"")
    return state.hexdigest()


def save(path: Path, arrays: Mapping[str, NDArray[Any]], *, note: str = "", packed: bool = False) -> None:
    """Write arrays to `path`, all of them or none.

    Args:
        arrays: what to keep, by name.
        note: a line to keep with them, such as where they came from.
        packed: compress (small files that travel); big ones load ten times faster as they are.
    """
    write = np.savez_compressed if packed else np.savez
    written: dict[str, Any] = {**arrays, "__note__": np.array(note)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as stream:
        write(stream, **written)


def load(path: Path, *, expected: str = "") -> tuple[Arrays, str]:
    """Return the arrays of a file and its note.

    Args:
        expected: the digest that the content must have; "" takes any content.

    Raises:
        StoreError: when the file is damaged or has another digest.
        FileNotFoundError: when there is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as opened:
            arrays: Arrays = {name: opened[name] for name in opened.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{path} is damaged ({type(error).__name__}): delete it and fetch it again"
        ) from None
    note = str(arrays.pop("__note__", ""))
    if expected and (got := digest(arrays)) != expected:
        raise StoreError(
            f"{path} holds something else: its digest is {got[:12]}..., expected {expected[:12]}...; "
            "delete it and fetch it again"
        )
    return arrays, note

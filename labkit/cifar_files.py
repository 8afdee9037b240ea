"""The two forms in which CIFAR-10 is published, read into the same arrays."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit import store

_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def from_batches(opener: Callable[[str], Any]) -> store.Arrays:
    """Return the arrays of the official batches; `opener` opens one by name.

    The batches are pickles: only the types that CIFAR-10 needs are let through.
    """
    pixels, labels = [], []
    for name in _BATCHES:
        with opener(name) as stream:
            batch = _Batch(io.BytesIO(stream.read()), encoding="bytes").load()
        pixels.append(np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32))
        labels.append(np.asarray(batch[b"labels"], dtype=np.uint8))
    return _arrays(pixels, labels)


def from_sheets(opener: Callable[[str], Any]) -> store.Arrays:
    """Return the arrays of the npm package: PNG sheets with a picture a row, its 1,024 pixels in order."""
    from PIL import Image

    pixels, labels = [], []
    for name in _BATCHES:
        with opener(f"{name}.png") as stream, Image.open(io.BytesIO(stream.read())) as sheet:
            rows = np.asarray(sheet.convert("RGB"))
        pixels.append(np.ascontiguousarray(rows.transpose(0, 2, 1)).reshape(-1, 3, 32, 32))
    for name in ("train_lables.json", "test_lables.json"):
        with opener(name) as stream:
            labels.append(np.asarray(json.load(stream), dtype=np.uint8))
    return _arrays(pixels, labels)


class _Batch(pickle.Unpickler):
    """An unpickler that makes numpy arrays and bytes, and nothing else."""

    _ALLOWED = frozenset({"_reconstruct", "_frombuffer", "ndarray", "dtype"})

    def find_class(self, module: str, name: str) -> Any:
        """Return numpy's own types by name; refuse the rest."""
        if module.split(".")[0] == "numpy" and name in self._ALLOWED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a CIFAR-10 batch must not hold {module}.{name}")


def _arrays(pixels: list[Any], labels: list[Any]) -> store.Arrays:
    joined = np.concatenate(labels)
    test = len(pixels[-1])
    return {
        "train_images": np.concatenate(pixels[:-1]),
        "train_labels": joined[:-test],
        "test_images": pixels[-1],
        "test_labels": joined[-test:],
    }

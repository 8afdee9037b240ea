"""Keras' ResNet-50 as published for TensorFlow.js, turned into a torchvision state dict."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from labkit.store import Arrays

# What the weights were trained with: blue first, 0 to 255, minus these means (given red first).
MEAN = (123.68, 116.779, 103.939)
# What torchvision divides by; the first layer is scaled so that the function stays the same.
STD = (0.229, 0.224, 0.225)
_EPS_KERAS, _EPS_TORCH = 1e-3, 1e-5
_BLOCKS = (3, 4, 6, 3)


class LayoutError(ValueError):
    """A TensorFlow.js model whose files do not fit one another."""


def read(opener: Callable[[str], IO[bytes]], *, blocks: tuple[int, ...] = _BLOCKS) -> Arrays:
    """Return the state dict of a ResNet-50 in v1 form (stride in each stage's first 1x1 convolution).

    Batch norm's epsilon (0.001 against torch's 0.00001) goes into the running variance, the bias of a
    convolution into the running mean, the order of colours and the scale of the input into the first layer.
    The input is then (pixels in [0, 1] - MEAN / 255) / STD, red first; zero padding stays what it was.

    Args:
        opener: opens "model.json" and the shard files by name.
        blocks: residual blocks of each stage.

    Raises:
        LayoutError: when the shards are not as long as the manifest says, or a layer is missing.
    """
    weights = _weights(opener)
    state: Arrays = {}

    def take(name: str) -> NDArray[np.float32]:
        if name not in weights:
            raise LayoutError(f"the model has no layer {name}")
        return weights.pop(name)

    def convolution(source: str, norm: str, target: str, target_norm: str) -> None:
        state[f"{target}.weight"] = take(f"{source}/kernel").transpose(3, 2, 0, 1)
        bias = take(f"{source}/bias")
        state[f"{target_norm}.weight"] = take(f"{norm}/gamma")
        state[f"{target_norm}.bias"] = take(f"{norm}/beta")
        state[f"{target_norm}.running_mean"] = take(f"{norm}/moving_mean") - bias
        variance = take(f"{norm}/moving_variance").astype(np.float64) + (_EPS_KERAS - _EPS_TORCH)
        state[f"{target_norm}.running_var"] = variance.astype(np.float32)
        state[f"{target_norm}.num_batches_tracked"] = np.array(0)

    convolution("conv1", "bn_conv1", "conv1", "bn1")
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            source, target = f"{stage + 1}{'abcdefghij'[block]}", f"layer{stage}.{block}"
            for i, part in enumerate("abc", 1):
                name = f"{source}_branch2{part}"
                convolution(f"res{name}", f"bn{name}", f"{target}.conv{i}", f"{target}.bn{i}")
            if block == 0:
                name, shortcut = f"{source}_branch1", f"{target}.downsample"
                convolution(f"res{name}", f"bn{name}", f"{shortcut}.0", f"{shortcut}.1")
    state["fc.weight"], state["fc.bias"] = take("fc1000/kernel").T, take("fc1000/bias")
    if weights:
        raise LayoutError(f"the model has a layer that ResNet-50 has not: {sorted(weights)[0]}")
    red_first = state["conv1.weight"][:, ::-1].astype(np.float64)
    scale = 255 * np.asarray(STD)[None, :, None, None]
    state["conv1.weight"] = (red_first * scale).astype(np.float32)
    return {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in state.items()}


def _weights(opener: Callable[[str], IO[bytes]]) -> dict[str, NDArray[np.float32]]:
    """Return the float32 weights of a TensorFlow.js layers model by name."""
    with opener("model.json") as stream:
        manifest: list[dict[str, Any]] = json.load(stream)["weightsManifest"]
    weights: dict[str, NDArray[np.float32]] = {}
    for group in manifest:
        shards = []
        for path in group["paths"]:
            with opener(path) as stream:
                shards.append(stream.read())
        data, start = b"".join(shards), 0
        for entry in group["weights"]:
            if entry["dtype"] != "float32" or "quantization" in entry:
                raise LayoutError(f"{entry['name']} is not plain float32")
            count = int(np.prod(entry["shape"]))
            if start + 4 * count > len(data):
                raise LayoutError(f"the shards end inside {entry['name']}")
            values = np.frombuffer(data, "<f4", count, start)
            weights[entry["name"]] = values.reshape(entry["shape"]).astype(np.float32)
            start += 4 * count
        if start != len(data):
            raise LayoutError(f"the shards hold {len(data):,} bytes, the manifest names {start:,}")
    return weights

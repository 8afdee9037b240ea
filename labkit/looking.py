"""Looking into networks: which one is at hand, what its stages are, and what they give for a photo."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from labkit import models
from labkit.fetch import FetchError
from labkit.pretrained import Pretrained

STAGES = ("relu", "layer1", "layer2", "layer3", "layer4")
Function = Callable[..., Any]


def network(say: Callable[[str], object] = print) -> Pretrained:
    """Return ResNet-50 if its weights are on this computer, else labkit's small network, announced."""
    for weights in models.WEIGHTS:
        if weights == "RANDOM":
            continue
        try:
            return models.resnet50(weights, say=say)
        except FetchError:
            continue
    say("Stand-in: ResNet-50 is not on this computer, so the small network that comes with labkit is used.")
    say(
        "It sees 32x32 pixels and knows the ten classes of CIFAR-10. To fetch ResNet-50: labkit data resnet50"
    )
    return models.small()


def image_of(found: Pretrained, photo: Tensor) -> Tensor:
    """Return what the network sees of a photo (3, H, W): resized and cropped, in [0, 1], (3, crop, crop)."""
    own = found.preprocess
    mean, std = (torch.tensor(values)[:, None, None] for values in (own.mean, own.std))
    return (own(photo)[0] * std + mean).clamp(0, 1)


def maps_of(net: nn.Module, names: Iterable[str], x: Tensor) -> dict[str, Tensor]:
    """Return what the named layers give for a batch x; for figures that must not need the first exercise."""
    found: dict[str, Tensor] = {}
    handles = []

    def keep(name: str) -> Function:
        return lambda layer, given, out: found.__setitem__(name, out.detach().clone())

    try:
        for name in names:
            handles.append(net.get_submodule(name).register_forward_hook(keep(name)))
        with torch.inference_mode():
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def windows(net: nn.Module, stage: str) -> list[tuple[int, int]]:
    """List (kernel size, stride) of all windows up to the end of a stage, shortcuts left out."""
    rows = []
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and "downsample" not in name:
            if STAGES.index(_stage(name)) > STAGES.index(stage) or (stage == "relu" and name != "conv1"):
                break
            rows.append((_first(layer.kernel_size), _first(layer.stride)))
    return rows


def stage_layers(net: nn.Module) -> list[tuple[int | None, int, int, int]]:
    """Describe a network by one layer a stage: (number of maps, or None for pooling, k, s, p)."""
    first = net.get_submodule("conv1")
    layers: list[tuple[int | None, int, int, int]] = [(int(first.out_channels), *_setting(first))]  # type: ignore[arg-type]
    pool = getattr(net, "maxpool", None)
    if pool is not None:
        layers.append((None, *_setting(pool)))
    for stage in STAGES[1:]:
        convs = [m for n, m in net.get_submodule(stage).named_modules() if isinstance(m, nn.Conv2d)]
        inner = [m for n, m in net.get_submodule(stage).named_modules()
                 if isinstance(m, nn.Conv2d) and "downsample" not in n]  # fmt: skip
        step = max(_first(layer.stride) for layer in convs)
        layers.append((inner[-1].out_channels, 3, step, 1))
    return layers


def layer_names(net: nn.Module) -> list[str]:
    """Name the layers that `stage_layers` describes."""
    return ["conv1", *(["maxpool"] if hasattr(net, "maxpool") else []), *STAGES[1:]]


def until(net: nn.Module, stage: str) -> Function:
    """Return the function from input (N, 3, H, W) to what a stage gives, with gradients."""

    def f(x: Tensor) -> Tensor:
        for name, part in net.named_children():
            x = part(x)
            if name == stage:
                break
        return x

    return f


def beyond(net: nn.Module, stage: str) -> Function:
    """Return the function from what a stage gives to the logits."""

    def f(x: Tensor) -> Tensor:
        names = [name for name, _ in net.named_children()]
        for name, part in list(net.named_children())[names.index(stage) + 1 :]:
            x = part(x.flatten(1) if name == "fc" else x)
        return x

    return f


def probabilities(found: Pretrained, labels: Iterable[int]) -> list[Function]:
    """Return, for each class, the function from an image (3, H, W) in [0, 1] to its probability.

    They share what they have computed: the same image goes through the network once.
    """
    known: dict[bytes, Tensor] = {}

    def answer(image: Tensor) -> Tensor:
        batch = torch.as_tensor(image).float()[None]
        key = hashlib.sha256(batch.numpy().tobytes()).digest()
        if key not in known:
            with torch.inference_mode():
                known[key] = found.net(found.preprocess.normalise(batch))[0].softmax(0)
        return known[key]

    return [lambda image, label=label: float(answer(image)[label]) for label in labels]


def logits(found: Pretrained, photos: Iterable[Tensor]) -> Tensor:
    """Return the logits of photos (3, H, W), one row each."""
    with torch.inference_mode():
        batch = torch.cat([found.preprocess(photo) for photo in photos])
        answer: Tensor = found.net(batch)
    return answer


def _stage(name: str) -> str:
    top = name.split(".")[0]
    return top if top in STAGES else "relu" if top == "conv1" else "layer1"


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


def _setting(layer: Any) -> tuple[int, int, int]:
    return _first(layer.kernel_size), _first(layer.stride), _first(layer.padding)

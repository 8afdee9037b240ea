"""Comparing what networks make of photos: a gallery of varied subjects, and the features of each stage."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labkit import images, looking, scenes
from labkit.pretrained import Pretrained

SUBJECTS = {"chelsea": "cat", "coffee": "coffee", "astronaut": "astronaut", "rocket": "rocket"}
CHANGES = ("as it is", "pose: mirrored", "pose: turned by 30°", "occlusion: a third", "illumination: dark",
           "scale: far away", "clutter")  # fmt: skip
Function = Callable[..., Any]


@dataclass(frozen=True)
class Gallery:
    """Photos (3, H, W), the class of each, what was done to each, and the names of the classes."""

    photos: tuple[Tensor, ...]
    labels: Tensor
    changes: tuple[str, ...]
    classes: tuple[str, ...]

    def names(self) -> list[str]:
        """Name each photo by its class and what was done to it."""
        kinds = [self.classes[c] for c in self.labels.tolist()]
        return [f"{kind}, {change}" for kind, change in zip(kinds, self.changes, strict=True)]

    def where(self, kept: Callable[[str], bool]) -> Tensor:
        """Return the places of the photos whose change is kept."""
        return torch.tensor([place for place, change in enumerate(self.changes) if kept(change)])


def gallery(*, own: bool = True) -> Gallery:
    """Return four subjects in seven variations, and the student's photos, named class-something.jpg.

    Args:
        own: take the photos of data/my_images whose names have a hyphen; what stands before it is the class.
    """
    photos, labels, changes = [], [], []
    classes = list(SUBJECTS.values())
    for label, name in enumerate(SUBJECTS):
        varied = scenes.variations(scenes.subject(name))
        for change in CHANGES:
            photos.append(varied[change])
            labels.append(label)
            changes.append(change)
    for photo in images.my_images() if own else []:
        group, hyphen, rest = Path(photo.name).stem.partition("-")
        if not hyphen or not group.strip():
            warnings.warn(
                f"left out: {photo.name} does not name its class: call it, for example, dog-{photo.name}",
                stacklevel=2,
            )
        else:
            classes += [group] if group not in classes else []
            photos.append(scenes.square(photo.pixels))
            labels.append(classes.index(group))
            changes.append(rest)
    return Gallery(tuple(photos), torch.tensor(labels), tuple(changes), tuple(classes))


def stages(net: nn.Module) -> list[Function]:
    """Return the parts of a network from the input to the last maps, one function a stage."""
    groups: list[list[nn.Module]] = [[]]
    for name, part in net.named_children():
        if name in ("avgpool", "flatten", "fc"):
            break
        if name.startswith("layer"):
            groups.append([])
        groups[-1].append(part)
    return [_chain(group) for group in groups]


def _chain(parts: Sequence[nn.Module]) -> Function:
    def run(x: Tensor) -> Tensor:
        for part in parts:
            x = part(x)
        return x

    return run


def batch_of(prepare: Function | None, found: Pretrained, photos: Sequence[Tensor]) -> Tensor:
    """Prepare photos by the student's function, or by the network's own where that fails (told)."""
    own = found.preprocess
    wanted = torch.cat([own(photo) for photo in photos])
    if prepare is None:
        return wanted
    settings = (own.resize, own.crop, own.mean, own.std)
    try:
        mine = torch.cat([torch.as_tensor(prepare(photo.clone(), *settings)) for photo in photos]).float()
        if mine.shape == wanted.shape and bool(mine.isfinite().all()):
            return mine
    except NotImplementedError:
        print("prepare is not written yet: the network's own preprocessing is used.")
        return wanted
    except Exception as error:
        print(f"prepare stopped ({type(error).__name__}): the network's own preprocessing is used.")
        return wanted
    print("prepare gives another shape: the network's own preprocessing is used.")
    return wanted


def features(embed: Function | None, net: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Return each stage's features (N, C) by the student's embed, or by labkit's where it fails (told)."""
    parts, found = stages(net), []
    with torch.inference_mode():
        for chunk in torch.split(batch, 7):
            found.append(_embedded(embed, parts, chunk))
            if embed is not None and found[-1] is None:
                print("embed is not written yet, or stops: labkit's features are used.")
                return features(None, net, batch)
    return {name: torch.cat([rows[at] for rows in found if rows]) for at, name in enumerate(looking.STAGES)}


def _embedded(embed: Function | None, parts: Sequence[Function], x: Tensor) -> list[Tensor] | None:
    """Return features stage by stage, or None where the student's function gives none that fit."""
    right = []
    if embed is not None:
        try:
            rows = [torch.as_tensor(row).float() for row in embed(list(parts), x.clone())]
        except Exception:
            return None
        fit = len(rows) == len(parts) and all(row.ndim == 2 and len(row) == len(x) for row in rows)
        return rows if fit else None
    for part in parts:
        x = part(x)
        right.append(x.mean((2, 3)))
    return right


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine similarities of the rows of a and b; for figures that must not need the exercise."""
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def miscared(found: Pretrained) -> dict[str, Function]:
    """Return ways to prepare a photo (3, H, W): the right one first, then mistakes that stop nothing."""
    own = found.preprocess
    plain = type(own)(own.resize, own.crop, (0.0,) * 3, (1.0,) * 3)
    return {
        "right": own,
        "not normalised": plain,
        "numbers from 0 to 255": lambda photo: 255 * plain(photo),
        "red and blue swapped": lambda photo: own(photo.flip(0)),
        "normalised twice": lambda photo: own.normalise(own(photo)),
    }


def covered(photo: Tensor, share: float) -> Tensor:
    """Cover a share of a photo with grey, from the left."""
    return scenes.occluded(photo, share)


def real_blocks(found: Pretrained) -> list[tuple[str, tuple[int, int, int], dict[str, Tensor], nn.Module]]:
    """Return blocks of ResNet-50, or random ones: name, (c_in, width, stride), state, module."""
    from torchvision.models.resnet import Bottleneck

    found_blocks = []
    for name in ("layer1.0", "layer1.1", "layer3.2"):
        block = _named(found.net, name)
        if not isinstance(block, Bottleneck):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                down = nn.Sequential(nn.Conv2d(64, 256, 1, bias=False), nn.BatchNorm2d(256))
                width = 256 if name == "layer3.2" else 64
                block = Bottleneck(64, 64, 1, down) if name == "layer1.0" else Bottleneck(4 * width, width)
            name = f"random, like {name}"
        sizes = (block.conv1.in_channels, block.conv1.out_channels, int(block.stride))
        found_blocks.append((name, sizes, block.eval().state_dict(), block))
    return found_blocks


def _named(net: nn.Module, name: str) -> nn.Module | None:
    try:
        return net.get_submodule(name)
    except AttributeError:
        return None

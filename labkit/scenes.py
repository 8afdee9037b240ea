"""Photos for looking into networks: two subjects in one photo, and one subject varied in many ways."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from labkit import images

SIDE = 256


def square(photo: Tensor, side: int = SIDE) -> Tensor:
    """Return the middle of a photo (3, H, W) as a square (3, side, side)."""
    height, width = photo.shape[1:]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return resized(photo[:, top : top + short, left : left + short], side, side)


def resized(photo: Tensor, height: int, width: int) -> Tensor:
    """Return a photo (3, H, W) in another size."""
    return F.interpolate(photo[None], size=(height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)


def subject(name: str = "chelsea") -> Tensor:
    """Return a bundled photo as a square in colour: "chelsea" (a cat), "coffee", "astronaut" or "rocket".

    >>> subject().shape
    torch.Size([3, 256, 256])
    """
    return square(images.photo(name))


def two_in_one() -> dict[str, Tensor]:
    """Return the cat, the coffee, and both in one photo: side by side, and one small in the other."""
    cat, cup = subject("chelsea"), subject("coffee")
    half = SIDE // 2
    halves = torch.cat([cat[:, :, half // 2 : half // 2 + half], cup[:, :, half // 2 : half // 2 + half]], 2)
    small = SIDE * 3 // 8
    in_cat, in_cup = cat.clone(), cup.clone()
    in_cat[:, -small - 8 : -8, 8 : small + 8] = resized(cup, small, small)
    in_cup[:, 8 : small + 8, 8 : small + 8] = resized(cat, small, small)
    return {
        "a cat": cat,
        "a cup": cup,
        "half and half": halves,
        "a small cup on the cat": in_cat,
        "a small cat on the cup": in_cup,
    }


def variations(photo: Tensor) -> dict[str, Tensor]:
    """Vary a square photo (3, S, S) in pose, occlusion, illumination, scale and clutter."""
    side = photo.shape[1]
    return {
        "as it is": photo,
        "pose: mirrored": photo.flip(2),
        "pose: turned by 30°": turned(photo, 30),
        "pose: upside down": photo.flip((1, 2)),
        "occlusion: a third": occluded(photo, 1 / 3),
        "occlusion: two thirds": occluded(photo, 2 / 3),
        "illumination: dark": photo * 0.2,
        "illumination: glaring": (photo * 1.6 + 0.25).clamp(0, 1),
        "scale: far away": framed(photo, side * 3 // 10),
        "scale: too near": square(photo[:, side // 4 : side * 5 // 8, side // 4 : side * 5 // 8], side),
        "clutter": cluttered(photo),
    }


def occluded(photo: Tensor, share: float) -> Tensor:
    """Cover the left part of a photo with grey."""
    copy = photo.clone()
    copy[:, :, : round(share * photo.shape[2])] = 0.5
    return copy


def turned(photo: Tensor, degrees: float) -> Tensor:
    """Turn a square photo around its middle; the corners that come in are grey."""
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    c, s = float(angle.cos()), float(angle.sin())
    grid = F.affine_grid(torch.tensor([[[c, -s, 0], [s, c, 0]]]), [1, *photo.shape], align_corners=False)
    return F.grid_sample(photo[None] - 0.5, grid, align_corners=False)[0] + 0.5


def framed(photo: Tensor, side: int) -> Tensor:
    """Put a photo, shrunk to `side`, into the middle of its own mean colour."""
    frame = photo.mean((1, 2), keepdim=True).expand_as(photo).clone()
    start = (photo.shape[1] - side) // 2
    frame[:, start : start + side, start : start + side] = resized(photo, side, side)
    return frame


def cluttered(photo: Tensor) -> Tensor:
    """Put a photo, at half its size, between pieces of other photos."""
    side = photo.shape[1]
    others = [square(images.photo(name), side) for name in ("rocket", "astronaut", "coffee")]
    scene = photo.clone()
    cell, count = side // 4, 0
    for row in range(4):
        for col in range(4):
            place = (slice(None), slice(row * cell, (row + 1) * cell), slice(col * cell, (col + 1) * cell))
            source = (slice(None), slice((3 - row) * cell, (4 - row) * cell), place[2])
            scene[place] = others[count % 3][source]
            count += 1
    scene[:, cell : 3 * cell, cell : 3 * cell] = resized(photo, 2 * cell, 2 * cell)
    return scene

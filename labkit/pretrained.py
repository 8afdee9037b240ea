"""A pretrained network together with what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Preprocess:
    """What a network wants done to a photo: resize its shorter side, crop the middle, normalise."""

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Turn photos (3, H, W) or (N, 3, H, W), float in [0, 1], into input (N, 3, crop, crop)."""
        batch = pixels if pixels.ndim == 4 else pixels[None]
        height, width = batch.shape[2:]
        ratio = self.resize / min(height, width)
        size = [max(self.crop, round(height * ratio)), max(self.crop, round(width * ratio))]
        batch = F.interpolate(batch, size=size, mode="bilinear", antialias=True, align_corners=False)
        top, left = ((side - self.crop) // 2 for side in size)
        return self.normalise(batch[:, :, top : top + self.crop, left : left + self.crop].clamp(0, 1))

    def normalise(self, batch: Tensor) -> Tensor:
        """Subtract the mean and divide by the standard deviation of each channel."""
        mean, std = (batch.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (batch - mean) / std


@dataclass(frozen=True)
class Pretrained:
    """A network in eval mode, its own preprocessing, its classes, and its weights' name and source."""

    net: nn.Module
    preprocess: Preprocess
    classes: tuple[str, ...]
    weights: str
    source: str

    @property
    def trained(self) -> bool:
        """Say whether the weights were trained, and are not random."""
        return self.weights != "RANDOM"

    def top(self, pixels: Tensor, k: int = 5) -> list[tuple[str, float]]:
        """Return the k most probable classes of one photo (3, H, W), with their probabilities."""
        with torch.inference_mode():
            best = self.net(self.preprocess(pixels))[0].softmax(0).topk(k)
        return [
            (self.classes[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

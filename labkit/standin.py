"""A drawn 10-class set of 32x32 colour pictures: what the labs use when no real data can be had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CLASSES = ("disc", "ring", "square", "frame", "triangle", "plus", "star", "crescent", "bar", "dots")
_SIDE = 32
_PORTION = 2000


def draw(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw shapes on textures, turned, moved, scaled, in any colour, partly hidden, with noise.

    Light on dark is as frequent as dark on light and the place is free, so that no single pixel says
    anything about the class: a linear model stays near chance.

    Args:
        count: how many pictures; the classes take turns and are then shuffled.
        seed: the same seed gives the same pictures.

    Returns:
        Pictures (count, 3, 32, 32) uint8, labels (count,) int64.

    >>> pictures, labels = draw(20, seed=0)
    >>> pictures.shape, sorted(labels.tolist()) == sorted(2 * list(range(10)))
    ((20, 3, 32, 32), True)
    """
    rng, labels = _begin(count, seed)
    pictures = np.empty((count, 3, _SIDE, _SIDE), dtype=np.uint8)
    for first in range(0, count, _PORTION):
        some = slice(first, min(first + _PORTION, count))
        pictures[some] = _portion(labels[some], rng)
    return pictures, labels


def labels(count: int, seed: int) -> NDArray[np.int64]:
    """Return the labels that `draw` gives, without drawing.

    >>> sorted(labels(10, seed=1).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    return _begin(count, seed)[1]


def _begin(count: int, seed: int) -> tuple[np.random.Generator, NDArray[np.int64]]:
    rng = np.random.default_rng([seed, 32])
    return rng, rng.permutation(np.arange(count, dtype=np.int64) % len(CLASSES))


def _portion(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    n = len(labels)
    x, y = _coordinates(n, rng)
    inside = np.empty((n, _SIDE, _SIDE), dtype=np.float32)
    for label in range(len(CLASSES)):
        mine = labels == label
        inside[mine] = _distance(label, x[mine], y[mine])
    cover = 1 / (1 + np.exp(np.clip(14 * inside, -30, 30)))[:, None]
    back, front = _colours(n, rng)
    picture: Floats = np.asarray(
        cover * (front + 0.6 * _texture(n, rng)) + (1 - cover) * (back + _texture(n, rng)), dtype=np.float32
    )
    picture = _hide(picture, rng)
    picture += rng.normal(0, 0.04, picture.shape).astype(np.float32)
    return np.asarray(np.clip(255 * picture, 0, 255).round(), dtype=np.uint8)


def _coordinates(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return x and y (n, 32, 32) in the frame of each shape: moved, turned, scaled."""

    def uniform(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    grid = np.linspace(-1, 1, _SIDE, dtype=np.float32)
    x, y = grid[None, None, :] - uniform(-0.2, 0.2), grid[None, :, None] - uniform(-0.2, 0.2)
    angle, scale, narrow = uniform(-0.5, 0.5), uniform(0.6, 0.85), uniform(0.85, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    return (cos * x + sin * y) / scale, (cos * y - sin * x) / (scale * narrow)


def _distance(label: int, x: Floats, y: Floats) -> Floats:
    """Return the signed distance (roughly) to the edge of a shape: below 0 inside."""
    r, box = np.hypot(x, y), np.maximum(np.abs(x), np.abs(y))
    angle = np.arctan2(y, x)
    sides = [np.cos(t) * x + np.sin(t) * y for t in (np.pi / 2, np.pi * 7 / 6, np.pi * 11 / 6)]
    arms = np.minimum(
        np.maximum(np.abs(x) - 0.28, np.abs(y) - 1), np.maximum(np.abs(y) - 0.28, np.abs(x) - 1)
    )
    shapes = (
        lambda: r - 0.9,
        lambda: np.abs(r - 0.75) - 0.2,
        lambda: box - 0.8,
        lambda: np.abs(box - 0.7) - 0.18,
        lambda: np.maximum.reduce(sides) - 0.5,
        lambda: arms,
        lambda: r - (0.68 + 0.34 * np.cos(5 * angle)),
        lambda: np.maximum(r - 0.95, 0.75 - np.hypot(x - 0.45, y)),
        lambda: np.maximum(np.abs(x) - 1.05, np.abs(y) - 0.33),
        lambda: np.minimum(np.hypot(x - 0.55, y), np.hypot(x + 0.55, y)) - 0.42,
    )
    return np.asarray(shapes[label](), dtype=np.float32)


def _colours(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return colours (n, 3, 1, 1) for behind and before, at least 0.45 apart."""
    back = rng.uniform(0.15, 0.85, (n, 3, 1, 1))
    step = rng.normal(size=(n, 3, 1, 1))
    step *= rng.uniform(0.45, 0.8, (n, 1, 1, 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    return back.astype(np.float32), (back + step).astype(np.float32)


def _texture(n: int, rng: np.random.Generator) -> Floats:
    """Return soft clouds and stripes (n, 3, 32, 32) around 0."""
    weights = np.maximum(0, 1 - np.abs(np.linspace(0, 4, _SIDE)[:, None] - np.arange(5)[None]))
    clouds = weights @ rng.normal(0, 0.08, (n, 3, 5, 5)) @ weights.T
    grid = np.arange(_SIDE, dtype=np.float32)
    turn, pace, shift = (rng.uniform(low, high, (n, 1, 1)) for low, high in ((0, 3.2), (0.3, 1.6), (0, 6.3)))
    phase = pace * (np.cos(turn) * grid[None, None, :] + np.sin(turn) * grid[None, :, None]) + shift
    tint = rng.normal(0, 0.04, (n, 3, 1, 1))
    return np.asarray(clouds + tint * np.sin(phase)[:, None], dtype=np.float32)


def _hide(picture: Floats, rng: np.random.Generator) -> Floats:
    """Put a small plain rectangle over a quarter of the pictures (n, 3, 32, 32)."""
    n = len(picture)
    left, top, wide, high = (rng.integers(low, up, n) for low, up in ((0, 27), (0, 27), (3, 9), (3, 9)))
    colour = rng.uniform(0, 1, (n, 3)).astype(np.float32)
    for i in np.flatnonzero(rng.random(n) < 1 / 4):
        picture[i, :, top[i] : top[i] + high[i], left[i] : left[i] + wide[i]] = colour[i][:, None, None]
    return picture

"""Figures of what a network says about a photo, and of the places that its answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from labkit import looking
from labkit.plot import BLUE, GREY, ORANGE, WIDTH, ask, blank, describe, note_figure
from labkit.pretrained import Pretrained

Function = Callable[..., Any]
_HEAT = "inferno"


def probabilities(
    top_k: Function, found: Pretrained, photos: Mapping[str, Tensor], *, k: int = 5, columns: int = 2
) -> Figure:
    """Draw each photo with its k most probable classes as bars, by the student's top_k."""
    rows = -(-len(photos) // columns)
    fig = Figure(figsize=(WIDTH, (0.19 * k + 0.38) * rows))
    scores, said = looking.logits(found, photos.values()), []
    for place, ((name, photo), row) in enumerate(zip(photos.items(), scores, strict=True)):
        left, bottom = (place % columns) / columns, 1 - (place // columns + 1) / rows
        high, wide = 1 / rows, 1 / columns
        title = 0.27 / fig.get_size_inches()[1]
        picture = fig.add_axes((left, bottom + 0.05 * high, 0.26 * wide, high - title - 0.05 * high))
        picture.imshow(looking.image_of(found, photo).permute(1, 2, 0).numpy())
        picture.axis("off")
        ax = fig.add_axes((left + 0.29 * wide, bottom + 0.05 * high, 0.68 * wide, high - title - 0.05 * high))
        fig.text(left + 0.005, bottom + high - title * 0.9, name, fontsize=9, fontweight="bold", va="bottom",
                 parse_math=False)  # fmt: skip
        got, note = _rows(top_k, row, found.classes, k)
        if note:
            blank(ax, note)
            said.append(f"{name}: {note}")
            continue
        for line, (label, value) in enumerate(got):
            ax.barh(line, value, color=BLUE if line == 0 else "#9CC9E8", height=0.8)
            inside = value > 0.55
            text = f"{label} {100 * value:.0f} %" if value >= 0.1 else f"{label} {100 * value:.1f} %"
            ax.text(0.01 if inside else value + 0.01, line, text, va="center", fontsize=7.8,
                    color="white" if inside else "black")  # fmt: skip
        ax.set(xlim=(0, 1), ylim=(max(k, len(got)) - 0.5, -0.5), xticks=[], yticks=[])
        ax.spines[["top", "right", "bottom"]].set_visible(False)
        ax.spines["left"].set_color(GREY)
        said.append(f"{name}: {', '.join(f'{label} {100 * value:.0f} %' for label, value in got[:3])}")
    return describe(fig, f"The {k} most probable classes of each photo. {'; '.join(said)}.")


def _rows(
    top_k: Function, logits: Tensor, classes: Sequence[str], k: int
) -> tuple[list[tuple[str, float]], str]:
    """Return the student's (name, probability) rows, or a note."""
    got: list[tuple[str, float]] = []

    def numbers() -> list[float]:
        got.extend((str(name), float(value)) for name, value in top_k(logits.clone(), tuple(classes), k))
        return [value for _, value in got]

    answer = ask("top_k", numbers, ndim=1)
    return got, answer.note


def bars(
    top_k: Function, found: Pretrained, photos: Mapping[str, Tensor], labels: Sequence[int], *, what: str
) -> Figure:
    """Draw the summed probability of some classes for each photo, by the student's top_k of all classes."""
    fig = Figure(figsize=(WIDTH, 0.27 * len(photos) + 0.4))
    ax = fig.add_axes((0.25, 0.02, 0.7, 1 - 0.36 / (0.27 * len(photos) + 0.4)))
    said, names = [], {found.classes[label] for label in labels}
    scores = looking.logits(found, photos.values())
    for line, (name, row) in enumerate(zip(photos, scores, strict=True)):
        got, note = _rows(top_k, row, found.classes, len(found.classes))
        if note:
            return note_figure(note)
        value = sum(p for label, p in got if label in names)
        best = got[0][0]
        ax.barh(line, value, color=BLUE if best in names else ORANGE, hatch="" if best in names else "///",
                edgecolor="white")  # fmt: skip
        text = f" {100 * value:.0f} %" + ("" if best in names else f"   (first: {best})")
        ax.text(value, line, text, va="center", fontsize=8.5)
        said.append(f"{name} {100 * value:.0f} %{'' if best in names else f', first {best}'}")
    ax.set(yticks=range(len(photos)), xlim=(0, 1.25), ylim=(len(photos) - 0.5, -0.5), xticks=[])
    ax.set_yticklabels(list(photos), fontsize=8.5)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    fig.text(
        0.25, 0.995, f"probability of {what}   (hatched: another class comes first)", fontsize=9.5, va="top"
    )
    return describe(fig, f"Probability of {what}: {'; '.join(said)}.")


def occlusion(
    occlusion_map: Function,
    found: Pretrained,
    photo: Tensor,
    labels: Sequence[int],
    *,
    size: int,
    stride: int,
) -> Figure:
    """Draw how much the probability of each class falls where the student's function covers the photo."""
    image = looking.image_of(found, photo)
    panels, said = [], []
    for label, f in zip(labels, looking.probabilities(found, labels), strict=True):
        whole = f(image)
        answer = ask("occlusion_map", occlusion_map, f, image, (size, size), (stride, stride), 0.5)
        name = found.classes[label]
        told = f"{name}: {100 * whole:.0f} %"
        if answer.values is not None:
            told += f"\nfalls by up to {100 * float(answer.values.max()):.0f} points"
        panels.append((told, answer.values, answer.note))
        said.append(told.replace("\n", " ") + (f" ({answer.note})" if answer.note else ""))
    start = size / 2
    reach = (start - stride / 2, stride)
    return _overlays(
        image,
        panels,
        f"Fall of the probability where a box of {size} by {size} covers the photo",
        said,
        reach,
    )


def heat(maps: Mapping[str, Function], image: Tensor, *, what: str) -> Figure:
    """Draw maps over an image (3, H, W); each is asked from a function without arguments."""
    panels, said = [], []
    for name, f in maps.items():
        answer = ask(name.split(":")[0], f)
        panels.append((name, answer.values, answer.note))
        if answer.values is None:
            said.append(f"{name}: {answer.note}")
            continue
        row, col = np.unravel_index(int(answer.values.argmax()), answer.values.shape)
        high, wide = answer.values.shape
        said.append(f"{name}: strongest at row {row + 1} of {high}, column {col + 1} of {wide}")
    return _overlays(image, panels, what, said, None)


def _overlays(
    image: Tensor,
    panels: Sequence[tuple[str, Any, str]],
    what: str,
    said: Sequence[str],
    reach: tuple[float, float] | None,
) -> Figure:
    """Draw the image, and the panels (title, map or None, note) over it in one scale each."""
    count = len(panels) + 1
    above = 0.08 + 0.16 * (1 + max((title.count("\n") for title, _, _ in panels), default=0))
    total = WIDTH / count + above + 0.22
    fig = Figure(figsize=(WIDTH, total))
    axes = fig.subplots(1, count)
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.22 / total, top=1 - above / total, wspace=0.05)
    _key(fig, total)
    high, wide = image.shape[1:]
    axes[0].imshow(image.permute(1, 2, 0).numpy())
    axes[0].set_title("the input", fontsize=9)
    for ax, (title, values, note) in zip(axes[1:], panels, strict=True):
        ax.set_title(title, fontsize=9)
        if values is None:
            blank(ax, note)
            continue
        frame = (-0.5, wide - 0.5, high - 0.5, -0.5)
        if reach is not None:
            first, step = reach
            frame = (first, first + step * values.shape[1], first + step * values.shape[0], first)
        shown = np.clip(np.nan_to_num(values), 0, None)
        shown = shown / (shown.max() or 1.0)
        ax.imshow(image.mean(0).numpy(), cmap="gray", vmin=0, vmax=1.3)
        ax.imshow(
            shown,
            cmap=_HEAT,
            vmin=0,
            vmax=1,
            alpha=0.15 + 0.65 * shown,
            extent=frame,
            interpolation="bilinear",
        )
        ax.set(xlim=(-0.5, wide - 0.5), ylim=(high - 0.5, -0.5))
    for ax in axes:
        ax.set(xticks=[], yticks=[])
    return describe(fig, f"{what}. {'; '.join(said)}.")


def _key(fig: Figure, total: float) -> None:
    """Draw what the colours mean, at the bottom right; each map has a scale of its own."""
    ax = fig.add_axes((0.68, 0.06 / total, 0.14, 0.09 / total))
    ax.imshow(np.linspace(0, 1, 64)[None], cmap=_HEAT, aspect="auto")
    ax.set(xticks=[], yticks=[])
    fig.text(0.672, 0.1 / total, "0", fontsize=8, ha="right", va="center")
    fig.text(0.828, 0.1 / total, "largest of a map", fontsize=8, va="center")


def cam_of(cam: Function, found: Pretrained, photo: Tensor, label: int) -> Function:
    """Return a function without arguments: the student's class activation map by the weights of fc."""
    fc = found.net.get_submodule("fc")
    assert isinstance(fc, nn.Linear)
    weights = fc.weight.detach()

    def f() -> Any:
        maps = looking.maps_of(found.net, ["layer4"], found.preprocess(photo))["layer4"][0]
        return cam(maps, weights.clone(), label)

    return f


def grad_cam_of(
    grad_cam: Function, found: Pretrained, photo: Tensor, label: int, stage: str = "layer4"
) -> Function:
    """Return a function without arguments: the student's Grad-CAM at a stage."""
    features, head = looking.until(found.net, stage), looking.beyond(found.net, stage)
    return lambda: grad_cam(features, head, found.preprocess(photo), label)


def same_map(cam: Function, grad_cam: Function, found: Pretrained, photo: Tensor, label: int) -> None:
    """Print how far the student's Grad-CAM at the last stage is from ReLU(CAM) / (h·w)."""
    first = ask("cam", cam_of(cam, found, photo, label))
    second = ask("grad_cam", grad_cam_of(grad_cam, found, photo, label))
    if first.values is None or second.values is None:
        print(f"(no numbers: {first.note or second.note})")
        return
    want = np.clip(first.values, 0, None) / first.values.size
    gap = float(np.abs(want - second.values).max()) if want.shape == second.values.shape else float("nan")
    print(f"largest number of Grad-CAM: {second.values.max():.5f}")
    print(f"largest difference from ReLU(CAM) / (h·w): {gap:.1e}")


def class_of(found: Pretrained, *names: str) -> list[int]:
    """Return the places of classes by name; names that the network does not know are left out."""
    return [found.classes.index(name) for name in names if name in found.classes]


def best(found: Pretrained, photo: Tensor, k: int = 2) -> list[int]:
    """Return the network's k most probable classes of a photo."""
    return [int(v) for v in torch.topk(looking.logits(found, [photo])[0], k).indices]

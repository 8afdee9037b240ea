"""Tables of Lab 5: blocks against the real ones, costs of ResNet-50, linear probes by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from labkit import comparing
from labkit.comparing import Gallery
from labkit.plot import BLUE, GREY, ORANGE, WIDTH, ask, describe, note_figure
from labkit.pretrained import Pretrained

Function = Callable[..., Any]
STAGES = ((3, 64, 1, 56), (4, 128, 2, 56), (6, 256, 2, 28), (3, 512, 2, 14))


def same_block(block: Function, found: Pretrained) -> None:
    """Print how far the student's block, loaded with real weights, is from torchvision's."""
    generator = torch.Generator().manual_seed(0)
    print(f"{'block':<24}{'weights':>10}{'largest difference':>22}")
    for name, (c_in, width, stride), state, real in comparing.real_blocks(found):
        x = torch.randn(1, c_in, 9, 12, generator=generator)
        with torch.inference_mode():
            wanted = real(x.clone())
        answer = ask("Bottleneck", lambda x=x, a=(c_in, width, stride), s=state: _run(block, a, s, x), ndim=4)
        if answer.values is None or answer.values.shape != tuple(wanted.shape):
            print(f"(no numbers: {answer.note or 'Bottleneck gave another shape'})")
            return
        gap = float((torch.from_numpy(answer.values) - wanted).abs().max())
        learned = sum(v.numel() for k, v in state.items() if k.endswith(("weight", "bias")))
        print(f"{name:<24}{learned:>10,}{gap:>22.1e}")


def _run(block: Function, sizes: tuple[int, int, int], state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    made = block(*sizes)
    made.load_state_dict(state)
    with torch.inference_mode():
        result: Tensor = made.eval()(x.clone())
    return result


def cost_table(block_cost: Function) -> None:
    """Print the student's parameters and multiply-adds of ResNet-50, stage by stage, and their sums."""
    rows = [("conv1, bn1", 7 * 7 * 3 * 64 + 2 * 64, 7 * 7 * 3 * 64 * 112 * 112)]
    c_in = 64
    for stage, (blocks, width, first, size) in enumerate(STAGES, start=1):
        params = work = 0
        for number in range(blocks):
            stride = first if number == 0 else 1
            side = size if number == 0 else size // first
            answer = ask("block_cost", lambda *a: [float(v) for v in block_cost(*a)], c_in, width, stride,
                         (side, side), ndim=1)  # fmt: skip
            if answer.values is None or answer.values.shape != (2,) or not np.isfinite(answer.values).all():
                print(f"(no numbers: {answer.note or 'block_cost did not return two numbers'})")
                return
            params, work = params + int(answer.values[0]), work + int(answer.values[1])
            c_in = 4 * width
        rows.append((f"layer{stage}: {blocks} blocks", params, work))
    rows.append(("fc", 2048 * 1000 + 1000, 2048 * 1000))
    print(f"{'part':<20}{'parameters':>14}{'multiply-adds':>18}")
    for name, params, work in rows:
        print(f"{name:<20}{params:>14,}{work:>18,}")
    total = [sum(row[at] for row in rows) for at in (1, 2)]  # type: ignore[misc]
    known = " as published" if total == [25_557_032, 4_089_184_256] else " (published: 25,557,032 and 4.09 G)"
    print(f"{'ResNet-50':<20}{total[0]:>14,}{total[1]:>18,}{known}")


def probes(
    probe: Function, found: Gallery, features: Mapping[str, Tensor], train: Tensor, *, l2: float = 1.0
) -> Figure:
    """Draw how many photos the student's linear probe gets right, by stage."""
    test = torch.tensor([i for i in range(len(found.photos)) if i not in set(train.tolist())])
    fig = Figure(figsize=(WIDTH, 0.5 * len(features) + 0.75))
    ax = fig.add_axes((0.11, 0.03, 0.77, 1 - 0.62 / (0.5 * len(features) + 0.75)))
    said, classes = [], len(found.classes)
    for row, (name, raw) in enumerate(features.items()):
        x = (raw - raw[train].mean(0)) / raw[train].std()
        answer = ask("probe", probe, x[train].double(), found.labels[train], classes, l2)
        if answer.values is None or answer.values.shape != (x.shape[1] + 1, classes):
            return note_figure(answer.note or f"probe returned shape {answer.values.shape}")  # type: ignore[union-attr]
        weights = torch.from_numpy(answer.values)
        scores = x.double() @ weights[:-1] + weights[-1]
        right = (scores.argmax(1) == found.labels).double()
        for at, (part, color, hatch) in enumerate(((train, BLUE, ""), (test, ORANGE, "///"))):
            value = float(right[part].mean())
            ax.barh(row + (at - 0.5) * 0.38, value, height=0.34, color=color, hatch=hatch, edgecolor="white")
            text = f"  {int(right[part].sum())} of {len(part)}"
            ax.text(value, row + (at - 0.5) * 0.38, text, va="center", fontsize=8.5)
        said.append(f"{name}: {int(right[test].sum())} of {len(test)} others")
    ax.set(yticks=range(len(features)), xticks=[], xlim=(0, 1))
    ax.set_yticklabels(list(features), fontsize=9)
    ax.invert_yaxis()
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.spines["left"].set_color(GREY)
    told = "photos that a linear layer on the features gets right, by your probe\n"
    fig.text(0.11, 0.99, f"{told}plain: fitted to them   hatched: never seen", fontsize=9.5, va="top")
    return describe(fig, f"Photos a linear probe gets right, by stage. {'; '.join(said)}.")

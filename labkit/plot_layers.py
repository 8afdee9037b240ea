"""Figures of a whole layer: channels and filters, the columns of its matrix product, its gradient."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from labkit.plot import BLUE, GREEN, RED, WIDTH, ask, count, describe, differs, label
from labkit.plot_filters import picture
from labkit.plot_grids import Box, Grid, array, grids, titled

Function = Callable[..., Any]


def channel_sum() -> Figure:
    """Draw one window of an image with three channels: three sums of products and a bias make one number."""
    window = torch.tensor([[[1.0, 0], [2, 1]], [[0.0, 3], [1, 1]], [[2.0, 2], [0, 1]]])
    kernel = torch.tensor([[[1.0, 2], [2, -1]], [[1.0, 1], [0, -1]], [[-1.0, 0], [3, 1]]])
    sums = [float(s) for s in (window * kernel).sum((1, 2))]
    bias = 0.5
    total = sum(sums) + bias
    above: list[Grid] = []
    below: list[Grid] = []
    looks = ((RED, "-"), (GREEN, "--"), (BLUE, ":"))
    for place, (name, look) in enumerate(zip(("red", "green", "blue"), looks, strict=True)):
        box = (Box(0, 0, 2, 2, *look),)
        above.append(Grid(array(window[place]), f"window,\n{name}", boxes=box))
        above.append(Grid(array(kernel[place]), "slice of\nthe filter", sign="×", boxes=box))
        single = (Box(0, 0, 1, 1, *look),)
        below.append(Grid(np.array([[sums[place]]]), sign="+" if place else "", caption=name, boxes=single))
    below.append(Grid(np.array([[bias]]), sign="+", caption="bias"))
    below.append(Grid(np.array([[total]]), sign="=", caption="in the map"))
    alt = (
        "Three channels of a window, each multiplied with its own slice of the filter and added up: "
        f"the sums {', '.join(label(s) for s in sums)} and the bias {bias} make {total}."
    )
    return grids(above, below, cell=0.42, alt=alt)


def columns(im2col: Function, x: Tensor, kernel_size: tuple[int, int]) -> Figure:
    """Draw an image (H, W) and the student's columns; the first and last window are outlined in both."""
    answer = ask("im2col", im2col, x[None, None], kernel_size, ndim=3)
    high, wide = kernel_size
    end = (x.shape[0] - high, x.shape[1] - wide)
    image = Grid(array(x), "image", boxes=(Box(0, 0, high, wide), Box(*end, high, wide, BLUE, "--")))
    if answer.values is None:
        return grids(
            [image, Grid(None, "your columns", answer.note, sign="→")], alt=f"An image; {answer.note}."
        )
    got = answer.values[0]
    wrong = differs(got, F.unfold(x[None, None], kernel_size)[0])
    boxes = (Box(0, 0, got.shape[0], 1), Box(0, got.shape[1] - 1, got.shape[0], 1, BLUE, "--"))
    matrix = Grid(got, titled("your columns, one a window", wrong), sign="→", wrong=wrong, boxes=boxes)
    alt = (
        f"An image {tuple(x.shape)} becomes a matrix {got.shape}: its first column is {got[:, 0].tolist()}, "
        f"its last {got[:, -1].tolist()}."
    )
    return grids([image, matrix], cell=0.34, alt=alt)


def matrix_product(im2col: Function) -> None:
    """Print a whole layer done as one matrix product of the student's columns, next to torch's conv2d."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, 8, 9, generator=rng, dtype=torch.float64)
    w = torch.randn(4, 3, 3, 2, generator=rng, dtype=torch.float64)
    answer = ask("im2col", im2col, x, (3, 2), ndim=3)
    if answer.values is None:
        print(f"No product: {answer.note}.")
        return
    expected = F.conv2d(x, w)
    flat, cols = w.reshape(4, -1), torch.from_numpy(answer.values)
    if cols.shape[1] != flat.shape[1]:
        print(f"No product: the columns have {cols.shape[1]} numbers, and a filter has {flat.shape[1]}.")
        return
    product = flat @ cols
    print(f"w_flat {tuple(flat.shape)}  @  columns {tuple(cols.shape)}  =  {tuple(product.shape)}")
    if product.numel() != expected.numel():
        print(f"The layer has {expected.numel()} outputs, not {product.numel()}.")
        return
    gap = float((product.view_as(expected) - expected).abs().max())
    print(f"reshaped to {tuple(expected.shape)}; largest difference from torch's conv2d: {gap:.1e}")


def channels(
    conv2d: Function, photo: Tensor, w: Tensor, b: Tensor, names: Sequence[str], *, stride: tuple[int, int]
) -> Figure:
    """Draw a colour photo (3, H, W) and the student's map for each filter of w (K, 3, kh, kw)."""
    answer = ask("conv2d", conv2d, photo[None], w, b, stride, (0, 0), ndim=4)
    fig = Figure(figsize=(WIDTH, 2.0))
    wide = photo.shape[2]
    axes = fig.subplots(
        1, len(names) + 1, gridspec_kw={"width_ratios": [wide] + [wide / stride[1]] * len(names)}
    )
    picture(axes[0], photo, f"photo {tuple(photo.shape)}")
    said = []
    for number, (ax, name) in enumerate(zip(axes[1:], names, strict=True)):
        maps = None if answer.values is None or answer.values.shape[1] <= number else answer.values[0, number]
        signed = abs(float(w[number].sum())) < 0.5
        picture(ax, maps, name, note=answer.note or "there is no such map", signed=signed)
        said.append(f"{name} {'not drawn' if maps is None else maps.shape}")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.86, bottom=0.01, wspace=0.06)
    return describe(
        fig, f"A colour photo of shape {tuple(photo.shape)} and {len(names)} maps: {', '.join(said)}."
    )


def check_gradients(conv2d_backward: Function, *, stride: tuple[int, int] = (2, 1)) -> None:
    """Print whether the student's dx, dw and db agree with finite differences (torch.autograd.gradcheck)."""

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            return F.conv2d(x, w, b, stride)

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Any:
            return tuple(torch.as_tensor(g) for g in conv2d_backward(*ctx.saved_tensors, dy, stride=stride))

    rng = torch.Generator().manual_seed(2)
    shapes = {"dx": (2, 2, 5, 4), "dw": (3, 2, 2, 3), "db": (3,)}
    values = [torch.randn(shape, generator=rng, dtype=torch.float64) for shape in shapes.values()]
    print("Each number is moved a little, and the change of the output is compared with your gradient.")
    for place, name in enumerate(shapes):
        inputs = [value.clone().requires_grad_(place == n) for n, value in enumerate(values)]
        try:
            torch.autograd.gradcheck(Layer.apply, inputs)
            print(f"{name}: agrees")
        except NotImplementedError:
            print("conv2d_backward is not written yet")
            return
        except Exception as error:
            print(f"{name}: does not agree. {textwrap.shorten(' '.join(str(error).split()), 100)}")


def pixel_gradients(
    conv2d_backward: Function, *, size: tuple[int, int] = (6, 8), kernel: tuple[int, int] = (3, 3)
) -> Figure:
    """Draw the student's dx for a kernel of ones and dy of ones: how many windows each pixel is in."""
    row, said = [], []
    for stride in ((1, 1), (2, 2), (3, 3)):
        x, w = torch.ones(1, 1, *size, dtype=torch.float64), torch.ones(1, 1, *kernel, dtype=torch.float64)
        x.requires_grad_()
        y = F.conv2d(x, w, stride=stride)
        (expected,) = torch.autograd.grad(y.sum(), x)
        args = (x.detach(), w, torch.ones_like(y).detach())
        answer = ask("conv2d_backward", lambda *a, s=stride: conv2d_backward(*a, stride=s)[0], *args, ndim=4)
        title = f"dx, stride {stride[0]}"
        if answer.values is None:
            row.append(Grid(None, title, answer.note))
            said.append(answer.note)
            continue
        values = answer.values[0, 0]
        row.append(Grid(values, title, hatch=values == 0, wrong=differs(values, expected[0, 0]),
                        caption=f"{count(int((values == 0).sum()), 'pixel')} without gradient"))  # fmt: skip
        said.append(f"{title}: {count(int((values == 0).sum()), 'pixel')} without gradient")
    return grids(row, cell=0.3, alt=f"Gradient at each pixel, zeros hatched. {'; '.join(said)}.")

"""The data of Lab 1, and the examples that the lab prints, run with the master's own solutions."""

import doctest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import pytest
import torch
from torchvision import models

from labkit import conv

MASTER = Path(__file__).parents[1] / "grading/masters/01_convolution.py"
Solutions = dict[str, Callable[..., Any]]


@pytest.fixture(scope="module")
def solved() -> Solutions:
    scope: dict[str, Any] = {"torch": torch, "conv": conv}
    for cell in jupytext.read(MASTER).cells:
        role = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and role.get("solution"):
            exec(cell.source, scope)
    return {name: scope[name] for name in NAMES if name in scope}


NAMES = [
    "out_size",
    "corr2d",
    "convolve2d",
    "pad2d",
    "blur_kernel",
    "edge_kernel",
    "merge_kernels",
    "conv2d",
    "im2col",
    "corr1d",
    "conv_cost",
    "shift_error",
    "conv2d_backward",
    "transposed_size",
]


def test_every_exercise_is_solved(solved: Solutions) -> None:
    assert list(solved) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_docstring_examples_of_the_lab(solved: Solutions, name: str) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    scope = {"torch": torch, **solved}
    (found,) = finder.find(solved[name], name, globs=scope, module=False)
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0


def test_five_by_five(solved: Solutions) -> None:
    x, k = conv.worked_example()
    assert x.tolist() == [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    assert k.tolist() == [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
    assert solved["corr2d"](x, k).tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert solved["convolve2d"](x, k).tolist() == [[18, 20, 19], [10, 9, 17], [11, 8, 14]]


def test_binary_image(solved: Solutions) -> None:
    image, filters = conv.binary_example()
    assert ["".join(str(int(v)) for v in row) for row in image.tolist()] == [
        "100001",
        "010010",
        "001100",
        "100010",
        "010010",
        "001010",
    ]
    first, second = (solved["corr2d"](image, k) for k in filters)
    assert first.tolist() == [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]
    assert second.tolist() == [[-1, -1, -1, -1], [-1, -1, -2, 1], [-1, -1, -2, 1], [-1, 0, -4, 3]]
    assert first[::2, ::2].tolist() == [[3, -3], [-3, 0]]
    assert second[::2, ::2].tolist() == [[-1, -1], [-1, -2]]
    assert conv.correlate(image, filters[1], stride=2).tolist() == [[-1, -1], [-1, -2]]


@pytest.mark.parametrize(
    ("setting", "size"),
    [
        ((4, 3), 2), ((5, 3, 1, 1), 5), ((5, 3, 2, 1), 3), ((7, 3, 1), 5), ((7, 3, 2), 3), ((7, 3, 3), 2),
        ((7, 3, 1, 0, 2), 3), ((32, 3, 1, 1), 32), ((32, 5, 1, 2), 32), ((32, 5, 2, 2), 16), ((32, 1), 32),
        ((32, 7, 1, 3), 32), ((224, 7, 2, 3), 112), ((9, 3, 3), 3), ((8, 3, 3), 2),
    ],
)  # fmt: skip
def test_sizes_that_the_lab_prints(solved: Solutions, setting: tuple[int, ...], size: int) -> None:
    assert solved["out_size"](*setting) == size
    i, k, s, p, d = (*setting, *(1, 0, 1)[len(setting) - 2 :])
    assert conv.windows_that_fit(i, k, s=s, p=p, d=d) == size


def test_no_window_fits() -> None:
    assert conv.windows_that_fit(3, 5) == 0


def test_transposed_sizes_that_the_lab_prints(solved: Solutions) -> None:
    size = solved["transposed_size"]
    assert [size(4, 3, 2, 1, extra) for extra in (0, 1)] == [7, 8]
    assert [solved["out_size"](i, 3, 2, 1) for i in (7, 8)] == [4, 4]
    assert [size(3, 3), size(3, 3, 2), size(4, 3, 2, 1)] == [5, 7, 7]


def _parameters(solved: Solutions, layers: tuple[conv.Layer, ...]) -> list[int]:
    cost = solved["conv_cost"]
    counts = []
    for layer in layers:
        parameters, _ = cost(
            layer.c_in, layer.c_out, layer.kernel_size, layer.out_size, groups=layer.groups, bias=layer.bias
        )
        counts.append(parameters + layer.extra)
    return counts


def test_three_layers(solved: Solutions) -> None:
    assert _parameters(solved, conv.three_layers()) == [1_600_000_000, 4_000_000, 10_000]


def test_lenet5(solved: Solutions) -> None:
    counts = _parameters(solved, conv.lenet5())
    assert counts == [156, 2_416, 48_120, 10_164, 850]
    assert sum(counts) == 61_706


def test_alexnet(solved: Solutions) -> None:
    counts = _parameters(solved, conv.alexnet())
    assert counts == [34_944, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000]
    assert sum(counts) == 62_378_344


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("alexnet", 61_100_840),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
    ],
)
def test_torchvision_networks(solved: Solutions, name: str, total: int) -> None:
    assert sum(_parameters(solved, conv.network(name))) == total
    with torch.device("meta"):
        assert sum(p.numel() for p in models.get_model(name).parameters()) == total


def test_resnet34_as_a_handout_counts_it(solved: Solutions) -> None:
    layers = conv.network("resnet34")
    plain = conv.without_extras(layers)
    assert sum(_parameters(solved, plain)) == 21_616_232
    # the three causes in the mark scheme
    assert sum(layer.extra for layer in layers) == 17_024
    shortcuts = tuple(layer for layer in layers if "downsample" in layer.name)
    assert sum(_parameters(solved, shortcuts)) - sum(layer.extra for layer in shortcuts) == 172_032
    assert sum(layer.c_out for layer in plain if not layer.dense) == 7_616


def test_the_planted_slips(solved: Solutions) -> None:
    cost = solved["conv_cost"]
    here = (1, 1)
    letters = [(3, 8, 5), (8, 20, 5), (20, 120, 5), (120, 84, 1), (84, 26, 1)]
    slim = [(3, 80, 11), (80, 240, 5), (240, 384, 3), (384, 384, 3), (384, 256, 3),
            (9216, 4096, 1), (4096, 4096, 1), (4096, 100, 1)]  # fmt: skip
    lenet, alexnet = ([cost(i, o, (k, k), here)[0] for i, o, k in net] for net in (letters, slim))
    assert lenet == [608, 4_020, 60_120, 10_164, 2_210]
    assert sum(lenet) == 77_122
    assert cost(8, 20, (5, 5), here, bias=False)[0] == 4_000
    assert alexnet[:3] == [29_120, 480_240, 829_824]
    assert alexnet[3:] == [1_327_488, 884_992, 37_752_832, 16_781_312, 409_700]
    assert sum(alexnet) == 58_495_508
    assert cost(80, 240, (5, 5), here, groups=2)[0] == 240_240


def test_classic_kernels() -> None:
    kernels = conv.classic_kernels()
    sums = {name: round(float(k.sum()), 5) for name, k in kernels.items()}
    assert sums == {"identity": 1, "edges 1": 0, "edges 2": 0, "edges 3": 0, "sharpen": 1, "box blur": 1}
    assert all(k.shape == (3, 3) for k in kernels.values())


def test_colour_filters_answer_to_what_they_are_called() -> None:
    w, b, names = conv.colour_filters()
    assert w.shape == (3, 3, 3, 3)
    assert b.shape == (3,)
    assert names == ("vertical edges", "red", "mean")
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 5, 5)
    white = torch.ones(1, 3, 5, 5)
    on_red, on_white = (
        torch.nn.functional.conv2d(image, w, b)[0, :, 0, 0].tolist() for image in (red, white)
    )
    assert on_red == pytest.approx([0, 1, 1 / 3], abs=1e-6)
    assert on_white == pytest.approx([0, 0, 1], abs=1e-6)

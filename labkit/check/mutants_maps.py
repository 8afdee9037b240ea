"""Named wrong answers for hooks, sizes and zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from labkit.check import library_maps as library
from labkit.check.calling import SWALLOWED
from labkit.check.case import Mutant
from labkit.check.kept import FROZEN, IN_PLACE, MODE
from labkit.check.mutants import changing, switching


def _record(
    keep: Callable[[Any, Any], Any] = lambda x, y: y.detach().clone(),
    *,
    every: bool = False,
    late: bool = False,
    leave: bool = False,
    after: bool = False,
    change: bool = False,
    careless: bool = False,
    still: bool = False,
    swallow: bool = False,
    spoil: Callable[[nn.Module], Any] = lambda net: None,
    clear: Callable[[nn.Module, Sequence[str]], Sequence[nn.Module]] = lambda net, names: (),
) -> Callable[..., Any]:
    """Build a recorder that goes wrong: `keep` gets a layer's input and output."""

    def record(net: nn.Module, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
        maps: dict[str, Tensor] = {}
        inner = [name for name, layer in net.named_modules() if not list(layer.children())]
        wanted = inner if every else list(names)

        def hook(name: str) -> Callable[..., Any]:
            def fn(layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Any:
                maps[wanted[-1] if late else name] = keep(args[0], out)
                return 2 * out if change else None

            return fn

        handles = []
        for name in wanted:
            place = inner[min(inner.index(name) + 1, len(inner) - 1)] if after else name
            handles.append(net.get_submodule(place).register_forward_hook(hook(name)))
        done = False
        if still:
            net.eval()
        spoil(net)
        try:
            with torch.no_grad():
                net(x)
            done = True
        except RuntimeError:
            if not swallow:
                raise
        finally:
            for handle in handles if not leave and (done or not careless) else ():
                handle.remove()
            for layer in clear(net, wanted):
                layer._forward_hooks.clear()
        return maps

    return record


def _walked(net: nn.Module, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    """Feed each layer with what the one before it in the list gives."""
    maps = {}
    with torch.no_grad():
        for name, layer in net.named_modules():
            if not list(layer.children()):
                x = layer(x.clone())
                maps[name] = x.clone()
    return {name: maps[name] for name in names}


_right = _record()
RECORD = (
    Mutant("the maps, but the hooks are left on the network", _record(leave=True)),
    Mutant("the maps, but the hooks stay when the network stops with an error", _record(careless=True)),
    Mutant("the maps, but the network is left in eval mode", _record(still=True)),
    Mutant(MODE, _record(spoil=lambda net: net.train())),
    Mutant(FROZEN, _record(spoil=lambda net: net.get_submodule("fc").requires_grad_(False))),
    Mutant(IN_PLACE, _record(spoil=lambda net: setattr(net.relu1, "inplace", False))),
    Mutant(SWALLOWED, _record(swallow=True)),
    switching(_right),
    Mutant(
        "the maps, but with its own hooks those of others are taken off the network",
        _record(clear=lambda net, names: list(net.modules())),
    ),
    Mutant(
        "the maps, but with its own hooks those of others are taken off the layers asked for",
        _record(clear=lambda net, names: [net.get_submodule(name) for name in names]),
    ),
    Mutant(
        "the map as the in-place ReLU behind it left it: no copy was made", _record(lambda x, y: y.detach())
    ),
    Mutant(
        "the maps of a plain chain of layers, and this network has a shortcut: use forward hooks, which see "
        "what each layer gives while the network itself runs",
        _walked,
    ),
    Mutant("what goes into each layer instead of what comes out", _record(lambda x, y: x.detach().clone())),
    Mutant("the map of the layer behind the one asked for", _record(after=True)),
    Mutant("one name only: all hooks write under the last one (late binding)", _record(late=True)),
    Mutant("all layers, not only those asked for", _record(every=True)),
    Mutant("the maps of the first image only", _record(lambda x, y: y[:1].detach().clone())),
    Mutant("the maps without the axis of the images", _record(lambda x, y: y[0].detach().clone())),
    Mutant("the maps averaged over the images", _record(lambda x, y: y.mean(0, keepdim=True))),
    Mutant("the maps after one more ReLU", _record(lambda x, y: y.relu())),
    Mutant("the maps of a network that the hooks change: a hook returns something", _record(change=True)),
    Mutant("hooks left on the network that change its answer", _record(change=True, leave=True)),
    Mutant("float32 for a float64 input", _record(lambda x, y: y.detach().clone().float())),
    changing(_right, which=2),
)


def _shapes(
    step: Callable[..., Any], count: Callable[..., Any] = lambda before, c: before if c is None else c
) -> Any:
    """Build a table of shapes that goes wrong: `step` gets size, k, s, p, and whether it is a pooling."""

    def fn(image: Sequence[int], layers: Sequence[Any]) -> Tensor:
        channels, high, wide = image
        rows = []
        for c, k, s, p in layers:
            channels, high, wide = (
                count(channels, c),
                step(high, k, s, p, c is None),
                step(wide, k, s, p, c is None),
            )
            rows.append([channels, high, wide])
        return torch.tensor(rows, dtype=torch.float64)

    return fn


shapes = library.map_shapes
MAP_SHAPES = (
    Mutant("shapes without the + 1", _shapes(lambda i, k, s, p, _: (i + 2 * p - k) // s)),
    Mutant("padding on one side only", _shapes(lambda i, k, s, p, _: (i + p - k) // s + 1)),
    Mutant("padding forgotten", _shapes(lambda i, k, s, p, _: (i - k) // s + 1)),
    Mutant("stride forgotten", _shapes(lambda i, k, s, p, _: i + 2 * p - k + 1)),
    Mutant("sizes rounded up", _shapes(lambda i, k, s, p, _: -(-(i + 2 * p - k) // s) + 1)),
    Mutant(
        "sizes rounded to the nearest whole number, not down",
        _shapes(lambda i, k, s, p, _: round((i + 2 * p - k) / s) + 1),
    ),
    Mutant(
        "sizes with fractions: they have to be rounded down, as // does",
        _shapes(lambda i, k, s, p, _: (i + 2 * p - k) / s + 1),
    ),
    Mutant("sizes divided by the stride, whatever the kernel", _shapes(lambda i, k, s, p, _: i // s)),
    Mutant(
        "pooling that keeps the size",
        _shapes(lambda i, k, s, p, pool: i if pool else (i + 2 * p - k) // s + 1),
    ),
    Mutant(
        "pooling that halves the size, whatever it is given",
        _shapes(lambda i, k, s, p, pool: i // 2 if pool else (i + 2 * p - k) // s + 1),
    ),
    Mutant(
        "pooling that makes one map",
        _shapes(lambda i, k, s, p, _: (i + 2 * p - k) // s + 1, lambda before, c: 1 if c is None else c),
    ),
    Mutant(
        "pooling that makes three maps",
        _shapes(lambda i, k, s, p, _: (i + 2 * p - k) // s + 1, lambda before, c: 3 if c is None else c),
    ),
    Mutant(
        "the maps of all layers added up",
        _shapes(lambda i, k, s, p, _: (i + 2 * p - k) // s + 1, lambda before, c: before + (c or 0)),
    ),
    Mutant("height and width swapped", lambda image, layers: shapes(image, layers)[:, [0, 2, 1]]),
    Mutant("the number of maps last: (H, W, C)", lambda image, layers: shapes(image, layers)[:, [1, 2, 0]]),
    Mutant(
        "the image's shape in front of the layers'",
        lambda image, layers: torch.cat([torch.tensor([image], dtype=torch.float64), shapes(image, layers)]),
    ),
    Mutant("the last layer only", lambda image, layers: shapes(image, layers)[-1:]),
    Mutant("the height for the width, too", lambda image, layers: shapes(image, layers)[:, [0, 1, 1]]),
)


def _shares(zeros: Callable[[Tensor], Any] | None, silent: Callable[[Tensor], Any] | None) -> Any:
    def fn(x: Tensor) -> tuple[float, float]:
        right = library.sparsity(x)
        return float(zeros(x)) if zeros else right[0], float(silent(x)) if silent else right[1]

    return fn


SPARSITY = (
    Mutant("the share of numbers that are not 0", _shares(lambda x: (x > 0).double().mean(), None)),
    Mutant("the number of zeros, not their share", _shares(lambda x: (x == 0).sum(), None)),
    Mutant(
        "the shares in percent",
        _shares(lambda x: 100 * (x == 0).double().mean(), lambda x: 100 * library.sparsity(x)[1]),
    ),
    Mutant("the mean of the maps", _shares(lambda x: x.mean(), None)),
    Mutant("zeros of the first image only", _shares(lambda x: (x[0] == 0).double().mean(), None)),
    Mutant("numbers that are nearly 0 counted as zeros", _shares(lambda x: (x < 0.1).double().mean(), None)),
    Mutant(
        "channels that are silent in any image",
        _shares(None, lambda x: (x.amax((2, 3)) == 0).any(0).double().mean()),
    ),
    Mutant(
        "the share of silent maps, image by image",
        _shares(None, lambda x: (x.amax((2, 3)) == 0).double().mean()),
    ),
    Mutant(
        "channels that are silent in the first image",
        _shares(None, lambda x: (x[0].amax((1, 2)) == 0).double().mean()),
    ),
    Mutant(
        "channels that hold any zero", _shares(None, lambda x: (x == 0).any(3).any(2).any(0).double().mean())
    ),
    Mutant(
        "the number of silent channels, not their share",
        _shares(None, lambda x: (x.amax((0, 2, 3)) == 0).sum()),
    ),
    Mutant(
        "the share of channels that are not silent",
        _shares(None, lambda x: (x.amax((0, 2, 3)) > 0).double().mean()),
    ),
    Mutant(
        "places that are 0 in all channels", _shares(None, lambda x: (x.amax((0, 1)) == 0).double().mean())
    ),
    Mutant("the two shares in the wrong order", lambda x: library.sparsity(x)[::-1]),
    Mutant("changes its input", lambda x: (library.sparsity(x), x.add_(1))[0]),
)

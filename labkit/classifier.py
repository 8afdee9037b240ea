"""What Lab 6 needs around the student's functions: pictures, parts of them, networks, and runs to compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from labkit import batches, cache, datasets, nets, plot, training
from labkit.datasets import Images
from labkit.fetch import Say

Function = Callable[..., Any]


def pictures(*, say: Say = print) -> Images:
    """Return CIFAR-10, fetched when it is not on this computer; else the stand-in, which is announced.

    With LABKIT_QUICK=1 it is a small stand-in, whatever is on the computer: the lab then runs in seconds, and
    no mark depends on it. With a larger number it is CIFAR-10 with so many training pictures, if it is on
    this computer.
    """
    if count := cache.quick():
        if count > 1 and (found := datasets.cached_cifar10()) is not None:
            say(f"CIFAR-10: the first {count:,} training pictures only, because LABKIT_QUICK is set.")
            return first(found, count)
        say("Stand-in: 300 drawn pictures are used in place of CIFAR-10, because LABKIT_QUICK is set.")
        return datasets.stand_in(train=300)
    return datasets.cifar10(download=True, say=say)


def parts(stratified_split: Function, data: Images, *, say: Say = print) -> Images:
    """Put a tenth of the training pictures aside by the student's split, to measure on.

    Returns:
        Pictures to train on as `train_images`, in a random order, so that the first ones are of all classes;
        the pictures put aside as `test_images`. The real test pictures are not in it.
    """
    count = len(data.train_labels)
    per_class = count // 100
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    train, val = _split(stratified_split, data.train_labels, order, per_class, say)
    name = f"{data.name}, training pictures only"
    return Images(
        data.train_images[train], data.train_labels[train], data.train_images[val], data.train_labels[val],
        data.classes, name, data.source,
    )  # fmt: skip


def _split(fn: Function, labels: Tensor, order: Tensor, per_class: int, say: Say) -> tuple[Tensor, Tensor]:
    places = [
        plot.ask("stratified_split", lambda *a, k=k: fn(*a)[k], labels, order, per_class, ndim=1)
        for k in (0, 1)
    ]
    note = next((p.note for p in places if p.note), "")
    if not note:
        train, val = (torch.from_numpy(p.values).long() for p in places if p.values is not None)
        whole = torch.cat([train, val]).sort().values
        if torch.equal(whole, torch.arange(len(labels))) and len(val) == per_class * 10:
            return order[torch.isin(order, train)], order[torch.isin(order, val)]  # not class by class
        note = "stratified_split does not give each picture to exactly one part"
    say(f"{note[0].upper()}{note[1:]}: labkit splits in its place.")
    from labkit.check.library_cifar import stratified_split

    return stratified_split(labels, order, per_class)


def first(data: Images, count: int) -> Images:
    """Return the same with the first `count` training pictures only."""
    return replace(data, train_images=data.train_images[:count], train_labels=data.train_labels[:count])


def network(build_net: Function, *, seed: int = 0, say: Say = print) -> nn.Module:
    """Return the student's network, or labkit's small one, when theirs cannot be trained yet."""
    torch.manual_seed(seed)
    try:
        net = build_net()
        with torch.no_grad():
            shape = tuple(net.eval()(torch.zeros(2, 3, 32, 32)).shape)
        note = "" if shape == (2, 10) else f"build_net gives scores of shape {shape} for two pictures"
    except NotImplementedError:
        note = "build_net is not written yet"
    except Exception as error:
        note = f"build_net stopped: {type(error).__name__}: {' '.join(str(error).split())[:80]}"
    if not note and isinstance(net, nn.Module):
        return net
    note = note or "build_net gives no nn.Module"
    say(f"{note[0].upper()}{note[1:]}: labkit's small network is trained in its place.")
    torch.manual_seed(seed)
    return nets.small_resnet((8, 16, 32, 32))


def prepared(data: Images, count: int) -> tuple[Tensor, Tensor]:
    """Return the first pictures normalised, float32 (count, 3, 32, 32), and their labels."""
    ready = batches.normaliser(*batches.statistics(data.train_images), torch.device("cpu"), last=False)
    return ready(data.train_images[:count]), data.train_labels[:count]


def compared(
    data: Images, *, epochs: int = 12, count: int = 4_000, say: Say = print
) -> dict[str, training.Run]:
    """Train the introductory network on few pictures: plain, with weight decay, dropout, augmentation.

    Ctrl-C ends the comparison and returns what is trained so far.

    Returns:
        A run for each way; loss and accuracy on the pictures put aside are in its rows.
    """
    few = first(data, count)
    plain = training.Plan(
        epochs=2 if cache.quick() else epochs,
        batch=32,
        rate=0.02,
        schedule="constant",
        decay=0,
        shift=0,
        flip=False,
    )
    ways: dict[str, tuple[training.Plan, float]] = {
        "plain": (plain, 0),
        "weight decay": (replace(plain, decay=5e-3), 0),
        "dropout": (plain, 0.4),
        "augmentation": (replace(plain, shift=4, flip=True), 0),
    }
    runs: dict[str, training.Run] = {}
    try:
        for name, (plan, share) in ways.items():
            torch.manual_seed(1)
            run = training.train(_dropping(share), few, plan, watch=lambda _run: None)
            if run.epochs:
                runs[name] = run
            if run.stopped:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        told = f"{', '.join(runs)}; the last one may be unfinished" if runs else "none of them is begun"
        say(f"The comparison was stopped, with {len(runs)} of {len(ways)} ways trained ({told}).")
    return runs


def _dropping(share: float) -> nn.Module:
    """Return the introductory network, with dropout before its linear layers when there is a share."""
    net = nets.introductory()
    if not share:
        return net
    layers: list[nn.Module] = []
    for layer in net:
        layers += [nn.Dropout(share), layer] if isinstance(layer, nn.Linear) else [layer]
    return nn.Sequential(*layers)

import ast
import copy
import dataclasses
import io
import math
import multiprocessing as mp
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from labkit import batches, checkpoint, cores, datasets, live, nets, plot_training, sweep, training

PLAN = training.Plan(epochs=3, batch=32, rate=0.05, bf16=False)


@pytest.fixture(scope="module")
def data():
    return datasets.stand_in(train=320, test=60)


def quiet(_run):
    """Print nothing."""


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def state(network: nn.Module) -> torch.Tensor:
    return torch.cat([v.flatten().double() for v in network.state_dict().values()])


def coordinates(count: int, side: int = 8) -> torch.Tensor:
    """Pictures whose pixels say where they are and whose they are: (row, column, number)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    one = torch.stack([rows, columns, torch.zeros_like(rows)]).to(torch.uint8)
    many = one.repeat(count, 1, 1, 1)
    many[:, 2] = torch.arange(count, dtype=torch.uint8)[:, None, None]
    return many


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(0, 3), st.booleans(), st.integers(0, 5))
def test_every_picture_is_moved_and_mirrored_on_its_own(shift, epoch, flip, seed):
    count = 120
    views = batches.windows(coordinates(count), shift)
    torch.manual_seed(seed)
    labels = torch.arange(count)
    got = list(batches.batches(views, labels, size=32, epoch=epoch, flip=flip, seed=seed))
    assert [len(y) for _, y in got] == [32, 32, 32]
    x, y = (torch.cat(parts) for parts in zip(*got, strict=True))
    assert len(set(y.tolist())) == 96
    assert torch.equal(x[:, 2, 0, 0].long(), y)  # the label still belongs to the picture
    middle = x[:, :2, 4, 3:5].int()
    mirrored = middle[:, 1, 0] > middle[:, 1, 1]
    columns = torch.where(mirrored, middle[:, 1, 1], middle[:, 1, 0])
    dy, dx = middle[:, 0, 0] - 4, columns - 3
    assert set(dy.tolist()) == set(dx.tolist()) == set(range(-shift, shift + 1))
    assert len(set(zip(dy.tolist(), dx.tolist(), strict=True))) > 2 * shift + 1  # rows and columns apart
    assert (25 < int(mirrored.sum()) < 71) if flip else not mirrored.any()


def test_each_picture_is_mirrored_every_other_epoch():
    views, labels = batches.windows(coordinates(64), 0), torch.arange(64)
    seen = []
    for epoch in range(4):
        (x, y), *_ = batches.batches(views, labels, size=64, epoch=epoch, flip=True, seed=3)
        seen.append((x[:, 1, 0, 0] != 0)[y.argsort()])
    assert torch.equal(seen[0], ~seen[1])
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])


def test_a_set_smaller_than_a_batch_is_one_batch():
    views = batches.windows(coordinates(5), 1)
    ((x, y),) = batches.batches(views, torch.arange(5), size=64, epoch=0, flip=True, seed=0)
    assert x.shape == (5, 3, 8, 8)
    assert sorted(y.tolist()) == list(range(5))


def test_statistics_and_normaliser(data):
    mean, std = batches.statistics(data.train_images)
    x = data.train_images.double() / 255
    assert torch.allclose(torch.tensor(mean).double(), x.mean((0, 2, 3)))
    assert torch.allclose(torch.tensor(std).double(), x.std((0, 2, 3), correction=0), rtol=1e-5)
    out = batches.normaliser(mean, std, torch.device("cpu"))(data.train_images)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert out.mean((0, 2, 3)).abs().max() < 1e-5
    assert (out.std((0, 2, 3)) - 1).abs().max() < 1e-3


@given(st.integers(2, 500), st.floats(0.05, 0.9))
def test_one_cycle_goes_up_once_and_down_once(steps, warm):
    plan = training.Plan(rate=0.4, warm=warm)
    rates = [plan.rate_at(i, steps) for i in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < r <= 0.4 + 1e-12 for r in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert {training.Plan(schedule="constant", rate=0.1).rate_at(i, 9) for i in range(9)} == {0.1}


def test_seeds(data):
    runs = [
        training.train(net(), data, dataclasses.replace(PLAN, seed=s), watch=quiet, device="cpu")
        for s in (0, 0, 1)
    ]
    assert runs[0].losses == runs[1].losses
    assert torch.equal(state(runs[0].net), state(runs[1].net))
    assert runs[0].losses != runs[2].losses
    assert len(runs[0].losses) == 30
    assert [row["epoch"] for row in runs[0].epochs] == [1, 2, 3]


def test_training_leaves_the_callers_random_numbers_alone(data):
    network = net()
    before = torch.random.get_rng_state()
    training.train(network, data, dataclasses.replace(PLAN, epochs=1), watch=quiet, device="cpu")
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_step_is_torchs_own(data):
    """One step without augmentation equals the step written out with torch."""
    plan = dataclasses.replace(
        PLAN, epochs=1, batch=320, shift=0, flip=False, smoothing=0.1, schedule="constant", decay=0.01
    )
    mine, theirs = nets.introductory(), nets.introductory()
    theirs.load_state_dict(mine.state_dict())
    training.train(mine, data, plan, evaluate_every=0, watch=quiet, device="cpu")
    mean, std = batches.statistics(data.train_images)
    x = batches.normaliser(mean, std, torch.device("cpu"))(data.train_images)
    nn.functional.cross_entropy(theirs(x), data.train_labels, label_smoothing=0.1).backward()
    with torch.no_grad():
        for p in theirs.parameters():
            gradient = p.grad + (0.01 * p if p.ndim > 1 else 0)
            p -= 0.05 * (gradient + 0.9 * gradient)  # Nesterov's first step
    assert torch.allclose(state(mine), state(theirs), atol=1e-6)


def test_it_learns(data):
    few = dataclasses.replace(data, train_images=data.train_images[:64], train_labels=data.train_labels[:64])
    plan = training.Plan(epochs=80, batch=32, rate=0.02, shift=0, flip=False)
    run = training.train(nets.introductory(), few, plan, evaluate_every=0, watch=quiet)
    assert training.evaluate(run, few.train_images, few.train_labels).accuracy > 0.9


def test_resumed_equals_uninterrupted(data, tmp_path):
    whole = training.train(net(), data, PLAN, watch=quiet, device="cpu")

    def stop_after_two(run):
        if len(run.epochs) == 2:
            raise KeyboardInterrupt

    first = training.train(net(), data, PLAN, keep=tmp_path / "x.pt", watch=stop_after_two, device="cpu")
    assert first.stopped
    assert len(first.epochs) == 2
    again = training.train(net(seed=9), data, PLAN, keep=tmp_path / "x.pt", watch=quiet, device="cpu")
    assert not again.stopped
    assert again.losses == whole.losses
    assert torch.equal(state(again.net), state(whole.net))
    assert [row["accuracy"] for row in again.epochs] == [row["accuracy"] for row in whole.epochs]
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


def test_ctrl_c_while_an_epoch_is_measured_loses_nothing(data, tmp_path, monkeypatch, capsys):
    whole = training.train(net(), data, PLAN, watch=quiet, device="cpu")
    options = {"keep": tmp_path / "x.pt", "watch": quiet, "device": "cpu"}
    evaluate, trained = training.evaluate, []

    def interrupted(run, *args):
        trained.append(len(run.losses))
        if trained.count(20) == 1:
            raise KeyboardInterrupt
        return evaluate(run, *args)

    monkeypatch.setattr(training, "evaluate", interrupted)
    assert training.train(net(), data, PLAN, **options).stopped
    assert trained == [10, 20, 20]
    again = training.train(net(seed=9), data, PLAN, **options)
    assert "goes on after epoch 2 of 3." in capsys.readouterr().out
    assert trained == [10, 20, 20, 20, 30]  # the second epoch is measured, and not trained again
    assert again.losses == whole.losses
    assert torch.equal(state(again.net), state(whole.net))
    rows = [[{**row, "seconds": 0} for row in run.epochs] for run in (again, whole)]
    assert rows[0] == rows[1]
    training.train(net(), data, PLAN, **options)
    assert len(trained) == 5  # the figures are kept, too


def test_a_training_that_ended_while_it_was_measured_is_measured_again(data, tmp_path, monkeypatch, capsys):
    class Killed(Exception):
        """Ends training as a power cut does."""

    def killed(*_args):
        raise Killed

    plan, path = dataclasses.replace(PLAN, epochs=1), tmp_path / "x.pt"
    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", killed)
        with pytest.raises(Killed):
            training.train(net(), data, plan, keep=path, watch=quiet, device="cpu")
    seen = []
    run = training.train(net(), data, plan, keep=path, watch=lambda r: seen.append(dict(r.epochs[-1])))
    assert "is finished, nothing is trained now." in capsys.readouterr().out
    assert [row["accuracy"] for row in seen] == [run.epochs[-1]["accuracy"]]


def test_ctrl_c_while_an_epoch_is_written_keeps_it(data, tmp_path, monkeypatch, capsys):
    whole, calls = checkpoint.whole, []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return whole(path)

    monkeypatch.setattr(checkpoint, "whole", interrupted)
    path = tmp_path / "x.pt"
    assert training.train(net(), data, PLAN, keep=path, watch=quiet, device="cpu").stopped
    training.train(net(), data, PLAN, keep=path, watch=quiet, device="cpu")
    assert "goes on after epoch 1 of 3." in capsys.readouterr().out


def test_a_finished_training_says_that_nothing_is_trained(data, tmp_path, capsys):
    plan, seen = dataclasses.replace(PLAN, epochs=1), []
    training.train(net(), data, plan, keep=tmp_path / "x.pt", watch=quiet, device="cpu")
    again = training.train(net(9), data, plan, keep=str(tmp_path / "x.pt"), watch=seen.append, device="cpu")
    assert seen == [again]
    told = "is finished, nothing is trained now. To begin anew, delete the file.\n"
    assert capsys.readouterr().out == f"The training kept in {tmp_path / 'x.pt'} {told}"


def test_a_training_that_cannot_be_kept_goes_on(data, tmp_path, capsys, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "whole", full)
    monkeypatch.setenv("HOME", str(tmp_path))
    run = training.train(net(), data, PLAN, keep="~/x.pt", watch=quiet, device="cpu")
    assert len(run.epochs) == PLAN.epochs
    why = "cannot be written (No space left on device). It goes on without.\n"
    assert capsys.readouterr().out == f"The training is not kept: {tmp_path / 'x.pt'} {why}"


@pytest.mark.parametrize("name", ["x.pt", "new/x.pt", "new/deep/x.pt"])
def test_a_read_only_folder_is_told_in_a_line_in_a_new_folder_too(name, data, tmp_path, capsys, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)  # the tests may run as root, who may write everywhere
    monkeypatch.setattr(Path, "mkdir", lambda *a, exist_ok=False, **_o: None if a[0].is_dir() else refuse())
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    plan = dataclasses.replace(PLAN, epochs=2)
    run = training.train(net(), data, plan, keep=tmp_path / name, watch=quiet, device="cpu")
    assert len(run.epochs) == 2
    why = "cannot be written (Permission denied). It goes on without.\n"
    assert capsys.readouterr().out == f"The training is not kept: {tmp_path / name} {why}"


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (3, "keep is an int; expected a file's name"),
        (b"x", "keep is a bytes; expected a file's name"),
        (False, "keep is a bool; expected"),
        ("", "keep is ''; expected a file's name"),
        ("a\0b", "keep is 'a.*b'; expected a file's name"),
        ("x" * 300, "keep is a name of 300 signs, which is too long: take a shorter one"),
        ("~nobody-of-this-name/x", "keep begins with ~nobody-of-this-name, and there is no such user: write"),
    ],
)
def test_a_file_that_cannot_be_is_told_at_once(keep, told, data):
    with pytest.raises(checkpoint.CheckpointError, match=f"^{told}"):
        training.train(net(), data, PLAN, keep=keep, watch=None, device="cpu")


class Wrapped(nn.Module):
    """A network and something that is done with its answers."""

    def __init__(self, after):
        super().__init__()
        self.inner, self.after = net(), after

    def forward(self, x):
        return self.after(self.inner(x))


class Blind(Wrapped):
    """A network whose forward pass leaves no trace."""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: Wrapped(lambda x: x.detach()), "'s answers have no gradient: leave detach()"),
        (lambda: Blind(lambda x: x), "'s answers have no gradient: leave detach(), no_grad(), argmax()"),
        (lambda: Wrapped(lambda x: (x, x)), "'s answers are a tuple; expected a tensor (32, 10)"),
        (lambda: Wrapped(lambda x: {"logits": x}), "'s answers are a dict; expected a tensor (32, 10)"),
        (lambda: Wrapped(lambda x: None), "'s answers are None; expected a tensor (32, 10)"),
        (lambda: net().double(), " has weights in float64; expected float32: write net.float()"),
        (lambda: net().half(), " has weights in float16; expected float32"),
        (lambda: Wrapped, " is the class Wrapped; expected a torch.nn.Module: write Wrapped()"),
    ],
)
def test_networks_that_cannot_learn(network, told, data):
    with pytest.raises(ValueError, match=f"^the network{re.escape(told)}"):
        training.train(network(), data, PLAN, watch=quiet, device="cpu")


@pytest.mark.parametrize("count", [1, 320])
def test_batch_norm_and_a_batch_of_one(count, data):
    few = {"train_images": data.train_images[:count], "train_labels": data.train_labels[:count]}
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 4), nn.BatchNorm1d(4), nn.Linear(4, 10))
    plan = dataclasses.replace(PLAN, batch=1 if count > 1 else 64)
    with pytest.raises(ValueError, match=r"^batch norm cannot train on one picture: take a larger batch"):
        training.train(network, dataclasses.replace(data, **few), plan, watch=quiet, device="cpu")


def test_lazy_layers_take_their_shape(data, tmp_path):
    def lazy():
        return nn.Sequential(nn.LazyConv2d(4, 5, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))

    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    runs = [
        training.train(lazy(), data, PLAN, keep=tmp_path / "x.pt", watch=quiet, device="cpu") for _ in "12"
    ]
    assert torch.equal(before, torch.random.get_rng_state())
    assert runs[0].losses == runs[1].losses
    assert runs[0].losses[-1] < runs[0].losses[0]
    result = sweep.sweep(lazy(), data, rates=(0.1, 0.01), epochs=(1,))
    training.evaluate(result.runs[0.1, 1], data.test_images, data.test_labels)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"plan": training.Plan}, "plan is the class Plan; expected a Plan, such as training.Plan"),
        ({"plan": {"epochs": 1}}, "plan is a dict; expected a Plan, such as"),
        ({"plan": {}}, "plan is a dict; expected a Plan, such as"),
        ({"data": None}, "data is None; expected Images, such as datasets.cifar10"),
        ({"data": (1, 2)}, "data is a tuple; expected Images"),
        ({"watch": 3}, "watch is an int; expected a function of the run, to call after each epoch"),
        ({"watch": live.Watch}, "watch is the class Watch; expected a function"),
        ({"evaluate_every": "1"}, "evaluate_every is '1'; expected a whole number from 0 on"),
        ({"evaluate_every": 1.5}, "evaluate_every is 1.5; expected a whole number"),
        ({"evaluate_every": None}, "evaluate_every is None; expected a whole number"),
        ({"evaluate_every": -1}, "evaluate_every is -1; expected a whole number"),
    ],
)
def test_options_that_cannot_be_are_told_before_the_first_step(options, told, data):
    network = net()
    before = state(network)
    with pytest.raises(ValueError, match=f"^{told}"):
        training.train(network, **{"data": data, "plan": PLAN, "watch": quiet, "device": "cpu", **options})
    assert torch.equal(state(network), before)


def test_a_network_in_place_of_a_run(data):
    with pytest.raises(
        ValueError, match=r"^run is a Sequential; expected the Run that training.train gave back"
    ):
        training.evaluate(net(), data.test_images, data.test_labels)


def test_a_checkpoint_of_another_plan_or_a_damaged_one(data, tmp_path):
    path = tmp_path / "x.pt"
    training.train(net(), data, dataclasses.replace(PLAN, epochs=1), keep=path, watch=quiet)
    with pytest.raises(checkpoint.CheckpointError, match=r"another plan \(epochs\): delete it"):
        training.train(net(), data, PLAN, keep=path, watch=quiet)
    raw, plan = path.read_bytes(), dataclasses.replace(PLAN, epochs=1)
    flipped = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(0, len(raw), len(raw) // 40)]
    for damaged in (b"", raw[:500], raw[: len(raw) // 2], raw[:-10], raw + b" ", *flipped):
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.CheckpointError, match="is no checkpoint, or is damaged: delete it"):
            training.train(net(), data, plan, keep=path, watch=quiet)
    torch.save({"plan": {}}, path)
    with pytest.raises(checkpoint.CheckpointError, match="has no checksum, as from an older labkit: delete"):
        training.train(net(), data, plan, keep=path, watch=quiet)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be made a folder"):
        training.train(net(), data, plan, keep=path / "y.pt", watch=quiet)


def test_a_checkpoint_of_other_pictures_or_another_network(data, tmp_path):
    path, plan = tmp_path / "x.pt", dataclasses.replace(PLAN, epochs=1)
    training.train(net(), data, plan, keep=path, watch=quiet)
    same = training.train(net(), data, plan, keep=path, watch=quiet)
    assert len(same.epochs) == 1
    fewer = dataclasses.replace(
        data, train_images=data.train_images[:-1], train_labels=data.train_labels[:-1]
    )
    for other in (fewer, dataclasses.replace(data, train_labels=data.train_labels.flip(0))):
        with pytest.raises(
            checkpoint.CheckpointError, match=r"x\.pt was made with other pictures: delete it"
        ):
            training.train(net(), other, plan, keep=path, watch=quiet)
    for another in (nets.introductory(), nn.Sequential(*list(net())[:2], nn.Tanh(), *list(net())[3:])):
        with pytest.raises(
            checkpoint.CheckpointError, match=r"x\.pt was made with another network: delete it"
        ):
            training.train(another, data, plan, keep=path, watch=quiet)
    with pytest.raises(checkpoint.CheckpointError, match="is a folder: name a file in it"):
        training.train(net(), data, plan, keep=tmp_path, watch=quiet)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0}, {"epochs": 1.5}, {"rate": 0.0}, {"rate": float("nan")}, {"rate": float("inf")},
        {"rate": "0.1"}, {"batch": 0}, {"decay": -1e-4}, {"smoothing": 1.0}, {"shift": -1},
        {"schedule": "no"}, {"seed": 1.5}, {"seed": "a"}, {"seed": None}, {"seed": 2**70}, {"bf16": "no"},
        {"nesterov": "no"}, {"flip": "yes"},
    ],
)  # fmt: skip
def test_a_plan_out_of_range(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"^{name} is {value!r}; expected "):
        training.Plan(**wrong)


def test_no_momentum_is_no_nesterov(data):
    plan = dataclasses.replace(PLAN, epochs=1, momentum=0)
    assert len(training.train(net(), data, plan, watch=quiet, device="cpu").losses) == 10


def test_what_cannot_be_learnt_from(data):
    images, labels = data.train_images, data.train_labels
    for changed, told in (
        ({"train_labels": labels[:-1]}, "320 training pictures, but 319 labels"),
        ({"train_labels": labels + 1}, "training labels are from 1 to 10; expected 0 to 9"),
        ({"train_labels": labels - 1}, "training labels are from -1 to 8; expected 0 to 9"),
        ({"train_labels": labels[:, None]}, r"training labels are int64 of shape \(320, 1\); expected"),
        ({"train_labels": labels.float()}, "training labels are float32 of shape"),
        ({"train_labels": labels.tolist()}, "training labels are a list; expected a tensor"),
        ({"train_images": images[:0], "train_labels": labels[:0]}, "no training pictures"),
        ({"train_images": images / 255}, "train_images are float32; expected bytes from 0 to 255"),
        ({"test_images": data.test_images > 9}, "test_images are bool; expected bytes"),
        ({"train_images": images.numpy()}, "train_images is a ndarray; expected a tensor"),
        (
            {"train_images": images.permute(0, 2, 3, 1)},
            r"\(320, 32, 32, 3\); expected \(N, 3, H, W\), channels f",
        ),
        ({"train_images": images[:, 0]}, r"train_images have the shape \(320, 32, 32\); expected"),
    ):
        with pytest.raises(ValueError, match=told):
            training.train(net(), dataclasses.replace(data, **changed), PLAN, watch=quiet)
    with pytest.raises(ValueError, match="shift is 32; expected less than the 32 pixels"):
        training.train(net(), data, dataclasses.replace(PLAN, shift=32), watch=quiet)
    with pytest.raises(ValueError, match='device is \'gpu\'; expected "cuda", "mps" or "cpu"'):
        training.train(net(), data, PLAN, device="gpu")
    with pytest.raises(ValueError, match="device is 'mps', which torch does not find here"):
        training.train(net(), data, PLAN, device="mps")
    for network, told in (
        (net().requires_grad_(False), "the network has nothing to train"),
        (None, "the network is None; expected a torch.nn.Module"),
        (nn.Sequential(nn.Flatten(), nn.Linear(3072, 9)), r"have the shape \(32, 9\); expected \(32, 10\)"),
    ):
        with pytest.raises(ValueError, match=told):
            training.train(network, data, PLAN, watch=quiet, device="cpu")


def test_what_cannot_be_measured(data):
    run = training.Run(net(), PLAN, (0.5,) * 3, (0.2,) * 3)
    images, labels = data.test_images, data.test_labels
    for arguments, options, told in (
        ((images, labels), {"views": 3}, "views is 3; expected 1, 2 or 6"),
        ((images, labels), {"views": 0}, "views is 0; expected 1, 2 or 6"),
        ((images, labels), {"batch": 0}, "batch is 0; expected a whole number from 1 on"),
        ((images / 255, labels), {}, "images are float32; expected bytes"),
        ((images, labels[:-3]), {}, "there are 60 pictures, but 57 labels"),
        ((images[:0], labels[:0]), {}, "no pictures to measure on"),
        ((images, labels + 1), {}, r"have the shape \(60, 10\); expected \(60, 11\)"),
    ):
        with pytest.raises(ValueError, match=told):
            training.evaluate(run, *arguments, **options)


def test_without_test_pictures_there_is_no_accuracy(data):
    none = dataclasses.replace(data, test_images=data.test_images[:0], test_labels=data.test_labels[:0])
    with pytest.warns(UserWarning, match="there are no test pictures: no accuracy is measured"):
        run = training.train(net(), none, dataclasses.replace(PLAN, epochs=1), watch=quiet, device="cpu")
    assert "accuracy" not in run.epochs[0]
    with pytest.raises(ValueError, match="there are no test pictures to compare the rates on"):
        sweep.sweep(net(), none)


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_too_large_a_rate_ends_training_with_a_sentence(data, tmp_path, capsys):
    plan = training.Plan(epochs=4, batch=8, rate=1e20, schedule="constant", bf16=False)
    path = tmp_path / "x.pt"
    run = training.train(nets.introductory(), data, plan, keep=path, device="cpu")
    told = capsys.readouterr().out
    assert "the loss is not a number any more; the learning rate is too high." in told
    assert "loss nan  accuracy" in told
    assert len(run.epochs) == 1
    assert not run.stopped
    assert not path.exists()  # nothing to go on from
    for losses in ([2.0, 1.0, math.nan], [math.inf] * 3, [1e30, 3.0, -math.inf], [math.nan]):
        rows = [
            {"epoch": i + 1, "loss": v, "test_loss": v, "accuracy": 0.1, "seconds": 1.0}
            for i, v in enumerate(losses)
        ]
        some = dataclasses.replace(run, losses=losses * 5, epochs=rows)
        assert len(live.sparks(losses)) == len(losses)
        for figure in (
            live.loss_figure([("", some)]),
            plot_training.stopping(lambda losses, patience: (0, 0), {"a": some, "b": run}),
        ):
            figure.savefig(io.BytesIO(), dpi=30)


@pytest.mark.filterwarnings("error")
def test_a_sweep_goes_on_past_a_rate_that_is_too_large(data, capfd):
    plan = training.Plan(batch=32, schedule="constant", bf16=False)
    result = sweep.sweep(nets.introductory(), data, rates=(1e20, 0.01), epochs=(1, 2), plan=plan, workers=1)
    assert len(result.accuracy) == 4
    assert math.isnan(result.loss[1e20, 2])
    high = dataclasses.replace(result, accuracy=result.accuracy | {(1e20, 1): 0.99})
    assert high.best[0] == 0.01
    assert "not a number" not in capfd.readouterr().out
    figure = sweep.figure(result)
    figure.savefig(io.BytesIO(), dpi=30)
    assert "rate 1e+20, 2 epochs: " in figure.get_label()
    assert "its loss is not a number" in figure.get_label()


@pytest.mark.filterwarnings("error")
def test_figures_of_a_students_functions_that_give_no_number(data):
    images, labels = data.train_images[:32].float(), data.train_labels[:32]

    def fit(*_arguments):
        return torch.tensor([2.0, math.inf, math.nan])

    figure = plot_training.by_heart(lambda *_: 0.0, fit, nets.introductory(), images, labels, epochs=3)
    figure.savefig(io.BytesIO(), dpi=30)
    for rate in (math.nan, math.inf):
        plot_training.schedule(lambda *_, rate=rate: rate).savefig(io.BytesIO(), dpi=30)


def test_ctrl_c_returns_the_network_so_far(data, capsys):
    class Stops(nn.Module):
        """Sends the signal of Ctrl-C in its 14th step."""

        def __init__(self):
            super().__init__()
            self.inner, self.steps = net(), 0

        def forward(self, x):
            self.steps += self.training
            if self.training and self.steps == 14:
                os.kill(os.getpid(), signal.SIGINT)
            return self.inner(x)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = training.train(Stops(), data, PLAN, watch=quiet, device="cpu")
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.stopped
    assert 13 <= len(run.losses) <= 15
    assert [row["epoch"] for row in run.epochs] == [1, 2]
    assert "accuracy" in run.epochs[-1]  # of an unfinished epoch too
    assert f"stopped after {len(run.losses)} of 30 steps" in capsys.readouterr().out
    assert not run.net.training
    assert training.evaluate(run, data.test_images, data.test_labels).probabilities.shape == (60, 10)


def test_ctrl_c_before_the_first_step_returns_the_network_too(data, monkeypatch, capsys):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "windows", interrupted)
    run = training.train(net(), data, PLAN, watch=quiet, device="cpu")
    assert run.stopped
    assert run.epochs == run.losses == []
    assert capsys.readouterr().out == "Training was stopped after 0 of 30 steps; the network is kept.\n"
    assert training.evaluate(run, data.test_images, data.test_labels).probabilities.shape == (60, 10)


class Viewing(nn.Sequential):
    """A network as in many tutorials: `view` wants what a convolution gives in the usual layout."""

    def forward(self, x):
        x = self[0](x)
        return self[1](x.view(x.size(0), -1))


def test_a_network_with_view_is_trained_and_measured(data):
    torch.manual_seed(0)
    viewing = Viewing(nn.Conv2d(3, 4, 5, stride=3), nn.Linear(400, 10))
    plain = nn.Sequential(viewing[0], nn.Flatten(), viewing[1])
    runs = [
        training.train(copy.deepcopy(each), data, PLAN, watch=quiet, device="cpu")
        for each in (viewing, plain)
    ]
    assert [run.channels_last for run in runs] == [False, True]
    assert runs[0].losses == pytest.approx(runs[1].losses, abs=1e-4)
    scores = [training.evaluate(run, data.test_images, data.test_labels, views=2) for run in runs]
    assert scores[0].loss == pytest.approx(scores[1].loss, abs=1e-4)
    tried = sweep.sweep(viewing, data, rates=(0.01,), epochs=(1,))
    training.evaluate(tried.runs[0.01, 1], data.test_images, data.test_labels)


def test_gradients_that_somebody_switched_off_are_on_while_it_trains(data):
    with torch.no_grad():
        run = training.train(net(), data, dataclasses.replace(PLAN, epochs=1), watch=quiet, device="cpu")
        assert not torch.is_grad_enabled()
    assert len(run.losses) == 10


def test_evaluation_counts_the_short_last_batch(data):
    run = training.train(net(), data, dataclasses.replace(PLAN, epochs=1), watch=quiet, device="cpu")
    scores = [training.evaluate(run, data.test_images, data.test_labels, batch=b) for b in (7, 60, 500)]
    assert max(s.accuracy for s in scores) == min(s.accuracy for s in scores)
    assert torch.allclose(scores[0].probabilities, scores[1].probabilities, atol=1e-5)
    two = training.evaluate(run, data.test_images, data.test_labels, views=2)
    mirrored = training.evaluate(run, data.test_images.flip(3), data.test_labels, views=2)
    assert torch.allclose(two.probabilities, mirrored.probabilities, atol=1e-5)
    six = training.evaluate(run, data.test_images, data.test_labels, views=6)
    assert not torch.allclose(six.probabilities, two.probabilities, atol=1e-5)


def test_bfloat16_runs_where_it_is_asked_for(data):
    run = training.train(
        net(), data, dataclasses.replace(PLAN, epochs=1, bf16=True), watch=quiet, device="cpu"
    )
    assert all(0 < loss < 10 for loss in run.losses)
    assert {p.dtype for p in run.net.parameters()} == {torch.float32}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_gpu(data):
    run = training.train(net(), data, PLAN, watch=quiet, device="cuda")
    assert next(run.net.parameters()).is_cuda


def test_lines_of_text(data, capsys):
    run = training.train(net(), data, PLAN, device="cpu")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3  loss ")
    assert "accuracy" in lines[2]
    assert lines[2] == live.line(run, 3)
    text = live.loss_figure([("one", run)]).get_label()
    assert text.startswith("Loss and accuracy by epoch. one: loss ")


def test_a_notebook_gets_one_picture_that_grows(data, monkeypatch):
    import IPython.display

    shown, updated = [], []

    class Handle:
        def update(self, content, **options):
            updated.append((content, options))

    def display(content, **options):
        shown.append((content, options))
        return Handle()

    monkeypatch.setattr(live, "_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    training.train(net(), data, PLAN, device="cpu")
    assert len(shown) == 1
    assert len(updated) == 2
    content, options = updated[-1]
    assert content["text/plain"].count("epoch") == 3
    assert options["metadata"]["image/png"]["alt"].startswith("Loss and accuracy by epoch.")


def test_tensorboard_is_optional(data, tmp_path, monkeypatch):
    monkeypatch.setattr(live.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        live.TensorBoard(tmp_path)


def test_tensorboard_gets_the_numbers(data, tmp_path):
    event = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    seen: list[int] = []
    watch = live.both(live.TensorBoard(tmp_path), lambda run: seen.append(len(run.epochs)))
    run = training.train(net(), data, PLAN, device="cpu", watch=watch)
    assert seen == [1, 2, 3]
    events = event.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [round(e.value, 4) for e in events.Scalars("loss/step")] == [round(v, 4) for v in run.losses]


def test_tensorboard_has_each_step_once_after_a_resume(data, tmp_path):
    event = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def stop_after_two(run):
        if len(run.epochs) == 2:
            raise KeyboardInterrupt

    for more in (stop_after_two, quiet):
        watch = live.both(live.TensorBoard(tmp_path / "log"), more)
        run = training.train(net(), data, PLAN, device="cpu", keep=tmp_path / "x.pt", watch=watch)
    events = event.EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert [e.step for e in events.Scalars("loss/step")] == list(range(len(run.losses)))
    assert [e.step for e in events.Scalars("accuracy/epoch")] == [1, 2, 3]


def test_a_sweep_is_what_single_runs_give(data):
    first = net()
    before = state(first).clone()
    plan = dataclasses.replace(PLAN, schedule="constant")
    result = sweep.sweep(first, data, rates=(0.1, 0.001), epochs=(1, 2), plan=plan, workers=2)
    assert torch.equal(state(first), before)
    assert sorted(result.runs) == [(0.001, 2), (0.1, 2)]  # two runs give four cells
    for rate in (0.1, 0.001):
        for length in (1, 2):
            alone = training.train(
                net(), data, dataclasses.replace(plan, rate=rate, epochs=length), watch=quiet, device="cpu"
            )
            assert result.accuracy[rate, length] == alone.epochs[-1]["accuracy"]
            assert result.loss[rate, length] == pytest.approx(alone.epochs[-1]["loss"], rel=1e-4)
    assert result.best in result.accuracy
    text = sweep.figure(result).get_label()
    assert "rate 0.1, 2 epochs:" in text


def test_a_sweep_of_another_schedule_has_a_run_for_each_cell(data):
    result = sweep.sweep(net(), data, rates=(0.1,), epochs=(1, 2), plan=PLAN, workers=1)
    assert sorted(result.runs) == [(0.1, 1), (0.1, 2)]


def test_ctrl_c_in_a_sweep_returns_what_is_finished(data, monkeypatch, capsys):
    def train(network, pictures, plan, *, watch):
        def stop(_run):
            if plan.rate == 0.01:
                raise KeyboardInterrupt

        return real(network, pictures, plan, watch=stop, device="cpu")

    real = training.train
    monkeypatch.setattr(sweep, "train", train)
    result = sweep.sweep(net(), data, rates=(0.1, 0.01), epochs=(1, 2), workers=1)
    assert list(result.accuracy) == [(0.1, 1), (0.1, 2)]
    assert "rate 0.1, 2 epochs:" in sweep.figure(result).get_label()
    assert "1 of 2 runs are finished" in capsys.readouterr().out
    with pytest.raises(sweep.SweepError, match="stopped before a run was finished"):
        sweep.sweep(net(), data, rates=(0.01,), epochs=(1,), workers=1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs side by side need fork")
def test_ctrl_c_in_a_sweep_side_by_side(data, monkeypatch, capfd, tmp_path):
    done, home, train, filled = tmp_path / "done", os.getpid(), training.train, sweep._filled

    def slow(network, pictures, plan, **more):
        while plan.rate == 0.01 and not done.exists():
            time.sleep(0.05)
        if plan.rate == 0.01:  # the other run is with the parent: to both what a terminal sends
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(home, signal.SIGINT)
        return train(network, pictures, plan, **more)

    def told(*arguments):
        done.touch()
        return filled(*arguments)

    monkeypatch.setattr(sweep, "train", slow)
    monkeypatch.setattr(sweep, "_filled", told)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = sweep.sweep(net(), data, rates=(0.1, 0.01), epochs=(1,), workers=2)
    finally:
        signal.signal(signal.SIGINT, before)
    out, err = capfd.readouterr()
    assert list(result.accuracy) == [(0.1, 1)]
    assert "1 of 2 runs are finished" in out
    assert "Traceback" not in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs side by side need fork")
def test_ctrl_c_while_a_finished_run_of_a_sweep_ends_leaves_no_process(data, monkeypatch, capsys):
    join, waits = mp.context.ForkProcess.join, []

    def interrupted(process, timeout=None):
        waits.append(process)
        if len(waits) == 1:
            raise KeyboardInterrupt
        join(process, timeout)

    monkeypatch.setattr(mp.context.ForkProcess, "join", interrupted)
    result = sweep.sweep(net(), data, rates=(0.1, 0.01), epochs=(1,), workers=2)
    assert "1 of 2 runs are finished" in capsys.readouterr().out
    assert len(result.accuracy) == 1
    assert waits.count(waits[0]) == 2


def test_a_sweep_of_nothing(data):
    for wrong, told in (
        ({"rates": ()}, "there are no rates to try"),
        ({"rates": 0.1}, "rates is 0.1; expected several numbers"),
        ({"epochs": (0, 2)}, "epochs is 0; expected a whole number"),
        ({"workers": -1}, "workers is -1; expected a whole number from 1 on"),
        ({"workers": 1.5}, "workers is 1.5; expected"),
        ({"workers": "2"}, "workers is '2'; expected"),
        ({"rates": (0.1, -1)}, "rate is -1; expected a number above 0"),
        ({"plan": 3}, "plan is an int; expected a Plan, such as training.Plan"),
        ({"plan": training.Plan}, "plan is the class Plan; expected a Plan"),
        ({"data": None}, "data is None; expected Images, such as"),
        ({"net": net}, "the network is a function; expected a torch.nn.Module"),
    ):
        with pytest.raises(ValueError, match=told):
            sweep.sweep(**{"net": net(), "data": data, **wrong})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs side by side need fork")
def test_a_member_that_fails_or_is_killed_ends_the_sweep(data):
    class Bad(nn.Module):
        def __init__(self, how):
            super().__init__()
            self.layer, self.how = nn.Linear(1, 1), how

        def forward(self, _x):
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("wrong shape")

    for how, told in (("fails", "RuntimeError: wrong shape"), ("killed", "ended from outside")):
        with pytest.raises(sweep.SweepError, match=told):
            sweep.sweep(Bad(how), data, rates=(0.1, 0.01), epochs=(1,), workers=2)


@pytest.mark.parametrize(("together", "expected"), [(0.05, 2), (0.09, 1), (2.0, 1)])
def test_one_thread_where_two_are_not_faster(together, expected, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(cores, "seconds", lambda count: {1: 0.1, 2: together}[count])
    try:
        assert cores.best_threads(torch.device("cpu")) == expected
        with cores.threads(expected):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        monkeypatch.setattr(cores, "seconds", None)  # nothing is tried
        assert cores.best_threads(torch.device("cpu")) == 1
        with cores.threads(2):  # as a checkpoint says; the user's wish goes before
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_threads_are_chosen_once_a_run_and_kept(data, tmp_path, monkeypatch):
    tried = []

    def choose(place):
        tried.append(place)
        return 1

    monkeypatch.setattr(training, "best_threads", choose)

    def stop(run):
        raise KeyboardInterrupt

    run = training.train(net(), data, PLAN, keep=tmp_path / "x.pt", watch=stop, device="cpu")
    again = training.train(net(), data, PLAN, keep=tmp_path / "x.pt", watch=quiet, device="cpu")
    training.evaluate(again, data.test_images, data.test_labels)
    assert len(tried) == run.threads == again.threads == 1


def test_the_loop_is_as_short_as_lab_6_says():
    text = Path(training.__file__).read_text()
    told = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    }
    lines = [
        line
        for at, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and at not in told
    ]
    master = Path(__file__).parents[2] / "grading/masters/06_cifar10.py"
    said = re.search(r"`labkit/training\.py`, about (\d+) lines of code", master.read_text())
    assert abs(len(lines) - int(said[1])) <= 5


def test_trying_threads_takes_a_moment():
    before = torch.get_num_threads()
    assert 0 < cores.seconds(1) < 5
    torch.set_num_threads(before)


def test_the_introductory_network_pools_before_relu_and_gives_the_same(data):
    net = nets.introductory()
    x = torch.randn(4, 3, 32, 32)
    y = nn.functional.max_pool2d(nn.functional.relu(net.conv1(x)), 2)
    y = nn.functional.max_pool2d(nn.functional.relu(net.conv2(y)), 2)
    assert torch.equal(net(x), net[6:](y))


def test_bfloat16_only_where_the_processor_has_it_and_channels_are_many(monkeypatch):
    place = torch.device("cpu")
    for has, net, wanted in (
        (True, nets.small_resnet(), True),
        (True, nets.introductory(), False),
        (False, nets.small_resnet(), False),
    ):
        monkeypatch.setattr(cores, "_cpu_has_bf16", lambda has=has: has)
        with cores.autocast(net, place, None):
            assert torch.is_autocast_enabled("cpu") is wanted

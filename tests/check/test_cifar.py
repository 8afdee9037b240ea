"""Lab 6's checks in detail: published numbers, and what messages say of steps, batches and networks."""

import inspect

import pytest
import torch
from torch import nn

from labkit import datasets, nets
from labkit.check import library_cifar as library
from labkit.check import mutants_build, network
from labkit.check.cifar import EXERCISES, MUTANTS


def test_published_statistics_of_cifar10():
    data = datasets.cached_cifar10()
    if data is None:
        pytest.skip("CIFAR-10 is not in the cache")
    mean, std = library.channel_stats(data.train_images[:20_000])
    assert [round(v, 2) for v in (*mean.tolist(), *std.tolist())] == [0.49, 0.48, 0.45, 0.25, 0.24, 0.26]


def good():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 10)
    )


def wide():
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 200), nn.ReLU(), nn.Linear(200, 10))


def bold():
    net = good()
    for layer in (net[0], net[-1]):
        nn.init.normal_(layer.weight)
    return net


class Held(nn.Module):
    """Returned in place of Held()."""


class Flat(nn.Module):
    """A tanh that no layer stands for."""

    def __init__(self):
        super().__init__()
        self.inside = good()

    def forward(self, x):
        return torch.tanh(self.inside(x))


def deep():
    """Most parameters are in convolutions."""
    return nn.Sequential(nn.Conv2d(3, 200, 3), nn.ReLU(), nn.Conv2d(200, 200, 3, stride=2), good_end(200))


def good_end(width):
    return nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def test_ready_made_networks_are_not_built(run):
    """The introductory one, put together by hand, is."""

    class Introductory(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.pool, self.conv2 = nn.Conv2d(3, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5)
            self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x):
            x = self.pool(self.conv2(self.pool(self.conv1(x)).relu()).relu()).flatten(1)
            return self.fc3(self.fc2(self.fc1(x).relu()).relu())

    assert float(run("build_net", Introductory)[0]) == 1
    for ready in (nets.introductory, nets.patchwise):
        earned, text = run("build_net", ready)
        assert float(earned) == 0
        assert "ready-made: put one of your own together" in text


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (wide, "Came back: a network of 616,610 parameters."),
        (bold, "its first scores are too large"),
        (
            lambda: nn.Sequential(good(), nn.Softmax(1)),
            "softmax at its end, which cross_entropy contains",
        ),
        (
            lambda: nn.Sequential(good(), nn.Linear(10, 7)),
            "Expected: a tensor of shape (6, 10)",
        ),
        (lambda: 5, "It stopped with TypeError"),
        (lambda: Held, "Came back: the class Held, not a network: return Held()."),
        (lambda width: good(), "keep the line with def as it was given; it has no parameters."),
        (Flat, "your result equals a network with a tanh at its end"),
        (deep, "Hint: use fewer channels, or fewer layers."),
        (wide, "Hint: most parameters are in one linear layer"),
        (mutants_build._asleep, "weights that are all 0 at the start"),
    ],
)
def test_a_wrong_network_is_told_what_to_do(build, said, run):
    earned, text = run("build_net", build)
    assert float(earned) < 1
    assert said in text


def last_normalised():
    return nn.Sequential(good(), nn.BatchNorm1d(10))


def last_largest():
    """Scores whose first loss is near the largest that is allowed."""
    net = good()
    nn.init.normal_(net[-1].weight, std=1.2)
    return net


@pytest.mark.parametrize("build", [good, last_normalised, last_largest, bold, mutants_build._Listed, Flat])
def test_the_mark_does_not_hang_on_what_was_drawn_before(build, run):
    found = set()
    for before in range(6):
        torch.manual_seed(before)
        state = torch.get_rng_state()
        earned, text = run("build_net", build, "ab" * 32 if before % 2 else None)
        assert torch.equal(torch.get_rng_state(), state)
        found.add((float(earned), text))
    assert len(found) == 1, found
    assert float(run("build_net", good)[0]) == float(run("build_net", last_normalised)[0]) == 1


def test_layers_in_a_list_are_named_also_where_there_are_few_parameters(run):
    for width in (10, 128):
        _, text = run("build_net", lambda width=width: mutants_build._Listed(width))
        assert network.measures.HIDDEN in text
    _, text = run("build_net", mutants_build._Anew)
    assert "make layers in __init__" in text


def test_no_network_of_the_check_is_a_right_answer(run):
    """Students can read and import labkit: what its wrong networks are made of is not handed out whole."""
    made = [v for v in vars(mutants_build).values() if getattr(v, "__module__", "") == mutants_build.__name__]
    alone = [v for v in made if not inspect.signature(v).parameters or v is mutants_build._Around]
    assert len(alone) >= 5
    assert all(float(run("build_net", build)[0]) < 1 for build in alone)


def test_answers_along_the_wrong_axis_are_named_where_they_stop_too(run):
    def sideways(net, images, labels, size):
        z = torch.cat([net(x) for x in images.split(size)])
        return nn.functional.cross_entropy(z, labels), (z.argmax(0) == labels).double().mean()

    for seed in (None, "hidden"):
        assert "argmax along the wrong axis" in run("evaluate", sideways, seed)[1]


def test_a_batch_that_is_too_large_is_told(run):
    def all_at_once(net, images, labels, size):
        return nn.functional.cross_entropy(net(images), labels), 0.0

    _, text = run("evaluate", all_at_once)
    assert "pictures at once, where size is 4" in text


def test_message_of_a_missing_zero_grad(run):
    _, text = run("sgd_step", MUTANTS["sgd_step"][0].fn)
    assert "calls sgd_step(net, optimizer, x, labels) with x (3, " in text
    assert "zero_grad is missing" in text


def test_a_network_is_built_anew_for_each_question(run):
    built = []

    def build_net():
        built.append(torch.initial_seed())
        return good()

    assert float(run("build_net", build_net)[0]) == 1
    assert len(built) > len(network.QUESTIONS)  # one question takes two
    assert float(run("build_net", lambda: good().eval())[0]) == 1


def test_exercises_are_in_the_order_of_the_lab():
    assert len(EXERCISES) == 13
    assert list(EXERCISES)[9] == "my_predictions"

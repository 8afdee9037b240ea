"""Lab 6's figures: drawn from the student's functions, with alt text, and a note where a function fails."""

import runpy
from pathlib import Path

import pytest
import torch
from torch import nn

from labkit import classifier, datasets, nets, plot_pictures, plot_results, plot_training, training

HONEST = runpy.run_path(str(Path(__file__).parent / "check" / "honest_cifar.py"))["HONEST"]


@pytest.fixture(scope="module")
def data():
    return datasets.stand_in(train=1_000, test=100)


@pytest.fixture(scope="module")
def runs(data):
    plan = training.Plan(epochs=3, batch=64, rate=0.05)
    run = training.train(nets.introductory(), data, plan, watch=lambda _: None)
    return {"plain": run, "again": run}


def figures(data, runs, change):
    """Return each figure, its functions changed by `change(name, right)`."""
    f = {name: change(name, next(iter(styles.values()))) for name, styles in HONEST.items()}
    p = torch.rand(100, 10, generator=torch.Generator().manual_seed(0)).mul(6).softmax(1)
    labels = data.test_labels
    x, y = classifier.prepared(data, 16)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    return {
        "channels": plot_pictures.channels(f["channel_stats"], f["normalise"], data.train_images),
        "split": plot_pictures.split(f["stratified_split"], data),
        "augmented": plot_pictures.augmented(f["augment"], data.train_images),
        "moved": plot_pictures.moved(f["augment"], data.train_images[0], [(0, 8, True)]),
        "by heart": plot_training.by_heart(f["sgd_step"], f["fit"], net, x, y, epochs=3),
        "schedule": plot_training.schedule(f["one_cycle"]),
        "stopping": plot_training.stopping(f["early_stop"], runs),
        "confusion": plot_results.confusion_matrix(
            f["confusion"], f["worst_pairs"], labels, p.argmax(1), data.classes
        ),
        "reliability": plot_results.reliability(f["calibration"], p, labels),
    }


class OnACard(torch.Tensor):
    """A tensor that numpy cannot read before it is brought back, like one on a graphics card."""

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def numpy(self):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def test_filters_that_a_graphics_card_trained_are_drawn():
    trained = nn.Conv2d(3, 4, 3)
    trained.weight = nn.Parameter(trained.weight.detach().as_subclass(OnACard))
    with pytest.raises(TypeError, match="cuda"):
        trained.weight.detach().numpy()
    assert "4 filters of 3x3" in plot_pictures.first_filters(nn.Conv2d(3, 4, 3), trained).get_label()


@pytest.mark.parametrize(
    ("names", "told"), [("", "nothing is trained yet"), ("a", "in one way,"), ("abc", "in 3 ways,")]
)
def test_a_comparison_that_was_stopped_is_drawn(names, told, runs):
    fig = plot_training.stopping(
        next(iter(HONEST["early_stop"].values())), dict.fromkeys(names, runs["plain"])
    )
    assert told in fig.get_label()
    assert len([ax for ax in fig.axes if ax.axison and ax.get_title()]) == len(names)


def stub(name, right):
    def unwritten(*args, **kwargs):
        raise NotImplementedError

    return unwritten


def test_right_functions_are_drawn(data, runs, cut_off):
    drawn = figures(data, runs, lambda n, right: right)
    assert {name: parts for name, fig in drawn.items() if (parts := cut_off(fig))} == {}
    found = {k: str(fig.get_label()) for k, fig in drawn.items()}
    assert all(len(alt) > 40 for alt in found.values())
    assert not any("No picture" in alt or "not written" in alt for alt in found.values()), found
    assert "your split: 20, 20, 20, 20, 20, 20, 20, 20, 20, 20" in found["split"]
    assert "warm 0.25: 0.1 at step 50, 0 at the end" in found["schedule"]
    assert "begins at 2." in found["by heart"]
    assert "mean 0, std 1" in found["channels"]


def test_unwritten_functions_leave_a_note(data, runs):
    for name, fig in figures(data, runs, stub).items():
        assert "written" in str(fig.get_label()), name


@pytest.mark.parametrize("answer", [None, "text", torch.full((2, 2), torch.nan), [[1.0]], (1, 2, 3, 4)])
def test_odd_answers_break_no_figure(answer, data, runs):
    for fig in figures(data, runs, lambda name, right: lambda *a, **k: answer).values():
        assert fig.get_label()
        fig.canvas.draw()


def test_figures_without_a_function_have_alt_text(data):
    p = torch.eye(10)[(data.test_labels + 1) % 10]
    assert "disc" in plot_pictures.gallery(data).get_label()
    assert "12 mistakes" in plot_results.worst(data, p).get_label()
    before, after = nets.introductory(), nets.introductory()
    assert "6 filters of 5x5" in plot_pictures.first_filters(before, after).get_label()
    assert "no convolution" in plot_pictures.first_filters(nn.Linear(2, 2), nn.Linear(2, 2)).get_label()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (stub("", None), "Build_net is not written yet: labkit's small network is trained in its place."),
        (lambda: 5, "Build_net stopped: AttributeError"),
        (lambda: nn.Flatten(), "Build_net gives scores of shape (2, 3072) for two pictures"),
        (HONEST["build_net"]["net_bn"], ""),
    ],
)
def test_a_network_that_cannot_be_trained_is_replaced(build, said):
    told = []
    net = classifier.network(build, say=told.append)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert "".join(told).startswith(said)


def test_a_split_that_is_wrong_is_replaced(data):
    told = []
    parts = classifier.parts(lambda labels, order, n: (order, order[:n]), data, say=told.append)
    assert (len(parts.train_labels), len(parts.test_labels)) == (900, 100)
    assert "to exactly one part: labkit splits in its place" in told[0]
    parts = classifier.parts(HONEST["stratified_split"]["split_masks"], data, say=told.append)
    assert torch.bincount(parts.test_labels).tolist() == [10] * 10
    few = classifier.first(parts, 300)  # the split went class by class
    assert torch.bincount(few.train_labels, minlength=10).min() > 15
    assert len(told) == 1

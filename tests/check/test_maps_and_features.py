"""Labs 4 and 5: what their checks have beside those of all labs: cores, worked numbers, networks, hooks."""

import pytest
import torch

from labkit.check import blocks, hooks, library_features, library_maps

CORE = [
    ("stretch", "one range for all maps"),
    ("montage", "the maps placed column by column"),
    ("filter_pictures", "red and blue swapped"),
    ("map_shapes", "shapes without the + 1"),
    ("receptive_field", "field and jump in the wrong order"),
    ("field_of", "the pixels that the whole map sees"),
    ("top_k", "the least probable classes"),
    ("occlusion_map", "f of the covered image, not the fall"),
    ("cam", "the sum over the maps, without weights"),
    ("grad_cam", "the gradient without the maps"),
    ("bottleneck", "the block without its shortcut"),
    ("block_cost", "the two counts in the wrong order"),
    ("prepare", "the photo not normalised"),
    ("embed", "the largest number of each map"),
    ("cosine_matrix", "Euclidean distances"),
    ("neighbours", "the least similar images"),
    ("margin", "the two numbers in the wrong order"),
    ("probe", "targets of -1 and 1"),
    ("pca", "scores and shares in the wrong order"),
    ("linear_cka", "the square of the CKA"),
]


@pytest.mark.parametrize(("function", "mistake"), CORE)
def test_wrong_in_the_core_earns_next_to_nothing(function, mistake, functions, run):
    fn = next(m.fn for m in functions[function].mutants if m.name == mistake)
    assert float(run(function, fn, 3)[0]) <= 0.35


def test_worked_numbers_of_lab_4():
    rows = [(7, 2), (3, 2)]
    fields = [library_maps.receptive_field(rows[:1])[0], library_maps.receptive_field(rows)[0]]
    for count, stride in ((3, 1), (4, 2), (6, 2), (3, 2)):
        for block in range(count):
            rows += [(1, 1), (3, stride if block == 0 else 1), (1, 1)]
        fields.append(library_maps.receptive_field(rows)[0])
    assert fields == [7, 11, 35, 91, 267, 427]
    shapes = library_maps.map_shapes(
        (3, 224, 224), [(64, 7, 2, 3), (None, 3, 2, 1), (256, 3, 1, 1), (512, 3, 2, 1)]
    )
    assert shapes.tolist() == [[64, 112, 112], [64, 56, 56], [256, 56, 56], [512, 28, 28]]


def test_the_network_of_the_hook_exercise_leaves_random_numbers_alone():
    before = torch.get_rng_state()
    hooks.tiny_net()
    assert torch.equal(torch.get_rng_state(), before)


def test_hooks_that_stay_are_counted_in_words(functions, run):
    stay = next(m for m in functions["record"].mutants if "left on the network" in m.name)
    earned, text = run("record", stay.fn)
    assert earned.passed == earned.total - 2
    assert "no hook is left behind; no hook is left behind when the network stops" in text


QUIET = [  # mistakes that change no number of the basic case
    ("record", "swallowed, not passed on"),
    ("record", "those of others are taken off the network"),
    ("record", "those of others are taken off the layers asked for"),
    ("features_of", "torch.no_grad() is missing"),
    ("features_of", "swallowed, not passed on"),
    ("prepare", "rounded up"),
    ("fit", "a step taken twice for each batch, and the loss of the first one"),
    ("fit", "a step taken twice for each batch, and the loss of the second one"),
]


@pytest.mark.parametrize(("function", "mistake"), QUIET)
def test_what_changes_no_number_at_first_is_named(function, mistake, functions, run):
    (mutant,) = [m for m in functions[function].mutants if mistake in m.name]
    for seed in (None, "hidden"):
        earned, text = run(function, mutant.fn, seed)
        assert 0 < float(earned) < 1 or function == "fit"
        assert mutant.name in text


def test_a_list_of_functions_is_not_written_out(run):
    assert "calls embed(stages, x) with x (" in run("embed", lambda stages, x: 0)[1]


def test_worked_numbers_of_lab_5():
    total = [7 * 7 * 3 * 64 + 2 * 64 + 2_049_000, 7 * 7 * 3 * 64 * 112 * 112 + 2_048_000]
    c_in = 64
    for count, width, first, side in ((3, 64, 1, 56), (4, 128, 2, 56), (6, 256, 2, 28), (3, 512, 2, 14)):
        for block in range(count):
            size = side if block == 0 else side // first
            cost = library_features.block_cost(c_in, width, first if block == 0 else 1, (size, size))
            total = [a + b for a, b in zip(total, cost, strict=True)]
            c_in = 4 * width
    assert total == [25_557_032, 4_089_184_256]
    x = torch.tensor([[1.0, 0], [0, 1], [0, 0], [1, 1]])
    assert library_features.linear_cka(x, x[:, :1]) == pytest.approx(0.5**0.5)


def test_networks_of_the_exercises_leave_random_numbers_alone():
    before = torch.get_rng_state()
    blocks.moody_net()
    blocks.standard(8, 2, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_other_names_are_told(functions, run):
    class Renamed(functions["bottleneck"].right):
        def __init__(self, *args):
            super().__init__(*args)
            self.first, self.conv1 = self.conv1, None

    earned, text = run("bottleneck", Renamed)
    assert float(earned) == 0
    assert "the weights do not fit the block: it lacks conv1.weight and it has first.weight" in text

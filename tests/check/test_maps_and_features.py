"""Labs 4 and 5: every right answer passes, every named mistake is refused and named, whatever the seed."""

import contextlib
import io
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from labkit import check
from labkit.check import (
    blocks,
    features,
    hooks,
    library_features,
    library_maps,
    maps,
    policy,
    specs_features,
    specs_maps,
)
from labkit.check.draw import Draw
from labkit.check.run import examine

REMOTE = runpy.run_path(str(Path(__file__).with_name("test_boundary.py")))["remote"]
STYLES = {
    lab: runpy.run_path(str(Path(__file__).with_name(f"honest_{lab}.py")))["HONEST"]
    for lab in ("maps", "features")
}
HONEST = {**STYLES["maps"], **STYLES["features"]}
MUTANTS = {**maps.MUTANTS, **features.MUTANTS}
SPECS = {**specs_maps.SPECS, **specs_features.SPECS}
HIDDEN = "0f" * 32
SEEDS = (None, HIDDEN, b"grader", "épreuve")
FUNCTIONS = list(SPECS)
BESIDE_THE_POINT = {"changes its input", "float32 for a float64 input", "float64 for a float32 input"}
each = pytest.mark.parametrize("function", FUNCTIONS)
each_style = pytest.mark.parametrize(("function", "written"), [(f, s) for f in FUNCTIONS for s in HONEST[f]])


def asked(function, fn, seed=None):
    """Return what a check earned, and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        earned = getattr(check, function)(fn, seed=seed)
    return earned, said.getvalue().rstrip("\n")


@pytest.mark.parametrize(("lab", "count"), [(maps, 12), (features, 11)], ids=["maps", "features"])
def test_every_exercise_has_its_check_styles_and_mutants(lab, count):
    honest = STYLES[lab.__name__.rpartition(".")[2]]
    assert set(lab.EXERCISES) == set(honest) == set(lab.MUTANTS)
    assert len(lab.EXERCISES) == count
    for function in lab.MUTANTS:
        assert len(HONEST[function]) >= 4
        names = [m.name for m in MUTANTS[function]]
        assert len(set(names)) == len(names) >= 6


@each_style
def test_honest_style_is_accepted(function, written):
    for seed in SEEDS:
        earned, text = asked(function, HONEST[function][written], seed)
        assert float(earned) == 1.0, text
        assert text.startswith("✓ ")
        assert earned.reasons == ()


@each
def test_mutants_are_refused_and_named_and_fail_the_same_cases_under_every_seed(function, monkeypatch):
    """Two students with the same wrong function get the same mark."""
    for wrong in MUTANTS[function]:
        report = examine(SPECS[function], wrong.fn, HIDDEN)
        assert report.failed, wrong.name
        assert wrong.name in [c.name for c in report.causes] or wrong.name in BESIDE_THE_POINT, wrong.name
    monkeypatch.setattr(policy, "pattern", lambda got, want: "")
    first = {}
    for seed in (None, HIDDEN, *range(4)):
        cases = SPECS[function].cases(Draw(function, seed))
        unnamed = replace(SPECS[function], mutants=(), cases=lambda draw, cases=cases: cases)
        for wrong in MUTANTS[function]:
            failed = examine(unnamed, wrong.fn, seed).failed
            assert failed == first.setdefault(wrong.name, failed), (wrong.name, seed)
            if wrong.name in BESIDE_THE_POINT:
                assert len(failed) == 1, wrong.name


@each
def test_a_message_names_the_mistake(function):
    for wrong in MUTANTS[function][:2]:
        report = examine(SPECS[function], wrong.fn, None)
        assert any(wrong.name in c.name for c in report.causes), wrong.name


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
def test_wrong_in_the_core_earns_next_to_nothing(function, mistake):
    fn = next(m.fn for m in MUTANTS[function] if m.name == mistake)
    report = examine(SPECS[function], fn, 3)
    assert 1 - len(report.failed) / len(report.aspects) <= 0.35


@each
def test_remembered_answers_fail_under_a_seed(function):
    if function == "bottleneck":
        return  # a class
    right, memory = next(iter(HONEST[function].values())), {}

    def key(a, k):
        return repr(
            (a[1:] if function in ("record", "occlusion_map", "field_of") else a[-2:], sorted(k.items()))
        )

    def learn(*a, **k):
        memory[key(a, k)] = right(*a, **k)
        return memory[key(a, k)]

    def recite(*a, **k):
        return memory[key(a, k)]

    assert float(asked(function, learn)[0]) == 1
    assert float(asked(function, recite, "hidden")[0]) <= 0.35


@each
@pytest.mark.parametrize("answer", [None, 0, 0.0, [], "a", {}, torch.zeros(2, 2), float("nan")], ids=str)
def test_constants_earn_next_to_nothing(function, answer):
    for seed in (None, 2):
        assert float(asked(function, lambda *a, **k: answer, seed)[0]) <= 0.1


@each
def test_stub_and_error_are_told(function):
    def stub(*a, **k):
        raise NotImplementedError

    def broken(*a, **k):
        raise RuntimeError("oops")

    earned, text = asked(function, stub)
    assert float(earned) == 0
    assert text.startswith(f"{function}: not written yet.")
    earned, text = asked(function, broken, 5)
    assert float(earned) == 0
    assert "It stopped with RuntimeError: oops" in text
    assert "None was given where the function" in asked(function, None)[1]


ACROSS = ("record", "field_of", "grad_cam", "bottleneck", "features_of")  # these are tried across the bridge
PLAIN = [f for f in FUNCTIONS if f not in ACROSS]


@pytest.mark.parametrize("function", PLAIN)
def test_the_same_marks_across_a_boundary_of_copies(function):
    for style, fn in HONEST[function].items():
        if (function, style) == ("map_shapes", "layers"):
            continue  # sizes: see the bridge
        assert float(asked(function, REMOTE(fn), "secret")[0]) == 1.0
    if function in ("map_shapes", "top_k", "embed", "neighbours"):
        return  # their mutants give what the check makes of an answer
    for wrong in [m for m in MUTANTS[function] if m.name != "changes its input"][::4]:
        here, there = (asked(function, fn, 8)[0] for fn in (wrong.fn, REMOTE(wrong.fn)))
        assert (here.passed, here.causes) == (there.passed, there.causes)


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


def test_hooks_that_stay_are_counted_in_words():
    stay = next(m for m in MUTANTS["record"] if "left on the network" in m.name)
    report = examine(SPECS["record"], stay.fn, None)
    assert report.failed == ("no hook is left behind", "no hook is left behind when the network stops")


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


def test_weights_of_other_names_are_told():
    class Renamed(HONEST["bottleneck"]["plain"]):
        def __init__(self, *args):
            super().__init__(*args)
            self.first, self.conv1 = self.conv1, None

    earned, text = asked("bottleneck", Renamed)
    assert float(earned) == 0
    assert "the weights do not fit the block: it lacks conv1.weight and it has first.weight" in text

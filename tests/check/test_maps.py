"""Lab 4's checks: every right answer passes, every named mistake is refused and named, whatever the seed."""

import contextlib
import io
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from labkit import check
from labkit.check import hooks, policy
from labkit.check import library_maps as library
from labkit.check.draw import Draw
from labkit.check.maps import EXERCISES, MUTANTS
from labkit.check.run import examine
from labkit.check.specs_maps import SPECS

REMOTE = runpy.run_path(str(Path(__file__).with_name("test_boundary.py")))["remote"]
HONEST = runpy.run_path(str(Path(__file__).with_name("honest_maps.py")))["HONEST"]
HIDDEN = "0f" * 32
SEEDS = (None, HIDDEN, b"grader", "épreuve")
FUNCTIONS = list(SPECS)
BESIDE_THE_POINT = {"changes its input", "float32 for a float64 input"}
each = pytest.mark.parametrize("function", FUNCTIONS)
each_style = pytest.mark.parametrize(("function", "written"), [(f, s) for f in FUNCTIONS for s in HONEST[f]])


def asked(function, fn, seed=None):
    """Return what a check earned, and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        earned = getattr(check, function)(fn, seed=seed)
    return earned, said.getvalue().rstrip("\n")


def test_every_exercise_has_its_check_styles_and_mutants():
    assert set(EXERCISES) == set(HONEST) == set(MUTANTS)
    assert len(EXERCISES) == 12
    for function in FUNCTIONS:
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
]


@pytest.mark.parametrize(("function", "mistake"), CORE)
def test_wrong_in_the_core_earns_next_to_nothing(function, mistake):
    fn = next(m.fn for m in MUTANTS[function] if m.name == mistake)
    report = examine(SPECS[function], fn, 3)
    assert 1 - len(report.failed) / len(report.aspects) <= 0.35


@each
def test_remembered_answers_fail_under_a_seed(function):
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


PLAIN = [
    f for f in FUNCTIONS if f not in ("record", "field_of", "grad_cam")
]  # these are tried across the bridge


@pytest.mark.parametrize("function", PLAIN)
def test_the_same_marks_across_a_boundary_of_copies(function):
    for fn in [f for style, f in HONEST[function].items() if style != "layers"]:  # sizes: see the bridge
        assert float(asked(function, REMOTE(fn), "secret")[0]) == 1.0
    if function in ("map_shapes", "top_k"):
        return  # their mutants give what the check makes of an answer
    for wrong in [m for m in MUTANTS[function] if m.name != "changes its input"][::4]:
        here, there = (asked(function, fn, 8)[0] for fn in (wrong.fn, REMOTE(wrong.fn)))
        assert (here.passed, here.causes) == (there.passed, there.causes)


def test_worked_numbers_of_the_lab():
    rows = [(7, 2), (3, 2)]
    fields = [library.receptive_field(rows[:1])[0], library.receptive_field(rows)[0]]
    for blocks, stride in ((3, 1), (4, 2), (6, 2), (3, 2)):
        for block in range(blocks):
            rows += [(1, 1), (3, stride if block == 0 else 1), (1, 1)]
        fields.append(library.receptive_field(rows)[0])
    assert fields == [7, 11, 35, 91, 267, 427]
    shapes = library.map_shapes(
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

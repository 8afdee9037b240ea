"""Lab 6's checks: every right answer passes, every named mistake is refused and named."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from labkit import check
from labkit.check import library_cifar as library
from labkit.check import network, policy
from labkit.check.cases_learning import stepping, workbench
from labkit.check.cifar import EXERCISES, MUTANTS, SPECS
from labkit.check.draw import Draw
from labkit.check.marks import earn
from labkit.check.run import examine

HONEST = runpy.run_path(str(Path(__file__).with_name("honest_cifar.py")))["HONEST"]
SEEDS = (None, "0f" * 32)
FUNCTIONS = list(SPECS)
NUMBERS = [f for f in FUNCTIONS if f != "build_net"]
STYLES = [(f, style) for f in FUNCTIONS for style in HONEST[f]]
WRONG = [(f, m) for f in NUMBERS for m in MUTANTS[f]]
ADAPTED = {"build_net": network.asked, "sgd_step": lambda fn: stepping(fn, workbench)}


def asked(capsys, function, fn, seed=None):
    """Check one function without the others of its exercise; return what was earned and printed."""
    capsys.readouterr()
    earned = earn(function, [(SPECS[function], fn)], seed)
    return earned, capsys.readouterr().out.rstrip("\n")


def written(function, style=None):
    styles = HONEST[function]
    fn = styles[style] if style else next(iter(styles.values()))
    return ADAPTED.get(function, lambda f: f)(fn)


def test_every_exercise_has_its_check_styles_and_mutants():
    assert {name for names in EXERCISES.values() for name in names} == set(HONEST) == set(SPECS)
    assert len(EXERCISES) == 13
    assert all(callable(getattr(check, exercise)) for exercise in EXERCISES)
    for function in FUNCTIONS:
        assert len(HONEST[function]) >= 4
        names = [m.name for m in MUTANTS[function]] or list(network.WRONG)
        assert len(set(names)) == len(names) >= 6


@pytest.mark.parametrize(("function", "style"), STYLES)
def test_honest_style_is_accepted(function, style, capsys):
    for seed in (None, "épreuve", b"\xff\x00")[: 1 if function == "build_net" else 3]:
        earned, text = asked(capsys, function, written(function, style), seed)
        assert float(earned) == 1.0, text
        assert text.startswith("✓ ")
        assert earned.reasons == ()


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e != "my_predictions"])
def test_a_whole_exercise(exercise, capsys):
    fns = [next(iter(HONEST[name].values())) for name in EXERCISES[exercise]]
    given = [workbench] if exercise == "sgd_step" else []
    assert getattr(check, exercise)(*fns, *given, seed="x") * 4 == 4.0
    assert capsys.readouterr().out.startswith(f"✓ {exercise}: all ")
    stubs = [_stub(name) for name in EXERCISES[exercise]]
    assert getattr(check, exercise)(*stubs, *given) * 4 == 0.0
    assert capsys.readouterr().out.count("not written yet") == len(stubs)


def _stub(name):
    def stub(*args, **kwargs):
        raise NotImplementedError

    stub.__name__ = name
    return stub


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_accepts_a_right_answer(seed, capsys):
    for function in NUMBERS:
        style = list(HONEST[function])[-1]
        assert float(asked(capsys, function, written(function, style), seed)[0]) == 1.0, (function, seed)


@pytest.mark.parametrize(("function", "wrong"), WRONG, ids=[f"{f}-{m.name}" for f, m in WRONG])
def test_mutant_is_refused_and_named(function, wrong, capsys):
    for seed in SEEDS:
        earned, text = asked(capsys, function, wrong.fn, seed)
        assert float(earned) < 1, seed
        assert wrong.name in text, text


@pytest.mark.parametrize("wrong", network.WRONG)
def test_a_wrong_network_is_told_why(wrong, capsys):
    build, said = network.WRONG[wrong]
    earned, text = asked(capsys, "build_net", network.asked(build))
    assert float(earned) < 1
    assert said in text, text


@pytest.mark.parametrize("function", NUMBERS)
def test_a_wrong_function_fails_the_same_cases_under_every_seed(function, monkeypatch):
    monkeypatch.setattr(policy, "pattern", lambda got, want: "")
    first = {}
    for seed in (None, *range(15), *(bytes([n]) * 32 for n in range(15))):
        cases = SPECS[function].cases(Draw(function, seed))
        unnamed = replace(SPECS[function], mutants=(), cases=lambda draw, cases=cases: cases)
        for mutant in MUTANTS[function]:
            report = examine(unnamed, mutant.fn, seed)
            assert report.failed
            assert report.failed == first.setdefault(mutant.name, report.failed), (mutant.name, seed)


@pytest.mark.parametrize("answer", [None, 0, 1.0, "x", [], [[1.0]], {}, (1, 2), torch.zeros(2, 2)])
def test_constants_earn_nothing(answer, capsys):
    for function in FUNCTIONS:
        fn = ADAPTED.get(function, lambda f: f)(lambda *a, **k: answer)
        assert float(asked(capsys, function, fn)[0]) == 0, function


def test_published_statistics_of_cifar10():
    from labkit import datasets

    data = datasets.cached_cifar10()
    if data is None:
        pytest.skip("CIFAR-10 is not in the cache")
    mean, std = library.channel_stats(data.train_images[:20_000])
    assert [round(v, 2) for v in (*mean.tolist(), *std.tolist())] == [0.49, 0.48, 0.45, 0.25, 0.24, 0.26]


def test_a_batch_that_is_too_large_is_told(capsys):
    def all_at_once(net, images, labels, size):
        return nn.functional.cross_entropy(net(images), labels), 0.0

    _, text = asked(capsys, "evaluate", all_at_once)
    assert "pictures at once, where size is 4" in text


def test_message_of_a_missing_zero_grad(capsys):
    mutant = MUTANTS["sgd_step"][0]
    _, text = asked(capsys, "sgd_step", mutant.fn)
    assert "calls sgd_step(net, optimizer, x, labels) with x (3, " in text
    assert "zero_grad is missing" in text

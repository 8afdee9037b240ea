"""Lab 6's checks say the same of the student's process: networks, steps, functions of the test."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check import network
from labkit.check.cases_learning import workbench
from labkit.check.cifar import EXERCISES, MUTANTS

HONEST_FILE = Path(__file__).parents[1] / "check" / "honest_cifar.py"
HONEST = runpy.run_path(str(HONEST_FILE))["HONEST"]
CHECK_OF = {name: exercise for exercise, names in EXERCISES.items() for name in names}
WRONG_STEPS = """
def no_clear(net, optimizer, x, labels):
    net.train()
    loss = F.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    return loss.item()
def no_train(net, optimizer, x, labels):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    return loss
"""
STUDENT = f"""
{HONEST_FILE.read_text()}
from labkit.check.cifar import MUTANTS
from labkit.check.cases_learning import workbench
from labkit.check import network
{WRONG_STEPS}
def choose(name, kind, style):
    globals()[name] = HONEST[name][style] if kind == "honest" else MUTANTS[name][style].fn
def untouched(name):
    exec(f"def {{name}}(*args, **kwargs):\\n    raise NotImplementedError", globals())
"""
SEED = "a5f0" * 16
WRITTEN = [e for e in EXERCISES if e != "my_predictions"]


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def first(name):
    return next(iter(HONEST[name]))


def here(exercise, fns):
    """Return points and messages of the same test cell in this process."""
    given = [workbench] if exercise == "sgd_step" else []
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        getattr(check, exercise)(*fns, *given)
        earned = getattr(check, exercise)(*fns, *given, seed=SEED)
    return 4 * earned, out.getvalue()


def there(session, exercise):
    names = [
        *(EXERCISES[exercise] or ("my_predictions",)),
        *(["workbench"] if exercise == "sgd_step" else []),
    ]
    call = f"check.{exercise}({', '.join(names)}"
    cell = f'earned = {call})\nearned = {call}, seed=secret("{exercise}"))\n4 * earned'
    run = session.run_test(cell, 60, names={"secret": lambda name: SEED})
    assert run.error is None, run.error.trace
    return run.value, run.stdout


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("exercise", WRITTEN)
def test_honest_answers_get_full_marks_across_the_bridge(exercise, place, session):
    for name in EXERCISES[exercise]:
        style = list(HONEST[name])[place]
        assert session.run_cell(f"choose({name!r}, 'honest', {style!r})", 10).error is None
    value, text = there(session, exercise)
    assert value == 4.0, text


@pytest.mark.parametrize("name", [n for n in MUTANTS if MUTANTS[n] and n != "sgd_step"])
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, session):
    exercise = CHECK_OF[name]
    for other in EXERCISES[exercise]:
        session.run_cell(f"choose({other!r}, 'honest', {first(other)!r})", 10)
    assert session.run_cell(f"choose({name!r}, 'mutant', 5)", 10).error is None
    fns = [MUTANTS[n][5].fn if n == name else HONEST[n][first(n)] for n in EXERCISES[exercise]]
    assert there(session, exercise) == here(exercise, fns)


@pytest.mark.parametrize("wrong", ["no_clear", "no_train"])
def test_wrong_steps_are_named_across_the_bridge(wrong, session):
    names: dict = {}
    exec("from torch.nn import functional as F" + WRONG_STEPS, names)
    assert session.run_cell(f"sgd_step = {wrong}", 10).error is None
    value, text = there(session, "sgd_step")
    assert (value, text) == here("sgd_step", [names[wrong]])
    assert 0 < value < 4
    said = "zero_grad is missing" if wrong == "no_clear" else "not put back into training mode"
    assert said in text


@pytest.mark.parametrize("wrong", list(network.WRONG)[::3])
def test_wrong_networks_are_told_why_across_the_bridge(wrong, session):
    assert session.run_cell(f"build_net = network.WRONG[{wrong!r}][0]", 10).error is None
    value, text = there(session, "build_net")
    assert value < 4
    assert network.WRONG[wrong][1] in text


@pytest.mark.parametrize("exercise", EXERCISES)
def test_untouched_functions_get_nothing(exercise, session):
    for name in EXERCISES[exercise] or ("my_predictions",):
        assert session.run_cell(f"untouched({name!r})", 10).error is None
    value, text = there(session, exercise)
    assert value == 0.0
    assert "not written yet" in text

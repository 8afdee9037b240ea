"""Lab 3's checks say the same of functions in the student's process: own backwards, settings, phi."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.activations import EXERCISES, MUTANTS

HONEST_FILE = Path(__file__).parents[1] / "check" / "honest_activations.py"
HONEST = runpy.run_path(str(HONEST_FILE))["HONEST"]
CHECK_OF = {name: exercise for exercise, names in EXERCISES.items() for name in names}
STUDENT = f"""
{HONEST_FILE.read_text()}
from labkit.check.activations import MUTANTS
def choose(name, kind, style):
    globals()[name] = HONEST[name][style] if kind == "honest" else MUTANTS[name][style].fn
def untouched(name):
    exec(f"def {{name}}(*args, **kwargs):\\n    raise NotImplementedError", globals())
"""
SEED = "a5f0" * 16


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def first(name):
    return next(iter(HONEST[name]))


def here(exercise, fns):
    """Return points and messages of the same test cell in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        getattr(check, exercise)(*fns)
        earned = getattr(check, exercise)(*fns, seed=SEED)
    return 4 * earned, out.getvalue()


def there(session, exercise):
    call = f"check.{exercise}({', '.join(EXERCISES[exercise])}"
    cell = f'earned = {call})\nearned = {call}, seed=secret("{exercise}"))\n4 * earned'
    run = session.run_test(cell, 60, names={"secret": lambda name: SEED})
    assert run.error is None, run.error.trace
    return run.value, run.stdout


@pytest.mark.parametrize("place", range(0, 4, 2))
@pytest.mark.parametrize("exercise", EXERCISES)
def test_honest_answers_get_full_marks_across_the_bridge(exercise, place, session):
    for name in EXERCISES[exercise]:
        style = list(HONEST[name])[place]
        assert session.run_cell(f"choose({name!r}, 'honest', {style!r})", 10).error is None
    value, text = there(session, exercise)
    assert value == 4.0, text


WRONG = [(n, i) for n in MUTANTS for i in (range(0, 13, 2) if n in ("my_relu", "pass_through") else (5,))]


@pytest.mark.parametrize(("name", "place"), WRONG)
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, place, session):
    exercise = CHECK_OF[name]
    for other in EXERCISES[exercise]:
        session.run_cell(f"choose({other!r}, 'honest', {first(other)!r})", 10)
    assert session.run_cell(f"choose({name!r}, 'mutant', {place})", 10).error is None
    fns = [MUTANTS[n][place].fn if n == name else HONEST[n][first(n)] for n in EXERCISES[exercise]]
    assert there(session, exercise) == here(exercise, fns)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_untouched_functions_get_nothing(exercise, session):
    for name in EXERCISES[exercise]:
        assert session.run_cell(f"untouched({name!r})", 10).error is None
    value, text = there(session, exercise)
    assert value == 0.0
    assert "not written yet" in text


def test_a_class_whose_backward_is_not_written(session):
    half = """
class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)
    @staticmethod
    def backward(ctx, dy):
        raise NotImplementedError
my_relu = lambda x: Half.apply(x)
"""
    assert session.run_cell(half, 10).error is None
    session.run_cell("choose('pass_through', 'honest', 'mask')", 10)
    value, text = there(session, "own_backward")
    assert value == 3.0
    assert "dx has to be computed" in text

"""labkit.check says the same about a function in the student's process as about one in its own."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.convolution import EXERCISES, MUTANTS

HONEST_FILE = Path(__file__).parents[1] / "check" / "honest_convolution.py"
HONEST = runpy.run_path(str(HONEST_FILE))["HONEST"]
CHECK_OF = {name: exercise for exercise, names in EXERCISES.items() for name in names}
STUDENT = f"""
{HONEST_FILE.read_text()}
from labkit.check.convolution import MUTANTS
def choose(name, kind, style):
    globals()[name] = HONEST[name][style] if kind == "honest" else MUTANTS[name][style].fn
def untouched(name):
    exec(f"def {{name}}(*args, **kwargs):\\n    raise NotImplementedError", globals())
"""
SEED = "a5f0" * 16


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def others(session, name):
    """Give the other functions of an exercise right answers."""
    for other in EXERCISES[CHECK_OF[name]]:
        if other != name:
            session.run_cell(f"choose({other!r}, 'honest', next(iter(HONEST[{other!r}])))", 10)


def source_of(exercise):
    call = f"check.{exercise}({', '.join(EXERCISES[exercise])}"
    return f'earned = {call})\nearned = {call}, seed=secret("{exercise}"))\n4 * earned'


def here(exercise, fns):
    """Return points and messages of the same test cell in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        getattr(check, exercise)(*fns)
        earned = getattr(check, exercise)(*fns, seed=SEED)
    return 4 * earned, out.getvalue()


def there(session, exercise):
    run = session.run_test(source_of(exercise), 30, names={"secret": lambda name: SEED})
    assert run.error is None, run.error.trace
    return run.value, run.stdout


def test_all_thirteen_exercises_are_here():
    assert len(EXERCISES) == 13


@pytest.mark.parametrize(("name", "style"), [(n, s) for n in HONEST for s in HONEST[n]])
def test_honest_answers_get_full_marks_across_the_bridge(name, style, session):
    others(session, name)
    assert session.run_cell(f"choose({name!r}, 'honest', {style!r})", 10).error is None
    value, text = there(session, CHECK_OF[name])
    assert value == 4.0, text
    fns = [HONEST[n][style if n == name else next(iter(HONEST[n]))] for n in EXERCISES[CHECK_OF[name]]]
    assert (value, text) == here(CHECK_OF[name], fns)


def sample(name):
    """Return which wrong answers to try: every fourth, and all that concern side effects and types."""
    return [i for i, m in enumerate(MUTANTS[name]) if i % 4 == 0 or "input" in m.name or "float" in m.name]


@pytest.mark.parametrize(("name", "place"), [(n, i) for n in MUTANTS for i in sample(n)])
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, place, session):
    others(session, name)
    assert session.run_cell(f"choose({name!r}, 'mutant', {place})", 10).error is None
    mutant = MUTANTS[name][place]
    fns = [mutant.fn if n == name else next(iter(HONEST[n].values())) for n in EXERCISES[CHECK_OF[name]]]
    assert there(session, CHECK_OF[name]) == here(CHECK_OF[name], fns)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_untouched_functions_get_nothing(exercise, session):
    for name in EXERCISES[exercise]:
        assert session.run_cell(f"untouched({name!r})", 10).error is None
    value, text = there(session, exercise)
    assert value == 0.0
    assert "not written yet" in text


def test_an_error_in_the_answer_names_the_line_of_the_cell(session):
    source = "def corr2d(x, k):\n    y = x\n    return helper(y)\ndef helper(y):\n    return y.nothing"
    assert session.run_cell(source, 10).error is None
    namespace = {}
    exec(compile(source, "<cell>", "exec"), namespace)
    assert there(session, "corr2d") == here("corr2d", [namespace["corr2d"]])
    assert "line" in there(session, "corr2d")[1]


def test_a_false_check_of_the_student_is_not_used(session):
    session.run_cell("choose('out_size', 'honest', next(iter(HONEST['out_size'])))", 10)
    lies = """
class check:
    @staticmethod
    def out_size(*args, **kwargs): return 1.0
earned, secret, float, print, torch = 1.0, len, str, None, None
out_size = lambda *args: 99
import labkit.check
labkit.check.out_size = check.out_size
labkit.check.convolution.out_size = check.out_size
"""
    assert session.run_cell(lies, 10).error is None
    value, text = there(session, "out_size")
    assert value < 2
    assert "99" in text
    session.run_cell("del check, earned, secret, float, print; import torch; from labkit import check", 10)

"""Lab 4's checks say the same of functions in the student's process: hooks, lent functions, gradients."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.hooks import tiny_net
from labkit.check.maps import MUTANTS

HONEST_FILE = Path(__file__).parents[1] / "check" / "honest_maps.py"
HONEST = runpy.run_path(str(HONEST_FILE))["HONEST"]
CARELESS = """
def careless_record(net, names, x):
    maps = {}
    for name in names:
        net.get_submodule(name).register_forward_hook(lambda m, i, o, name=name: maps.update({name: o}))
    net(x)
    return maps
"""
STUDENT = f"""
{HONEST_FILE.read_text()}
{CARELESS}
from labkit.check.hooks import tiny_net
from labkit.check.maps import MUTANTS
def choose(name, kind, style):
    globals()[name] = HONEST[name][style] if kind == "honest" else MUTANTS[name][style].fn
def careless():
    global record
    record = careless_record
"""
SEED = "a5f0" * 16
LENT = ("field_of", "occlusion_map", "grad_cam")
READ = ("record", "map_shapes", "top_k")


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def given(name):
    return f"{name}, tiny_net" if name == "record" else name


def here(name, fn):
    """Return points and messages of the same test cell in this process."""
    out = io.StringIO()
    fns = [fn, tiny_net] if name == "record" else [fn]
    with contextlib.redirect_stdout(out):
        getattr(check, name)(*fns)
        earned = getattr(check, name)(*fns, seed=SEED)
    return 4 * earned, out.getvalue()


def there(session, name):
    call = f"check.{name}({given(name)}"
    cell = f'earned = {call})\nearned = {call}, seed=secret("{name}"))\n4 * earned'
    run = session.run_test(cell, 60, names={"secret": lambda name: SEED})
    assert run.error is None, run.error.trace
    return run.value, run.stdout


@pytest.mark.parametrize(("name", "style"), [(n, s) for n in (*LENT, *READ) for s in HONEST[n]])
def test_honest_answers_get_full_marks_across_the_bridge(name, style, session):
    assert session.run_cell(f"choose({name!r}, 'honest', {style!r})", 10).error is None
    value, text = there(session, name)
    assert value == 4.0, text


@pytest.mark.parametrize(("name", "place"), [(n, i) for n in LENT for i in range(0, len(MUTANTS[n]), 4)])
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, place, session):
    assert session.run_cell(f"choose({name!r}, 'mutant', {place})", 10).error is None
    assert there(session, name) == here(name, MUTANTS[name][place].fn)


def test_hooks_left_in_the_students_process_are_seen(session):
    assert session.run_cell("careless()", 10).error is None
    names: dict = {}
    exec(CARELESS, names)
    value, text = there(session, "record")
    assert (value, text) == here("record", names["careless_record"])
    assert "hooks" in text
    assert 0 < value < 4

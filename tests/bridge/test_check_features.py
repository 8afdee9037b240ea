"""Lab 5's checks say the same of a class, modes and lists of functions in the student's process."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.blocks import moody_net
from labkit.check.features import MUTANTS

HONEST_FILE = Path(__file__).parents[1] / "check" / "honest_features.py"
HONEST = runpy.run_path(str(HONEST_FILE))["HONEST"]
WRONG = """
class Forgetful(BlockPlain):
    def forward(self, x):
        return torch.relu(self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))))))
def stuck(net, x):
    return net.eval()(x).detach()
"""  # noqa: E501
STUDENT = f"""
{HONEST_FILE.read_text()}
{WRONG}
from labkit.check.blocks import moody_net
from labkit.check.features import MUTANTS
def choose(name, kind, style):
    globals()[name] = HONEST[name][style] if kind == "honest" else MUTANTS[name][style].fn
def wrong():
    globals().update(bottleneck=Forgetful, features_of=stuck)
"""
SEED = "a5f0" * 16
OBJECTS = ("bottleneck", "embed", "features_of", "neighbours")
PLAIN = ("margin", "pca", "prepare", "probe")


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def given(name):
    return f"{name}, moody_net" if name == "features_of" else name


def here(name, fn):
    """Return points and messages of the same test cell in this process."""
    out = io.StringIO()
    fns = [fn, moody_net] if name == "features_of" else [fn]
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


STYLES = [(n, s) for n in OBJECTS for s in HONEST[n]] + [(n, s) for n in PLAIN for s in list(HONEST[n])[1:3]]


@pytest.mark.parametrize(("name", "style"), STYLES)
def test_honest_answers_get_full_marks_across_the_bridge(name, style, session):
    assert session.run_cell(f"choose({name!r}, 'honest', {style!r})", 10).error is None
    value, text = there(session, name)
    assert value == 4.0, text


@pytest.mark.parametrize(("name", "place"), [(n, i) for n in PLAIN for i in range(0, len(MUTANTS[n]), 6)])
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, place, session):
    assert session.run_cell(f"choose({name!r}, 'mutant', {place})", 10).error is None
    assert there(session, name) == here(name, MUTANTS[name][place].fn)


def test_a_wrong_class_and_a_wrong_mode_are_named_across_the_bridge(session):
    assert session.run_cell("wrong()", 10).error is None
    names = runpy.run_path(str(HONEST_FILE))
    exec(WRONG, names)
    for name, fn, told in (
        ("bottleneck", names["Forgetful"], "the block without its shortcut"),
        ("features_of", names["stuck"], "a network left in eval mode"),
    ):
        value, text = there(session, name)
        assert (value, text) == here(name, fn)
        assert told in text
        assert value < 4

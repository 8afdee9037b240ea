import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from labgrader.execute import Outcome
from labgrader.lab import LabCell
from labgrader.scoring import Mark, one_line, promises_number, score

from labkit import check, predictions


def make(source):
    return LabCell("test-f", "code", source, grade=True, locked=True, points=4.0)


@pytest.mark.parametrize(
    ("value", "points", "reason"),
    [
        (4.0, 4.0, ""),
        (3.9999999999, 4.0, ""),
        (1.5, 1.5, "f: 3 of 8"),
        (0.0, 0.0, "f: 3 of 8"),
        (-1.0, 0.0, "the test gave -1 points, which counts as 0"),
        (math.nan, 0.0, "the test gave nan points, which is no number"),
        (math.inf, 0.0, "the test gave inf points, which is no number"),
        (-math.inf, 0.0, "the test gave -inf points, which is no number"),
        ("True", 0.0, "the test gave True, expected a number of points"),
        ("'4.0'", 0.0, "the test gave '4.0', expected a number of points"),
        ("4.0", 0.0, "the test gave 4.0, expected a number of points"),
        ("a Tensor", 0.0, "the test gave a Tensor, expected a number of points"),
        ("", 0.0, "the test gave , expected a number of points"),
        ("1" * 100, 0.0, f"the test gave {'1' * 60}, expected a number of points"),
    ],
)
def test_the_value_is_the_points(value, points, reason):
    outcome = Outcome("ok", value=value, printed=("noise", "f: 3 of 8"))
    assert score(make("4 * earned"), outcome) == Mark("test-f", points, 4.0, reason)


def test_a_test_can_ask_for_a_person_without_taking_points():
    printed = ("✓ f: 100 % are right.", "Worth a look: nobody is that good.")
    mark = score(make("4 * earned"), Outcome("ok", value=4.0, printed=printed))
    assert mark == Mark("test-f", 4.0, 4.0, "Worth a look: nobody is that good.", look=True)


def test_the_words_that_are_looked_for_are_those_of_the_checks(capsys):
    def scored(earned):
        printed = tuple(line.strip() for line in capsys.readouterr().out.splitlines())
        return score(make("4 * earned"), Outcome("ok", value=4 * float(earned), printed=printed))

    reason = scored(
        check.corr2d(lambda x, k: torch.nn.functional.conv2d(x[None, None], k.flip(0, 1)[None, None])[0, 0])
    ).reason
    assert reason.startswith("corr2d: 0 of 8 cases pass. Likely cause: your result equals true convolution")
    reason = scored(check.corr2d(lambda x, k: 1 / 0)).reason
    assert "It stopped with ZeroDivisionError" in reason
    best = predictions.pack(predictions.truth("stand-in"), "stand-in")
    assert scored(check.my_predictions(lambda: best)).look


def test_too_many_points_count_as_none_and_ask_for_a_look():
    mark = score(make("4 * earned"), Outcome("ok", value=400.0))
    reason = "the test gave 400 points, more than its 4, which counts as 0: the test has to be mended"
    assert mark == Mark("test-f", 0.0, 4.0, reason, look=True)
    assert score(make("4 * earned"), Outcome("ok", value=1e300)).points == 0
    assert score(make("4 * earned"), Outcome("ok", value=4 + 1e-7)) == Mark("test-f", 4.0, 4.0)


@given(st.one_of(st.none(), st.text(max_size=20), st.floats()))
def test_points_are_in_range_whatever_the_value(value):
    mark = score(make("4 * earned"), Outcome("ok", value=value))
    assert 0 <= mark.points <= 4
    assert math.isfinite(mark.points)
    assert mark.points == 4 or mark.reason


@pytest.mark.parametrize("ending", ["error", "timeout", "died", "skipped"])
def test_only_a_finished_run_earns_points(ending):
    outcome = Outcome(ending, reason="KeyError: 'x'", value=4.0)
    assert score(make("4 * earned"), outcome) == Mark("test-f", 0.0, 4.0, "KeyError: 'x'")
    assert score(make("assert f(1)"), outcome).points == 0


def test_a_cell_that_was_not_reached():
    assert score(make("4 * earned"), None).reason == "not executed: the cell was not reached"


def test_trouble_before_the_test_is_named():
    mark = score(
        make("4 * earned"),
        Outcome("error", reason="NameError: f"),
        "SyntaxError: bad (<ipython-input-1>, line 3)",
    )
    assert mark.reason == "NameError: f; a cell before it: SyntaxError: bad (line 3)"


@pytest.mark.parametrize(
    ("source", "promises"),
    [
        ("4 * earned", True),
        ("earned", True),
        ("(yield_ := 3)", True),
        ("assert f(1) == 2", False),
        ("np.testing.assert_allclose(f(1), 2)", False),
        ("4 * earned;", False),
        ("for i in range(3):\n    assert f(i)", False),
        ("# only a comment", False),
        ("", False),
        ("%timeit f()", True),
        ("def f(:", True),
    ],
)
def test_a_cell_without_a_value_earns_full_marks_only_in_plain_nbgraders_style(source, promises):
    assert promises_number(source) is promises
    assert score(make(source), Outcome("ok")).points == (0 if promises else 4)


def test_lines():
    assert Mark("t", 0.0, 4.0, "f: not written yet").line() == "0 of 4 points: f: not written yet"
    assert Mark("t", 4.0, 4.0).line() == ""
    assert Mark("t", None, 4.0).line() == ""
    assert one_line("a\n\tb\x1b[31mc\x1b[0m\u202e" + "d" * 400, 20) == "a bc" + "d" * 15 + "…"

"""Points come out as plain floats with two places."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.check import Earned


def test_points_are_a_plain_float():
    assert repr(4 * Earned(9, 9)) == "4.0"
    assert repr(3 * Earned(2, 7)) == "0.86"
    assert repr(Earned(2, 7) * 3) == "0.86"
    assert repr(2.5 * Earned(1, 2)) == "1.25"
    assert type(4 * Earned(1, 2)) is float
    assert type(4.0 * Earned(1, 2)) is float


def test_it_is_a_float_with_reasons():
    earned = Earned(3, 4, ["one"], ["two"])
    assert earned == 0.75
    assert (earned.passed, earned.total, earned.reasons, earned.causes) == (3, 4, ("one",), ("two",))
    assert repr(earned) == "Earned(3 of 4)"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_it_survives_copying(again):
    earned = again(Earned(3, 4, ["one"]))
    assert (earned, earned.reasons) == (0.75, ("one",))


@pytest.mark.parametrize(("passed", "total"), [(1, 0), (-1, 3), (4, 3)])
def test_impossible_counts(passed, total):
    with pytest.raises(ValueError, match="expected 0 <= passed <= total"):
        Earned(passed, total)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 100))
def test_points_stay_between_nothing_and_all(passed, total, points):
    earned = points * Earned(min(passed, total), total)
    assert 0 <= earned <= points
    assert round(earned, 2) == earned

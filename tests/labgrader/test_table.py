"""What the class table's lines say of the class as a whole."""

import pytest
from labgrader.graded import Graded
from labgrader.table import alike

STOPPED = "f: RuntimeError: manual_seed expected a long, but got str"


def entry(student, points=0.0, reason=STOPPED, **more):
    return Graded(student, {"test-f": points, "q": None}, 4, reasons=(("test-f", reason),), **more)


def test_a_test_at_which_the_whole_class_stops_alike_is_named():
    failed = Graded("dan", {}, 4, state="failed", error="no space left")
    assert alike([entry("amy"), entry("bob"), failed, entry("cy", state="on record")]) == [
        f"Nobody has a point in test-f, and for all 3 the reason is the same: {STOPPED}"
    ]


@pytest.mark.parametrize(
    "last", [entry("cy", 1.0), entry("cy", reason="f: not written yet"), Graded("cy", {"test-f": 4.0}, 4)]
)
def test_a_class_that_differs_is_not(last):
    assert alike([entry("amy"), entry("bob"), last]) == []


def test_what_nobody_has_written_is_no_news():
    assert alike([entry(name, reason="f: not written yet") for name in ("amy", "bob", "cy")]) == []


def test_two_are_no_class():
    assert alike([entry("amy"), entry("bob")]) == []

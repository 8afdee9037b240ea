"""The check of a trained network's answers: how many are right, on which data, which tiers that reaches."""

from __future__ import annotations

from typing import Any

from labkit import predictions
from labkit.check import message
from labkit.check.calling import call, stub_of
from labkit.check.case import Case
from labkit.check.earned import Earned

NAME = "my_predictions"
_SURPRISING = {"CIFAR-10": 0.93, "stand-in": 0.995}
MOST = len(predictions.TIERS["CIFAR-10"])


def earned(fn: Any) -> Earned:
    """Score the text that `my_predictions()` returns; print the result.

    Args:
        fn: the student's function without arguments.
    """
    text, passed, reasons = _judge(fn)
    message.show(text)
    return Earned(passed, MOST, reasons)


def _judge(fn: Any) -> tuple[str, int, list[str]]:
    if not callable(fn):
        return f"✗ {NAME}: there is no function of this name.", 0, [f"{NAME}: no function"]
    outcome = call(fn, Case("", (), 0), ())
    if isinstance(outcome.error, NotImplementedError):
        stub = 'Replace the line "raise NotImplementedError" with return and the text'
        name = stub_of(outcome.error, NAME)
        return f"{name}: not written yet. {stub} that labkit printed.", 0, [f"{name}: not written yet"]
    if outcome.error is not None:
        told = message.error_text(outcome.error)
        return f"✗ {NAME}: It stopped with {told}.", 0, [f"{NAME}: it stopped with {told}"]
    try:
        found = predictions.unpack(outcome.value)
    except predictions.PredictionsError as error:
        return f"✗ {NAME}: {error}.", 0, [f"{NAME}: {error}"]
    share, tiers = predictions.accuracy(found), predictions.TIERS[found.data]
    passed = sum(share >= tier for tier in tiers)
    data = "the stand-in, not of CIFAR-10," if found.data == "stand-in" else found.data
    told = f"{100 * share:.1f} % of the {len(found.answers):,} test pictures of {data} are right"
    if passed == MOST:
        text = f"✓ {NAME}: {told}. That is all {MOST} tiers."
        if share > _SURPRISING[found.data]:  # the grader flags what a test says of this kind
            text += (
                "\nWorth a look: networks of this lab hardly reach that; your teacher will look at the run."
            )
        return text, passed, []
    next_one = f"the next tier begins at {100 * tiers[passed]:.0f} %"
    return f"✗ {NAME}: {told}: {passed} of {MOST} tiers; {next_one}.", passed, [f"{NAME}: {told}; {next_one}"]

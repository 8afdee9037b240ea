"""From the functions of one exercise to the share of points earned."""

from __future__ import annotations

from typing import Any

from labkit.check import message
from labkit.check.case import Spec
from labkit.check.draw import Seed
from labkit.check.earned import Earned
from labkit.check.run import examine


def earn(exercise: str, pairs: list[tuple[Spec, Any]], seed: Seed, *given: Any) -> Earned:
    """Examine the functions of one exercise, print the message and add up what was earned."""
    reports = [examine(spec, fn, seed, given) for spec, fn in pairs]
    message.show(message.write(exercise, reports))
    total = sum(len(r.aspects) for r in reports)
    missing = sum(len(r.failed) for r in reports)
    reasons = [text for r in reports for text in message.reasons(r)]
    return Earned(total - missing, total, reasons, [c.name for r in reports for c in r.causes])

"""The words a student reads under a check."""

from __future__ import annotations

import html
import math
import sys
from typing import Any

from torch import Tensor

from labkit.check.calling import UnusableError, frames_of
from labkit.check.case import Case, Rule
from labkit.check.naming import Cause, Unit
from labkit.check.policy import plain, shape_of
from labkit.check.run import Report

SMALL = 20
LONG = 160
BETWEEN_WORDS = (
    "margin: 0; padding: 0; font-size: var(--jp-code-font-size, inherit); "
    "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
)
METHODS = ("__init__", "forward", "backward")
IN_CLASS = 'Replace each line "raise NotImplementedError" in the methods of its class with your code'


def write(exercise: str, reports: list[Report]) -> str:
    """Put the message of a check together: one line on success, else a short block for each function.

    Args:
        exercise: Name of the exercise.
        reports: One report for each function of the exercise.

    Returns:
        The text to print.
    """
    if all(not r.failed for r in reports):
        total = sum(len(r.aspects) for r in reports)
        with_what = f"agree with {reports[0].spec.witness}" if len(reports) == 1 else "pass"
        return f"✓ {exercise}: all {total} cases {with_what}."
    return "\n".join(block(r) for r in reports)


def block(report: Report) -> str:
    """Say how one function did."""
    name, total = report.spec.name, len(report.aspects)
    if report.unwritten:
        if report.unwritten in METHODS:
            return f"{name}: not written yet. {IN_CLASS} and run its cell, then this one again."
        if report.unwritten != name:
            return f"{name}: not finished yet. It calls {report.unwritten}, which is not written."
        stub = 'Replace the line "raise NotImplementedError"'
        return f"{name}: not written yet. {stub} with your code and run its cell, then this one again."
    if report.absent:
        return (
            f"✗ {name}: {report.absent} was given where the function {name} was expected. Define it with def."
        )
    failed = report.failed
    if not failed:
        return f"✓ {name}: all {total} cases agree with {report.spec.witness}."
    lines = [f"✗ {name}: {total - len(failed)} of {total} cases pass."]
    bad = [u for u in report.units if u.complaint]
    unit = next((u for u in bad if u.case.small), bad[0] if bad else None)
    lines += unit_lines(report, unit) if unit else side_lines(report)
    if len(failed) < total:
        lines.append(f"Not passing yet: {'; '.join(failed)}.")
    return "\n  ".join(lines)


def unit_lines(report: Report, unit: Unit) -> list[str]:
    """Say what was called, what came back, what was expected, and the likely cause."""
    part = "" if unit.part is None else f" for {report.spec.parts[unit.part]}"
    lines = [f'Case "{unit.aspect}" calls {call_text(report, unit.case)}.']
    lines += [f"{came_back(unit, part)}.", f"Expected{part}: {wanted(report, unit)}."]
    causes = [f"Likely cause: {cause_text(c)}." for c in report.causes]
    complaint = unit.complaint
    hint = complaint.hint if complaint is not None else ""
    if unit.outcome.error is not None and wrong_parameters(unit.outcome.error):
        names = (
            f"the parameters are {', '.join(report.spec.params)}"
            if report.spec.params
            else "it has no parameters"
        )
        hint = f"keep the line with def as it was given; {names}"
    if hint and (not causes or (complaint is not None and complaint.stage == "dtype")):
        causes.append(f"Hint: {hint}.")
    changes = [c.got for name, c in report.side if c.stage in ("input", "dtype")]
    return lines + causes + [f"Also: {g.removeprefix('a result, but ')}." for g in changes]


def wrong_parameters(error: BaseException) -> bool:
    """Say whether the call itself failed, because the function takes other parameters."""
    return type(error) is TypeError and not frames_of(error) and " argument" in error_text(error)


def side_lines(report: Report) -> list[str]:
    """Say what is wrong where every number is right."""
    lines = []
    for aspect, c in report.side:
        lines += [f'Case "{aspect}".', f"Came back: {c.got}.", f"Expected: {c.wanted}.", f"Hint: {c.hint}."]
    return lines


def cause_text(cause: Cause) -> str:
    """Say which named mistake gives the same result, and where, if not everywhere."""
    where = "" if cause.everywhere else f' in the case "{cause.aspects[0]}"'
    if not cause.everywhere and len(cause.aspects) > 1:
        where = " in the cases " + ", ".join(f'"{a}"' for a in cause.aspects)
    return f"your result equals {cause.name}{where}"


def call_text(report: Report, case: Case) -> str:
    """Write a call with shapes and parameters, never with the numbers inside a tensor."""
    spec, tensors, given = report.spec, [], []
    named = [*zip(spec.params, case.args, strict=False)]
    plain_numbers = not any(isinstance(v, Tensor) or _called(v) for v in case.args)
    for at, (key, value) in enumerate([*named, *case.kwargs.items()]):
        if isinstance(value, Tensor):
            tensors.append(f"{key} {tuple(value.shape)}")
        hide = isinstance(value, Tensor) or _called(value) or (report.hidden and plain_numbers)
        positional = at < len(named)
        given.append(
            key if hide else f"{key}={value!r}" if not positional or not plain_numbers else f"{value!r}"
        )
    text = f"{spec.name}({', '.join(given)})"
    if tensors:
        dtypes = {str(v.dtype)[6:] for v in (*case.args, *case.kwargs.values()) if isinstance(v, Tensor)}
        text += f" with {', '.join(tensors)} in {' and '.join(sorted(dtypes))}"
    return text + (f", {case.note}" if case.note else "")


def _called(value: Any) -> bool:
    """Say whether a value is a function, or a list of functions."""
    return callable(value) or (isinstance(value, list | tuple) and any(map(callable, value)))


def came_back(unit: Unit, part: str) -> str:
    """Say what came back, or how the call stopped."""
    error = unit.outcome.error
    if isinstance(error, UnusableError):
        return f"Came back{part}: {str(error).removesuffix('.')}"
    if error is not None:
        place = frames_of(error)[-1:]
        where = f" (in {place[0][0]}, line {place[0][1]})" if place else ""
        return f"It stopped with {error_text(error)}{where}"
    got = unit.complaint.got if unit.complaint else ""
    value = unit.outcome.value if unit.part is None else None
    shown = f": {values(value)}" if unit.case.small and values(value) else ""
    return f"Came back{part}: {got}{shown}"


def wanted(report: Report, unit: Unit) -> str:
    """Say what was expected."""
    expected = unit.case.expected
    if unit.part is not None and isinstance(expected, tuple):
        expected = expected[unit.part]
    text = unit.complaint.wanted if unit.complaint else ""
    if unit.outcome.error is not None:
        text = "a result"
        if isinstance(expected, Rule):
            text = expected.wanted
        if isinstance(expected, Tensor):
            text = f"a tensor of shape {tuple(expected.shape)}"
        if isinstance(unit.outcome.error, UnusableError):
            text = unit.outcome.error.wanted or text
    oracle = f", as {unit.case.oracle} gives" if unit.case.oracle else ""
    shown = f": {values(expected)}" if unit.case.small and values(expected) else ""
    return text + oracle + shown


def values(value: Any) -> str:
    """Write the numbers of a small worked example; longer ones are left out."""
    try:
        shape = shape_of(value)
        if not shape or math.prod(shape) > SMALL:
            return ""
        return repr(_short(plain(value).tolist())).replace("'", "")
    except Exception:
        return ""


def _short(value: Any) -> Any:
    return [_short(v) for v in value] if isinstance(value, list) else f"{value:.4g}"


def error_text(error: BaseException) -> str:
    """Write an error as its type and the first line of its message."""
    try:
        text = (str(error).splitlines() or [""])[0]
    except Exception:
        text = ""
    text = text if len(text) <= LONG else text[: LONG - 3] + "..."
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def reasons(report: Report) -> list[str]:
    """One sentence for each likely cause and each aspect that did not pass."""
    name = report.spec.name
    if report.unwritten:
        return [f"{name}: not written yet"]
    found = [f"{name}: likely cause: {cause_text(c)}" for c in report.causes]
    for aspect in report.failed:
        side = next((c for a, c in report.side if a == aspect), None)
        unit = next((u for u in report.units if u.aspect == aspect and u.complaint), None)
        if unit is not None:
            found.append(f"{name}, {aspect}: {came_back(unit, '')[0].lower()}{came_back(unit, '')[1:]}")
        elif side is not None:
            found.append(f"{name}, {aspect}: {side.got or side.hint}")
    return found


def show(text: str) -> None:
    """Print a message, also where the terminal cannot print every sign.

    A notebook gets it as HTML too: JupyterLab breaks lines of printed text in the middle of words.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        page = f'<pre style="{BETWEEN_WORDS}">{html.escape(text)}</pre>'
        shell.display_pub.publish({"text/plain": text, "text/html": page})
        return
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.replace("✓", "ok").replace("✗", "x").encode("ascii", "replace").decode())

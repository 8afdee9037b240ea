"""Grade one submission: a pure function of its bytes, the lab and the policy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from labgrader.beside import beside, is_blank, told
from labgrader.bridge.names import used_and_bound
from labgrader.execute import Outcome, Step, execute
from labgrader.lab import Lab
from labgrader.policy import Policy
from labgrader.results import executed_notebook
from labgrader.sanitise import Cell, UnreadableError, read, rebuild
from labgrader.scoring import Mark, score

__all__ = ["Lab", "Mark", "Policy", "Result", "grade"]
NO_RESPONSE = "No response."


@dataclass(frozen=True)
class Result:
    """What grading one submission gives.

    Args:
        lab: the lab's name.
        marks: one for each cell that carries points, in the lab's order.
        comments: the name of each cell that the student writes in, and a comment on it or None.
        notebook: the executed notebook as the text of an .ipynb file, safe to show.
        seconds: how long each executed cell took, by its place in that notebook.
        flags: what was odd about the submission, in short sentences.
        readable: whether the submitted file was a notebook at all.
        source: SHA-256 of the submitted file.
    """

    lab: str
    marks: tuple[Mark, ...]
    comments: tuple[tuple[str, str | None], ...]
    notebook: str
    seconds: tuple[tuple[int, float], ...]
    flags: tuple[str, ...]
    readable: bool
    source: str

    @property
    def points(self) -> float:
        """The points earned so far, without those that a person gives."""
        return sum(mark.points or 0.0 for mark in self.marks)


def grade(notebook: bytes, lab: Lab, policy: Policy) -> Result:
    """Grade one submission.

    The student's code runs in a sealed process of its own, the tests in another that it never enters. Both
    are forked from what this process keeps warm (`labgrader.warm`) and end with this call, so calls may run
    anywhere and in parallel. Every mark starts at "not executed"; only its own test's verdict changes it.

    Args:
        notebook: the submitted file's bytes.
        lab: the lab, with its hidden tests.
        policy: the limits and the course's key.

    Returns:
        the marks, each lost point with its reason, and the executed notebook.

    Raises:
        labgrader.isolation.IsolationError: the isolation that is asked for cannot be had on this machine.
        labgrader.sandbox.SandboxError: this machine cannot make the processes.

    Example:
        A file that is no notebook is graded too:

        >>> grade(b"oops", Lab("00_toy", ()), Policy()).flags[0][:31]
        'the file is not a notebook: not'
    """
    source = hashlib.sha256(notebook).hexdigest()
    try:
        cells, flags = rebuild(read(notebook, policy), lab)
    except UnreadableError as error:
        return _unreadable(str(error), lab, policy, source)
    steps = [
        Step(
            index,
            cell.source,
            test=_is_test(cell, lab),
            setup=_is_setup(cell, lab),
            added=lab.find(cell.name) is None,
        )
        for index, cell in enumerate(cells)
        if cell.kind == "code" and (cell.source.strip() or _is_test(cell, lab))
    ]
    secrets = _secrets(notebook, lab, policy) if any(step.test for step in steps) else {}
    outcomes = dict(
        zip(
            (step.index for step in steps),
            execute(steps, secrets=secrets, names=_answers(lab), policy=policy),
            strict=True,
        )
    )
    elsewhere = beside(cells, lab)
    marks, comments = _marks(cells, outcomes, lab, elsewhere)
    shown, missing = executed_notebook(cells, outcomes, marks, lab, policy)
    return Result(
        lab=lab.name,
        marks=marks,
        comments=comments,
        notebook=shown,
        seconds=tuple((index, round(outcome.seconds, 4)) for index, outcome in outcomes.items()),
        flags=(*flags, *told(elsewhere), *_odd(outcomes, cells, marks, lab), *missing),
        readable=True,
        source=source,
    )


def _marks(
    cells: Iterable[Cell], outcomes: dict[int, Outcome], lab: Lab, elsewhere: Collection[str]
) -> tuple[tuple[Mark, ...], tuple[tuple[str, str | None], ...]]:
    """Return the marks of a readable submission, and the comments on its answers."""
    at = {cell.name: (index, cell) for index, cell in enumerate(cells) if cell.name}
    tests = {
        index for name, (index, _) in at.items() if (role := lab.find(name)) is not None and role.is_test
    }
    marks = []
    comments: list[tuple[str, str | None]] = []
    for role in lab.cells:
        index, cell = at.get(role.name, (-1, None))
        blank = is_blank(cell, role)
        if role.solution or role.task:
            comments.append((role.name, NO_RESPONSE if blank and role.solution else None))
        if role.is_test:
            marks.append(score(role, outcomes.get(index), _trouble(index, outcomes, tests)))
        elif role.is_manual and blank and not role.task:
            missing = cell is None or cell.restored
            reason = "the answer's cell was not in the hand-in" if missing else "no answer"
            look = missing or role.name in elsewhere
            marks.append(Mark(role.name, 0.0, role.points, reason, look=look))
        elif role.is_manual:
            marks.append(Mark(role.name, None, role.points))
    return tuple(marks), tuple(comments)


def _trouble(index: int, outcomes: dict[int, Outcome], tests: set[int]) -> str:
    """Return what went wrong in the cells between the test before and this one, "" if nothing did."""
    start = max((other for other in tests if other < index), default=-1)
    return next(
        (outcomes[n].reason for n in range(start + 1, index) if n in outcomes and outcomes[n].reason), ""
    )


def _unreadable(reason: str, lab: Lab, policy: Policy, source: str) -> Result:
    """Return the result of a file that is no notebook: nothing for every cell, with the reason."""
    notice = Cell(kind="markdown", source=f"**This hand-in could not be graded:** {reason}.", id="notice")
    stand_ins = (
        Cell(role.kind, role.source if role.locked else "", role.name, f"lab-{n}")
        for n, role in enumerate(lab.cells)
    )
    cells = (notice, *stand_ins)
    marks = tuple(Mark(role.name, 0.0, role.points, reason) for role in lab.graded)
    return Result(
        lab=lab.name,
        marks=marks,
        comments=tuple(
            (role.name, NO_RESPONSE if role.solution else None)
            for role in lab.cells
            if role.solution or role.task
        ),
        notebook=executed_notebook(cells, {}, marks, lab, policy)[0],
        seconds=(),
        flags=(reason,),
        readable=False,
        source=source,
    )


def _odd(
    outcomes: dict[int, Outcome], cells: tuple[Cell, ...], marks: tuple[Mark, ...], lab: Lab
) -> tuple[str, ...]:
    """Say which cells were stopped or ended their process, and which tests' marks need a look."""
    words = {"timeout": "ran out of time", "died": "ended its process", "skipped": "was not executed"}
    found = [
        f"{cells[index].name or f'cell {index + 1}'} {words[outcome.ending]}"
        for index, outcome in outcomes.items()
        if outcome.ending in words
    ]
    more = len(found) - 6
    found = [*found[:6], *([f"{more} more cells like that"] if more > 0 else [])]
    tests = {cell.name for cell in lab.cells if cell.is_test}
    return (*found, *(f"{mark.name}: {mark.reason}" for mark in marks if mark.look and mark.name in tests))


def _secrets(notebook: bytes, lab: Lab, policy: Policy) -> dict[str, str]:
    """Return what `secret(...)` gives for each exercise that the lab's tests can ask for.

    The key stays here: the process that runs the tests gets the values of this submission only.
    """
    from labgrader.secret import secret_for

    names = {name.removeprefix("test-") for name in (cell.name for cell in lab.cells)}
    for test in lab.tests:
        names.update(re.findall(r"""\bsecret\(\s*["']([^"'\\]+)["']""", test.source))
    secret = secret_for(policy.key, lab.name, notebook)
    return {name: secret(name) for name in sorted(names)}


def _answers(lab: Lab) -> tuple[str, ...] | None:
    """Return the names that the lab's answer cells define; None where a stub leaves them open.

    A test gets these from the student and no other: what else it needs must be in a locked cell.
    """
    found: set[str] = set()
    for cell in lab.cells:
        if cell.kind != "code" or not cell.solution:
            continue
        try:
            _, bound, _ = used_and_bound(cell.source)
        except SyntaxError:
            return None
        if not bound:
            return None
        found |= bound
    return tuple(sorted(found))


def _is_test(cell: Cell, lab: Lab) -> bool:
    role = lab.find(cell.name) if cell.name else None
    return role is not None and role.is_test


def _is_setup(cell: Cell, lab: Lab) -> bool:
    """Return whether a cell is the instructor's own code, which the tests may use too."""
    role = lab.find(cell.name) if cell.name else None
    return role is not None and role.locked and not role.grade and not role.solution


def without_notebook(result: Result) -> Result:
    """Return a result without its notebook, for a table."""
    return replace(result, notebook="")

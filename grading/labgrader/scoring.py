"""From what a test cell left to the points it earns, with a reason for every point that is lost."""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labgrader.execute import Outcome
from labgrader.lab import LabCell

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CELL_FILE = re.compile(r"\((?:\d+\.py|<[^>]*>), line")  # IPython's name for a cell in a SyntaxError
NOT_EXECUTED = "not executed"
LOOK = "Worth a look: "  # how a line begins by which a test asks for a person, whatever the points


@dataclass(frozen=True)
class Mark:
    """What one grade cell earned.

    Args:
        name: the cell's grade_id.
        points: the points; None where a person has to give them.
        max: the most points it can earn.
        reason: one sentence without its full stop; "" for full marks and for what a person marks.
        look: a person should look at it, whether it has points or not.
    """

    name: str
    points: float | None
    max: float
    reason: str = ""
    look: bool = False

    def line(self) -> str:
        """Return the mark as the student reads it, "" where there is nothing to say.

        Example:
            >>> Mark("test-corr2d", 1.5, 4, "corr2d: 3 of 8").line()
            '1.5 of 4 points: corr2d: 3 of 8'
        """
        if self.points is None or not self.reason:
            return ""
        return f"{self.points:g} of {self.max:g} points: {self.reason}"


def score(test: LabCell, outcome: Outcome | None, trouble: str = "") -> Mark:
    """Return the mark of a test cell. It starts at nothing; only a finished run of the cell changes that.

    The value of the cell's last expression is the number of points. A cell without such a value earns full
    marks by finishing, as in plain nbgrader, in two cases only: it does not end in an expression (or ends in
    `;`), or it ends in a call that returned None, such as `np.testing.assert_allclose(...)`.

    What is no number from 0 to its points (a rounding error apart) earns nothing, with the reason. More than
    its points can only be the test's own mistake: a person has to look.

    Args:
        test: the test cell.
        outcome: what came of it; None if it was not executed.
        trouble: what went wrong in the question's own cells before it, "" if nothing did.

    Returns:
        the mark, between 0 and test.points.
    """
    if outcome is None:
        return _mark(test, 0.0, f"{NOT_EXECUTED}: the cell was not reached")
    if outcome.ending != "ok":
        return _mark(test, 0.0, outcome.reason + (f"; a cell before it: {trouble}" if trouble else ""))
    if outcome.value is None:
        if not promises_number(test.source):
            return _mark(test, test.points, "")
        return _mark(test, 0.0, "the test gave no number of points")
    number = outcome.value
    if isinstance(number, str):
        return _mark(test, 0.0, f"the test gave {number[:60]}, expected a number of points")
    if not math.isfinite(number):
        return _mark(test, 0.0, f"the test gave {number} points, which is no number")
    if number < 0:
        return _mark(test, 0.0, f"the test gave {number:g} points, which counts as 0")
    if number > test.points + 1e-6:
        reason = f"the test gave {number:g} points, more than its {test.points:g}, which counts as 0"
        return Mark(test.name, 0.0, test.points, f"{reason}: the test has to be mended", look=True)
    mark = _mark(test, number, said(outcome.printed))
    doubt = next((line for line in outcome.printed if line.startswith(LOOK)), "")
    return replace(mark, look=True, reason=mark.reason or one_line(doubt)) if doubt else mark


def promises_number(source: str) -> bool:
    """Return whether a test cell ends in an expression that must give its points.

    Example:
        >>> promises_number("4 * earned"), promises_number("assert f(1) == 2"), promises_number("check(f)")
        (True, False, False)
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    if not body or source.rstrip().endswith(";") or not isinstance(body[-1], ast.Expr):
        return False
    return not isinstance(body[-1].value, ast.Call | ast.Await)


def said(printed: Sequence[str]) -> str:
    """Return the most telling of the lines that a test printed.

    A check of labkit prints a line that starts with a cross, then what it did and a likely cause; of anything
    else the last line counts.

    Example:
        >>> said(["✗ f: 2 of 9 cases pass.", "Case 1", "Likely cause: a flipped kernel.", "Expected: 3"])
        'f: 2 of 9 cases pass. Likely cause: a flipped kernel'
        >>> said(["a", "f: not written yet"])
        'f: not written yet'
    """
    if not printed:
        return "the test says no more"
    start = max((n for n, line in enumerate(printed) if line.startswith("✗ ")), default=None)
    if start is None:
        return printed[-1].removesuffix(".")
    causes = [line for line in printed[start:] if line.startswith(("Likely cause:", "It stopped with"))]
    return " ".join([printed[start].removeprefix("✗ "), *causes[:1]]).removesuffix(".")


def one_line(text: str, width: int = 300) -> str:
    r"""Return a text as one line without control characters, not too long.

    Example:
        >>> one_line("\x1b[31mNameError\x1b[0m:\n  name 'f'")
        "NameError: name 'f'"
    """
    plain = " ".join(_CELL_FILE.sub("(line", ANSI.sub("", text[: 10 * width])).split())
    plain = "".join(
        char for char in plain if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def _mark(test: LabCell, points: float, reason: str) -> Mark:
    """Return a mark; nothing is lost, so nothing is said, within a rounding error of full marks."""
    points = test.points if abs(points - test.points) < 1e-6 else round(points, 6)
    lost = points < test.points
    return Mark(test.name, points, test.points, one_line(reason) if lost else "")

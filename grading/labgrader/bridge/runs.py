"""What comes of a cell or a test, and why one failed."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from .errors import MESSAGE, TRACE, tidy

TEST_FILE = "<test>"


@dataclass(frozen=True)
class Failure:
    """Why a cell or test ended early.

    Args:
        name: class of the exception.
        message: its message, bounded.
        line: line of the student's cell or of the test, where known.
        trace: a short traceback (of the test's own lines and the student's).
    """

    name: str
    message: str
    line: int | None = None
    trace: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


@dataclass(frozen=True)
class CellRun:
    """What came of a student's cell: safe nbformat outputs, the error, seconds, whether time was up."""

    outputs: list[dict[str, Any]]
    error: Failure | None
    seconds: float
    timed_out: bool
    execution_count: int | None = None


@dataclass(frozen=True)
class TestRun:
    """What came of a test: its last value, what it and the student's code printed, the error, seconds."""

    __test__ = False

    value: Any
    stdout: str
    error: Failure | None
    seconds: float = 0.0
    printed: str = ""


def failure(error: BaseException) -> Failure:
    """Return why a test failed: the exception, its line in the test or in the student's cell, both traces."""
    try:
        message = str(error)
    except Exception:
        message = ""
    student = getattr(error, "student_line", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__, limit=100) if f.filename == TEST_FILE]
    lines = [f"test, line {f.lineno}: {f.line}" for f in frames[:5]]
    trace = getattr(error, "student_trace", "")
    if type(trace) is str and trace:
        lines.append(trace)
    line = student or (frames[-1].lineno if frames else getattr(error, "lineno", None))
    name = getattr(error, "name", None) if type(error).__name__ == "StudentError" else None
    shown = name if type(name) is str else type(error).__name__
    return Failure(
        shown, tidy(message, MESSAGE), line if type(line) is int else None, tidy("\n".join(lines), TRACE)
    )


def cell_error(kept: list[dict[str, Any]], *, ok: bool, seconds: float | None) -> Failure | None:
    """Return why a cell failed, from its safe outputs; `seconds` is its time limit where that was reached."""
    if seconds is not None:
        return Failure("TimeUp", f"The cell took more than {seconds:g} s.")
    if ok:
        return None
    last = next((o for o in reversed(kept) if o["output_type"] == "error"), None)
    return (
        Failure(last["ename"], last["evalue"]) if last else Failure("Error", "The cell ended with an error.")
    )

"""What the demo tells: each step as it goes, the class table, summary.json, where to look next."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from labgrader.collect import Collected
from labgrader.course import Course
from labgrader.madeup import Student, surprises
from labgrader.runner import Graded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


@dataclass
class Clock:
    """How long each step of the demo took, told as it goes."""

    console: Console
    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str, *, spinner: bool = True) -> Iterator[None]:
        """Time one step, and print its line when it is done; with a spinner if it shows nothing itself."""
        start = time.monotonic()
        with self.console.status(f"{name} …") if spinner else nullcontext():
            yield
        self.steps[name] = round(time.monotonic() - start, 1)
        self.console.print(f"{len(self.steps)}  {name:<58}{self.steps[name]:6.1f} s", highlight=False)


@dataclass(frozen=True)
class Line:
    """One student's line in the class table: what was expected and what came out."""

    student: Student
    collected: Collected
    graded: Graded | None
    marks: Mapping[str, float | None]
    surprises: tuple[str, ...]


def compare(
    students: Sequence[Student],
    collected: Sequence[Collected],
    graded: Mapping[str, Graded],
    most: Mapping[str, float],
) -> list[Line]:
    """Put what came out beside what each student's file says.

    Args:
        students: the made-up class.
        collected: what collecting said, one a student.
        graded: what grading said, by student.
        most: the most points of each automatic exercise.
    """
    found = {row.student: row for row in collected}
    lines = []
    for student in students:
        row, result = found[student.id], graded.get(student.id)
        marks = {name: result.marks.get(f"test-{name}") for name in most} if result and result.marks else {}
        odd = surprises(student, marks, most, pair=row.pair == "proven")
        lines.append(Line(student, row, result, marks, tuple(odd)))
    return lines


def summary(
    lines: Sequence[Line], *, lab: str, steps: Mapping[str, float], seconds: float, isolation: str
) -> dict[str, Any]:
    """Return what summary.json holds.

    Args:
        lines: one a student.
        lab: the lab's name.
        steps: seconds by step.
        seconds: how long all of it took.
        isolation: how the students' code was kept apart.
    """
    graded = [line for line in lines if line.marks]
    packages = ("labkit", "torch", "numpy", "nbgrader", "nbconvert", "typst")
    return {
        "lab": lab,
        "submissions": len(lines),
        "graded": len(graded),
        "ungraded": len(lines) - len(graded),
        "pairs_proven": sum(line.collected.pair == "proven" for line in lines),
        "seconds": seconds,
        "isolation": isolation,
        "surprises": [surprise for line in lines for surprise in line.surprises],
        "students": {
            line.student.id: {
                "name": line.student.name,
                "points": _points(line),
                "expected": line.student.points,
                "marks": dict(line.marks),
                "pair": line.collected.pair,
                "odd": list(line.collected.odd),
                "flags": list(line.graded.flags) if line.graded else [],
                "reasons": dict(line.graded.reasons) if line.graded else {},
                "seconds": round(line.graded.seconds, 1) if line.graded else 0.0,
            }
            for line in lines
        },
        "steps": dict(steps),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _points(line: Line) -> float:
    return round(sum(points or 0.0 for points in line.marks.values()), 2)


def class_table(lines: Sequence[Line], most: Mapping[str, float]) -> Table:
    """Return the class table: who, points, percent, pair, what happened and what it cost."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "student", "name", "points", "%", "pair", "what happened", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.columns[2].justify = table.columns[3].justify = "right"
    for line in lines:
        points = _points(line)
        failed = [f"NOT GRADED: {line.graded.error}"] if line.graded and line.graded.error else []
        odd = [f"UNEXPECTED: {text}" for text in line.surprises]
        table.add_row(
            line.student.id,
            escape(line.student.name),
            f"{points:g}",
            f"{100 * points / sum(most.values()):.0f}",
            line.collected.pair,
            escape("\n".join([line.student.story, *_lost(line, most), *failed, *odd])),
            style="red" if line.surprises else None,
        )
    return table


def _lost(line: Line, most: Mapping[str, float]) -> list[str]:
    """Return a sentence on the exercises that lost points, if any did."""
    short = {name: points or 0.0 for name, points in line.marks.items() if (points or 0.0) < most[name]}
    if not short:
        return []
    if len(short) > 4:
        return [f"lost: {len(short)} of {len(line.marks)} exercises"]
    return ["lost: " + ", ".join(f"part of {name}" if points else name for name, points in short.items())]


def tell(clock: Clock, course: Course, lines: Sequence[Line], *, lab: str, seconds: float) -> None:
    """Print the slowest steps, what came out in one line, and where to look next."""
    slowest = sorted(clock.steps.items(), key=lambda item: -item[1])[:3]
    grading = sorted((line.graded for line in lines if line.graded), key=lambda entry: -entry.seconds)
    proven = sum(line.collected.pair == "proven" for line in lines)
    ungraded = sum(not line.marks for line in lines)
    ids = [line.student.id for line in lines]
    where = {
        "grades.csv": "the class's marks",
        f"feedback/{ids[min(1, len(ids) - 1)]}/{lab}/{lab}.html": "what a student gets back",
        f"submitted/{ids[0]}/{lab}/{lab}.pdf": "a PDF that was handed in",
        "summary.json": "all of this, for programs",
    }
    said = [
        "Slowest steps:    " + " · ".join(f"{name.split(',')[0]} {took:.0f} s" for name, took in slowest),
        "Slowest to grade: " + " · ".join(f"{each.student} {each.seconds:.0f} s" for each in grading[:3]),
        "",
        f"{len(lines)} submissions, {ungraded} ungraded, {proven} pairs proven, {seconds:.0f} s.",
    ]
    if odd := sum(len(line.surprises) for line in lines):
        said.append(f"{odd} things came out otherwise than the class's files say; see UNEXPECTED above.")
    said += ["", f"Look next, in {course.root}:", *(f"  {path:<50} {text}" for path, text in where.items())]
    said.append(f'nbgrader\'s formgrader: cd "{course.root}" && jupyter lab, then Nbgrader > Formgrader')
    clock.console.print("\n".join(said), highlight=False, markup=False, soft_wrap=True)

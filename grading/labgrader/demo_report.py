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
    """Return the class table: who, points, percent, pair, what was lost, the story."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("student", "name", "points", "%", "pair", "lost", "what happened")
    table.columns[2].justify = table.columns[3].justify = "right"
    for line in lines:
        short = {name: points or 0.0 for name, points in line.marks.items() if (points or 0.0) < most[name]}
        lost = (
            "everything"
            if short and not _points(line)
            else ", ".join(f"part of {name}" if points else name for name, points in short.items())
        )
        failed = [f"NOT GRADED: {line.graded.error}"] if line.graded and line.graded.error else []
        odd = [f"UNEXPECTED: {text}" for text in line.surprises]
        story = "\n".join([line.student.story, *failed, *odd])
        points = _points(line)
        table.add_row(
            line.student.id,
            escape(line.student.name),
            f"{points:g}",
            f"{100 * points / sum(most.values()):.0f}",
            line.collected.pair,
            escape(lost),
            escape(story),
            style="red" if line.surprises else None,
        )
    return table


def tell(clock: Clock, course: Course, lines: Sequence[Line], *, lab: str, seconds: float) -> None:
    """Print the slowest steps, what came out in one line, and where to look next."""
    console = clock.console
    slowest = sorted(clock.steps.items(), key=lambda item: -item[1])[:3]
    console.print(
        "Slowest steps:     " + " · ".join(f"{name} {took:.0f} s" for name, took in slowest), highlight=False
    )
    grading = sorted((line.graded for line in lines if line.graded), key=lambda entry: -entry.seconds)
    told = " · ".join(f"{entry.student} {entry.seconds:.0f} s" for entry in grading[:3])
    console.print(f"Slowest to grade:  {told}", highlight=False)
    proven = sum(line.collected.pair == "proven" for line in lines)
    ungraded = sum(not line.marks for line in lines)
    console.print(
        f"\n{len(lines)} submissions, {ungraded} ungraded, {proven} pairs proven, {seconds:.0f} s.",
        highlight=False,
    )
    if odd := [text for line in lines for text in line.surprises]:
        console.print(f"[red]{len(odd)} things came out otherwise than grading/demo says; see above.[/red]")
    ids = [line.student.id for line in lines]
    where = {
        "grades.csv": "the class's marks",
        f"feedback/{ids[min(1, len(ids) - 1)]}/{lab}/{lab}.html": "what a student gets back",
        f"submitted/{ids[-1]}/{lab}/{lab}.pdf": "a PDF that was handed in",
        "summary.json": "everything above, for programs",
    }
    console.print(f"\nLook next, in {course.root}:")
    for path, text in where.items():
        console.print(f"  {path:<52} {text}", highlight=False, markup=False)
    console.print(
        f'For nbgrader\'s formgrader: cd "{course.root}" && jupyter lab, then Nbgrader > Formgrader.',
        highlight=False,
        markup=False,
        soft_wrap=True,
    )

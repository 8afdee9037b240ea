"""What the demo tells: each step as it goes, the class table, summary.json, where to look next."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        self.console.print(f"{len(self.steps):2d}  {name:<58}{self.steps[name]:6.1f} s", highlight=False)


@dataclass(frozen=True)
class Line:
    """One student's lab: what was expected and what came out."""

    student: Student
    lab: str
    collected: Collected
    graded: Graded | None
    marks: Mapping[str, float | None]
    most: Mapping[str, float]
    surprises: tuple[str, ...]

    @property
    def points(self) -> float:
        """The automatic points."""
        return round(sum(points or 0.0 for points in self.marks.values()), 2)

    @property
    def expected(self) -> float:
        """The points that the student's file says."""
        return round(self.student.work(self.lab).expected(self.most), 2)

    @property
    def proven(self) -> bool:
        """Whether the PDF is proven to be the notebook's."""
        return self.collected.pair == "proven"


def compare(
    students: Sequence[Student],
    lab: str,
    collected: Sequence[Collected],
    graded: Mapping[str, Graded],
    most: Mapping[str, float],
) -> list[Line]:
    """Put what came out beside what each student's file says.

    Args:
        students: the made-up class.
        lab: the lab.
        collected: what collecting said, one a student.
        graded: what grading said, by student.
        most: the most points of each automatic exercise.
    """
    found = {row.student: row for row in collected}
    lines = []
    for student in students:
        row, result = found[student.id], graded.get(student.id)
        marks = {name: result.marks.get(f"test-{name}") for name in most} if result and result.marks else {}
        who = f"{student.id}, {lab}"
        odd = surprises(who, student.work(lab), marks, most, pair=row.pair == "proven")
        lines.append(Line(student, lab, row, result, marks, most, tuple(odd)))
    return lines


def _grouped(lines: Sequence[Line], key: Callable[[Line], str]) -> dict[str, list[Line]]:
    """Group lines, in the order in which they come."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return groups


def summary(
    lines: Sequence[Line], *, steps: Mapping[str, float], seconds: float, isolation: str
) -> dict[str, Any]:
    """Return what summary.json holds: counts of all hand-ins together, then each lab, then each student.

    Args:
        lines: one for each student and lab.
        steps: seconds by step.
        seconds: how long all of it took.
        isolation: how the students' code was kept apart.
    """
    packages = ("labkit", "torch", "numpy", "nbgrader", "nbconvert", "typst")
    labs = _grouped(lines, lambda line: line.lab)
    return {
        **_counts(lines),
        "seconds": seconds,
        "isolation": isolation,
        "surprises": [surprise for line in lines for surprise in line.surprises],
        "labs": {lab: {**_counts(part), "points": sum(part[0].most.values())} for lab, part in labs.items()},
        "students": {
            student: {
                "name": part[0].student.name,
                "points": round(sum(line.points for line in part), 2),
                "percent": _percent(part),
                "expected": round(sum(line.expected for line in part), 2),
                "pairs_proven": sum(line.proven for line in part),
                "seconds": round(sum(line.graded.seconds for line in part if line.graded), 1),
                "labs": {line.lab: _one(line) for line in part},
            }
            for student, part in _grouped(lines, lambda line: line.student.id).items()
        },
        "steps": dict(steps),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    graded = sum(bool(line.marks) for line in lines)
    proven = sum(line.proven for line in lines)
    return {
        "submissions": len(lines), "graded": graded, "ungraded": len(lines) - graded, "pairs_proven": proven,
    }  # fmt: skip


def _one(line: Line) -> dict[str, Any]:
    """Return what summary.json says of one student's lab."""
    return {
        "points": line.points,
        "expected": line.expected,
        "marks": dict(line.marks),
        "pair": line.collected.pair,
        "odd": list(line.collected.odd),
        "flags": list(line.graded.flags) if line.graded else [],
        "reasons": dict(line.graded.reasons) if line.graded else {},
        "seconds": round(line.graded.seconds, 1) if line.graded else 0.0,
    }


def _percent(lines: Sequence[Line]) -> int:
    return round(100 * sum(line.points for line in lines) / sum(sum(line.most.values()) for line in lines))


def class_table(lines: Sequence[Line]) -> Table:
    """Return the class table: who, points, percent, proven pairs, what happened and what it cost."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    heads = ("student", "name", "points", "%", "pairs", "what happened")
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[2:-1]:
        column.justify = "right"
    for student, part in _grouped(lines, lambda line: line.student.id).items():
        table.add_row(
            student,
            escape(part[0].student.name),
            f"{sum(line.points for line in part):g}",
            str(_percent(part)),
            f"{sum(line.proven for line in part)}/{len(part)}",
            escape("\n".join(_happened(part))),
            style="red" if any(line.surprises for line in part) else None,
        )
    return table


def _happened(lines: Sequence[Line]) -> list[str]:
    """Say what a student did and what it cost, a line for each lab, or one where all are the same."""
    stories = {line.lab: line.student.work(line.lab).story for line in lines}
    same = len(set(stories.values())) == 1
    told = [stories[lines[0].lab]] if same else []
    for line in lines:
        lost = _lost(line)
        if not same and (lost or line.lab in line.student.special):
            told.append("; ".join([f"{line.lab[:2]}: {stories[line.lab]}", *lost]))
        elif same and line.points:
            told += lost
        if line.graded and line.graded.error:
            told.append(f"{line.lab[:2]} NOT GRADED: {line.graded.error}")
        told += [f"UNEXPECTED: {text}" for text in line.surprises]
    return told


def _lost(line: Line) -> list[str]:
    """Return a phrase on the exercises that lost points, if any did."""
    short = {name: points or 0.0 for name, points in line.marks.items() if (points or 0.0) < line.most[name]}
    if not short:
        return []
    if len(short) > 4:
        return [f"lost: {len(short)} of {len(line.marks)} exercises"]
    return ["lost: " + ", ".join(f"part of {name}" if points else name for name, points in short.items())]


def tell(clock: Clock, course: Course, lines: Sequence[Line], *, seconds: float) -> None:
    """Print the slowest steps, what came out in one line, and where to look next."""
    slowest = sorted(clock.steps.items(), key=lambda item: -item[1])[:3]
    grading = sorted((line for line in lines if line.graded), key=lambda line: -_seconds(line))
    count = _counts(lines)
    ids, lab = list(_grouped(lines, lambda line: line.student.id)), lines[0].lab
    where = {
        "grades.csv": "the class's marks",
        f"feedback/{ids[min(1, len(ids) - 1)]}/{lab}/{lab}.html": "what a student gets back",
        f"submitted/{ids[0]}/{lab}/{lab}.pdf": "a PDF that was handed in",
        "summary.json": "all of this, for programs",
    }
    slow = (f"{line.student.id}, {line.lab[:2]}: {_seconds(line):.0f} s" for line in grading[:3])
    said = [
        "Slowest steps:    " + " · ".join(f"{name.split(',')[0]} {took:.0f} s" for name, took in slowest),
        "Slowest to grade: " + " · ".join(slow),
        "",
        f"{count['submissions']} submissions, {count['ungraded']} ungraded, "
        f"{count['pairs_proven']} pairs proven, {seconds:.0f} s.",
    ]
    if odd := sum(len(line.surprises) for line in lines):
        said.append(f"{odd} things came out otherwise than the class's files say; see UNEXPECTED above.")
    said += ["", f"Look next, in {course.root}:", *(f"  {path:<50} {text}" for path, text in where.items())]
    said.append(f'nbgrader\'s formgrader: cd "{course.root}" && jupyter lab, then Nbgrader > Formgrader')
    clock.console.print("\n".join(said), highlight=False, markup=False, soft_wrap=True)


def _seconds(line: Line) -> float:
    return line.graded.seconds if line.graded else 0.0

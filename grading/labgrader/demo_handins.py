"""How the demo's class hands in: every student's notebook and PDF of every lab, zipped by lab."""

from __future__ import annotations

import concurrent.futures as cf
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.course import Course
from labgrader.madeup import Student, hand_in


@dataclass(frozen=True)
class Released:
    """A lab as students get it, and with the model solution, run; and who hands it in."""

    lab: str
    notebook: Mapping[str, Any]
    solved: Mapping[str, Any]
    students: Sequence[Student]


def hand_in_class(course: Course, released: Sequence[Released], helpers: cf.Executor) -> dict[str, Path]:
    """Let the students of every lab hand it in.

    Returns:
        the class's archive of each lab: a zip of `<lab>_<student>.zip` files.
    """
    handins, work = course.root / "handins", course.root / "students"
    tasks = []
    for lab in released:
        for student in lab.students:
            path = work / student.id / f"{lab.lab}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            notebook = hand_in(student, lab.lab, solved=lab.solved, released=lab.notebook)
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            tasks.append((path, student, handins / lab.lab))
    zips = list(helpers.map(_pair, tasks))
    archives = {}
    for lab in released:
        archives[lab.lab] = course.root / f"handins-{lab.lab}.zip"
        with zipfile.ZipFile(archives[lab.lab], "w", zipfile.ZIP_STORED) as file:
            for (path, student, _), made in zip(tasks, zips, strict=True):
                if path.stem == lab.lab:
                    if student.work(lab.lab).damage == "truncated":
                        truncate(made)
                    file.write(made, made.name)
    return archives


def _pair(task: tuple[Path, Student, Path]) -> Path:
    """Make the zip of notebook and PDF for one hand-in, in a process of its own."""
    from labkit.handin import make

    path, student, out = task
    return make(path, student=student.id, name=student.name, out=out).path


def truncate(path: Path) -> None:
    """Cut off the notebook inside a hand-in in the middle."""
    with zipfile.ZipFile(path) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data[: len(data) // 2] if name.endswith(".ipynb") else data)

"""The made-up class fits the lab, and the demo's core says so when something else comes out."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labgrader import madeup
from labgrader.collect import Collected
from labgrader.course import Course
from labgrader.demo import MARK, DemoError, fresh, run, truncate
from labgrader.demo_report import class_table, compare, summary
from labgrader.madeup import (
    MadeUpError,
    Student,
    grade_id,
    hand_in,
    read_class,
    read_student,
    solve,
    surprises,
    text,
)
from labgrader.masters import read_master, solution_notebook, student_notebook
from labgrader.runner import Graded
from rich.console import Console

HOME = Path(__file__).parents[2] / "grading"
CLASS = read_class(HOME / "demo")
Notebook = dict[str, Any]


@pytest.fixture(scope="session")
def lab() -> tuple[Notebook, Notebook]:
    """The students' notebook and the solved one, every code cell of the latter with an output."""
    master = read_master(HOME / "masters" / "01_convolution.py")
    released = json.loads(nbformat.writes(student_notebook(master)))
    solved = solve(released, json.loads(nbformat.writes(solution_notebook(master))))
    for number, cell in enumerate(solved["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ok"}]
    return released, solved


def handed_in(student: Student, lab: tuple[Notebook, Notebook]) -> Notebook:
    return hand_in(student, released=lab[0], solved=lab[1])


def cells(notebook: Notebook) -> dict[str, Notebook]:
    return {grade_id(cell): cell for cell in notebook["cells"] if grade_id(cell)}


def named(student: str) -> Student:
    return next(one for one in CLASS if one.id == student)


def points_of(notebook: Notebook) -> dict[str, float]:
    found = cells(notebook)
    return {
        name[5:]: cell["metadata"]["nbgrader"]["points"]
        for name, cell in found.items()
        if name.startswith("test-")
    }


def test_the_class_has_twelve_people_and_every_kind_of_hand_in() -> None:
    assert len(CLASS) == 12
    assert len({student.name for student in CLASS}) == 12
    assert any(not student.name.isascii() and "\u4e00" <= student.name[0] <= "\u9fff" for student in CLASS)
    assert sum(student.points == 42 for student in CLASS) == 4
    assert {student.id for student in CLASS if student.points == 0} == {"hana", "mira"}
    assert [student.id for student in CLASS if student.damage] == ["mira"]
    assert [student.id for student in CLASS if student.deleted] == ["kofi"]


@pytest.mark.parametrize("student", CLASS, ids=lambda student: student.id)
def test_every_hand_in_is_a_sound_notebook_of_the_lab(
    student: Student, lab: tuple[Notebook, Notebook]
) -> None:
    notebook = handed_in(student, lab)
    nbformat.validate(nbformat.from_dict(notebook))
    everything = "\n".join(text(cell["source"]) for cell in notebook["cells"])
    assert "BEGIN SOLUTION" not in everything
    assert "END SOLUTION" not in everything
    assert set(cells(lab[0])) - set(cells(notebook)) == student.deleted
    broken = []
    for name, cell in cells(notebook).items():
        if cell["cell_type"] == "code":
            try:
                ast.parse(text(cell["source"]))
            except SyntaxError:
                broken.append(name)
    assert broken == (["conv2d"] if student.id == "marta" else [])


# What the checks say of each student's functions, without kernels; the demo itself does it with them.
QUICK = [student for student in CLASS if student.id not in ("marta", "jonas", "mira")]


@pytest.mark.parametrize("student", QUICK, ids=lambda student: student.id)
@pytest.mark.parametrize("seed", ["one secret", "another"])
def test_the_expected_points_are_what_the_checks_give(
    student: Student, seed: str, lab: tuple[Notebook, Notebook], monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    import torch

    from labkit import check, conv

    monkeypatch.setattr("logging.basicConfig", lambda **options: None)
    space: dict[str, Any] = {"torch": torch, "conv": conv}
    most = points_of(lab[0])
    marks: dict[str, float | None] = {}
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings(record=True):
        for cell in cells(handed_in(student, lab)).values():
            if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"].get("solution"):
                exec(text(cell["source"]), space)
        for name, points in most.items():
            functions = [space["blur_kernel"], space["edge_kernel"]] if name == "design" else [space[name]]
            marks[name] = points * getattr(check, name)(*functions, seed=seed)
    assert surprises(student, marks, most, pair=student.pair) == []


def test_the_untouched_hand_in_is_what_was_handed_out(lab: tuple[Notebook, Notebook]) -> None:
    handed = handed_in(named("hana"), lab)
    assert [text(cell["source"]).strip() for cell in handed["cells"]] == [
        text(cell["source"]).strip() for cell in lab[0]["cells"]
    ]


def test_only_outputs_that_would_be_the_same_stay(lab: tuple[Notebook, Notebook]) -> None:
    perfect = handed_in(named("ada"), lab)
    assert perfect == lab[1]
    ben = cells(handed_in(named("ben"), lab))
    gone = {name for name, cell in ben.items() if cell["cell_type"] == "code" and not cell["outputs"]}
    assert gone == {"corr2d", "test-corr2d"}
    assert all(ben[name]["execution_count"] is None for name in gone)


def test_a_file_that_does_not_fit_the_lab_is_told(lab: tuple[Notebook, Notebook]) -> None:
    ada = named("ada")
    with pytest.raises(MadeUpError, match=r"^ada: the lab has no cell 'corr9d'.$"):
        handed_in(replace(ada, deleted=frozenset(["corr9d"])), lab)
    with pytest.raises(MadeUpError, match=r"^ada: 'no such text' is 0 times in cell corr2d.$"):
        handed_in(replace(ada, edits=(madeup.Edit("corr2d", "no such text", ""),)), lab)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "zoe.toml"
    file.write_text('name = "Zoe"\nstory = ""\n')
    with pytest.raises(
        MadeUpError, match=r"^zoe.toml cannot be used: KeyError\('expect'\); see README.md beside it.$"
    ):
        read_student(file)
    file.write_text('name = "Zoe"\nstory = ""\nsauces = 1\n[expect]\npoints = 1\nlost = []\nmood = "good"\n')
    with pytest.raises(
        MadeUpError, match=r"^zoe.toml has mood, sauces; expected only what README.md lists.$"
    ):
        read_student(file)
    with pytest.raises(MadeUpError, match="holds no made-up class"):
        read_class(tmp_path / "none")


def test_what_came_out_otherwise_is_named() -> None:
    most = {"corr2d": 4.0, "conv2d": 5.0}
    student = Student("amy", "Amy", "", points=4.0, lost=frozenset(["conv2d"]))
    assert surprises(student, {"corr2d": 4.0, "conv2d": None}, most, pair=True) == []
    assert surprises(student, {}, most, pair=True) == ["amy: not graded"]
    assert surprises(student, {"corr2d": 3.0, "conv2d": 5.0}, most, pair=False) == [
        "amy: 8 points, expected 4",
        "amy: lost points in corr2d, expected conv2d",
        "amy: pair not proven, expected otherwise",
    ]
    nobody = Student("bo", "Bo", "", lost=None)
    assert surprises(nobody, {"corr2d": 0.0, "conv2d": 0.0}, most, pair=True) == []


def report() -> list[Any]:
    amy = Student("amy", "Amy", "half of it", points=4.0, lost=frozenset(["conv2d"]))
    bo = Student("bo", "李[b]波", "nothing", lost=None)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    collected = [Collected(name, "lab", "new", now, "zip", "proven") for name in ("amy", "bo")]
    graded = {
        "amy": Graded(
            "amy", {"test-corr2d": 4.0, "test-conv2d": 2.5, "q": None}, 12, reasons=(("test-conv2d", "bias"),)
        ),
        "bo": Graded("bo", {}, 12, state="failed", error="the kernel does not start"),
    }
    return compare([amy, bo], collected, graded, {"corr2d": 4.0, "conv2d": 5.0})


def test_the_summary_counts_what_was_graded() -> None:
    data = summary(report(), lab="lab", steps={"graded": 2.0}, seconds=3.0, isolation="none")
    expected = {
        "submissions": 2,
        "graded": 1,
        "ungraded": 1,
        "pairs_proven": 2,
        "seconds": 3.0,
        "isolation": "none",
    }
    assert {key: data[key] for key in expected} == expected
    assert data["surprises"] == ["amy: 6.5 points, expected 4", "bo: not graded"]
    assert data["students"]["amy"]["points"] == 6.5
    assert data["students"]["amy"]["reasons"] == {"test-conv2d": "bias"}
    assert data["versions"]["labkit"]
    assert json.loads(json.dumps(data)) == data


def test_the_class_table() -> None:
    console = Console(width=120, file=io.StringIO())
    console.print(class_table(report(), {"corr2d": 4.0, "conv2d": 5.0}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    first = next(line for line in shown.splitlines() if "amy" in line)
    assert first.split() == ["amy", "Amy", "6.5", "72", "proven", "half", "of", "it"]
    for words in (
        "lost: part of conv2d",
        "UNEXPECTED: amy: 6.5 points, expected 4",
        "NOT GRADED: the kernel does not start",
        "李[b]波",
    ):
        assert words in shown


def test_the_demo_starts_afresh_but_removes_nothing_else(tmp_path: Path) -> None:
    course, home = Course(tmp_path / "course"), Course(HOME)
    fresh(course, home)
    assert (course.root / "nbgrader_config.py").read_text().startswith(MARK)
    (course.root / "old").write_text("from an earlier demo")
    fresh(course, home)
    assert sorted(path.name for path in course.root.iterdir()) == ["masters", "nbgrader_config.py"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("not yours")
    with pytest.raises(DemoError, match="is not empty and no earlier demo; pass another folder with --out"):
        fresh(Course(tmp_path / "mine"), home)
    assert (tmp_path / "mine" / "thesis.txt").exists()
    with pytest.raises(DemoError, match="the demo needs the master of Lab 1"):
        fresh(Course(tmp_path / "new"), Course(tmp_path / "nohome"))


def test_a_truncated_hand_in_keeps_its_pdf(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.ipynb", b'{"cells": []}')
        archive.writestr("a.pdf", b"%PDF-1.7")
    truncate(path)
    with zipfile.ZipFile(path) as archive:
        assert (archive.read("a.ipynb"), archive.read("a.pdf")) == (b'{"cell', b"%PDF-1.7")


def test_running_a_notebook_gives_its_outputs_or_says_why_not() -> None:
    cell = nbformat.v4.new_code_cell
    notebook = json.loads(nbformat.writes(nbformat.v4.new_notebook(cells=[cell("print(6 * 7)")])))
    assert run(notebook)["cells"][0]["outputs"][0]["text"] == ["42\n"]
    notebook["cells"][0]["source"] = "1 / 0"
    with pytest.raises(
        DemoError, match=r"^The model solution does not run: ZeroDivisionError: division by zero$"
    ):
        run(notebook)

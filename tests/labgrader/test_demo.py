"""The made-up class fits the lab, and the demo's core says so when something else comes out."""

from __future__ import annotations

import ast
import io
import json
import warnings
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labgrader import demo_data, madeup
from labgrader.collect import Collected
from labgrader.course import Course
from labgrader.demo import LONG, MARK, DemoError, demo, fresh, made_up_class, run
from labgrader.demo_handins import truncate
from labgrader.demo_report import Line, class_table, compare, summary
from labgrader.madeup import (
    MadeUpError,
    Student,
    Work,
    grade_id,
    hand_in,
    read_class,
    read_student,
    solve,
    surprises,
    text,
)
from labgrader.masters import lab_names, read_master, solution_notebook, student_notebook
from labgrader.runner import Graded
from rich.console import Console

from labkit.cli_data import kept

HOME = Path(__file__).parents[2] / "grading"
LABS = lab_names(Course(HOME))
CLASS = read_class(HOME / "demo", labs=LABS)
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """What students get, the solution with an output for every code cell, and the tests with their points."""

    name: str
    released: Notebook
    solved: Notebook
    tests: dict[str, str]
    most: dict[str, float]

    def handed_in(self, student: Student) -> Notebook:
        return hand_in(student, self.name, released=self.released, solved=self.solved)


@pytest.fixture(scope="module", params=LABS)
def lab(request: pytest.FixtureRequest) -> Lab:
    return read_lab(request.param)


@pytest.fixture(scope="module")
def first() -> Lab:
    return read_lab(LABS[0])


def read_lab(name: str) -> Lab:
    master = read_master(HOME / "masters" / f"{name}.py")
    released = json.loads(nbformat.writes(student_notebook(master)))
    solution = json.loads(nbformat.writes(solution_notebook(master, hidden=True)))
    solved = solve(released, solution)
    for number, cell in enumerate(solved["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ok"}]
    graded = {n[5:]: cell for n, cell in cells(solution).items() if n.startswith("test-")}
    most = {n: float(cell["metadata"]["nbgrader"]["points"]) for n, cell in graded.items()}
    return Lab(name, released, solved, {n: text(cell["source"]) for n, cell in graded.items()}, most)


def cells(notebook: Notebook) -> dict[str, Notebook]:
    return {grade_id(cell): cell for cell in notebook["cells"] if grade_id(cell)}


def named(student: str) -> Student:
    return next(one for one in CLASS if one.id == student)


def test_the_class_has_twelve_people_and_every_kind_of_hand_in() -> None:
    assert len(CLASS) == 12
    assert len({student.name for student in CLASS}) == 12
    assert any(not student.name.isascii() and "\u4e00" <= student.name[0] <= "\u9fff" for student in CLASS)
    works = {(student.id, lab): student.work(lab) for student in CLASS for lab in LABS}
    assert {who for who, _ in works if all(works[who, lab].lost is None for lab in LABS)} == {"hana"}
    assert {who for who, _ in works if not any(works[who, lab].lost != frozenset() for lab in LABS)} == {
        "ada", "kofi", "lena", "wang",
    }  # fmt: skip
    assert [who for who, work in works.items() if work.damage] == [("mira", "01_convolution")]
    assert [who for who, work in works.items() if work.deleted] == [("kofi", "01_convolution")]


def test_a_course_without_a_class_borrows_labkits_own(tmp_path: Path) -> None:
    assert made_up_class(Course(tmp_path)) == CLASS == made_up_class(Course(HOME))


def test_the_long_labs_are_handed_in_perfect_with_a_mistake_half_done_and_untouched() -> None:
    assert [student.id for student in CLASS if student.long] == ["ada", "ben", "grace", "hana"]
    masters = {name: read_master(HOME / "masters" / f"{name}.py") for name in LABS}
    for name in (name for name, master in masters.items() if master.run_seconds > LONG):
        lost = {student.id: student.work(name).lost for student in CLASS if student.long}
        assert (lost["ada"], lost["hana"], len(lost["ben"] or ())) == (frozenset(), None, 1)
        assert len(lost["grace"] or ()) >= 5


def test_every_hand_in_is_a_sound_notebook_of_the_lab(lab: Lab) -> None:
    for student in CLASS:
        notebook = lab.handed_in(student)
        nbformat.validate(nbformat.from_dict(notebook))
        everything = "\n".join(text(cell["source"]) for cell in notebook["cells"])
        assert "BEGIN SOLUTION" not in everything
        assert "END SOLUTION" not in everything
        assert set(cells(lab.released)) - set(cells(notebook)) == student.work(lab.name).deleted
        broken = []
        for name, cell in cells(notebook).items():
            if cell["cell_type"] == "code":
                try:
                    ast.parse(text(cell["source"]))
                except SyntaxError:
                    broken.append((student.id, name))
        assert broken == ([("marta", "conv2d")] if (student.id, lab.name) == ("marta", LABS[0]) else [])


def marks_of(student: Student, lab: Lab) -> dict[str, float | None]:
    """Run a hand-in's answers and the lab's test cells in this process, without what only draws."""
    space: dict[str, Any] = {"secret": lambda name: f"a secret of {name}"}
    marks: dict[str, float | None] = {}
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings(record=True):
        for name, cell in cells(lab.handed_in(student)).items():
            role = cell["metadata"]["nbgrader"]
            if cell["cell_type"] == "code" and (role.get("solution") or name == "setup"):
                exec(text(cell["source"]), space)
        for name, source in lab.tests.items():
            *lines, last = source.rstrip().split("\n")
            exec("\n".join(lines), space)
            marks[name] = eval(last, space)
    return marks


# Not those that need a process of their own; the demo itself does it with kernels.
NEED_ONE = {("marta", "01_convolution"), ("jonas", "01_convolution"), ("mira", "01_convolution")}


def test_the_expected_points_are_what_the_checks_give(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **options: None)
    odd = []
    for student in CLASS:
        if (student.id, lab.name) in NEED_ONE:
            continue
        if lab.name not in student.special and student is not CLASS[0] and student.usual == CLASS[0].usual:
            continue  # the model solution once more
        work = student.work(lab.name)
        odd += surprises(student.id, work, marks_of(student, lab), lab.most, pair=work.pair)
    assert odd == []


def test_the_untouched_hand_in_is_what_was_handed_out(lab: Lab) -> None:
    handed = lab.handed_in(named("hana"))
    assert [text(cell["source"]).strip() for cell in handed["cells"]] == [
        text(cell["source"]).strip() for cell in lab.released["cells"]
    ]


def test_only_outputs_that_would_be_the_same_stay(first: Lab) -> None:
    assert first.handed_in(named("ada")) == first.solved
    ben = cells(first.handed_in(named("ben")))
    gone = {name for name, cell in ben.items() if cell["cell_type"] == "code" and not cell["outputs"]}
    assert gone == {"corr2d", "test-corr2d"}
    assert all(ben[name]["execution_count"] is None for name in gone)


def test_a_file_that_does_not_fit_the_lab_is_told(first: Lab) -> None:
    def amy(**work: Any) -> Student:
        return Student("amy", "Amy", Work("", **work), {})

    with pytest.raises(MadeUpError, match=r"^amy, 01_convolution: there is no cell 'corr9d'.$"):
        first.handed_in(amy(deleted=frozenset(["corr9d"])))
    with pytest.raises(MadeUpError, match=r"'no such line' is 0 times in cell corr2d.$"):
        first.handed_in(amy(edits=(madeup.Edit("corr2d", "no such line", ""),)))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "zoe.toml"
    file.write_text('name = "Zoe"\n')
    with pytest.raises(MadeUpError, match=r"^zoe.toml cannot be used: KeyError\('story'\); see README.md"):
        read_student(file)
    file.write_text('name = "Zoe"\nstory = ""\nsauce = 1\n[expect]\nmood = "good"\n')
    with pytest.raises(MadeUpError, match=r"^zoe.toml has mood, sauce; expected only what README.md lists.$"):
        read_student(file)
    file.write_text('name = "Zoe"\nstory = ""\n[01_convolution]\nstory = ""\nexpect = {lost = ["corr2d"]}\n')
    with pytest.raises(MadeUpError, match=r"^zoe.toml expects lost points; say how many points are left.$"):
        read_student(file)
    file.write_text('name = "Zoe"\nstory = ""\n[09_none]\nstory = ""\n')
    with pytest.raises(MadeUpError, match=r"^zoe.toml has 09_none, but the labs are 01_one, 02_two.$"):
        read_class(tmp_path, labs=("01_one", "02_two"))
    with pytest.raises(MadeUpError, match="holds no made-up class"):
        read_class(tmp_path / "none", labs=())


MOST = {"corr2d": 4.0, "conv2d": 5.0}
HALF = Work("half of it", points=4.0, lost=frozenset(["conv2d"]))


def test_what_came_out_otherwise_is_named() -> None:
    assert surprises("amy", HALF, {"corr2d": 4.0, "conv2d": None}, MOST, pair=True) == []
    assert surprises("amy", HALF, {}, MOST, pair=True) == ["amy: not graded"]
    assert surprises("amy", HALF, {"corr2d": 3.0, "conv2d": 5.0}, MOST, pair=False) == [
        "amy: 8 points, expected 4",
        "amy: lost points in corr2d, expected conv2d",
        "amy: pair not proven, expected otherwise",
    ]
    assert surprises("bo", Work("", lost=None), {"corr2d": 0.0, "conv2d": 0.0}, MOST, pair=True) == []
    assert surprises("bo", Work(""), {"corr2d": 4.0, "conv2d": 5.0}, MOST, pair=True) == []


def report() -> list[Line]:
    amy = Student("amy", "Amy", Work("all of it"), {"02_b": HALF})
    bo = Student("bo", "李[b]波", Work("nothing", lost=None), {})
    now = datetime(2026, 11, 20, tzinfo=UTC)
    lines = []
    for lab in ("01_a", "02_b"):
        collected = [Collected(name, lab, "new", now, "zip", "proven") for name in ("amy", "bo")]
        marks = {"test-corr2d": 4.0, "test-conv2d": 5.0 if lab == "01_a" else 2.5, "q": None}
        graded = {
            "amy": Graded("amy", marks, 12, seconds=1.0, reasons=(("test-conv2d", "bias"),)),
            "bo": Graded("bo", {}, 12, state="failed", error="the kernel does not start"),
        }
        lines += compare([amy, bo], lab, collected, graded, MOST)
    return lines


def test_the_summary_counts_what_was_graded() -> None:
    data = summary(report(), steps={"graded": 2.0}, seconds=3.0, isolation="none")
    counts = {"submissions": 4, "graded": 2, "ungraded": 2, "pairs_proven": 4}
    assert {key: data[key] for key in counts} == counts
    assert (data["seconds"], data["isolation"]) == (3.0, "none")
    assert data["surprises"] == [
        "bo, 01_a: not graded",
        "amy, 02_b: 6.5 points, expected 4",
        "bo, 02_b: not graded",
    ]
    half = {"submissions": 2, "graded": 1, "ungraded": 1, "pairs_proven": 2, "points": 9.0}
    assert data["labs"] == {"01_a": half, "02_b": half}
    amy = data["students"]["amy"]
    assert (amy["points"], amy["expected"], amy["percent"], amy["pairs_proven"]) == (15.5, 13.0, 86, 2)
    assert amy["labs"]["02_b"]["points"] == 6.5
    assert amy["labs"]["02_b"]["reasons"] == {"test-conv2d": "bias"}
    assert data["students"]["bo"]["percent"] == 0
    assert data["versions"]["labkit"]
    assert json.loads(json.dumps(data)) == data


def test_the_class_table() -> None:
    console = Console(width=140, file=io.StringIO())
    console.print(class_table(report()))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    first = next(line for line in shown.splitlines() if "amy" in line)
    assert " ".join(first.split()) == "amy Amy 15.5 86 2/2 02: half of it; lost: part of conv2d"
    for words in (
        "UNEXPECTED: amy, 02_b: 6.5 points, expected 4",
        "01 NOT GRADED: the kernel does not start",
        "李[b]波",
    ):
        assert words in shown


def test_the_demo_starts_afresh_but_removes_nothing_else(tmp_path: Path) -> None:
    course, home = Course(tmp_path / "course"), Course(HOME)
    fresh(course, home, LABS[:1])
    assert (course.root / "nbgrader_config.py").read_text().startswith(MARK)
    (course.root / "old").write_text("from an earlier demo")
    fresh(course, home, LABS[:1])
    assert sorted(path.name for path in course.root.iterdir()) == ["masters", "nbgrader_config.py"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("not yours")
    with pytest.raises(DemoError, match="is not empty and no earlier demo; pass another folder with --out"):
        fresh(Course(tmp_path / "mine"), home, LABS)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_quick_leaves_the_long_labs_out() -> None:
    with pytest.raises(DemoError, match=r"^04_feature_maps runs longer than a minute: leave out --quick.$"):
        demo(Course(HOME), ("04_feature_maps",), quick=True, console=Console(file=io.StringIO()))


def test_what_cannot_be_fetched_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    rows = [row for row in kept() if row.name == "resnet50"]
    there = replace(rows[0], name="cifar10", title="CIFAR-10", path="/there/cifar10.npz", size=1)
    monkeypatch.setattr("labkit.cli_data.kept", lambda: [there, *rows])
    console = Console(file=io.StringIO(), width=200)
    demo_data.fetch(console)
    assert console.file.getvalue() == "   CIFAR-10: /there/cifar10.npz\n"  # type: ignore[attr-defined]
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("labkit: ")
    assert told.endswith("The labs then use the small network that labkit brings.")


def test_what_a_lab_used_is_read_from_its_outputs() -> None:
    def notebook(*lines: str) -> Notebook:
        outputs = [{"output_type": "stream", "name": "stdout", "text": [f"{line}\n" for line in lines]}]
        return {"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": outputs}]}

    assert demo_data.used(notebook("ready", "Stand-in: drawn shapes", "more")) == "Stand-in: drawn shapes"
    assert demo_data.used(notebook("ready")) == ""


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

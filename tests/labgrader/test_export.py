import concurrent.futures as cf
import csv
import subprocess
import sys

import pytest
from labgrader.cli import app
from labgrader.course import CourseError
from labgrader.export import COLUMNS, export_grades, guarded
from labgrader.runner import grade_class
from nbgrader.api import Gradebook
from typer.testing import CliRunner

LAB = "00_toy"


@pytest.fixture
def marked(course, toy):
    toy.submit(course, "amy", toy.hand_in(), "2026-11-05 10:00:00 UTC")
    toy.submit(course, "=bob", b"")
    with cf.ThreadPoolExecutor(2) as pool:
        grade_class(course, LAB, executor=pool)
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_student("amy", last_name='=HYPERLINK("x")', first_name="Amy, Ünï")
        gradebook.update_or_create_student("cat")
        grade = gradebook.find_grade("q-why", LAB, LAB, "amy")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.25, False
        gradebook.db.commit()
        gradebook.update_or_create_assignment(LAB, duedate="2026-11-05 09:59:50 UTC")
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    return course


def test_the_table(marked, tmp_path):
    to = tmp_path / "marks.csv"
    assert len(export_grades(marked, to, lab=LAB)) == 3
    with to.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    bob, amy, cat = lines
    assert amy == {
        "student": "amy",
        "last_name": '\'=HYPERLINK("x")',
        "first_name": "Amy, Ünï",
        "lab": LAB,
        "auto": "9",
        "manual": "1.75",
        "late_penalty": "10.75",
        "total": "0",
        "max": "11",
        "needs_manual": "no",
        "seconds_late": "10",
        "handed_in": "2026-11-05 10:00:00",
        "status": "graded",
    }
    assert (bob["student"], bob["total"], bob["needs_manual"]) == ("'=bob", "0", "no")
    assert (cat["student"], cat["total"], cat["handed_in"], cat["max"]) == ("cat", "0", "", "11")
    assert (bob["status"], cat["status"]) == ("graded", "not handed in")
    assert not list(tmp_path.glob(".labkit-*"))


def test_who_is_collected_but_not_graded_has_a_line_without_points(course, toy, tmp_path, monkeypatch):
    to = tmp_path / "x.csv"
    assert export_grades(course, to) == []  # nobody handed in
    toy.submit(course, "amy", toy.hand_in(), "2026-11-05 10:00:00 UTC")
    with Gradebook(course.db_url) as gradebook:
        gradebook.add_student("cat")
    assert [line["status"] for line in export_grades(course, to)] == ["not graded", "not handed in"]
    assert to.read_text().splitlines()[1:] == [
        f"amy,,,{LAB},,,,,11,,,2026-11-05 10:00:00,not graded",
        f"cat,,,{LAB},0,0,0,0,11,no,,,not handed in",
    ]
    said = CliRunner().invoke(app, ["export", "--to", str(to), "--course", str(course.root)]).output
    assert said == (
        f"2 lines in {to}\nNote: 1 hand-in is to be graded: run labgrade grade {LAB}, then export again.\n"
    )


def test_who_handed_in_again_since_is_told_apart(marked, toy, tmp_path):
    to = tmp_path / "x.csv"
    toy.submit(marked, "amy", toy.released, "2026-11-07 10:00:00 UTC")
    said = CliRunner().invoke(app, ["export", "--to", str(to), "--course", str(marked.root)]).output
    assert "Note: 1 hand-in is to be graded" in said
    with to.open(newline="", encoding="utf-8") as file:
        lines = {line["student"]: line for line in csv.DictReader(file)}
    amy = lines["amy"]
    assert (amy["auto"], amy["handed_in"]) == ("9", "2026-11-05 10:00:00")  # of what was graded
    assert amy["status"] == "graded; a newer hand-in is not"
    assert [lines[name]["status"] for name in ("'=bob", "cat")] == ["graded", "not handed in"]


def test_marks_for_a_lab_that_was_released_anew_are_told(marked, tmp_path):
    with Gradebook(marked.db_url) as gradebook:
        gradebook.find_grade_cell("test-double", LAB, LAB).max_score = 3.0
        gradebook.db.commit()
    said = (
        CliRunner().invoke(app, ["export", "--to", str(tmp_path / "x"), "--course", str(marked.root)]).output
    )
    assert "Note: 2 hand-ins are to be graded" in said
    assert (tmp_path / "x").read_text().count("graded; the lab was released anew since") == 2


def test_plain_nbgrader_writes_the_same_table(marked, toy, tmp_path):
    toy.submit(marked, "dan", toy.hand_in(), "2026-11-06 10:00:00 UTC")  # not graded
    export_grades(marked, tmp_path / "ours.csv")
    for arguments in ([], ["--assignment", f"['{LAB}']"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "export", "--to", str(tmp_path / "theirs.csv"), *arguments],
            cwd=marked.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "theirs.csv").read_bytes() == (tmp_path / "ours.csv").read_bytes()


def test_an_unknown_lab_is_refused(course, tmp_path):
    with pytest.raises(CourseError, match=r"No lab 09_none in the gradebook \(it has: 00_toy\)"):
        export_grades(course, tmp_path / "x.csv", lab="09_none")
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "|cmd", "\n=1"])
def test_formulas_are_guarded(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["amy", "-1.5", "+3", "", "a=b"])
def test_plain_texts_and_numbers_are_not(text):
    assert guarded(text) == text

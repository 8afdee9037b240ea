"""Plain nbgrader commands in the course folder, run as an instructor runs them."""

import concurrent.futures as cf
import os
import re
import subprocess
import sys

import nbformat
import pytest
from labgrader import config as settings
from labgrader.course import Course, CourseError
from labgrader.runner import grade_class
from nbgrader.api import Gradebook

LAB = "00_toy"


def nbgrader(course, *arguments):
    """Run a plain nbgrader command where this environment's programs are not on PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course.root,
        env={**os.environ, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def everything(course):
    """Return all that the gradebook says of a class, ids aside."""
    with Gradebook(course.db_url) as gradebook:
        found = []
        for submission in gradebook.assignment_submissions(LAB):
            for notebook in submission.notebooks:
                found.append(
                    (
                        submission.student.id,
                        submission.timestamp,
                        notebook.late_submission_penalty,
                        submission.score,
                        sorted((g.name, g.auto_score, g.needs_manual_grade) for g in notebook.grades),
                        sorted((c.name, c.auto_comment or "") for c in notebook.comments),
                    )
                )
        return sorted(found, key=lambda each: each[0])


def hand_in_a_class(course, toy):
    def tamper(nb):
        for cell in nb.cells:
            cell.metadata["tags"] = ["skip-execution"]
        nb.cells.remove(toy.find(nb, "test-clip"))
        nb.cells.append(nbformat.v4.new_code_cell("1", metadata=nb.cells[3].metadata))

    hand_ins = {
        "amy": toy.hand_in(),
        "bob": toy.released,
        "cat": toy.hand_in(mean="def mean(v): return v[0]"),
        "dan": toy.hand_in(tamper, double="import sys; print('x', file=sys.stderr)"),
        "eve": toy.hand_in(double="import os\ndef double(x): os._exit(1)"),
        "fay": b"\x89PNG this is no notebook",
        "gus": b"",
    }
    for student, content in hand_ins.items():
        toy.submit(course, student, content, "2026-11-05 10:00:00 UTC" if student in ("amy", "cat") else "")
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(LAB, duedate="2026-11-05 09:00:00")
        gradebook.update_or_create_student("cat")
        gradebook.update_or_create_submission(LAB, "cat")
        gradebook.grant_extension(LAB, "cat", hours=2)


def test_both_roads_give_the_same_marks_cell_by_cell_and_the_same_notebooks(course, toy, tmp_path):
    import shutil

    settings.policy(course)  # makes the course's secret, which the copy then shares
    hand_in_a_class(course, toy)
    other = Course(tmp_path / "other")
    shutil.copytree(course.root, other.root)
    said = nbgrader(course, "autograde", LAB)
    with cf.ThreadPoolExecutor(2) as pool:
        entries = grade_class(other, LAB, executor=pool)
    ours, theirs = everything(other), everything(course)
    assert ours == theirs
    assert {row[0]: row[3] for row in ours} == {
        "amy": 9.0,
        "bob": 0.0,
        "cat": 7.0,
        "dan": 7.0,
        "eve": 7.0,
        "fay": 0.0,
        "gus": 0.0,
    }
    assert {row[0]: row[2] for row in ours if row[2] is not None} == {
        "amy": 9.0
    }  # late, without an extension
    assert {entry.student: entry.points + entry.penalty for entry in entries} == {
        row[0]: row[3] for row in ours
    }
    for student in "amy", "bob", "cat", "dan", "eve", "fay", "gus":
        one, two = (each.folder("autograded", student, LAB) for each in (course, other))
        assert sorted(os.listdir(one)) == sorted(os.listdir(two))
        for name in os.listdir(one):
            assert (one / name).read_bytes() == (two / name).read_bytes()
    warned = [line for line in said.splitlines() if "WARNING" in line or "ERROR" in line or "Warning" in line]
    assert all("late" in line.lower() for line in warned), warned
    assert any("late" in line.lower() for line in warned)

    with cf.ThreadPoolExecutor(2) as pool:  # each road knows what the other has done
        assert {entry.state for entry in grade_class(course, LAB, executor=pool)} == {"on record"}
    assert "Skipping existing assignment" in nbgrader(other, "autograde", LAB, "--student", "amy")

    said = nbgrader(course, "autograde", LAB, "--student", "cat", "--force", "--no-execute")
    assert everything(course) == theirs


def test_validate_and_release_work_with_the_same_settings(course, toy):
    nbgrader(course, "generate_assignment", LAB, "--force")
    released = course.notebook("release", ".", LAB).read_text()
    assert "HIDDEN TESTS" not in released
    assert "write your code here" in released or "NotImplementedError" in released


def test_settings_are_made_in_memory_only(tmp_path):
    config = settings.course_config(tmp_path)
    assert config.CourseDirectory.root == str(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / settings.CONFIG_FILE).write_text("")
    settings.course_config(tmp_path)
    assert (tmp_path / "exchange" / "cache").is_dir()


def test_limits_are_the_courses(course):
    policy = settings.policy(course)
    assert (policy.cell_seconds, len(policy.key), policy.isolation) == (20, 32, "auto")
    assert policy.hidden == (str(course.root),)
    with (course.root / settings.CONFIG_FILE).open("a") as file:
        file.write("c.GradeSubmission.isolation = 'none'\n")
    assert settings.policy(course).isolation == "none"


def test_a_faulty_settings_file_is_named(course):
    (course.root / settings.CONFIG_FILE).write_text("c = get_config()\n1 / 0\n")
    with pytest.raises(
        CourseError, match=r"nbgrader_config.py cannot be used \(ZeroDivisionError: division by zero\)"
    ):
        settings.load(course)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "isolation = 'docker'",
            "isolation is 'docker'; expected one of auto, bwrap, landlock, rlimits, none.",
        ),
        ("cell_seconds = -5", "cell_seconds is -5.0; expected 1 or more."),
        ("cell_seconds = 'abc'", "trait of a GradeSubmission instance expected a float, not the str 'abc'."),
        (
            "cell_secs = 5",
            "GradeSubmission has no setting cell_secs, only cell_seconds, disk, enabled, isolation,",
        ),
        ("memory = 1", "memory is 1; expected 268435456 or more."),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(course, line, said):
    with (course.root / settings.CONFIG_FILE).open("a") as file:
        file.write(f"c.GradeSubmission.{line}\n")
    with pytest.raises(CourseError, match=rf"nbgrader_config.py cannot be used: .*{re.escape(said)}"):
        settings.policy(course)


def test_formgraders_pages_are_made_safe(released_course):
    from nbconvert.exporters import HTMLExporter

    cell = nbformat.v4.new_markdown_cell("$x_1$ **b** [x](javascript:alert(1))\n\n<script>alert(2)</script>")
    code = [
        nbformat.v4.new_code_cell(text) for text in ("def f(): pass", "x = 1\n" + "\t\n" * 60_000 + "<b>")
    ]
    exporter = HTMLExporter(config=settings.load(released_course), template_name="basic")
    html, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell, *code]))
    assert '<span class="k">def</span>' in html
    assert "<b>" not in html
    assert "href" not in html
    assert "alert(2)" not in html
    assert "$x_1$" in html
    assert "<strong>b</strong>" in html

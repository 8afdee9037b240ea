"""Lateness: what it costs follows the due date and the marks, also after grading, and everybody says so."""

import concurrent.futures as cf
from dataclasses import replace

import pytest
from labgrader import config as settings
from labgrader.course import CourseError
from labgrader.export import export_grades
from labgrader.feedback import write_feedback
from labgrader.late import Late
from labgrader.runner import grade_class
from labgrader.table import notes
from nbgrader.api import Gradebook

LAB = "00_toy"


@pytest.fixture
def graded(course, toy, monkeypatch):
    """A course that takes all points from the late: amy is two days late, bob is in time."""
    real = settings.policy
    plain = lambda *given: replace(real(*given), isolation="none", hidden=())
    monkeypatch.setattr(settings, "policy", plain)
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    toy.submit(course, "amy", toy.hand_in(), "2026-11-03 10:00:00 UTC")
    toy.submit(course, "bob", toy.hand_in(), "2026-10-31 10:00:00 UTC")
    due(course, "2026-11-01 10:00:00 UTC")
    return course


def due(course, time):
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(LAB, duedate=time)


def run(course):
    with cf.ThreadPoolExecutor(1) as executor:
        return grade_class(course, LAB, executor=executor)


def totals(course, to):
    return [(line["late_penalty"], line["total"]) for line in export_grades(course, to)]


def test_the_class_table_says_who_is_late_and_what_it_costs(graded):
    amy, bob = run(graded)
    assert (amy.points, bob.points) == (0.0, 9.0)
    assert notes(amy) == "2 days late, 9 points less"
    assert notes(bob) == ""


def test_a_mark_by_hand_and_another_due_date_count_at_once(graded, tmp_path):
    to = tmp_path / "grades.csv"
    run(graded)
    assert totals(graded, to) == [("9", "0"), ("0", "9")]
    with Gradebook(graded.db_url) as gradebook:
        grade = gradebook.find_grade("q-why", LAB, LAB, "amy")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    assert totals(graded, to)[0] == ("11", "0")
    due(graded, "2026-11-04 10:00:00 UTC")
    [page] = write_feedback(graded, LAB, student="amy")
    assert "late:" not in page.read_text()
    assert totals(graded, to)[0] == ("0", "11")
    due(graded, None)
    assert totals(graded, to)[0] == ("0", "11")
    due(graded, "2026-11-01 10:00:00 UTC")
    amy, bob = run(graded)
    assert (amy.state, amy.points, amy.penalty, bob.points) == ("on record", 0.0, 11.0, 9.0)


def test_a_method_that_there_is_not_stops_before_anything_is_graded(graded):
    config = graded.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace('"zero"', '"half"'))
    with pytest.raises(CourseError, match=r"nbgrader_config.py cannot be used: .*penalty_method.*'half'"):
        run(graded)
    assert not (graded.root / "autograded").exists()
    config.write_text(config.read_text() + 'c.AssignLatePenalties.plugin_class = "nowhere.Plugin"\n')
    with pytest.raises(
        CourseError, match=r"AssignLatePenalties instance .*'nowhere\.Plugin' could not be im"
    ):
        export_grades(graded, graded.root / "grades.csv")


@pytest.mark.parametrize(
    ("seconds", "points", "said"),
    [
        (60, 0, "under an hour late"),
        (7200, 1.5, "2 h late, 1.5 points less"),
        (47 * 3600, 1, "47 h late, 1 point less"),
        (1e6, 3, "11.6 days late, 3 points less"),
    ],
)
def test_lateness_in_words(seconds, points, said):
    assert str(Late(seconds, points)) == said

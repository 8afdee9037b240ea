import concurrent.futures as cf
import importlib.util
import os
import pickle
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from labgrader import config as settings
from labgrader.isolation import resolved
from labgrader.lab import Lab
from labgrader.marker import read_stamp
from labgrader.plan import content, plan
from labgrader.pool import grade_stamped
from labgrader.runner import grade_class
from nbgrader.api import Gradebook

LAB = "00_toy"
BENCH = Path(__file__).parents[2] / "bench" / "kill_runs.py"
RECORD = """
import os, pickle, signal, sys, concurrent.futures as cf
from pathlib import Path
from labgrader.course import Course
from labgrader.policy import Policy
from labgrader.runner import grade_class
from sqlalchemy.orm import Session

root, results, nth, regrade = sys.argv[1:]
policy, results = pickle.loads(Path(results).read_bytes())
steps = 0


def watched(function):
    def wrapper(*arguments, **named):
        step()
        value = function(*arguments, **named)
        step()
        return value
    return wrapper


def step():
    global steps
    steps += 1
    if steps == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)


class Known(cf.Executor):
    def submit(self, function, notebook, lab, policy):
        future = cf.Future()
        future.set_result(results[notebook])
        return future


os.replace, os.fsync, Session.commit = watched(os.replace), watched(os.fsync), watched(Session.commit)
grade_class(Course(Path(root)), "00_toy", policy=policy, regrade=bool(regrade), jobs=1, executor=Known())
print(steps)
"""


@pytest.fixture(scope="session")
def bench():
    """The program that kills runs, as a module."""
    spec = importlib.util.spec_from_file_location("kill_runs", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_runs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def class_of_three(course, toy, tmp_path):
    """A course with three hand-ins, and a file of the policy and their results."""
    toy.submit(course, "amy", toy.hand_in(), "2026-11-03 10:00:00 UTC")
    toy.submit(course, "bob", toy.released)
    toy.submit(course, "cat", b"no notebook", "2026-11-04 10:00:00 UTC")
    policy = resolved(replace(settings.policy(course), isolation="none", hidden=()))
    lab = Lab.from_gradebook(course, LAB)
    files = [content(course, student, LAB) for student in ("amy", "bob", "cat")]
    results = tmp_path / "results"
    results.write_bytes(pickle.dumps((policy, {file: grade_stamped(file, lab, policy) for file in files})))
    return course, results


def record(course, results, *, kill_at=0, regrade=False):
    """Record the results in a process that is killed at a step; return how many steps there are."""
    done = subprocess.run(
        [sys.executable, "-c", RECORD, course.root, results, str(kill_at), "x" * regrade],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if kill_at else 0), done.stderr
    return 0 if kill_at else int(done.stdout)


def by_hand(course):
    """Let a person give a mark and write a comment."""
    with Gradebook(course.db_url) as gradebook:
        answer = gradebook.find_grade("q-why", LAB, LAB, "amy")
        answer.manual_score, answer.extra_credit = 1.5, 0.5
        gradebook.find_comment("q-why", LAB, LAB, "amy").manual_comment = "nice"
        gradebook.db.commit()


@pytest.mark.parametrize("regrade", [False, True], ids=["first", "regrade"])
def test_a_kill_at_any_step_of_recording_is_made_good(bench, class_of_three, tmp_path, regrade):
    fresh, results = class_of_three
    if regrade:
        record(fresh, results)
        by_hand(fresh)
    whole = bench.copy_of(fresh, tmp_path / "whole")
    steps = record(whole, results, regrade=regrade)
    assert steps > 20
    expected = bench.rows(whole), bench.texts(whole)
    for step in sorted(random.Random(steps).sample(range(1, steps + 1), 4)):
        course = bench.copy_of(fresh, tmp_path / f"{step}")
        record(course, results, kill_at=step, regrade=regrade)
        found = bench.recorded(course)
        for path in course.root.glob(f"autograded/*/{LAB}/{LAB}.ipynb"):
            assert read_stamp(path)["marks"] == found[path.parts[-3]]
        record(course, results, regrade=regrade)
        assert (bench.rows(course), bench.texts(course)) == expected, step


def test_killed_runs_are_finished_by_the_next(bench, tmp_path):
    fresh = bench.toy_course(tmp_path / "fresh", 4)
    options = ["--jobs", "2", "--isolation", "none"]
    assert bench.kill_runs(fresh, tmp_path, instants=2, options=options, rng=random.Random(os.getpid())) == 0


def test_what_was_recorded_stays_and_the_time_counts(class_of_three, toy):
    course, results = class_of_three
    record(course, results)
    policy, _ = pickle.loads(results.read_bytes())
    lab = Lab.from_gradebook(course, LAB)

    def why():
        with Gradebook(course.db_url) as gradebook:
            return {each.student: each.why for each in plan(course, lab, policy, gradebook)}

    assert why() == {"amy": "", "bob": "", "cat": ""}
    toy.submit(course, "amy", toy.hand_in(), "2026-11-05 10:00:00 UTC")
    toy.submit(course, "bob", toy.released + b" ")
    by_hand(course)
    assert why() == {"amy": "handed in at another time", "bob": "another file was handed in", "cat": ""}
    with cf.ThreadPoolExecutor(1) as threads:
        states = [each.state for each in grade_class(course, LAB, policy=policy, executor=threads)]
    assert states == ["graded", "graded", "on record"]
    with Gradebook(course.db_url) as gradebook:
        assert str(gradebook.find_submission(LAB, "amy").timestamp) == "2026-11-05 10:00:00"
        assert gradebook.find_grade("q-why", LAB, LAB, "amy").manual_score == 1.5

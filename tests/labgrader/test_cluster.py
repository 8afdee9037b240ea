import concurrent.futures as cf
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from labgrader import config as settings
from labgrader import crew, recorder
from labgrader.cluster import cluster
from labgrader.course import Course, CourseError
from labgrader.crew import Workers
from labgrader.runner import grade_class
from labgrader.secret import course_secret

distributed = pytest.importorskip("distributed")
LAB = "00_toy"


@pytest.fixture(scope="module")
def two_workers():
    """A Dask cluster on this machine: a scheduler, and two workers in processes of their own."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
    ) as found:
        yield found


def files(course):
    """Return what lies in autograded/."""
    found = sorted((course.root / "autograded").rglob("*"))
    return {str(each.relative_to(course.root)): each.read_bytes() for each in found if each.is_file()}


def hand_in_a_class(course, toy):
    hand_ins = {
        "amy": toy.hand_in(),
        "bob": toy.released,
        "cat": toy.hand_in(mean="def mean(v): return v[0]"),
        "dan": toy.hand_in(double="import os\ndef double(x): os._exit(1)"),
        "eve": b"this is no notebook",
        "fay": toy.hand_in(double="import warnings; warnings.warn('x')\ndef double(x): return x + x"),
    }
    for student, content in hand_ins.items():
        toy.submit(course, student, content, "2026-11-05 10:00:00 UTC" if student < "d" else "")


def run(course, *command):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_road_gives_the_same_gradebook_and_the_same_files(course, toy, two_workers, tmp_path):
    hand_in_a_class(course, toy)
    course_secret(course)  # the same hidden inputs for all
    courses = {}
    for road in ("nbgrader", "one", "two", "dask"):
        courses[road] = Course(tmp_path / road / "my course")
        shutil.copytree(course.root, courses[road].root)
    run(courses["nbgrader"], "nbgrader", "autograde", LAB)
    run(courses["one"], "labgrader", "grade", LAB, "--jobs", "1")
    run(courses["two"], "labgrader", "grade", LAB, "--jobs", "2")
    said = run(courses["dask"], "labgrader", "grade", LAB, "--cluster", two_workers.scheduler_address)
    assert "6 graded, 0 on record already, 0 not graded" in said
    expected = toy.recorded(courses["nbgrader"])
    assert {student: score for student, *_, score in expected.submissions} == {
        "amy": 9.0,
        "bob": 0.0,
        "cat": 7.0,
        "dan": 7.0,
        "eve": 0.0,
        "fay": 9.0,
    }
    for road in ("one", "two", "dask"):
        assert toy.recorded(courses[road]) == expected, road
        assert files(courses[road]) == files(courses["nbgrader"]), road


def test_a_killed_worker_loses_nothing_and_nothing_is_recorded_twice(course, toy, two_workers, monkeypatch):
    slow = "import time; time.sleep(0.3)\ndef double(x): return 2 * x"
    students = [f"s{n}" for n in range(10)]
    for student in students:
        toy.submit(course, student, toy.hand_in(double=f"{slow}\n# {student}"))
    victim = next(iter(two_workers.workers.values())).pid
    recorded, gone = [], []

    def watched(self, results):
        recorded.extend(student for student, _ in results)
        if len(recorded) >= 3 and not gone:
            os.kill(victim, signal.SIGKILL)
            gone.append(victim)
        return real(self, results)

    real = recorder.Recorder.__call__
    monkeypatch.setattr(recorder.Recorder, "__call__", watched)
    with cluster(two_workers.scheduler_address, settings.policy(course)) as (workers, policy):
        assert workers.count == 2
        entries = grade_class(course, LAB, policy=policy, workers=workers)
    assert gone
    assert sorted(recorded) == students
    assert {entry.state for entry in entries} == {"graded"}
    assert {entry.points for entry in entries} == {9.0}
    assert [student for student, *_ in toy.recorded(course).submissions] == students
    end = time.monotonic() + 60
    while (
        len(two_workers.scheduler_info["workers"]) < 2 and time.monotonic() < end
    ):  # its nanny starts another
        time.sleep(0.1)


def refused(address, policy, match):
    with pytest.raises(CourseError, match=match), cluster(address, policy):
        pass


def test_a_cluster_that_cannot_be_used_is_named(course):
    policy = settings.policy(course)
    refused("tcp://127.0.0.1:1", policy, r"No Dask scheduler answers at tcp://127\.0\.0\.1:1 ")
    with distributed.LocalCluster(
        n_workers=0, dashboard_address=None, silence_logs="CRITICAL", processes=False
    ) as empty:
        refused(empty.scheduler_address, policy, "has no workers; start some with `dask worker")


def test_workers_of_another_version_are_refused(course, two_workers, monkeypatch):
    monkeypatch.setattr("labgrader.cluster.ENGINE", 0)
    match = r"The worker tcp://.* runs labgrader .*, engine 1, .*; this is"
    refused(two_workers.scheduler_address, settings.policy(course), match)


def test_a_cluster_without_a_worker_for_long_ends_the_run(course, toy, monkeypatch):
    class Silent(cf.Executor):
        def submit(self, *_, **__):
            return cf.Future()

    monkeypatch.setattr(crew, "POLL_SECONDS", 0.05)
    for student in ("amy", "bob", "cat"):
        toy.submit(course, student, b"")
    entries = grade_class(course, LAB, workers=Workers(1, Silent(), lambda: "the cluster has had no worker"))
    assert [entry.error for entry in entries] == ["the cluster has had no worker"] * 3
    assert toy.recorded(course) == ([], [], [])

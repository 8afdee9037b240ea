import concurrent.futures as cf
import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest
from labgrader import config as settings
from labgrader import crew, pool
from labgrader.course import CourseError
from labgrader.lock import only_writer
from labgrader.marker import read_stamp
from labgrader.runner import Graded, grade_class
from labgrader.table import class_table, notes, notes_table, room, summary
from nbgrader.api import Gradebook
from rich.console import Console

LAB = "00_toy"


@pytest.fixture(autouse=True)
def no_isolation(monkeypatch):
    """Grade without isolation, which has its own tests; so one warm process serves all tests of this file."""
    real = settings.policy

    def policy(course, config=None):
        return replace(real(course, config), isolation="none", hidden=())

    monkeypatch.setattr(settings, "policy", policy)


@pytest.fixture
def threads():
    with cf.ThreadPoolExecutor(2) as executor:
        yield executor


def labgrade(course, *arguments):
    """Return a command that grades; without isolation, since that is tested elsewhere and takes its time."""
    where = ["--isolation", "none", "--course", str(course.root)]
    return [sys.executable, "-m", "labgrader", *arguments, *where]


def test_a_class_is_graded_recorded_and_then_left_alone(course, toy, threads):
    toy.submit(course, "amy", toy.hand_in(), "2026-11-03 10:00:00 UTC")
    toy.submit(course, "bob", toy.released)
    toy.submit(course, "cat", b"not a notebook")
    (course.root / "submitted" / "dan" / LAB).mkdir(parents=True)
    first = grade_class(course, LAB, executor=threads)
    assert [(e.student, e.points, e.max, e.waiting, e.state) for e in first] == [
        ("amy", 9.0, 11.0, 1, "graded"),
        ("bob", 0.0, 11.0, 0, "graded"),
        ("cat", 0.0, 11.0, 0, "graded"),
        ("dan", 0.0, 11.0, 0, "graded"),
    ]
    assert first[3].flags == ("there is no notebook in the hand-in, or its file is empty",)
    again = grade_class(course, LAB, executor=threads)
    assert [entry.state for entry in again] == ["on record"] * 4
    assert [(e.student, e.marks, e.flags, e.reasons) for e in again] == [
        (e.student, e.marks, e.flags, e.reasons) for e in first
    ]
    folder = course.folder("autograded", "amy", LAB)
    assert (folder / "timestamp.txt").read_text() == "2026-11-03 10:00:00 UTC"
    assert (folder / f"{LAB}.ipynb").stat().st_mode & 0o222 == 0
    assert not list(course.root.rglob(".labkit-*"))
    assert ("amy", "test-mean", 3.0, None, False) in toy.recorded(course).grades
    assert ("amy", "2026-11-03 10:00:00", None, 9.0) in toy.recorded(course).submissions


def test_only_what_changed_is_graded_again(course, toy, threads):
    for student in ("amy", "bob"):
        toy.submit(course, student, toy.hand_in())
    grade_class(course, LAB, executor=threads)
    toy.submit(course, "amy", toy.hand_in(double="def double(x): return x"))
    assert [e.state for e in grade_class(course, LAB, executor=threads)] == ["graded", "on record"]
    course.gradebook.unlink()  # another gradebook: nothing is on record in it
    with pytest.raises(CourseError, match="No gradebook in"):
        grade_class(course, LAB, executor=threads)


def test_a_gradebook_put_back_from_a_copy_is_noticed(course, toy, threads):
    toy.submit(course, "amy", toy.hand_in())
    grade_class(course, LAB, executor=threads)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("test-mean", LAB, LAB, "amy").auto_score = 1.0
        gradebook.db.commit()
    assert [e.state for e in grade_class(course, LAB, executor=threads)] == ["graded"]
    assert ("amy", "test-mean", 3.0, None, False) in toy.recorded(course).grades


def test_regrade_keeps_what_a_person_gave(course, toy, threads):
    toy.submit(course, "amy", toy.hand_in())
    grade_class(course, LAB, executor=threads)
    with Gradebook(course.db_url) as gradebook:
        answer = gradebook.find_grade("q-why", LAB, LAB, "amy")
        answer.manual_score, answer.extra_credit, answer.needs_manual_grade = 1.5, 0.5, False
        gradebook.find_comment("q-why", LAB, LAB, "amy").manual_comment = "nice"
        gradebook.db.commit()
    (found,) = grade_class(course, LAB, executor=threads)
    assert (found.state, found.points, found.waiting) == ("on record", 11.0, 0)
    assert ("amy", "q-why", None, 1.5, False) in toy.recorded(course).grades
    (found,) = grade_class(course, LAB, regrade=True, executor=threads)
    assert (found.state, found.points, found.waiting) == ("graded", 11.0, 1)
    assert ("amy", "q-why", None, 1.5, True) in toy.recorded(course).grades
    assert ("amy", "q-why", "", "nice") in toy.recorded(course).comments
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_submission(LAB, "amy").score == 11.0


def test_a_fault_of_the_machine_leaves_one_ungraded(course, toy, monkeypatch):
    from labgrader.sandbox import SandboxError

    def faulty(notebook, lab, policy):
        if notebook == toy.released:
            raise SandboxError("a process did not start")
        return real(notebook, lab, policy)

    real = pool.grade
    monkeypatch.setattr(pool, "grade", faulty)
    toy.submit(course, "amy", b"")
    toy.submit(course, "bob", toy.released)
    with cf.ThreadPoolExecutor(1) as threads:
        amy, bob = grade_class(course, LAB, executor=threads)
    assert (amy.state, bob.state) == ("graded", "failed")
    assert notes(bob) == "NOT GRADED: SandboxError: a process did not start"
    assert read_stamp(course.notebook("autograded", "bob", LAB)) == {}


def test_wrong_use_says_what_to_do(course, toy, threads):
    with pytest.raises(CourseError, match=r"No submission in .*; collect hand-ins first"):
        grade_class(course, LAB, executor=threads)
    toy.submit(course, "amy", b"")
    with pytest.raises(CourseError, match="No submission of student zed in"):
        grade_class(course, LAB, student="zed", executor=threads)
    with pytest.raises(CourseError, match="There is no lab '09_none'"):
        grade_class(course, "09_none", executor=threads)


def test_the_command_grades_one_student_prints_a_table_and_exits_0(course, toy):
    toy.submit(course, "amy", toy.hand_in(mean="def mean(v): return v[0]"))
    toy.submit(course, "bob", toy.released)
    done = subprocess.run(
        labgrade(course, "grade", LAB, "--student", "amy", "--cells"),
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Isolation none: NONE: student code can read and change your files")
    head = "student ┃ points ┃ to mark ┃ double ┃ mean ┃ clip ┃ q-why"
    assert lines[1].rstrip() == head
    assert lines[3].rstrip() == "amy     │ 7 / 11 │       1 │      2 │    1 │    4 │     ?"
    assert lines[5].rstrip() == "student ┃ notes"
    assert lines[7].startswith("amy     │ mean: 1 of 3; the mean is wrong")
    assert "bob" not in done.stdout
    assert "1 graded, 0 on record already, 0 not graded; mean 7 of 11 points;" in lines[-1]
    assert done.stderr == ""


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_killed_run_leaves_nothing_half_done_and_is_resumed(course, toy):
    slow = "import time; time.sleep(0.3)\ndef double(x): return 2 * x"
    for n in range(5):
        toy.submit(course, f"s{n}", toy.hand_in(double=slow))
    process = subprocess.Popen(labgrade(course, "grade", LAB, "--jobs", "2"), stderr=subprocess.DEVNULL)
    done = lambda: list((course.root / "autograded").glob(f"*/{LAB}/{LAB}.ipynb"))
    wait_for(lambda: len(done()) >= 2)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    recorded = {path.parts[-3] for path in done()}
    for path in done():
        assert read_stamp(path)["marks"]["test-clip"] == 4.0
    with cf.ThreadPoolExecutor(2) as threads:
        entries = grade_class(course, LAB, executor=threads)
    assert {entry.student for entry in entries if entry.state == "on record"} == recorded
    assert {entry.points for entry in entries} == {9.0}
    assert len([row for row in toy.recorded(course).grades if row[1:3] == ("test-clip", 4.0)]) == 5
    wait_for(lambda: not any(child.is_running() and child.status() != "zombie" for child in family))


def test_ctrl_c_finishes_what_is_in_hand_and_records_it(course, toy):
    slow = "import time; time.sleep(0.5)\ndef double(x): return 2 * x"
    for n in range(6):
        toy.submit(course, f"s{n}", toy.hand_in(double=slow))
    process = subprocess.Popen(
        labgrade(course, "grade", LAB, "--jobs", "1"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: list((course.root / "autograded").glob(f"*/{LAB}/{LAB}.ipynb")))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines() == [
        "Finishing the 2 in hand; Ctrl-C again stops at once.",
        "Stopped. What was recorded stays; run the same command again to go on.",
    ]
    count = len(list((course.root / "autograded").glob("*/*/*.ipynb")))
    assert 3 <= count < 6
    assert len({row[0] for row in toy.recorded(course).grades}) == count


def grading_processes(pid):
    """Return the processes that grade for a run: what the server of `multiprocessing` has forked."""
    try:
        children = psutil.Process(pid).children()
        servers = [each for each in children if any("forkserver" in part for part in each.cmdline())]
        return [child for server in servers for child in server.children()]
    except psutil.NoSuchProcess:
        return []


def test_a_worker_that_is_killed_costs_nobody_else(course, toy):
    slow = "import time; time.sleep(0.5)\ndef double(x): return 2 * x"
    for n in range(3):
        toy.submit(course, f"s{n}", toy.hand_in(double=slow))
    process = subprocess.Popen(
        labgrade(course, "grade", LAB, "--jobs", "1"), stdout=subprocess.PIPE, text=True
    )

    wait_for(lambda: list((course.root / "autograded").glob(f"*/{LAB}/{LAB}.ipynb")))
    grading_processes(process.pid)[0].kill()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "3 graded, 0 on record already, 0 not graded; mean 9 of 11 points" in out


def test_one_that_ends_its_process_costs_nobody_else(course, toy, monkeypatch):
    for student, content in (("amy", toy.hand_in()), ("bob", b"1"), ("cat", toy.released), ("dan", b"")):
        toy.submit(course, student, content)
    real = crew.content
    monkeypatch.setattr(crew, "content", lambda *names: Deadly() if names[1] == "bob" else real(*names))
    entries = grade_class(course, LAB, jobs=2)
    assert {entry.student: entry.state for entry in entries} == {
        "amy": "graded",
        "bob": "ended",
        "cat": "graded",
        "dan": "graded",
    }
    assert notes(entries[1]) == "NOT GRADED: its process was ended from outside (out of memory?)"
    assert {row[0] for row in toy.recorded(course).grades} == {"amy", "cat", "dan"}


class Deadly:
    """A hand-in that ends the process that receives it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_two_runs_at_a_time_are_refused(course, toy, threads):
    toy.submit(course, "amy", b"")
    with only_writer(course), pytest.raises(CourseError, match="Another `labgrade grade` is at work in"):
        grade_class(course, LAB, executor=threads)
    assert grade_class(course, LAB, executor=threads)[0].state == "graded"


def test_a_dry_run_says_who_and_why_and_does_nothing(course, toy, threads):
    for student, content in (("amy", toy.hand_in()), ("bob", b"1")):
        toy.submit(course, student, content)
    grade_class(course, LAB, executor=threads)
    toy.submit(course, "bob", b"2")
    toy.submit(course, "cat", b"3")
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("q-why", LAB, LAB, "bob").manual_score = 1.0
        gradebook.db.commit()
    before = {path: path.stat().st_mtime_ns for path in course.root.rglob("*")}
    done = subprocess.run(
        labgrade(course, "grade", LAB, "--dry-run"),
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "240"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "Would grade 2 of 3 submissions (1 another file was handed in, 1 new); 1 on record stays. "
        "Nothing was done."
    )
    assert "another file was handed in; 1 mark given by hand would stay" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in course.root.rglob("*")} == before


def test_what_a_killed_run_was_writing_is_removed(course, toy, threads):
    toy.submit(course, "amy", b"")
    folder = course.folder("autograded", "amy", LAB)
    folder.mkdir(parents=True)
    (folder / ".labkit-abc").write_text("half")
    grade_class(course, LAB, executor=threads)
    assert sorted(os.listdir(folder)) == [f"{LAB}.ipynb"]


def test_a_broken_executor_ends_the_run_with_the_reason(course, toy):
    class Broken(cf.Executor):
        def submit(self, *_, **__):
            raise cf.BrokenExecutor("gone")

    toy.submit(course, "amy", b"")
    (amy,) = grade_class(course, LAB, executor=Broken())
    assert notes(amy) == "NOT GRADED: the executor is broken"


def test_notes_and_summary():
    entry = Graded(
        "bob",
        {"test-a": 0.0, "test-b": 0.0},
        4,
        flags=("test-a ran out of time", "extra"),
        reasons=(("test-a", "it took long"), ("test-b", "b: wrong")),
    )
    assert notes(entry) == "extra; a: it took long; b: wrong"
    assert notes(entry, most=1) == "extra; a: it took long; and 1 more"
    assert (
        summary([entry], 1.0)
        == "1 graded, 0 on record already, 0 not graded; mean 0 of 4 points; 1.0 seconds"
    )
    assert class_table([entry], cells=True).row_count == 1


def test_long_names_of_cells_leave_the_notes_their_room():
    names = [f"test-max_pool2d_gradient_{n}" for n in range(13)]
    entry = Graded("bob", dict.fromkeys(names, 0.0), 39, flags=("word " * 20,))
    console = Console(width=160, file=io.StringIO())
    console.print(class_table([entry], cells=True), notes_table([entry, Graded("amy", {"a": 1.0}, 1)]))
    text = console.file.getvalue()
    assert "max_pool2d_g" not in text
    assert "word " * 20 in text
    assert "amy" not in text


def test_points_of_many_cells_are_not_cut_off():
    entry = Graded("bob", {f"test-max_pool{n}": 1.25 for n in range(20)}, 39)
    table = class_table([entry], cells=True)
    table.width = room(table)
    console = Console(width=60, file=io.StringIO())
    console.print(table, crop=False)
    assert console.file.getvalue().count("1.25") == 20

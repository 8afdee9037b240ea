"""Release: masters to student notebooks through nbgrader, byte for byte the same, without losing a grade."""

import io
import json
import os
import stat
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader.course import Course, CourseError, find_course
from labgrader.differences import differences
from labgrader.gradebook_guard import CellsChangedError
from labgrader.leaks import LeakError
from labgrader.masters import MasterError, UnknownLabError, read_master, student_notebook
from labgrader.release import canonical, release
from labgrader.release_report import show
from labgrader.stamp import Stamp, StampError, apply, github_repository, make_stamp
from rich.console import Console

TOY = Path(__file__).parent / "data" / "00_toy.py"
REPO = "ada/first-light"


@pytest.fixture(scope="module", autouse=True)
def _alembic_asked_once():
    """nbgrader starts `alembic` for each new gradebook, always for the same number; ask it once."""
    import nbgrader.api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", cache(nbgrader.api.get_alembic_version))
        yield


@pytest.fixture
def course(tmp_path):
    """A course with the toy lab, in a folder `grading` as in the checkout."""
    made = Course(tmp_path / "grading")
    made.masters.mkdir(parents=True)
    (made.masters / "00_toy.py").write_text(TOY.read_text(encoding="utf-8"), encoding="utf-8")
    (made.root / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "toy"\n')
    return made


@pytest.fixture
def notebook(course):
    return course.root.parent / "notebooks" / "00_toy.ipynb"


def edit_master(course, *pairs):
    path = course.masters / "00_toy.py"
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def tree(folder):
    """Return every file below a folder with its bytes."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def printed(changes, *, check):
    console = Console(width=100, record=True, file=io.StringIO())
    good = show(changes, console, check=check)
    return good, console.export_text()


def submit(course, student="amy", score=2.0):
    """Record a graded submission of the toy lab."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.add_submission("00_toy", student)
        grade = gradebook.find_grade("test-double", "00_toy", "00_toy", student)
        grade.auto_score = score
        written = gradebook.find_grade("q-why", "00_toy", "00_toy", student)
        written.manual_score = 1.5
        gradebook.find_comment("q-why", "00_toy", "00_toy", student).manual_comment = "half"
        gradebook.db.commit()


def grades(course, student="amy"):
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        found = {
            g.name: (g.auto_score, g.manual_score, g.max_score)
            for g in gradebook.find_submission_notebook("00_toy", "00_toy", student).grades
        }
        return found, gradebook.find_comment("q-why", "00_toy", "00_toy", student).manual_comment


def test_makes_source_release_notebook_and_gradebook_entry(course, notebook):
    from nbgrader.api import Gradebook

    (change,) = release(course, repo=REPO)
    assert (change.lab, change.path, change.status, change.points, change.cells) == (
        "00_toy",
        notebook,
        "new",
        11,
        13,
    )
    assert notebook.read_bytes() == course.notebook("release", ".", "00_toy").read_bytes()
    assert "return x + x" in course.notebook("source", ".", "00_toy").read_text()
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_assignment("00_toy").max_score == 11
        cell = gradebook.find_source_cell("test-double", "00_toy", "00_toy")
        assert 'seed=secret("double")' in cell.source
        assert gradebook.find_source_cell("q-why-text", "00_toy", "00_toy").source.count("MARK SCHEME") == 2
        assert {c.name: c.max_score for c in gradebook.find_notebook("00_toy", "00_toy").grade_cells} == {
            "test-double": 2, "test-mean": 3, "test-clip": 4, "q-why": 2,
        }  # fmt: skip
    assert sorted(p.name for p in course.root.iterdir()) == [
        ".course_secret", "gradebook.db", "masters", "nbgrader_config.py", "release", "source",
    ]  # fmt: skip


def test_is_the_same_as_nbgraders_steps_in_memory(course, notebook):
    release(course, repo=REPO)
    master = read_master(course.masters / "00_toy.py")
    apply(master.notebook, make_stamp(REPO, None), "00_toy")
    assert notebook.read_bytes() == canonical(student_notebook(master))


def test_is_byte_reproducible(course, tmp_path, notebook):
    release(course, repo=REPO)
    first = notebook.read_bytes()
    assert [c.status for c in release(course, repo=REPO)] == ["unchanged"]
    other = Course(tmp_path / "elsewhere" / "grading")
    other.masters.mkdir(parents=True)
    for name in ("masters/00_toy.py", "nbgrader_config.py"):
        (other.root / name).write_bytes((course.root / name).read_bytes())
    (change,) = release(other, repo=REPO, out=tmp_path / "out")
    assert change.path == tmp_path / "out" / "00_toy.ipynb"
    assert change.path.read_bytes() == first == notebook.read_bytes()


def test_the_notebook_is_clean(course, notebook):
    release(course, repo=REPO)
    text = notebook.read_text(encoding="utf-8")
    data = json.loads(text)
    nbformat.validate(nbformat.from_dict(data))
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert (data["nbformat"], data["nbformat_minor"]) == (4, 5)
    assert data["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "labkit": {
            "lab": "00_toy",
            "title": "A toy lab",
            "minutes": 5,
            "run_seconds": 2,
            "answers": ["double", "mean", "clip", "q-why"],
            "version": make_stamp("", None).version,
            "repo": REPO,
            "ref": make_stamp(REPO, None).ref,
        },
    }
    code = [c for c in data["cells"] if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    for gone in ("BEGIN", "secret", "x + x", "quotient", "labkit:badge", "labkit:setup"):
        assert gone not in text
    assert text == json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert stat.S_IMODE(notebook.stat().st_mode) == 0o644


def test_stamps_badge_and_set_up_cell(course, notebook):
    release(course, repo=REPO, ref="autumn")
    first, setup, *_ = json.loads(notebook.read_text())["cells"]
    assert "".join(first["source"]).split("\n")[1] == (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/ada/first-light/blob/autumn/notebooks/00_toy.ipynb)"
    )
    assert '"labkit[pdf] @ git+https://github.com/ada/first-light@autumn"' in "".join(setup["source"])
    release(course, repo="")
    first, setup, *_ = json.loads(notebook.read_text())["cells"]
    assert "".join(first["source"]).split("\n")[1] == ""
    assert "git+" not in "".join(setup["source"])


RUN_SETUP = """
import importlib.util, json, subprocess, sys, types
real_spec, calls = importlib.util.find_spec, []
importlib.util.find_spec = lambda name: real_spec(name) if name != "labkit" else {installed}
def run(command, **kwargs):
    calls.append(command)
    return types.SimpleNamespace(returncode={code})
subprocess.run = run
if {colab}:
    sys.modules["google.colab"] = types.ModuleType("google.colab")
source = json.load(open({path!r}))["cells"][1]["source"]
try:
    exec("".join(source), {{"__name__": "__main__"}})
except RuntimeError as error:
    print("RuntimeError:", error)
print(json.dumps(calls))
"""


def run_setup(path, *, colab, installed=None, code=0):
    """Run a set-up cell in a fresh Python with pip replaced; return its lines and the pip commands."""
    program = RUN_SETUP.format(path=str(path), colab=colab, installed=installed, code=code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *lines, calls = done.stdout.strip().split("\n")
    return lines, json.loads(calls)


def test_the_set_up_cell_installs_on_colab_only_and_keeps_torch(course, notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    release(course, repo=REPO, ref="v1")
    assert run_setup(notebook, colab=False) == ([], [])
    assert run_setup(notebook, colab=True, installed=True) == ([], [])
    lines, [command] = run_setup(notebook, colab=True)
    assert lines == []
    assert command[1:] == [
        "-m", "pip", "install", "--quiet", "--upgrade-strategy", "only-if-needed", "--constraint", command[8],
        "labkit[pdf] @ git+https://github.com/ada/first-light@v1",
    ]  # fmt: skip
    from importlib.metadata import version

    kept = Path(command[8]).read_text().split()
    assert command[8] == str(tmp_path / "keep.txt")
    assert kept == [f"{name}=={version(name)}" for name in ("torch", "torchvision", "numpy")]
    lines, _ = run_setup(notebook, colab=True, code=1)
    assert lines == [
        "RuntimeError: labkit could not be installed, see above; check the network and try again."
    ]


def test_without_a_repository_colab_says_what_the_instructor_does(course, notebook):
    release(course, repo="")
    assert run_setup(notebook, colab=False) == ([], [])
    lines, calls = run_setup(notebook, colab=True)
    assert calls == []
    assert lines == [
        "RuntimeError: This copy of the lab was released without a repository, "
        "so Colab cannot install labkit: "
        "ask the instructor to run `labgrade release --repo OWNER/NAME` and hand out the notebook it writes."
    ]


def git(course, *words):
    subprocess.run(["git", *words], cwd=course.root, check=True, capture_output=True)


def test_takes_the_repository_from_git(course):
    git(course, "init", "-q")
    assert [c.repo for c in release(course)] == [""]
    git(course, "remote", "add", "origin", "https://x:token@github.com/ada/first-light.git")
    assert [c.repo for c in release(course)] == [REPO]
    git(course, "remote", "set-url", "origin", "https://example.org/ada/first-light.git")
    assert [c.repo for c in release(course)] == [""]


@pytest.mark.parametrize(
    ("url", "repo"),
    [
        ("https://github.com/ada/first-light", "ada/first-light"),
        ("https://github.com/ada/first.light.git/", "ada/first.light"),
        ("https://ada:secret@github.com/ada/x.git", "ada/x"),
        ("git@github.com:ada/x.git", "ada/x"),
        ("ssh://git@github.com/ada/x.git", "ada/x"),
        ("https://gitlab.com/ada/x.git", ""),
        ("https://github.com.evil.org/ada/x", ""),
        ("https://github.com/ada", ""),
        ("https://github.com/ada/x y", ""),
        ("../first-light", ""),
        ("", ""),
    ],
)
def test_reads_github_addresses(url, repo):
    assert github_repository(url) == repo


@pytest.mark.parametrize("repo", ["ada", "ada/", "/x", "a b/c", 'a/"', "a/b/c", "a/..", "-a/b", "a/b\n"])
def test_refuses_what_is_not_a_repository(repo):
    with pytest.raises(StampError, match="expected OWNER/NAME as on GitHub"):
        make_stamp(repo, "v1")


@pytest.mark.parametrize("ref", ["a b", "a..b", "/a", "a/", "a.lock", '"', "a\n", "-a", "a//b"])
def test_refuses_what_is_not_a_ref(ref):
    with pytest.raises(StampError, match="expected a tag or branch"):
        make_stamp("ada/x", ref)


def test_refuses_a_ref_without_a_repository():
    with pytest.raises(StampError, match="expected both or neither"):
        make_stamp("", "v1")


def test_check_passes_after_a_release_whatever_the_stamp(course):
    for repo, ref in (("", None), (REPO, None), ("fork/of-it", "spring")):
        release(course, repo=repo, ref=ref)
        (change,) = release(course, check=True)
        assert (change.status, change.repo, change.differences) == ("unchanged", repo, ())
    assert [c.status for c in release(course, check=True, repo=REPO)] == ["different"]


def test_check_touches_nothing(course, notebook):
    release(course, repo=REPO)
    notebook.write_text(notebook.read_text().replace("Three small", "Two small"))
    before = tree(course.root.parent)
    times = {p: p.stat().st_mtime_ns for p in course.root.parent.rglob("*")}
    release(course, check=True)
    assert tree(course.root.parent) == before
    assert {p: p.stat().st_mtime_ns for p in course.root.parent.rglob("*")} == times


def test_check_names_file_cell_and_line(course, notebook):
    release(course, repo=REPO)
    notebook.write_text(notebook.read_text().replace("raise NotImplementedError", "return x + x  #", 1))
    (change,) = release(course, check=True)
    assert [str(d) for d in change.differences] == [
        "cell double, line 4\n"
        '  released:     return x + x  #(\\"write your code here, then delete this line\\")\n'.replace(
            "\\", ""
        )
        + '  built:        raise NotImplementedError("write your code here, then delete this line")'
    ]
    good, text = printed([change], check=True)
    assert not good
    assert "00_toy.ipynb: cell double, line 4\n  released:     return x + x" in text
    assert "run `labgrade release` and commit the result." in text


def test_check_names_missing_and_superfluous_notebooks(course, notebook):
    assert [c.status for c in release(course, check=True)] == ["missing"]
    release(course, repo="")
    extra = notebook.with_name("99_old.ipynb")
    extra.write_text("{}")
    changes = release(course, check=True)
    assert [(c.lab, c.status) for c in changes] == [("00_toy", "unchanged"), ("99_old", "superfluous")]
    good, text = printed(changes, check=True)
    assert not good
    assert "99_old.ipynb: no master makes this notebook; delete it, or bring its master back." in text
    assert [c.status for c in release(course, ("00_toy",), check=True)] == ["unchanged"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_touched_character_is_a_named_difference(data):
    built = _toy_bytes()
    at = data.draw(st.integers(0, len(built) - 1))
    byte = data.draw(st.integers(32, 126).filter(lambda b: b != built[at]))
    touched = built[:at] + bytes([byte]) + built[at + 1 :]
    found = differences(touched, built)
    assert found
    assert all(d.released != d.built for d in found)


def test_a_difference_far_inside_a_long_value_is_shown():
    built = json.dumps({"cells": [], "metadata": {"k": {"a": "x" * 500, "b": 1}}}).encode()
    (found,) = differences(built.replace(b'"b": 1', b'"b": 2'), built)
    assert (found.released[-4:], found.built[-4:]) == (": 2}", ": 1}")
    assert len(found.released) < 210


def _toy_bytes():
    master = read_master(TOY)
    apply(master.notebook, make_stamp(REPO, None), "00_toy")
    return canonical(student_notebook(master))


def test_differences_of_cells_and_layout():
    built = _toy_bytes()
    data = json.loads(built)
    moved = {**data, "cells": [data["cells"][1], data["cells"][0], *data["cells"][2:]]}
    assert [d.place for d in differences(json.dumps(moved).encode(), built)] == ["order, cell 1"]
    gone = {**data, "cells": data["cells"][:-1]}
    assert [str(d) for d in differences(json.dumps(gone).encode(), built)] == [
        "cell q-why, the cell\n  released: (no such cell)\n  built:    YOUR ANSWER HERE"
    ]
    twice = {**data, "cells": [*data["cells"], data["cells"][-1]]}
    assert [d.released for d in differences(json.dumps(twice).encode(), built)] == ["one id twice"]
    assert [str(d) for d in differences(json.dumps(data).encode(), built)] == [
        "the file's layout\n  released: saved by another program\n  built:    as `labgrade release` writes it"
    ]
    for broken in (
        b"",
        b"[]",
        b"{",
        b'{"cells": 3}',
        b'{"cells": [3]}',
        b'{"cells": [], "metadata": 1}',
        b"[" * 99999,
    ):
        assert [d.released for d in differences(broken, built)] == ["not a notebook"]


@pytest.mark.parametrize("entry", ["x", {"repo": 'a"b', "ref": "v1"}, {"repo": REPO}, {"ref": "v1"}, None])
def test_check_survives_a_damaged_stamp(course, notebook, entry):
    release(course, repo=REPO)
    data = json.loads(notebook.read_text())
    data["metadata"]["labkit"] = entry
    notebook.write_text(json.dumps(data))
    (change,) = release(course, check=True)
    assert change.status == "different"
    assert "metadata labkit" in [d.place for d in change.differences]


def test_a_faulty_master_stops_everything_before_anything_is_written(course, notebook):
    second = (course.masters / "00_toy.py").read_text().replace("lab: 00_toy", "lab: 01_toy")
    (course.masters / "01_toy.py").write_text(second.replace("2 * earned", "earned"))
    with pytest.raises(MasterError, match=r"01_toy.py, cell 5 \(test-double\): the last line is 'earned'"):
        release(course, repo=REPO)
    assert sorted(p.name for p in course.root.iterdir()) == ["masters", "nbgrader_config.py"]
    assert not notebook.parent.exists()


def test_a_leak_stops_everything_before_anything_is_written(course, notebook):
    edit_master(course, ("Write `double(x)`.", "Write `double(x)`. It is:\n# BEGIN of `return x + x`"))
    release(course, repo=REPO)  # the author's own visible words are no leak
    before = tree(course.root.parent)
    (course.root / "nbgrader_config.py").write_text("c = get_config()\nc.ClearSolutions.enabled = False\n")
    with pytest.raises(LeakError) as caught:
        release(course, repo=REPO)
    assert "00_toy.ipynb, cell mean: a line of a solution: 'return sum(values) / len(values)'" in str(
        caught.value
    )
    now = tree(course.root.parent)
    assert {k: v for k, v in now.items() if "config" not in k} == {
        k: v for k, v in before.items() if "config" not in k
    }


def test_an_instructors_file_beside_the_source_is_not_released(course):
    release(course, repo="")
    source = course.folder("source", ".", "00_toy")
    (source / "photo.png").write_bytes(b"png")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "00_toy-checkpoint.ipynb").write_text("{}")
    release(course, repo="")
    assert sorted(tree(course.folder("release", ".", "00_toy"))) == ["00_toy.ipynb", "photo.png"]
    (source / "gradebook.db").write_bytes(b"")
    with pytest.raises(LeakError, match=r"gradebook\.db: a file that stays with the instructor"):
        release(course, repo="")
    assert sorted(tree(course.folder("release", ".", "00_toy"))) == ["00_toy.ipynb", "photo.png"]


def test_a_second_release_keeps_grades_and_comments(course):
    release(course, repo=REPO)
    submit(course)
    before = grades(course)
    edit_master(
        course,
        ("Write `double(x)`.", "Write a function `double(x)`."),
        ("Why does", "In your words: why does"),
    )
    (change,) = release(course, repo=REPO)
    assert change.status == "updated"
    assert change.warnings == ()
    assert grades(course) == before
    assert before[0]["test-double"] == (2.0, None, 2.0)
    assert before[0]["q-why"] == (None, 1.5, 2.0)
    assert before[1] == "half"


def test_other_points_or_tests_are_released_with_a_warning(course):
    release(course, repo=REPO)
    submit(course)
    edit_master(
        course,
        (
            '"grade_id": "test-double", "locked": true, "points": 2',
            '"grade_id": "test-double", "locked": true, "points": 5',
        ),
        ("2 * earned", "5 * earned"),
        ("earned = check.mean(mean)\n", "earned = check.mean(mean)  # now\n"),
    )
    (change,) = release(course, repo=REPO)
    assert change.warnings == (
        "00_toy: the gradebook has 1 graded submission, whose marks stay as they were; this release has "
        "other points for test-double and other tests in test-mean, "
        "so run `labgrade grade 00_toy --regrade`.",
    )
    assert grades(course)[0]["test-double"] == (2.0, None, 5.0)
    assert change.warnings[0] in printed([change], check=False)[1]
    assert [c.warnings for c in release(course, repo=REPO)] == [()]


def test_other_cells_under_grades_are_refused_and_nothing_changes(course):
    release(course, repo=REPO)
    submit(course)
    before = tree(course.root.parent)
    edit_master(
        course,
        ('"grade_id": "mean"', '"grade_id": "average"'),
        ('"grade_id": "test-mean"', '"grade_id": "test-average"'),
        ('secret("mean")', 'secret("average")'),
    )
    with pytest.raises(CellsChangedError) as caught:
        release(course, repo=REPO)
    assert str(caught.value) == (
        "00_toy: the gradebook has 1 graded submission, and this release would add average, test-average; "
        "remove mean, test-mean, which nbgrader cannot do while there are grades; nothing was changed. "
        "Either undo that in the master, or keep a copy of gradebook.db, "
        "run `nbgrader db assignment remove 00_toy --force` (it deletes the grades), "
        "then release and grade again."
    )
    now = tree(course.root.parent)
    assert {k: v for k, v in now.items() if "masters" not in k} == {
        k: v for k, v in before.items() if "masters" not in k
    }
    assert [c.status for c in release(course, check=True)] == ["different"]


def test_other_cells_without_grades_are_released(course):
    release(course, repo=REPO)
    edit_master(
        course,
        ('"grade_id": "mean"', '"grade_id": "average"'),
        ('"grade_id": "test-mean"', '"grade_id": "test-average"'),
        ('secret("mean")', 'secret("average")'),
    )
    assert [c.status for c in release(course, repo=REPO)] == ["updated"]


def test_what_nbgrader_would_do_by_itself(course):
    """The reason for the guard: nbgrader's own step fails half way and removes the release folder."""
    release(course, repo=REPO)
    submit(course)
    source = course.notebook("source", ".", "00_toy")
    source.write_text(source.read_text().replace('"mean"', '"average"'))
    done = subprocess.run(
        [Path(sys.executable).with_name("nbgrader"), "generate_assignment", "00_toy", "--force"],
        cwd=course.root,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode != 0
    assert "Cannot add or remove cells for notebook" in done.stderr
    assert not course.folder("release", ".", "00_toy").exists()


def labgrade(course, *words):
    return subprocess.run(
        [sys.executable, "-m", "labgrader", "release", *words, "--course", str(course.root)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "120", "HOME": os.environ.get("HOME", "/")},
    )


def test_the_command_and_its_exit_codes(course, notebook):
    done = labgrade(course, "--repo", REPO)
    assert done.returncode == 0, done.stderr
    assert "00_toy" in done.stdout
    assert REPO in done.stdout
    assert labgrade(course, "--check").returncode == 0
    notebook.write_text(notebook.read_text().replace("Three small", "Two small"))
    done = labgrade(course, "--check")
    assert done.returncode == 1
    assert "released: Two small functions" in done.stdout
    for wrong in (("nope",), ("--repo", "nope")):
        done = labgrade(course, *wrong)
        assert done.returncode == 2
        assert "Invalid value" in done.stderr
    edit_master(course, ("2 * earned", "earned"))
    done = labgrade(course)
    assert done.returncode == 1
    assert done.stderr == (
        "labgrade: 00_toy.py, cell 5 (test-double): the last line is 'earned'; expected `2 * earned`.\n"
    )


def test_unknown_labs_are_wrong_use(course):
    with pytest.raises(UnknownLabError):
        release(course, ("nope",))
    assert issubclass(UnknownLabError, CourseError)


def test_the_stamp_needs_no_network_and_no_clock(course, notebook, monkeypatch):
    monkeypatch.setenv("PATH", "")
    release(course, repo=REPO)
    first = notebook.read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    release(course, repo=REPO)
    assert notebook.read_bytes() == first
    assert Stamp("1").ref == ""


def test_the_notebooks_of_this_checkout_are_what_its_masters_make():
    changes = release(find_course(Path(__file__).parents[2]), check=True)
    assert changes
    assert printed(changes, check=True)[0], printed(changes, check=True)[1]

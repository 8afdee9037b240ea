"""Each lab whole: its solution earns everything, the untouched notebook nothing, both run to the end."""

from pathlib import Path

import nbformat
import pytest
from labgrader.grade import Result, grade
from labgrader.lab import Lab
from labgrader.masters import Master, read_master, solution_notebook, student_notebook
from labgrader.policy import Policy

MASTERS = sorted(Path(__file__).parents[2].glob("grading/masters/*.py"))


@pytest.fixture(scope="module", params=MASTERS, ids=lambda path: path.stem)
def master(request: pytest.FixtureRequest) -> Master:
    return read_master(request.param)


@pytest.fixture(scope="module")
def lab(master: Master) -> Lab:
    source = nbformat.writes(solution_notebook(master, hidden=True)).encode()
    return Lab.from_notebook(source, name=master.lab)


def graded(notebook: nbformat.NotebookNode, lab: Lab) -> Result:
    return grade(nbformat.writes(notebook).encode(), lab, Policy(key=bytes(32)))


@pytest.fixture(scope="module")
def solved(master: Master, lab: Lab) -> Result:
    return graded(solution_notebook(master), lab)


@pytest.fixture(scope="module")
def untouched(master: Master, lab: Lab) -> Result:
    return graded(student_notebook(master), lab)


def test_there_are_masters():
    assert MASTERS


def test_the_solution_earns_every_point(solved: Result, lab: Lab):
    lost = {m.name: m.reason for m in solved.marks if m.points is not None and m.points != m.max}
    assert not lost
    by_hand = {m.name for m in solved.marks if m.points is None}
    assert by_hand == {cell.name for cell in lab.graded if cell.is_manual}


def test_the_solution_runs_without_an_error(solved: Result):
    assert "error" not in [o["output_type"] for o in outputs(solved)]
    assert not solved.flags


def test_every_figure_says_what_it_shows(solved: Result):
    figures = [o for o in outputs(solved) if "image/png" in o.get("data", {})]
    assert figures
    assert [o for o in figures if len(o["metadata"].get("image/png", {}).get("alt", "")) < 20] == []


def test_the_solution_stays_inside_the_time_the_lab_promises(solved: Result, master: Master):
    assert sum(seconds for _, seconds in solved.seconds) < master.run_seconds


def test_the_untouched_notebook_earns_nothing_and_says_why(untouched: Result):
    assert {m.points for m in untouched.marks} == {0.0}
    assert all(m.reason for m in untouched.marks)


def test_the_untouched_notebook_runs_to_its_end(untouched: Result):
    assert "error" not in [o["output_type"] for o in outputs(untouched)]
    assert "not written yet" in str(outputs(untouched))


def outputs(result: Result) -> list[dict]:
    cells = nbformat.reads(result.notebook, 4).cells
    return [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]

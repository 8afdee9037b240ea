import jupytext
import nbformat
import pytest
from labgrader.course import Course, CourseError
from labgrader.lab import Lab
from nbgrader.api import Gradebook


def test_gradebook_and_source_notebook_agree(released_course, lab):
    source = released_course.notebook("source", ".", "00_toy").read_bytes()
    assert Lab.from_notebook(source, "00_toy") == lab


def test_roles(lab):
    assert [cell.name for cell in lab.tests] == ["test-double", "test-mean", "test-clip"]
    assert [(cell.name, cell.points) for cell in lab.graded] == [
        ("test-double", 2.0),
        ("test-mean", 3.0),
        ("test-clip", 4.0),
        ("q-why", 2.0),
    ]
    assert lab.max_points == 11
    why = lab.find("q-why")
    assert why.is_manual
    assert not why.is_test
    assert lab.find("setup").locked
    assert not lab.find("double").locked


def test_test_cells_have_their_hidden_tests_and_solution_cells_only_the_stub(lab):
    assert 'seed=secret("mean")' in lab.find("test-mean").source
    assert "NotImplementedError" in lab.find("mean").source
    assert "sum(values)" not in lab.find("mean").source
    assert "Zero divided" not in lab.find("q-why").source


def test_metadata_is_what_nbgrader_accepts(lab):
    from nbgrader.nbgraderformat import MetadataValidator

    cells = []
    for cell in lab.cells:
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        cells.append(make(cell.source, metadata={"nbgrader": cell.metadata}))
    MetadataValidator().validate_nb(nbformat.v4.new_notebook(cells=cells))


def test_digest_changes_with_any_cell(lab):
    from dataclasses import replace

    changed = replace(lab, cells=(*lab.cells[:-1], replace(lab.cells[-1], points=3.0)))
    assert changed.digest() != lab.digest()


def test_errors_say_what_to_do(released_course, tmp_path):
    with pytest.raises(CourseError, match=r"There is no lab '09_none': expected one of 00_toy\."):
        Lab.from_gradebook(released_course, "09_none")
    with pytest.raises(CourseError, match="No gradebook in"):
        Lab.from_gradebook(Course(tmp_path), "00_toy")
    with Gradebook(f"sqlite:///{tmp_path / 'other.db'}") as gradebook:
        gradebook.add_assignment("ps1")
        gradebook.add_notebook("problem1", "ps1")
        with pytest.raises(
            CourseError, match=r"ps1 has no notebook of its own name, only problem1: labgrade"
        ):
            Lab.from_open_gradebook(gradebook, "ps1")
    plain = nbformat.writes(jupytext.reads("1 + 1", fmt="py:percent")).encode()
    with pytest.raises(CourseError, match="no cell of the notebook has nbgrader metadata"):
        Lab.from_notebook(plain, "x")

"""An answer in a cell of the student's own is told to the instructor; scratch cells are not."""

import nbformat
import pytest
from labgrader.beside import beside
from labgrader.grade import grade
from labgrader.policy import Policy
from labgrader.sanitise import read, rebuild

CLIP = "def clip(x, low, high):\n    return max(low, min(x, high))"


def own(source, kind="code", *, after="", before="", drop=False):
    """Return an edit that puts a cell of the student's own next to a cell, which may be dropped."""

    def edit(toy, notebook):
        there = toy.find(notebook, after or before)
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.insert(notebook.cells.index(there) + bool(after), make(source))
        if drop:
            notebook.cells.remove(there)

    return edit


def no_ids(toy, notebook):
    own("An answer.", "markdown", after="q-why")(toy, notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"c{number}"


def ids_in_metadata(toy, notebook):
    own("An answer.", "markdown", after="q-why")(toy, notebook)
    for cell in notebook.cells:
        cell.metadata["id"] = cell.pop("id")
    notebook.nbformat_minor = 0


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (own("Nothing can be divided by zero.", "markdown", after="q-why"), {"q-why": 1}),
        (own("Nothing can be divided by zero.", "code", before="q-why"), {"q-why": 1}),
        (own("Nothing can be divided by zero.", "markdown", after="q-why", drop=True), {"q-why": 1}),
        (own(CLIP, after="test-clip"), {"clip": 1}),
        (own(CLIP, before="clip"), {"clip": 1}),
        (own(CLIP, after="clip"), {}),  # the test sees it
        (own("clip(1, 2, 3)", after="test-clip"), {}),
        (own(" \n", after="q-why"), {}),
        (own("notes", "markdown", after="test-mean"), {}),
        (ids_in_metadata, {"q-why": 1}),
        (no_ids, {}),
        (lambda *_: None, {}),
    ],
)
def test_cells_next_to_an_answer_that_was_not_given(edit, found, toy, lab):
    notebook = nbformat.reads(toy.released.decode(), as_version=4)
    edit(toy, notebook)
    cells, _ = rebuild(read(nbformat.writes(notebook).encode(), Policy()), lab)
    assert beside(cells, lab) == found


def test_scratch_cells_next_to_answers_are_nobodys_business(toy, lab):
    def scratch(notebook):
        for name in ("double", "test-double", "clip", "test-clip", "q-why"):
            own("def clip(x): ...\nnotes", after=name)(toy, notebook)

    cells, _ = rebuild(read(toy.hand_in(scratch), Policy()), lab)
    assert beside(cells, lab) == {}


def test_a_person_is_asked_to_look_and_the_marks_stay(toy, lab, policy):
    def moved(notebook):
        own("Nothing can be divided by zero.", "markdown", after="q-why", drop=True)(toy, notebook)

    result = grade(toy.hand_in(moved), lab, policy)
    mark = next(mark for mark in result.marks if mark.name == "q-why")
    assert (mark.points, mark.look) == (0.0, True)
    assert "1 cell of the student's own stands next to q-why, which has no answer" in result.flags

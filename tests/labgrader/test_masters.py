"""Masters: what is read, what a fault is called, and the notebooks that come out."""
# ruff: noqa: E501 (tables of sentences)

import re
from pathlib import Path

import nbformat
import pytest
from labgrader.course import Course
from labgrader.masters import (
    KERNELSPEC,
    MasterError,
    UnknownLabError,
    lab_names,
    read_master,
    read_masters,
    solution_notebook,
    student_notebook,
)

TOY = Path(__file__).parent / "data" / "00_toy.py"


def read(tmp_path, change=lambda text: text, name="00_toy.py"):
    path = tmp_path / name
    path.write_text(change(TOY.read_text(encoding="utf-8")), encoding="utf-8")
    return read_master(path)


def faults(tmp_path, *pairs, count=1):
    """Return the faults of the toy master after replacing text; each text must be there."""

    def change(text):
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new, count)
        return text

    with pytest.raises(MasterError) as caught:
        read(tmp_path, change)
    return caught.value.problems


def header(name):
    """Return the cell header line of a grade_id in the toy master."""
    return next(line for line in TOY.read_text().split("\n") if f'"grade_id": "{name}"' in line)


def test_reads_the_front_matter_and_the_cells(tmp_path):
    master = read(tmp_path)
    assert (master.lab, master.title, master.minutes, master.run_seconds) == ("00_toy", "A toy lab", 5, 2)
    assert [c.id for c in master.notebook.cells if "nbgrader" in c.metadata] == (
        ["setup", "double", "test-double", "mean", "test-mean", "clip", "test-clip", "q-why-text", "q-why"]
    )
    assert master.notebook.metadata == {
        "kernelspec": KERNELSPEC,
        "labkit": {"lab": "00_toy", "title": "A toy lab", "minutes": 5, "run_seconds": 2},
    }
    nbformat.validate(master.notebook)
    assert (master.notebook.nbformat, master.notebook.nbformat_minor) == (4, 5)


def test_cell_ids_depend_on_text_and_occurrence_only(tmp_path):
    ids = [c.id for c in read(tmp_path).notebook.cells]
    again = [c.id for c in read(tmp_path).notebook.cells]
    assert ids == again
    more = [
        c.id
        for c in read(
            tmp_path,
            lambda t: t.replace(
                "# %% [markdown]\n# ## 1.", "# %% [markdown]\n# New\n\n" * 3 + "# %% [markdown]\n# ## 1."
            ),
        ).notebook.cells
    ]
    new = [name for name in more if name not in ids]
    assert len(new) == 3
    assert [name for name in more if name in ids] == ids
    assert new[1] == f"{new[0]}-2"
    assert new[2] == f"{new[0]}-3"


def test_solution_notebook_keeps_hidden_tests_only_if_asked(tmp_path):
    master = read(tmp_path)
    without = "\n".join(c.source for c in solution_notebook(master).cells)
    whole = "\n".join(c.source for c in solution_notebook(master, hidden=True).cells)
    assert "return x + x" in without
    assert "secret(" not in without
    assert "HIDDEN" not in without
    assert whole.count("seed=secret(") == 3
    assert "MARK SCHEME" in without
    assert solution_notebook(master, hidden=True) == master.notebook


def test_student_notebook_has_stubs_and_checksums_and_nothing_else(tmp_path):
    notebook = student_notebook(read(tmp_path))
    cells = {c.id: c for c in notebook.cells}
    assert cells["double"].source == (
        'def double(x):\n    """Return twice x."""\n    # YOUR CODE HERE\n'
        '    raise NotImplementedError("write your code here, then delete this line")'
    )
    assert cells["test-double"].source == "earned = check.double(double)\n2 * earned"
    assert cells["q-why"].source == "YOUR ANSWER HERE"
    assert cells["q-why-text"].source == (
        "## 4. Why\nWhy does the mean of no numbers need a rule of its own?\n"
    )
    assert re.fullmatch("[0-9a-f]{32}", cells["test-double"].metadata.nbgrader.checksum)
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2 * earned", "earned * 2", "the last line is 'earned * 2'; expected `2 * earned`."),
        ("2 * earned", "3 * earned", "the last line gives 3 points and the header 2; make them equal."),
        ("2 * earned", "2 * earned\nprint(earned)", "the last line is 'print(earned)'; expected `2 * earned`."),
        ('secret("double")', 'secret("mean")', 'the hidden test does not draw its inputs from secret("double").'),
        ("earned = check.double(double)\n#", "check.double(double)\n#", "the visible part sets no `earned`; "
         "expected `earned = check.<exercise>(<function>)`."),
        ("### END HIDDEN TESTS\n2 *", "2 *", "'BEGIN HIDDEN TESTS' has no 'END HIDDEN TESTS'."),
        ("### BEGIN HIDDEN TESTS\nearned = check.double", "earned = check.double",
         "line 3 has 'END HIDDEN TESTS' without 'BEGIN HIDDEN TESTS'."),
    ],
)  # fmt: skip
def test_names_the_fault_of_a_test_cell(tmp_path, old, new, said):
    assert f"00_toy.py, cell 5 (test-double): {said}" in faults(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("test-double", '"locked": true', '"locked": false', "a test cell is not locked, so students could change it; set locked to true."),
        ("test-double", '"points": 2, ', "", "the points are None; expected a number."),
        ("test-double", '"points": 2', '"points": 0', "the points are 0; expected more than 0."),
        ("test-double", '"points": 2', '"points": "2"', "the points are '2'; expected a number."),
        ("test-double", "# %% nb", "# %% [markdown] nb", "a test cell must be a code cell"),
        ("double", '"grade_id": "double", ', "", "the grade_id is None; expected 1 to 64 letters, digits, - or _."),
        ("double", '"grade_id": "double"', '"grade_id": "dou ble"', "the grade_id is 'dou ble'; expected 1 to 64 letters, digits, - or _."),
        ("double", '"locked": false', '"locked": true', "a solution cell is locked, so students could not write in it; set locked to false."),
        ("double", '"schema_version": 3', '"schema_version": 2', "the schema_version is 2; expected 3."),
        ("double", '"solution": true', '"solution": "yes"', "solution is 'yes'; expected true or false."),
        ("double", '"solution": true', '"solution": false', "there is a 'BEGIN SOLUTION' region; expected it only in a solution cell."),
        ("double", '"task": false', '"task": false, "points": 2', "there are points on a cell that is not graded; remove them or set grade."),
        ("double", '"task": false', '"task": false, "checksum": "x"', "the nbgrader entry has checksum; expected only"),
        ("test-double", '"grade": true', '"grade": True', 'the header cannot be read: nbgrader={"grade": True, "grade_id": "test-do'),
        ("q-why", '"grade": true', '"grade": false', "there are points on a cell that is not graded; remove them or set grade."),
    ],
)  # fmt: skip
def test_names_the_fault_of_a_cell_header(tmp_path, name, old, new, said):
    line = header(name)
    assert old in line
    found = faults(tmp_path, (line, line.replace(old, new)))
    assert any(
        re.match(r"00_toy\.py, cell \d+( \([\w -]+\))?: " + re.escape(said), text) for text in found
    ), found


def test_names_duplicates_and_a_test_without_its_exercise(tmp_path):
    assert faults(tmp_path, ('"grade_id": "mean"', '"grade_id": "double"')) == (
        "00_toy.py, cell 7 (double): the grade_id is already that of cell 4; give it another.",
        "00_toy.py: cell 8 (test-mean) has no solution cell 'mean' before it.",
    )


def test_names_a_solution_cell_without_a_solution_and_a_test_without_hidden_tests(tmp_path):
    found = faults(
        tmp_path,
        ("    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION\n", "    return x + x\n"),
        (
            '### BEGIN HIDDEN TESTS\nearned = check.mean(mean, seed=secret("mean"))\n### END HIDDEN TESTS\n',
            "",
        ),
    )
    assert found == (
        "00_toy.py, cell 4 (double): a solution cell has no 'BEGIN SOLUTION' … 'END SOLUTION'.",
        "00_toy.py, cell 8 (test-mean): a test cell has no 'BEGIN HIDDEN TESTS' … 'END HIDDEN TESTS'.",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# ## 1. Double", "# ## 1. Double `secret(x)`", "00_toy.py, cell 3: `secret(` stands outside a hidden test"),
        ("# ## 1. Double", "# ### BEGIN MARK SCHEME\n# a\n# ### END MARK SCHEME", "00_toy.py, cell 3: there is a 'BEGIN MARK"),
        ("    return x + x", "    ### BEGIN SOLUTION\n    return x + x", "00_toy.py, cell 4 (double): line 4 has a second"),
        ("# %% [markdown]\n# ## 1", '# %% [markdown] tags=["skip-execution"]\n# ## 1', "00_toy.py, cell 3: the tags are"),
        ("# %% [markdown]\n# ## 1", "# %% A name [markdown]\n# ## 1", "00_toy.py, cell 3: the header has title"),
        ("# <!-- labkit:badge -->\n", "", "00_toy.py: the first cell must be Markdown, and it alone must have the line"),
        ("# labkit:setup\n", "", "00_toy.py: exactly one locked code cell with the grade_id setup must have the line"),
        ("#     minutes: 5\n", "", "00_toy.py: the front matter's labkit.minutes is None; expected int."),
        ("#     lab: 00_toy\n", "#     lab: 01_toy\n", "00_toy.py: the front matter's labkit.lab is '01_toy'; expected the file's name"),
        ("#     minutes: 5\n", "#     minutes: 5\n#     colour: red\n", "00_toy.py: the front matter's labkit has colour"),
        ("#   labkit:\n#     lab", "#   kit:\n#     lab", "00_toy.py: the front matter has no `labkit:` entry"),
    ],
)  # fmt: skip
def test_names_other_faults(tmp_path, old, new, said):
    found = faults(tmp_path, (old, new))
    assert any(text.startswith(said) for text in found), found


def test_names_what_a_test_needs_and_the_grader_would_not_find(tmp_path):
    found = faults(
        tmp_path,
        ("    ### BEGIN SOLUTION\n", "    ### BEGIN SOLUTION\n    hidden_help = 1\n"),
        ("earned = check.double(double)", "earned = check.double(double) * helper(hidden_help, mean)"),
    )
    assert found == (
        "00_toy.py, cell 5 (test-double): the test uses helper, hidden_help, mean, which neither a solution "
        "cell's visible part nor a locked cell before it defines; define it in one of them.",
    )


def test_a_test_may_use_what_locked_cells_tests_before_it_and_solutions_define(tmp_path):
    def change(text):
        text = text.replace("earned = check.double(double)", "earned = check.double(double); seen = 1", 1)
        old = "earned = check.mean(mean)"
        return text.replace(old, old + "; torch.tensor([seen]), double, _numbers, [q for q in range(3)]", 1)

    assert read(tmp_path, change).lab == "00_toy"


def test_every_fault_is_one_sentence(tmp_path):
    found = faults(
        tmp_path, ("2 * earned", "earned"), ('"points": 3', '"points": 9'), ("# labkit:setup\n", "")
    )
    assert len(found) == 3
    assert all("\n" not in text and text.endswith(".") for text in found)


def test_knows_its_labs(tmp_path):
    course = Course(tmp_path)
    course.masters.mkdir()
    with pytest.raises(UnknownLabError, match="No masters in"):
        read_masters(course)
    (course.masters / "00_toy.py").write_text(TOY.read_text())
    (course.masters / "notes.py").write_text("")
    assert lab_names(course) == ("00_toy",)
    assert [m.lab for m in read_masters(course)] == ["00_toy"]
    with pytest.raises(UnknownLabError, match=r"There is no lab '7': expected one of 00_toy\."):
        read_masters(course, ("7",))

"""Nothing that students must not get leaves with a release: plant it anywhere, it is found."""

import copy
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader.leaks import LeakError, folder_leaks, notebook_leaks
from labgrader.masters import hidden_text, read_master, student_notebook, visible_text
from labgrader.stamp import Stamp, apply

TOY = Path(__file__).parent / "data" / "00_toy.py"
STAMP = Stamp("1.2.3", "ada/first-light", "v1.2.3")


@cache
def master():
    return read_master(TOY)


@cache
def _released():
    notebook = student_notebook(master())
    apply(notebook, STAMP, "00_toy")
    return notebook


def released():
    return copy.deepcopy(_released())


def leaks(notebook):
    return [str(leak) for leak in notebook_leaks(notebook, master(), STAMP)]


SECRETS = [
    (kind, line.strip())
    for kind, text in hidden_text(read_master(TOY)).items()
    for line in text.split("\n")
    if line.strip() and line.strip() not in map(str.strip, visible_text(read_master(TOY)).split("\n"))
]


def test_a_clean_release_has_none():
    assert leaks(released()) == []
    plain = student_notebook(master())
    bare = Stamp("1.2.3")
    apply(plain, bare, "00_toy")
    assert notebook_leaks(plain, master(), bare) == ()


def test_the_master_itself_is_full_of_them():
    notebook = copy.deepcopy(master().notebook)
    apply(notebook, STAMP, "00_toy")
    said = "\n".join(leaks(notebook))
    for name in ("double", "mean", "clip", "q-why"):
        assert f"00_toy.ipynb, cell {name}: a line of a solution: " in said
    assert "cell test-mean: the text 'secret('" in said
    assert "cell q-why-text: a line of a mark scheme: " in said
    assert "cell q-why-text: the text 'BEGIN MARK SCHEME'" in said


def test_an_author_who_shows_the_solution_elsewhere_is_told(tmp_path):
    text = TOY.read_text().replace(
        "# ## 3. Clip", "# ## 3. Clip\n# As before: `return sum(values) / len(values)`."
    )
    (tmp_path / "00_toy.py").write_text(text)
    careless = read_master(tmp_path / "00_toy.py")
    notebook = student_notebook(careless)
    apply(notebook, STAMP, "00_toy")
    (leak,) = notebook_leaks(notebook, careless, STAMP)
    assert leak.what == "a line of a solution: 'return sum(values) / len(values)'"
    assert notebook.cells[8].id == leak.cell


def test_there_are_secrets_of_every_kind():
    assert {kind for kind, _ in SECRETS} == {"solution", "hidden test", "mark scheme"}
    assert len(SECRETS) >= 8


@settings(max_examples=150, deadline=None)
@given(
    secret=st.sampled_from(SECRETS),
    where=st.integers(0, 12),
    line=st.integers(0, 40),
    indent=st.sampled_from(["", "    ", "\t"]),
    comment=st.sampled_from(["", "# ", "answer: "]),
)
def test_a_planted_line_is_found_in_any_cell(secret, where, line, indent, comment):
    kind, text = secret
    notebook = released()
    cell = notebook.cells[where]
    lines = cell.source.split("\n")
    lines.insert(min(line, len(lines)), indent + comment + text)
    cell.source = "\n".join(lines)
    found = leaks(notebook)
    name = f"00_toy.ipynb, cell {cell.id}: "
    assert any(said.startswith(name) for said in found)
    if not comment or len(text) >= 12:
        assert any(said.startswith(f"{name}a line of a {kind}: ") for said in found)


OTHER = st.text("abcdefgh ()=+", min_size=8).filter(lambda text: text.strip())


@settings(max_examples=60, deadline=None)
@given(text=OTHER, where=st.integers(0, 12))
def test_any_other_line_is_found_too(text, where):
    notebook = released()
    notebook.cells[where].source += "\n" + text
    assert any("is not in the visible part of the master" in said for said in leaks(notebook))


@settings(max_examples=60, deadline=None)
@given(
    where=st.integers(0, 12),
    key=st.sampled_from(["tags", "user", "collapsed", "jupyter", "deletable", "execution", "nbgrader"]),
    value=st.one_of(st.text(min_size=1), st.lists(st.text(), min_size=1), st.just({"source": SECRETS[0][1]})),
)
def test_any_foreign_metadata_is_found(where, key, value):
    notebook = released()
    notebook.cells[where].metadata[key] = value
    assert f"00_toy.ipynb, cell {notebook.cells[where].id}: the metadata {key}: {value!r}" in leaks(notebook)


def _attach(notebook):
    notebook.cells[0]["attachments"] = {"a.png": {"image/png": "aGk="}}


def _output(notebook):
    notebook.cells[1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x + x"}]


def _count(notebook):
    notebook.cells[1]["execution_count"] = 3


def _new_cell(notebook):
    notebook.cells.append({"id": "mine", "cell_type": "markdown", "metadata": {}, "source": ""})


def _twice(notebook):
    notebook.cells.append(copy.deepcopy(notebook.cells[3]))


def _entry(notebook):
    notebook.cells[0]["note"] = "return x + x"


def _checksum(notebook):
    notebook.cells[3].metadata["nbgrader"]["checksum"] = "return x + x"


def _points(notebook):
    notebook.cells[4].metadata["nbgrader"]["points"] = 99


def _author(notebook):
    notebook.metadata["authors"] = [{"name": "A. Teacher"}]


def _stamp(notebook):
    notebook.metadata["labkit"]["note"] = "x"


def _kernel(notebook):
    notebook.metadata["kernelspec"]["display_name"] = "teacher-env"


def _top(notebook):
    notebook["solutions"] = []


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (_attach, "00_toy.ipynb, cell {0}: attachments"),
        (_output, "00_toy.ipynb, cell setup: outputs"),
        (_count, "00_toy.ipynb, cell setup: an execution count"),
        (_new_cell, "00_toy.ipynb, cell 14: the cell is not one of the master's"),
        (_twice, "00_toy.ipynb, cell 14: the cell is not one of the master's"),
        (_entry, "00_toy.ipynb, cell {0}: the entries note"),
        (_checksum, "00_toy.ipynb, cell double: the metadata nbgrader: "),
        (_points, "00_toy.ipynb, cell test-double: the metadata nbgrader: "),
        (_author, "00_toy.ipynb: the notebook's metadata has authors"),
        (_stamp, "00_toy.ipynb: the notebook's labkit entry is "),
        (_kernel, "00_toy.ipynb: the notebook's kernelspec is "),
        (_top, "00_toy.ipynb: the notebook has solutions"),
    ],
)
def test_anything_else_planted_is_named(plant, said):
    notebook = released()
    plant(notebook)
    assert any(text.startswith(said.format(notebook.cells[0].id)) for text in leaks(notebook))


@pytest.mark.parametrize(
    "name",
    [
        "x.pyc",
        "__pycache__/x.cpython-311.pyc",
        "gradebook.db",
        "data/gradebook.db-journal",
        ".course_secret",
        ".ipynb_checkpoints/00_toy-checkpoint.ipynb",
        "00_toy.py",
        "solution.ipynb",
        "sub/00_toy.ipynb",
    ],
)
def test_an_instructors_file_in_the_release_folder_is_named(tmp_path, name):
    (tmp_path / "00_toy.ipynb").write_text("{}")
    (tmp_path / "photo.png").write_bytes(b"")
    assert folder_leaks(tmp_path, "00_toy") == ()
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    assert f"{name}: a file that stays with the instructor" in map(str, folder_leaks(tmp_path, "00_toy"))


def test_a_link_in_the_release_folder_is_named(tmp_path):
    (tmp_path / "data").symlink_to("/etc")
    assert [str(leak) for leak in folder_leaks(tmp_path, "00_toy")] == ["data: a link; expected plain files"]


def test_the_error_has_one_line_a_leak():
    notebook = released()
    _count(notebook)
    _author(notebook)
    error = LeakError(notebook_leaks(notebook, master(), STAMP))
    assert str(error).split("\n") == [
        "00_toy.ipynb: the notebook's metadata has authors",
        "00_toy.ipynb, cell setup: an execution count",
    ]

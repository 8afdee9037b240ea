import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader.intake import look
from labgrader.policy import Policy
from labgrader.sanitise import Cell, UnreadableError, read, rebuild


def notebook(*cells, **more):
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}
    ).encode()


def code(source, name=None, **metadata):
    if name:
        metadata["nbgrader"] = {"grade_id": name}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is no notebook in the hand-in, or its file is empty"),
        (b"  \n", "there is no notebook in the hand-in, or its file is empty"),
        (b"\x89PNG\r\n\x1a\n", "the file is not a notebook: it is not UTF-8 text"),
        (b'{"cells": [', "the file is not a notebook: not valid JSON"),
        (b"[1, 2]", "the file is not a notebook: its JSON is not an object"),
        (b'{"a": 1}', "the file is not a notebook: it has no list of cells"),
        (b'{"cells": {"a": 1}}', "the file is not a notebook: it has no list of cells"),
        (b'{"cells": ' + b"[" * 60 + b"]" * 60 + b"}", "the file is nested too deeply"),
        (b'{"cells": ' + b"[" * 200_000, "the file is nested too deeply"),
        (b'{"cells": ' + b"9" * 5000 + b"}", "the file is not a notebook: not valid JSON"),
        (b'{"nbformat": 3, "worksheets": 7}', "the notebook's old format cannot be read"),
        (b'{"nbformat": 3, "worksheets": [{"cells": [7]}]}', "the notebook's old format cannot be read"),
    ],
)
def test_unreadable_files_say_why(content, reason):
    with pytest.raises(UnreadableError) as caught:
        read(content, Policy())
    assert str(caught.value).startswith(reason)


def test_limits_say_what_they_are():
    with pytest.raises(UnreadableError, match=r"the file is too big \(0.0 MB; at most 0.0 MB are read\)"):
        read(notebook(code("a" * 50)), Policy(notebook_bytes=40))
    with pytest.raises(UnreadableError, match="the notebook has 3 cells; at most 2 are read"):
        read(notebook(code("a"), code("b"), code("c")), Policy(notebook_cells=2))
    with pytest.raises(UnreadableError, match="cell 2 has 9 characters; at most 8 are read in one cell"):
        read(notebook(code("a"), code("b" * 9)), Policy(cell_source=8))
    with pytest.raises(UnreadableError, match="the cells have 9 characters together; at most 8 are read"):
        read(notebook(code("a" * 4), code("b" * 5)), Policy(notebook_source=8))


def test_pictures_pasted_into_a_text_do_not_count_as_text():
    picture = "data:image/png;base64," + "iVBORw0KGgo/+" * 100_000 + "=="
    (cell,) = read(notebook({"cell_type": "markdown", "source": f"See ![a]({picture}) here."}), Policy())
    assert cell.source == "See ![a](attachment:pasted-1) here."
    (cell,) = read(notebook({"cell_type": "markdown", "source": "a " * 300_000}), Policy())
    assert 200_000 < len(cell.source) < 200_100
    assert cell.source.endswith("(cut: too long)")


@pytest.mark.parametrize("filler", ["[],", '{"":0},', "1,"])
def test_files_of_millions_of_values_are_refused_before_they_are_read(filler):
    content = b'{"nbformat": 4, "cells": [], "x": [' + filler.encode() * 3_000_001 + b"0]}"
    with pytest.raises(UnreadableError, match="the file holds more than 3,000,000 values"):
        read(content, Policy())
    assert look(content).fault == "the file holds more than 3,000,000 values"


@pytest.mark.parametrize("copy", ["", " \n", None])
def test_an_empty_copy_below_an_answer_takes_nothing_from_it(lab, copy):
    stub = next(role.source for role in lab.cells if role.name == "q-why")
    texts = ("First.", "Second.", stub if copy is None else copy)
    kept, flags = rebuild(tuple(Cell("markdown", text, name="q-why") for text in texts), lab)
    assert [cell.source for cell in kept if cell.name == "q-why"] == ["Second."]
    assert "q-why is there more than once: the last counts" in flags


def test_what_is_odd_is_said_at_most_twenty_times(lab):
    _, flags = rebuild(tuple(Cell("code", "", name=f"n{number}") for number in range(1000)), lab)
    assert len(flags) == 21
    assert flags[-1].endswith("more things like that")


def test_only_kind_text_and_claimed_name_are_read():
    cells = read(
        notebook(
            code(["a = 1\n", "b = 2"], "x", tags=["skip-execution"]),
            {"cell_type": "raw", "source": "r", "attachments": {"a.png": {}}},
            {"cell_type": "code", "source": 5, "metadata": []},
            "not a cell",
            code("\ud800"),
        ),
        Policy(),
    )
    assert cells == (
        Cell("code", "a = 1\nb = 2", "x"),
        Cell("markdown", "r", pictures={"a.png": ""}),
        Cell("code", ""),
        Cell("markdown", ""),
        Cell("code", "?"),
    )


def test_a_byte_order_mark_and_format_3_are_read():
    assert read(b"\xef\xbb\xbf" + notebook(code("a")), Policy())[0].source == "a"
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"metadata": {}, "cells": []}]}
    old["worksheets"][0]["cells"] = [
        {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": [], "metadata": {}},
        {"cell_type": "heading", "level": 2, "source": "T", "metadata": {}},
    ]
    assert [(c.kind, c.source) for c in read(json.dumps(old).encode(), Policy())] == [
        ("code", "x = 1"),
        ("markdown", "## T"),
    ]


def names(cells):
    return [cell.name for cell in cells]


def test_an_untouched_structure_is_left_alone(toy, lab):
    cells, flags = rebuild(read(toy.hand_in(), Policy()), lab)
    assert flags == ()
    assert [name for name in names(cells) if name] == [cell.name for cell in lab.cells]
    assert "secret" in next(cell for cell in cells if cell.name == "test-mean").source


def test_the_last_of_two_counts(toy, lab):
    def twice(nb):
        copy = nbformat.from_dict(json.loads(json.dumps(toy.find(nb, "test-double"))))
        copy.source, copy.id = "2.0", "copy"
        nb.cells.insert(3, copy)

    cells, flags = rebuild(read(toy.hand_in(twice), Policy()), lab)
    assert flags == ("test-double is there more than once: the last counts",)
    assert names(cells).count("test-double") == 1
    assert cells[3].source == "2.0"
    assert cells[3].name == ""


def test_missing_cells_go_back_to_their_place(toy, lab):
    def drop(nb):
        nb.cells = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in gone]

    gone = {"setup", "test-double", "test-clip", "q-why"}
    cells, flags = rebuild(read(toy.hand_in(drop), Policy()), lab)
    assert flags == ("setup is missing", "test-double is missing", "test-clip is missing", "q-why is missing")
    assert [name for name in names(cells) if name] == [cell.name for cell in lab.cells]
    assert names(cells)[names(cells).index("double") + 1] == "test-double"
    assert (
        next(cell for cell in cells if cell.name == "q-why").source == "*This cell was not in the hand-in.*"
    )


def test_a_missing_test_sees_code_that_moved_to_a_cell_of_the_students_own(lab):
    cells = (
        Cell("code", "", "setup"),
        Cell("code", "def double(x): ..."),
        Cell("code", "double.__doc__"),
        Cell("markdown", "## 2. Mean"),
        Cell("code", "", "mean"),
    )
    rebuilt, _ = rebuild(cells, lab)
    assert names(rebuilt)[:6] == ["setup", "", "", "test-double", "", "mean"]


def test_a_missing_solution_is_not_put_back(toy, lab):
    """Its stub would stand in the way of a solution that the student moved."""

    def drop(nb):
        nb.cells.remove(toy.find(nb, "double"))

    cells, flags = rebuild(read(toy.hand_in(drop), Policy()), lab)
    assert flags == ("double is missing",)
    assert "double" not in names(cells)


def test_kinds_names_and_locked_sources_are_the_labs(toy, lab):
    def tamper(nb):
        test = toy.find(nb, "test-mean")
        test.cell_type, test.source = "raw", "3.0"
        test.metadata.nbgrader.points = 300
        toy.find(nb, "clip").metadata.nbgrader.grade_id = "clap"

    cells, flags = rebuild(read(toy.hand_in(tamper), Policy()), lab)
    assert set(flags) == {
        "test-mean had become a markdown cell",
        "'clap' is not a cell of this lab",
        "clip is missing",
    }
    test = next(cell for cell in cells if cell.name == "test-mean")
    assert (test.kind, test.source) == ("code", lab.find("test-mean").source)


NAMES = ["setup", "double", "test-double", "mean", "test-mean", "q-why", "nobody", ""]


@given(
    st.lists(
        st.builds(Cell, st.sampled_from(["code", "markdown"]), st.text(max_size=5), st.sampled_from(NAMES))
    )
)
@settings(max_examples=100, deadline=None)
def test_any_submission_gets_each_graded_cell_once_with_the_labs_source(lab, cells):
    rebuilt, _ = rebuild(tuple(cells), lab)
    for role in lab.cells:
        found = [cell for cell in rebuilt if cell.name == role.name]
        assert len(found) == 1 or (role.name in ("double", "mean", "clip") and not found)
        if role.locked:
            assert (found[0].kind, found[0].source) == (role.kind, role.source)
    assert len({cell.id for cell in rebuilt}) == len(rebuilt)
    own = [cell.source for cell in rebuilt if not cell.name]
    known = {role.name: role.source.split() for role in lab.cells}
    counts = {c.name: i for i, c in enumerate(cells) if c.name in known}
    written = [
        i for i, c in enumerate(cells) if c.name == "q-why" and c.source.split() not in ([], known["q-why"])
    ]
    counts |= {"q-why": written[-1]} if written else {}
    assert own == [c.source for i, c in enumerate(cells) if i not in counts.values()]

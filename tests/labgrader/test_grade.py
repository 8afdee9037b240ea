import json
from dataclasses import replace

import nbformat
import pytest
from labgrader.grade import grade
from labgrader.policy import Policy


def marks(result):
    return {mark.name: mark.points for mark in result.marks}


def reasons(result):
    return {mark.name: mark.reason for mark in result.marks if mark.reason}


FULL = {"test-double": 2.0, "test-mean": 3.0, "test-clip": 4.0, "q-why": None}


def test_a_right_hand_in_gets_everything_and_the_same_again(toy, lab, policy):
    result = grade(toy.hand_in(), lab, policy)
    assert marks(result) == FULL
    assert (reasons(result), result.flags, result.readable) == ({}, (), True)
    assert dict(result.comments) == dict.fromkeys(["double", "mean", "clip", "q-why"])
    again = grade(toy.hand_in(), lab, policy)
    assert (again.marks, again.notebook) == (result.marks, result.notebook)
    nbformat.validate(nbformat.reads(result.notebook, as_version=4))


def test_a_test_that_gives_more_than_its_points_is_flagged(toy, lab, policy):
    cells = [replace(cell, source="9.0") if cell.name == "test-mean" else cell for cell in lab.cells]
    result = grade(toy.hand_in(), replace(lab, cells=tuple(cells)), policy)
    assert marks(result) == FULL | {"test-mean": 0.0}
    reason = "the test gave 9 points, more than its 3, which counts as 0: the test has to be mended"
    assert (reasons(result), result.flags) == ({"test-mean": reason}, (f"test-mean: {reason}",))


def test_an_untouched_lab_gets_nothing_with_friendly_reasons(toy, lab, policy):
    result = grade(toy.released, lab, policy)
    assert marks(result) == dict.fromkeys(FULL, 0.0)
    assert reasons(result) == {
        "test-double": "double: not written yet",
        "test-mean": "mean: not written yet",
        "test-clip": "clip: not written yet",
        "q-why": "no answer",
    }
    assert set(dict(result.comments).values()) == {"No response."}
    shown = [o.get("text", "") for c in json.loads(result.notebook)["cells"] for o in c.get("outputs", ())]
    assert any("0 of 2 points: double: not written yet\n" in "".join(text) for text in shown)


def test_half_and_partial(toy, lab, policy):
    result = grade(toy.hand_in(mean="def mean(values): return values[0]", clip="pass"), lab, policy)
    assert marks(result) == {**FULL, "test-mean": 1.0, "test-clip": 0.0}
    assert reasons(result)["test-mean"].startswith("mean: 1 of 3; the mean is wrong")
    assert reasons(result)["test-clip"] == "NameError: name 'clip' is not defined"


def test_noise_costs_nothing(toy, lab, policy):
    noisy = (
        "import sys, warnings\n"
        "from tqdm import tqdm\n"
        "def double(x):\n"
        "    warnings.warn('careful', RuntimeWarning)\n"
        "    print('on stderr', file=sys.stderr)\n"
        "    for _ in tqdm(range(3)): pass\n"
        "    print(99)\n"
        "    return x * 2\n"
        "99"
    )

    def extra(nb):
        nb.cells.insert(1, nbformat.v4.new_code_cell("import sys; print('hm', file=sys.stderr); 1 / 0"))
        nb.cells.append(nbformat.v4.new_raw_cell("raw"))

    assert marks(grade(toy.hand_in(extra, double=noisy), lab, policy)) == FULL


def test_a_syntax_error_names_itself(toy, lab, policy):
    result = grade(toy.hand_in(double="def double(x:\n    return"), lab, policy)
    assert marks(result) == {**FULL, "test-double": 0.0}
    assert reasons(result)["test-double"].startswith(
        "NameError: name 'double' is not defined; a cell before it: SyntaxError:"
    )


@pytest.mark.parametrize(
    ("source", "reason", "flag"),
    [
        (
            "def double(x):\n    while True: pass",
            "it took more than 2.5 seconds",
            "test-double ran out of time",
        ),
        (
            "import time\n"
            "def double(x):\n  while True:\n    try: time.sleep(9)\n    except BaseException: pass",
            "it took more than 2.5 seconds",
            "test-double ended its process",
        ),
        (
            "import os\ndef double(x): os._exit(0)",
            "the student's process ended while it ran (exit code 0)",
            "test-double ended its process",
        ),
        (
            "import os\nos._exit(5)",
            "NameError: name 'double' is not defined; a cell before it: the student's process ended",
            "double ended",
        ),
    ],
)
def test_endless_and_deadly_answers_cost_only_their_question(toy, lab, policy, source, reason, flag):
    result = grade(toy.hand_in(double=source), lab, policy)
    assert marks(result) == {**FULL, "test-double": 0.0}
    assert reasons(result)["test-double"].startswith(reason)
    assert any(each.startswith(flag) for each in result.flags)


def test_structure_cannot_be_played_with(toy, lab, policy):
    def tamper(nb):
        for cell in nb.cells:
            cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]
        double = toy.find(nb, "test-double")
        double.source, double.metadata.nbgrader.points = "200.0", 200
        double.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2.0"})]
        mean = toy.find(nb, "test-mean")
        mean.cell_type = "raw"
        clip = toy.find(nb, "test-clip")
        clip.metadata.nbgrader.grade_id = "test-clap"
        copy = nbformat.from_dict(json.loads(json.dumps(double)))
        copy.id = "copy"
        nb.cells.append(copy)
        nb.cells.append(nbformat.v4.new_code_cell("2.0", metadata={"nbgrader": {"grade_id": ["x"]}}))

    result = grade(toy.hand_in(tamper, double="def double(x): return 0"), lab, policy)
    assert marks(result) == {**FULL, "test-double": 0.0}
    assert "test-double is there more than once: the last counts" in result.flags
    assert "'test-clap' is not a cell of this lab" in result.flags
    notebook = json.loads(result.notebook)
    assert not any("tags" in cell["metadata"] for cell in notebook["cells"])
    points = [
        c["metadata"]["nbgrader"].get("points") for c in notebook["cells"] if "nbgrader" in c["metadata"]
    ]
    assert sum(filter(None, points)) == 11


def test_deleted_cells(toy, lab, policy):
    def drop(nb):
        for name in ("setup", "test-double", "q-why"):
            nb.cells.remove(toy.find(nb, name))

    result = grade(toy.hand_in(drop), lab, policy)
    assert marks(result) == {**FULL, "q-why": 0.0}
    assert reasons(result) == {"q-why": "the answer's cell was not in the hand-in"}
    assert next(mark for mark in result.marks if mark.name == "q-why").look


def test_an_emptied_notebook(lab, policy):
    result = grade(nbformat.writes(nbformat.v4.new_notebook()).encode(), lab, policy)
    assert marks(result) == dict.fromkeys(FULL, 0.0)


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"{}", b'{"cells": [', b"[" * 100_000])
def test_files_that_are_no_notebook(lab, policy, content):
    result = grade(content, lab, policy)
    assert marks(result) == dict.fromkeys(FULL, 0.0)
    assert not result.readable
    assert set(reasons(result).values()) == set(result.flags)
    notebook = nbformat.reads(result.notebook, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("**This hand-in could not be graded:** the")


def test_format_3_is_graded(toy, lab, policy):
    notebook = nbformat.convert(nbformat.reads(toy.hand_in().decode(), as_version=4), 3)
    result = grade(json.dumps(notebook).encode(), lab, policy)
    assert marks(result) == FULL


def test_hidden_inputs_follow_the_key_and_the_file(toy, lab):
    def inputs(content, key):
        notebook = json.loads(grade(content, lab, Policy(key=key)).notebook)
        cell = next(
            c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "test-double"
        )
        return "".join("".join(output.get("text", "")) for output in cell["outputs"])

    spy = "def double(x):\n    print(x)\n    return 2 * x"
    first = inputs(toy.hand_in(double=spy), b"a" * 32)
    assert first == inputs(toy.hand_in(double=spy), b"a" * 32)
    assert (
        len(
            {
                first,
                inputs(toy.hand_in(double=spy), b"b" * 32),
                inputs(toy.hand_in(double=spy + "\n#"), b"a" * 32),
            }
        )
        == 3
    )


def test_a_hand_coded_answer_to_the_published_inputs_fails(toy, lab, policy):
    known = "def double(x): return {3.0: 6.0, -1.0: -2.0, 4.0: 8.0, 1.5: 3.0, -9.0: -18.0}[x]"
    assert marks(grade(toy.hand_in(double=known), lab, policy))["test-double"] == 0

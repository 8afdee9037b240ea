"""The exercises of each master: points, minutes and hints as promised, and examples that are true."""

import doctest
import re
from pathlib import Path

import pytest
from labgrader.masters import Master, read_master, solution_notebook

MASTERS = sorted(Path(__file__).parents[2].glob("grading/masters/*.py"))
TITLE = re.compile(r"^### Exercise (\d+)\. .+ — (●○○|●●○|●●●) (\d+) minutes, (\d+) points$", re.MULTILINE)
QUESTION = re.compile(r"^### Question (\d+)\. .+ — (?:●○○|●●○|●●●) (\d+) minutes, (\d+) points$", re.MULTILINE)


@pytest.fixture(scope="module", params=MASTERS, ids=lambda path: path.stem)
def master(request: pytest.FixtureRequest) -> Master:
    return read_master(request.param)


def cells(notebook) -> dict:
    found = (cell for cell in notebook.cells if "nbgrader" in cell.metadata)
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in found}


def points(master: Master, kind: str) -> list[int]:
    graded = [c for c in master.notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    return [c.metadata["nbgrader"]["points"] for c in graded if c.cell_type == kind]


def prose(master: Master) -> list[str]:
    return [cell.source for cell in master.notebook.cells if cell.cell_type == "markdown"]


def test_exercises_state_dots_minutes_and_points(master: Master):
    text = "\n".join(prose(master))
    exercises, questions = TITLE.findall(text), QUESTION.findall(text)
    assert len(exercises) == text.count("### Exercise")
    assert [int(e[0]) for e in exercises] == list(range(1, len(exercises) + 1))
    assert [int(e[3]) for e in exercises] == points(master, "code")
    assert len(questions) == text.count("### Question")
    assert [int(q[0]) for q in questions] == list(range(1, len(questions) + 1))
    assert [int(q[2]) for q in questions] == points(master, "markdown")
    needed = sum(int(e[2]) for e in exercises) + sum(int(q[1]) for q in questions)
    assert 0.75 * master.minutes <= needed <= master.minutes


def test_each_exercise_folds_a_hint_before_a_second_one(master: Master):
    for text in (t for t in prose(master) if "### Exercise" in t):
        asked = text[text.index("### Exercise") :]
        assert asked.count("<details><summary>Hint</summary>") == 1, asked
        assert asked.count("<details><summary>Second hint</summary>") == 1, asked
        assert asked.index("<summary>Hint<") < asked.index("<summary>Second hint<")


def code_of(source: str) -> str:
    return re.sub(r"\s+", "", source)


@pytest.mark.parametrize("lab", ["01_convolution", "02_pooling", "03_activations"])
def test_no_hint_holds_code_of_the_solution(lab: str):
    """Names and short calls may stand in a hint, such as `x.mean(0)`; a line of the answer may not."""
    master = read_master(MASTERS[0].with_name(f"{lab}.py"))
    solutions = [code_of(c.source) for c in solution_notebook(master).cells if c.cell_type == "code"]
    for text in (t for t in prose(master) if "<details>" in t):
        hints = text[text.index("<details>") : text.rindex("</details>")]
        for span in re.findall(r"`([^`]+)`", hints):
            told = len(code_of(span)) > 24 and any(code_of(span) in solved for solved in solutions)
            assert not told, span


def test_each_lab_names_the_operations_of_other_libraries(master: Master):
    assert any("PyTorch" in text and "Keras" in text and "|---" in text for text in prose(master))


def test_examples_in_the_docstrings_are_true(master: Master):
    space: dict = {}
    names = cells(solution_notebook(master))
    stubs = {n: c.source for n, c in names.items() if c.metadata["nbgrader"]["solution"] and c.cell_type == "code"}
    exec(names["setup"].source, space)
    tried = 0
    for source in stubs.values():
        exec(source, space)
    for function in re.findall(r"^def (\w+)", "\n".join(stubs.values()), re.MULTILINE):
        for found in doctest.DocTestFinder().find(space[function], function, globs=dict(space)):
            tried += bool(found.examples)
            assert doctest.DocTestRunner().run(found).failed == 0, function
    assert tried >= len(stubs) / 2


def sentences(text: str) -> list[str]:
    """Split prose into sentences, without formulas, code, tables, headings and what is folded."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", "", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$]*\$|`[^`]*`", "x", text)
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.|#|\||<|>) )", text)
    prose = (" ".join(b.split()) for b in blocks if not b.lstrip().startswith(("#", "|", "<")))
    found = (s for block in prose for s in re.split(r"(?<=[.?!:;])\s+", block))
    return [s for s in found if len(s.split()) > 2]


def test_sentences_are_short(master: Master):
    words = {s: len(s.split()) for text in prose(master) for s in sentences(text)}
    assert sum(words.values()) / len(words) < 14
    assert [s for s, count in words.items() if count > 45] == []

"""A test cell gives the same marks in a student's kernel, in `nbgrader validate` and across the boundary.

For every master: its solution, the untouched notebook, and two versions in which every answer is damaged in
one of several ways or written differently.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labgrader.config import prepare
from labgrader.grade import grade
from labgrader.lab import Lab
from labgrader.masters import read_master, solution_notebook, student_notebook
from labgrader.policy import Policy
from labgrader.secret import secret_for

MASTERS = sorted(Path(__file__).parents[2].glob("grading/masters/*.py"))
KEY = b"k" * 32
WRAPPER = '''

def _damaged(_right):
    import torch
    FLOATS = (torch.float32, torch.float64)
    def scaled(result):
        if isinstance(result, (tuple, list)):
            return type(result)(map(scaled, result))
        return result * 2 + 1
    def numbers(result):
        if isinstance(result, (tuple, list)):
            return type(result)(map(numbers, result))
        return result.detach().numpy() if isinstance(result, torch.Tensor) else result
    def answer(*args, **kwargs):
        """Stand in for the answer."""
        result = _right(*args, **kwargs)
        {body}
    return answer

{name} = _damaged({name})
'''
DAMAGE = {
    "scaled": "return scaled(result)",
    "changes its input": "[x.add_(1) for x in args if isinstance(x, torch.Tensor)]; return result",
    "numpy": "return numbers(result)",
    "text": "return str(result)",
    "nothing": "return None",
    "stops": "return result / 0 if isinstance(result, int) else result.nothing",
    "noisy": "print('4.0'); return result",  # not on stderr: `validate` fails right answers for that
    "endless types": "return [result]",
    "gradients off": "torch.set_grad_enabled(False); return result",
    "followed input": "[x.requires_grad_() for x in args if getattr(x, 'dtype', 0) in FLOATS]; return result",
}


@dataclass(frozen=True)
class Version:
    name: str
    notebook: Any

    @property
    def content(self) -> bytes:
        return nbformat.writes(self.notebook).encode()


@dataclass(frozen=True)
class Case:
    lab: Lab
    versions: tuple[Version, ...]
    across: dict[str, dict[str, float]]
    folder: Path


def across(version: Version, lab: Lab) -> dict[str, float]:
    """Return the marks that the grader gives."""
    marks = grade(version.content, lab, Policy(key=KEY)).marks
    return {mark.name: mark.points for mark in marks if lab.find(mark.name).is_test}


def role(cell: Any) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def only_the_course(notebook: Any) -> Any:
    """Leave out what neither answers nor tests anything: pictures take their time, and others test them."""
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and role(cell)]
    return notebook


def damaged(solved: Any, turn: int) -> Any:
    """Damage each answer in another way."""
    notebook = copy.deepcopy(solved)
    kinds = list(DAMAGE.values())
    for cell in notebook.cells:
        if not role(cell) or not cell.metadata.nbgrader.solution:
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                body = kinds[turn % len(kinds)]
                cell.source += WRAPPER.replace("{body}", body).replace("{name}", node.name)
                turn += 1
    return notebook


@pytest.fixture(scope="module", params=MASTERS, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    master = read_master(request.param)
    source = nbformat.writes(solution_notebook(master, hidden=True)).encode()
    solved = only_the_course(solution_notebook(master))
    versions = (
        Version("solved", solved),
        Version("untouched", only_the_course(student_notebook(master))),
        Version("damaged", damaged(solved, 0)),
        Version("damaged otherwise", damaged(solved, 3)),
    )
    lab = Lab.from_notebook(source, name=master.lab)
    marks = {version.name: across(version, lab) for version in versions}
    return Case(lab, versions, marks, tmp_path_factory.mktemp(master.lab))


def in_a_kernel(case: Case) -> list[dict[str, float]]:
    """Run the lab's tests, hidden lines with their seeds, in one Jupyter kernel, version after version."""
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook()
    places: list[dict[str, int]] = []
    for version in case.versions:
        secret = secret_for(KEY, case.lab.name, version.content)
        values = {name: secret(name) for name in (cell.name.removeprefix("test-") for cell in case.lab.tests)}
        notebook.cells += map(nbformat.v4.new_code_cell, ["%reset -f", f"secret = {values!r}.__getitem__"])
        places.append({})
        for cell in version.notebook.cells:
            known = case.lab.find(role(cell))
            if known.is_test:
                places[-1][known.name] = len(notebook.cells)
            notebook.cells.append(nbformat.v4.new_code_cell(known.source if known.locked else cell.source))
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
    return [{name: points(notebook.cells[at]) for name, at in place.items()} for place in places]


def points(cell: Any) -> float:
    results = [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]
    failed = any(o.output_type == "error" for o in cell.outputs)
    return 0.0 if failed else float(results[-1])


def test_the_same_marks_in_the_students_kernel_and_across_the_boundary(case: Case):
    there = in_a_kernel(case)
    full = {cell.name: cell.points for cell in case.lab.tests}
    for version, expected in zip(case.versions, there, strict=True):
        assert case.across[version.name] == expected, version.name
    assert there[0] == full
    assert there[1] == dict.fromkeys(full, 0.0)
    for marks in there[2:]:
        assert 0 < sum(marks.values()) < sum(full.values())


def test_nbgrader_validate_passes_and_fails_the_same_exercises(case: Case):
    from nbgrader.validator import Validator

    prepare()
    for version in case.versions[1:3]:
        path = case.folder / f"{version.name}.ipynb"
        path.write_bytes(version.content)
        said = Validator().validate(str(path))
        assert not said.get("changed"), said
        failed = {cell["source"] for cell in said.get("failed", ())}
        marks = case.across[version.name].items()
        lost = {name for name, earned in marks if earned < case.lab.find(name).points}
        assert lost, version.name
        assert failed == {cell.source for cell in version.notebook.cells if role(cell) in lost}, version.name

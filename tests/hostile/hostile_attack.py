"""Attacks as data: what a file in attacks/ says, and the hand-in that it makes."""

from __future__ import annotations

import copy
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE / "attacks"
GROUPS = (
    "control",
    "resource",
    "death",
    "reading",
    "network",
    "escape",
    "cheating",
    "leaking",
    "structure",
    "injection",
    "shadowed",
    "archives",
)
BREACH = "BREACH:"
ANSWERS = {
    "00_toy": {
        "double": "def double(x):\n    return 2 * x",
        "mean": "def mean(values):\n    return sum(values) / len(values) if values else 0.0",
        "clip": "def clip(x, low, high):\n    return max(low, min(x, high))",
        "q-why": "Zero divided by zero has no value.",
    },
    "01_tensor": {
        "corr2d": (
            "def corr2d(x, k):\n"
            "    return (x.unfold(0, k.shape[0], 1).unfold(1, k.shape[1], 1) * k).sum((-1, -2))"
        ),
        "scale": "def scale(x):\n    return (x - x.min()) / (x.max() - x.min())",
    },
}
FULL = {
    "00_toy": {"test-double": 2.0, "test-mean": 3.0, "test-clip": 4.0, "q-why": None},
    "01_tensor": {"test-corr2d": 4.0, "test-scale": 2.0},
}
KEYS = {
    "tries",
    "outcome",
    "lab",
    "start",
    "cells",
    "insert",
    "edit",
    "raw",
    "make",
    "marks",
    "reason",
    "flag",
    "says",
    "rows",
    "tiers",
    "stock",
    "later",
    "roomy",
}
PRELUDE = """\
from types import SimpleNamespace
world = SimpleNamespace(**{facts!r})
def got(what):
    print("BRE" + "ACH:", what)
def attempt(what, action):
    try:
        seen = action()
    except BaseException as error:
        print(what, "->", type(error).__name__)
    else:
        print(what, "->", str(seen)[:3000])
        return seen"""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        group, stem: the folder and the file it is in.
        tries: what it tries, in one sentence.
        outcome: what must come out, in one sentence.
        lab: the lab that it is made for.
        start: the hand-in that it changes: "empty" (as released) or "honest" (all right).
        cells: sources of cells by grade_id.
        insert: more cells: `before` (a grade_id, or "end"), `source`, perhaps `kind`.
        edit: Python that changes the notebook `nb` (a dict); `find(name)` gives a cell.
        raw: Python that sets `data`, the submitted bytes, from `nb`.
        make: Python of an archive attack: writes the hand-ins into `folder`.
        marks: by grade_id what it must earn: a number, or [least, most]; the rest as `start` earns.
        reason: by grade_id, a regular expression that the mark's reason must match.
        flag: a regular expression that one of the flags must match.
        says: texts that the student must be shown, so that a broken attack is noticed.
        rows: of an archive attack: the status that `collect` must give by student.
        tiers: "protecting", or "all" for an attack whose marks must hold in the weakest tier too.
        stock: why it is not tried on plain nbgrader; "" if it is.
        later: what it shows of the hidden inputs is tried in a second hand-in, which must earn nothing by it.
        roomy: it gets ten seconds a cell in place of the tests' short limits.
    """

    group: str
    stem: str
    tries: str
    outcome: str
    lab: str = "00_toy"
    start: str = "empty"
    cells: dict[str, str] = field(default_factory=dict)
    insert: list[dict[str, str]] = field(default_factory=list)
    edit: str = ""
    raw: str = ""
    make: str = ""
    marks: dict[str, Any] = field(default_factory=dict)
    reason: dict[str, str] = field(default_factory=dict)
    flag: str = ""
    says: list[str] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    tiers: str = "protecting"
    stock: str = ""
    later: bool = False
    roomy: bool = False

    @property
    def name(self) -> str:
        """Group and stem."""
        return f"{self.group}/{self.stem}"

    @property
    def allowed(self) -> dict[str, tuple[float, float] | None]:
        """The least and the most points of each cell, None where a person marks."""
        base = {
            name: (None if points is None else points) if self.start == "honest" else 0.0
            for name, points in FULL[self.lab].items()
        }
        spans = base | self.marks
        return {
            name: None if span is None else (span, span) if isinstance(span, float | int) else tuple(span)
            for name, span in spans.items()
        }


def read(path: Path) -> Attack:
    """Return the attack in a file."""
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(facts) - KEYS
    assert not unknown, f"{path}: unknown keys {unknown}"
    return Attack(group=path.parent.name, stem=path.stem, **facts)


def attacks(*groups: str) -> list[Attack]:
    """Return the attacks of some groups, default: of all, in a fixed order."""
    return [read(path) for group in groups or GROUPS for path in sorted((FOLDER / group).glob("*.toml"))]


def grade_id(cell: dict[str, Any]) -> str:
    """Return a cell's name, "" if it has none."""
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")


def hand_in(attack: Attack, released: bytes, world: dict[str, Any]) -> bytes:
    """Return the notebook of an attack.

    Args:
        attack: the attack.
        released: the lab's notebook as students get it.
        world: what the attacked machine holds, as plain data, for the attack's code.
    """
    nb = json.loads(released)
    by_name = {grade_id(cell): cell for cell in nb["cells"] if grade_id(cell)}
    sources = (ANSWERS[attack.lab] if attack.start == "honest" else {}) | attack.cells
    for name, source in sources.items():
        by_name[name]["source"] = source
    nb["cells"].insert(1, new_cell(PRELUDE.format(facts=world)))
    for extra in attack.insert:
        before = extra["before"]
        at = len(nb["cells"]) if before == "end" else nb["cells"].index(by_name[before])
        nb["cells"].insert(at, new_cell(extra["source"], extra.get("kind", "code")))
    scope = {"nb": nb, "find": by_name.__getitem__, "new": new_cell, "copy": copy, "json": json}
    scope["world"] = world
    exec(compile(attack.edit, attack.name, "exec"), scope)
    if attack.raw:
        exec(compile(attack.raw, attack.name, "exec"), scope)
        return scope["data"]
    return json.dumps(scope["nb"]).encode()


def new_cell(source: str, kind: str = "code", **more: Any) -> dict[str, Any]:
    """Return a cell of the student's own."""
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | more

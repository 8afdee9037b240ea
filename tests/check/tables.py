"""Each lab's functions for tests: the check, right answers, wrong answers. A lab is one word in LABS.

Data for tests: runpy.run_path(path)["FUNCTIONS"][name]. As a program, `python tests/check/tables.py`, it
prints for each exercise how many wrong answers are rejected and named, and how many right styles accepted.
"""

import contextlib
import importlib
import io
import runpy
from pathlib import Path
from typing import NamedTuple

from labkit.check.case import Mutant, Spec
from labkit.check.marks import earn

LABS = ("convolution", "pooling", "activations", "maps", "features", "cifar")
"""A lab `x` has `labkit.check.specs_x`, and here `honest_x.py` and `mistakes_x.py`."""


class Function(NamedTuple):
    """A function that a student writes: its lab and exercise, its check, right styles, wrong answers by name.

    `given` are functions that stand in the student's cell from the start, for the check. `mutants` are the
    check's own; `mistakes` are further ones that students make, which it does not know.
    """

    lab: str
    exercise: str
    spec: Spec
    honest: dict
    mistakes: dict
    given: tuple

    @property
    def mutants(self) -> tuple[Mutant, ...]:
        return self.spec.mutants

    @property
    def right(self):
        return next(iter(self.honest.values()))


def answers(kind: str, lab: str) -> dict:
    """Return HONEST or MISTAKES of a lab."""
    return runpy.run_path(str(Path(__file__).with_name(f"{kind}_{lab}.py")))[kind.upper()]


def functions() -> dict[str, Function]:
    """Return all functions of all labs by name; a name stands for one function only."""
    found: dict[str, Function] = {}
    for lab in LABS:
        specs = importlib.import_module(f"labkit.check.specs_{lab}")
        honest, mistakes = answers("honest", lab), answers("mistakes", lab)
        given = getattr(specs, "GIVEN", {})
        for exercise, names in specs.EXERCISES.items():
            for name in names:
                assert name not in found, f"{name} is in two labs"
                found[name] = Function(
                    lab, exercise, specs.SPECS[name], honest[name], mistakes[name], given.get(exercise, ())
                )
    return found


FUNCTIONS = functions()
EXERCISES: dict[str, list[str]] = {}
for _name, _function in FUNCTIONS.items():
    EXERCISES.setdefault(_function.exercise, []).append(_name)
SEEDS = (None, "0f" * 32)


def checked(name: str, fn, seed=None) -> tuple:
    """Check one function alone; return what it earned and the message."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        earned = earn(name, [(FUNCTIONS[name].spec, fn)], seed)
    return earned, said.getvalue().rstrip("\n")


class Row(NamedTuple):
    """How a check does: wrong answers, those accepted, those not named; right styles, those refused."""

    mutants: int
    accepted: list[str]
    unnamed: list[str]
    styles: int
    refused: list[str]


def row(name: str) -> Row:
    """Try a function's wrong answers and right styles, on the published inputs and on hidden ones."""
    function = FUNCTIONS[name]
    said = [(m.name, *checked(name, m.fn, seed)) for m in function.mutants for seed in SEEDS]
    right = [(s, float(checked(name, fn, seed)[0])) for s, fn in function.honest.items() for seed in SEEDS]
    accepted = [wrong for wrong, earned, _ in said if float(earned) == 1]
    unnamed = [wrong for wrong, _, text in said if wrong not in text]
    refused = [style for style, share in right if share < 1]
    return Row(len(function.mutants), accepted, unnamed, len(function.honest), refused)


def share(part: int, whole: int) -> str:
    return f"{whole - part}/{whole} {100 * (whole - part) / whole:.0f} %"


def main() -> int:
    """Print the table; return 1 if a row of it is not as it must be."""
    from rich.console import Console
    from rich.table import Table

    table = Table("lab", "exercise", "mutants rejected", "named", "honest styles accepted")
    good = True
    for exercise, names in EXERCISES.items():
        rows = [row(name) for name in names]
        mutants, styles = sum(r.mutants for r in rows), sum(r.styles for r in rows)
        lost = [len({w for r in rows for w in r[k]}) for k in (1, 2, 4)]
        good &= not lost[0] and lost[1] <= mutants / 10 and not lost[2]
        cells = share(lost[0], mutants), share(lost[1], mutants), share(lost[2], styles)
        table.add_row(FUNCTIONS[names[0]].lab, exercise, *cells)
    Console().print(table)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

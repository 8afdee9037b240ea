"""Helpers for the tests of the checks: honest answers, and one call that gives the result and its message."""

import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.convolution import EXERCISES, MUTANTS

HONEST = runpy.run_path(str(Path(__file__).with_name("honest_convolution.py")))["HONEST"]
CHECK_OF = {name: exercise for exercise, names in EXERCISES.items() for name in names}


def pytest_generate_tests(metafunc):
    """Fill `name` (all functions), `style` (with its name) and `mutant` (with its name) from the tables."""
    wanted = set(metafunc.fixturenames)
    if {"name", "style"} <= wanted:
        metafunc.parametrize(("name", "style"), [(n, s) for n in HONEST for s in HONEST[n]])
    elif {"name", "mutant"} <= wanted:
        rows = [(n, m) for n in MUTANTS for m in MUTANTS[n]]
        metafunc.parametrize(("name", "mutant"), rows, ids=[f"{n}-{m.name}" for n, m in rows])
    elif "name" in wanted:
        metafunc.parametrize("name", list(HONEST))


@pytest.fixture
def honest():
    return HONEST


@pytest.fixture
def run(capsys):
    """Check one function, the others of its exercise being right; gives (earned, message)."""

    def run_check(name, fn, seed=None):
        exercise = CHECK_OF[name]
        fns = [fn if n == name else next(iter(HONEST[n].values())) for n in EXERCISES[exercise]]
        capsys.readouterr()
        earned = getattr(check, exercise)(*fns, seed=seed)
        return earned, capsys.readouterr().out.rstrip("\n")

    return run_check

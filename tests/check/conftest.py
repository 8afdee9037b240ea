"""Helpers for the tests of the checks: honest answers, and one call that gives the result and its message."""

import contextlib
import functools
import io
import runpy
from pathlib import Path

import pytest

from labkit import check
from labkit.check.convolution import EXERCISES, MUTANTS

HERE = Path(__file__).parent
HONEST = runpy.run_path(str(HERE / "honest_convolution.py"))["HONEST"]
MISTAKES = runpy.run_path(str(HERE / "mistakes_convolution.py"))["MISTAKES"]
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
def mistakes():
    return MISTAKES


def checked(name, fn, seed=None):
    """Check one function, the others of its exercise being right; gives (earned, message)."""
    exercise = CHECK_OF[name]
    fns = [fn if n == name else next(iter(HONEST[n].values())) for n in EXERCISES[exercise]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        earned = getattr(check, exercise)(*fns, seed=seed)
    return earned, said.getvalue().rstrip("\n")


@pytest.fixture
def run():
    return checked


@pytest.fixture(scope="session")
def run_mutant():
    """Check a mutant, each under each seed only once; gives (earned, message)."""
    return functools.cache(lambda name, mutant, seed: checked(name, mutant.fn, seed))

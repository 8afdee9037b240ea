"""Helpers for the tests of the checks: every lab's functions, and one call that checks one of them."""

import functools
import runpy
from pathlib import Path

import pytest

TABLES = runpy.run_path(str(Path(__file__).with_name("tables.py")))
FUNCTIONS, EXERCISES, checked = (TABLES[key] for key in ("FUNCTIONS", "EXERCISES", "checked"))


def pytest_generate_tests(metafunc):
    """Fill `name` (each function), `style` (a right answer of it) and `exercise` from the tables."""
    given = [str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")]
    wanted = {name for name in metafunc.fixturenames if not any(name in text for text in given)}
    if {"name", "style"} <= wanted:
        metafunc.parametrize(("name", "style"), [(n, s) for n, f in FUNCTIONS.items() for s in f.honest])
    elif "name" in wanted:
        metafunc.parametrize("name", list(FUNCTIONS))
    elif "exercise" in wanted:
        metafunc.parametrize("exercise", list(EXERCISES))


@pytest.fixture
def functions():
    return FUNCTIONS


@pytest.fixture
def exercises():
    return EXERCISES


@pytest.fixture
def row():
    return TABLES["row"]


@pytest.fixture
def run():
    """Check one function alone; gives (earned, message)."""
    return checked


@pytest.fixture(scope="session")
def run_mutant():
    """The same for a mutant, each under each seed only once."""
    return functools.cache(lambda name, mutant, seed: checked(name, mutant.fn, seed))

"""Attacks run in every tier that this machine offers, one tier after the other, in one warm worker each."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def world():
    from hostile_world import make_world
    from labgrader import warm

    with make_world() as made:
        yield made
        warm.close()

"""Attacks run in one warm worker for each tier, one tier after the other.

HOSTILE_TIERS=all runs every attack in every tier that this machine offers; without it, attacks to which no
tier can make a difference run in one. HOSTILE_OUTCOMES names a file that gets what came of each.
"""

import json
import os
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


@pytest.fixture(scope="session")
def outcomes():
    found = {}
    yield found
    if path := os.environ.get("HOSTILE_OUTCOMES"):
        Path(path).write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n")

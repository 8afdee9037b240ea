"""The table in docs/threat-model.md says what was measured, for every attack."""

import json

from hostile_attack import attacks
from table import DOCUMENT, END, OUTCOMES, START, STOCK, table

EVERY = attacks()


def test_there_are_attacks_of_every_kind():
    assert len(EVERY) >= 60
    assert len({attack.tries for attack in EVERY}) == len(EVERY)


def test_the_document_has_the_table():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.partition(START)[2].partition(END)[0] == f"\n{table()}"


def test_every_attack_was_measured():
    outcomes, stock = json.loads(OUTCOMES.read_text()), json.loads(STOCK.read_text())["outcomes"]
    for attack in EVERY:
        if attack.group != "archives":
            assert {"bwrap", "landlock"} <= set(outcomes[attack.name]), attack.name
            assert attack.stock or attack.name in stock, attack.name


def test_plain_nbgrader_grades_honest_work():
    stock = json.loads(STOCK.read_text())["outcomes"]
    assert stock["control/right"]["verdict"] == "held"
    assert stock["cheating/skip-execution"]["verdict"] == "gained"

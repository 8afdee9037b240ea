"""Write the table of attacks in docs/threat-model.md: `python tests/hostile/table.py [--measure]`.

With `--measure` every attack is first graded in every tier (some minutes); outcomes.json keeps what came out.
What plain nbgrader does is measured by stock.py and kept in stock.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hostile_attack import FULL, GROUPS, Attack, attacks

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "threat-model.md"
OUTCOMES = HERE / "outcomes.json"
STOCK = HERE / "stock.json"
START, END = "<!-- table: written by tests/hostile/table.py -->", "<!-- end of table -->"
TITLES = {
    "control": "Controls: honest hand-ins",
    "resource": "Using up the machine",
    "death": "Ending the process",
    "reading": "Reading what is not theirs",
    "network": "Talking to others",
    "escape": "Getting out, or leaving something behind",
    "cheating": "Earning marks without an answer",
    "leaking": "Carrying the hidden inputs out",
    "structure": "Playing with the notebook's structure",
    "injection": "Scripts and tricks in the feedback page",
    "shadowed": "Standing in for modules and settings",
    "archives": "Archives (through `labgrade collect`)",
}
HEADER = "| attack | what it tries | labkit | plain nbgrader |"
VERDICTS = {
    "gained": "**unearned marks**",
    "harmed": "**harm**",
    "ungraded": "**left ungraded**",
    "lost": "**honest work loses marks**",
    "held": "",
}


def main(arguments: list[str]) -> None:
    """Measure if asked to, then write the table."""
    if "--measure" in arguments:
        environment = os.environ | {"HOSTILE_OUTCOMES": str(OUTCOMES), "HOSTILE_TIERS": "all"}
        subprocess.run([sys.executable, "-m", "pytest", "-q", str(HERE)], env=environment, check=True)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    new = DOCUMENT.with_suffix(".new")
    new.write_text(f"{before}{START}\n{table()}{END}{after}", encoding="utf-8")
    os.replace(new, DOCUMENT)


def table() -> str:
    """Return the table as Markdown."""
    outcomes, stock = (json.loads(path.read_text(encoding="utf-8")) for path in (OUTCOMES, STOCK))
    lines = [_counts(stock), ""]
    for group in GROUPS:
        lines += [f"### {TITLES[group]}", "", HEADER, "|---|---|---|---|"]
        for attack in attacks(group):
            ours = _ours(attack, outcomes.get(attack.name, {}))
            cells = (
                attack.stem,
                _text(attack.tries),
                ours,
                _theirs(attack, stock["outcomes"].get(attack.name)),
            )
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _counts(stock: dict[str, Any]) -> str:
    every = [attack for attack in attacks() if attack.group != "control"]
    found = [
        stock["outcomes"][attack.name]["verdict"] for attack in every if attack.name in stock["outcomes"]
    ]
    words = ", ".join(
        f"{found.count(verdict)} {said}"
        for verdict, said in (
            ("gained", "earned marks that were not earned"),
            ("ungraded", "left the hand-in ungraded"),
            ("harmed", "read, changed, reached or left something, or put something dangerous on the page"),
            ("lost", "cost honest work in the same hand-in its marks"),
            ("held", "came to nothing"),
        )
    )
    return (
        f"{len(every)} attacks. Plain nbgrader {stock['nbgrader']} was measured on {stock['date']} with the "
        f"{len(found)} that are safe to try without a sandbox: {words}."
    )


def _ours(attack: Attack, found: dict[str, str]) -> str:
    """Return what came out with labkit: once where all tiers agree."""
    if attack.group == "archives":
        return _text(attack.outcome)
    said: dict[str, list[str]] = {}
    for tier, words in found.items():
        said.setdefault(words, []).append(tier)
    results = [
        _text(words) if len(said) == 1 else f"{_text(words)} ({', '.join(tiers)})"
        for words, tiers in said.items()
    ]
    return "; ".join([*results, _text(attack.outcome)]) if results else "not measured"


def _theirs(attack: Attack, found: dict[str, str] | None) -> str:
    if attack.group == "archives":
        return "not tried: it has no such step"
    if attack.stock:
        return "not run: " + _text(attack.stock)
    if found is None:
        return "not measured"
    verdict = "" if attack.group == "control" and found["verdict"] == "held" else VERDICTS[found["verdict"]]
    return ": ".join(filter(None, (verdict, _text(found["words"]))))


def points(attack: Attack, marks: dict[str, float | None]) -> str:
    """Return points in words."""
    total = sum(most or 0 for most in FULL[attack.lab].values())
    return f"{sum(mark or 0 for mark in marks.values()):g} of {total:g} points"


def _text(text: str) -> str:
    """Return a text that cannot break a Markdown table."""
    for mark in ("\\", "|", "<", ">", "*", "_", "`", "[", "]"):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


if __name__ == "__main__":
    main(sys.argv[1:])

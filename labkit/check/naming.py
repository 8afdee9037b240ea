"""Name the mistake: compare wrong results with those of known wrong answers on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.check.calling import Outcome, call
from labkit.check.case import Case, Mutant
from labkit.check.policy import Complaint, boxed, judge, same, shape_of


@dataclass(frozen=True)
class Unit:
    """One judged result: a call, or one part of what the call returned."""

    aspect: str
    case: Case
    outcome: Outcome
    part: int | None
    complaint: Complaint | None


@dataclass(frozen=True)
class Cause:
    """A named mistake and the aspects in which the result equals it."""

    name: str
    aspects: tuple[str, ...]
    everywhere: bool


def name_causes(mutants: tuple[Mutant, ...], units: list[Unit]) -> tuple[Cause, ...]:
    """Find the fewest named mistakes that explain the failing results, at most two.

    A mistake explains a result when it gives the same one on the same input. Of several that explain as many
    failing results, the one that also gives the right results where the student does is taken. Where what was
    found explains a third or less of a part's failing results, or a quarter or less of all, it is taken for
    chance and not told.
    """
    open_units = {i for i, u in enumerate(units) if u.complaint and u.outcome.error is None}
    everything = set(open_units)
    others = [u for i, u in enumerate(units) if i not in everything]
    tried: list[tuple[Mutant, dict[int, Any]]] = [(m, {}) for m in mutants if everything]
    # mostly one mistake explains everything; then the others need not be run beyond their first miss
    full = [(m, cache) for m, cache in tried if all(_matches(m, units[i], cache) for i in everything)]
    scored = []
    for mutant, cache in full or tried:
        hits = {i for i in everything if _matches(mutant, units[i], cache)}
        if hits:
            scored.append((mutant.name, hits, sum(_matches(mutant, u, cache) for u in others)))
    told: list[tuple[str, set[int]]] = []
    while scored and open_units and len(told) < 2:
        name, hits, _ = max(scored, key=lambda s: (len(s[1] & open_units), s[2]))
        if not hits & open_units:
            break
        told.append((name, hits & open_units))
        open_units -= hits
    chance = _chance(units, everything, open_units)
    found: dict[str, Cause] = {}
    for name, hits in sorted(told, key=lambda t: min(t[1])):  # one mistake may have two mutants of one name
        if not hits - chance:
            continue
        aspects = tuple(dict.fromkeys(units[i].aspect for i in sorted(hits - chance)))
        cause = Cause(name, aspects, hits >= everything)
        before = found.get(cause.name, cause)
        aspects = tuple(dict.fromkeys((*before.aspects, *cause.aspects)))
        found[cause.name] = Cause(
            cause.name, aspects, cause.everywhere or (before != cause and not open_units)
        )
    return tuple(found.values())


def _chance(units: list[Unit], failing: set[int], unexplained: set[int]) -> set[int]:
    """Find the failing results of those parts of which a third or less is explained, or a quarter of all."""
    found = set(failing) if 4 * len(failing - unexplained) <= len(failing) else set()
    for part in {units[i].part for i in failing}:
        mine = {i for i in failing if units[i].part == part}
        found |= mine if 3 * len(mine - unexplained) <= len(mine) else set()
    return found


def _readable(unit: Unit) -> bool:
    """Say whether a result looks like numbers, so that a mistake could give the same."""
    try:
        shape_of(unit.outcome.value if unit.part is None else unit.outcome.value[unit.part])
    except Exception:
        return False
    return unit.outcome.error is None


def _matches(mutant: Mutant, unit: Unit, cache: dict[int, Any]) -> bool:
    if not _readable(unit):
        return False
    value, expected = unit.outcome.value, unit.case.expected
    if unit.part is not None and isinstance(expected, tuple):
        value, expected = value[unit.part], expected[unit.part]
    if type(expected) is int and boxed(value):
        return False  # the type is wrong; arithmetic is not to blame
    if id(unit.case) not in cache:
        cache[id(unit.case)] = call(mutant.fn, unit.case, ())
    wrong = cache[id(unit.case)]
    if wrong.error is not None:
        return False
    try:
        mistaken = wrong.value if unit.part is None else wrong.value[unit.part]
        if not same(value, mistaken):
            return False
        return unit.complaint is None or judge(mistaken, expected) is not None
    except Exception:
        return False

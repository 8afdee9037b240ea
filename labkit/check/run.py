"""Run a student's function on all cases of an exercise and judge what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.check.calling import Outcome, call, stub_of
from labkit.check.case import Case, Spec
from labkit.check.draw import Draw, Seed
from labkit.check.naming import Cause, Unit, name_causes
from labkit.check.policy import Complaint, is_a, judge, kind, plain

KEEPS = "keeps the dtype"
UNCHANGED = "leaves all else as it was"


@dataclass(frozen=True)
class Report:
    """All that was found out about one function.

    `unwritten` names the function whose stub stopped the first call, if one did; `absent` says what was found
    where there is no function at all.
    """

    spec: Spec
    hidden: bool
    aspects: tuple[str, ...]
    units: tuple[Unit, ...] = ()
    side: tuple[tuple[str, Complaint], ...] = ()
    causes: tuple[Cause, ...] = ()
    unwritten: str = ""
    absent: str = ""

    @property
    def failed(self) -> tuple[str, ...]:
        """The aspects that did not pass, in order."""
        bad = {u.aspect for u in self.units if u.complaint} | {name for name, _ in self.side}
        return self.aspects if self.unwritten or self.absent else tuple(a for a in self.aspects if a in bad)


def label(spec: Spec, case: Case, part: int | None) -> str:
    """Name the aspect that a part of a result counts for."""
    return case.aspect if part is None else f"{spec.parts[part]}, {case.aspect}"


def judged(spec: Spec, case: Case, aspect: str, outcome: Outcome, part: int | None, *, show: bool) -> Unit:
    """Judge a call, or one part of the tuple it returned."""
    value, expected = outcome.value, case.expected
    if outcome.error is not None:
        return Unit(aspect, case, outcome, part, Complaint("raised", "", ""))
    if part is not None and isinstance(expected, tuple):
        expected = expected[part]
        if not is_a(value, list, tuple) or len(value) != len(spec.parts):
            hint = (
                "the function ends without a return line"
                if value is None
                else "return all parts, in this order"
            )
            stage, got = ("exists", "None") if value is None else ("type", _several(value))
            wanted = f"a tuple ({', '.join(spec.parts)})"
            return Unit(aspect, case, outcome, part, Complaint(stage, got, wanted, hint))
        value = value[part]
        if value is None:
            hint = f"{spec.parts[part]} has to be computed before the return line"
            return Unit(aspect, case, outcome, part, Complaint("exists", "None", "a result", hint))
    try:
        complaint = judge(value, expected, show=show)
    except Exception:
        complaint = Complaint("type", "something that cannot be read", "plain numbers")
    return Unit(aspect, case, outcome, part, complaint)


def _several(value: Any) -> str:
    if is_a(value, list, tuple):
        return f"{len(value)} results"
    return kind(value) if is_a(value, Tensor, np.ndarray) and value.shape else "one result"


def other_dtype(unit: Unit) -> str:
    """Name the dtypes where a right result is float32 for inputs of float64, or the other way round.

    Lists and plain numbers have no dtype; where whole numbers are right, they may be of any kind.
    """
    inputs = [*unit.case.args, *unit.case.kwargs.values()]
    given = {v.dtype for v in inputs if isinstance(v, Tensor) and v.is_floating_point()}
    value = unit.outcome.value if unit.complaint or unit.part is None else unit.outcome.value[unit.part]
    if unit.complaint or len(given) != 1 or not is_a(value, Tensor, torch.nn.Parameter, np.ndarray):
        return ""
    got, wanted = plain(value).dtype, given.pop()
    return (
        "" if got == wanted or not got.is_floating_point else f"{str(got)[6:]} for a {str(wanted)[6:]} input"
    )


def side_complaints(spec: Spec, units: list[Unit]) -> list[tuple[str, Complaint]]:
    """Judge what concerns all calls together; without the core right these cases do not pass either."""
    if not spec.tensors:
        return []
    found = []
    basic = {u.aspect for u in units if u.case.aspect == units[0].case.aspect}
    core = bool(basic - {u.aspect for u in units if u.complaint})
    first = Complaint("core", "", "", "this counts once the basic case is right")
    other = next(filter(None, map(other_dtype, units)), "")
    if spec.keeps and (other or not core):
        hint = "torch.zeros, torch.tensor and numpy have a dtype of their own: tell them dtype=x.dtype"
        c = Complaint("dtype", other, "a result of the input's dtype", hint)
        found.append((KEEPS, c if core else first))
    changed = sorted({name for u in units for name in u.outcome.changed})
    off = any(u.outcome.off for u in units)
    if changed:
        hint = f"work on a copy, for instance {changed[0].split('.')[0]}.clone()"
        got = f"a result, but the call changes its input {' and '.join(changed)}"
        found.append((UNCHANGED, Complaint("input", got, "its inputs left as they were", hint)))
    if off:
        hint = "what stands under `with torch.no_grad():` needs no gradients, and what follows has them again"
        got = "a result, but the call leaves gradients switched off"
        found.append((UNCHANGED, Complaint("input", got, "gradients switched on, as before", hint)))
    if not core and not (changed or off):
        found.append((UNCHANGED, first))
    return found


def examine(spec: Spec, fn: Any, seed: Seed, given: Sequence[Any] = ()) -> Report:
    """Run a function on all cases of its exercise.

    Args:
        spec: The exercise.
        fn: The student's function; anything it does but KeyboardInterrupt ends up in the report.
        seed: None for the published inputs, else what the inputs are drawn from.
        given: Functions that stand in the student's cell from the start, for `spec.adapt`.

    Returns:
        The report, with the likely causes.
    """
    cases = spec.cases(Draw(spec.name, seed))
    parts: list[int | None] = [*range(len(spec.parts))] or [None]
    aspects = list(dict.fromkeys(label(spec, c, p) for c in cases for p in parts))
    aspects += [KEEPS] if spec.tensors and spec.keeps else []
    aspects += [UNCHANGED] if spec.tensors else []
    report = Report(spec, seed is not None, tuple(aspects))
    if not callable(fn):
        return replace(report, absent=kind(fn))
    mutants = spec.mutants
    if spec.adapt:
        fn, mutants = spec.adapt(fn, *given), tuple(replace(m, fn=spec.adapt(m.fn)) for m in mutants)
    units: list[Unit] = []
    for case in cases:
        outcome = call(fn, case, spec.params)
        if not units and isinstance(outcome.error, NotImplementedError):
            return replace(report, unwritten=stub_of(outcome.error, spec.name))
        units += [judged(spec, case, label(spec, case, p), outcome, p, show=seed is None) for p in parts]
    side = side_complaints(spec, units)
    causes = name_causes(mutants, units)
    return replace(report, units=tuple(units), side=tuple(side), causes=causes)

"""How one result is judged: exists, type, shape, dtype, finite, value, in this order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.check.case import Rule
from labkit.check.patterns import ATOL32, RTOL32, close, pattern

MAX_DEPTH = 8
ROUNDED = 1e-6
LAST_DIGITS = (
    "perhaps something was computed in float32 on the way, as .float() does and .to(x.dtype) does not, "
    "or a small number was added or rounded"
)


@dataclass(frozen=True)
class Complaint:
    """Why a result was refused: at which stage, what came back, what should have, and a hint."""

    stage: str
    got: str
    wanted: str
    hint: str = ""


class UnreadableError(Exception):
    """A value holds something that is not a number."""


def is_a(value: Any, *types: type) -> bool:
    """Say whether a value is exactly of one of the types; a subclass could pretend anything.

    A named tuple counts as a tuple.
    """
    found = tuple if _is_named_tuple(type(value)) else type(value)
    return any(found is t for t in types)


def _is_named_tuple(kind: type) -> bool:
    """Say whether a class is what `namedtuple` makes, read as a tuple is read."""
    if type(kind) is not type or kind.__bases__ != (tuple,):
        return False
    own = set(vars(kind))
    return "_fields" in own and not own & {"__class__", "__getitem__", "__iter__", "__len__"}


def is_number(value: Any) -> bool:
    """Say whether a value is an int, a float or a numpy number."""
    return is_a(value, int, float) or issubclass(type(value), np.number)


def boxed(value: Any) -> bool:
    """Say whether a value is one number in a tensor or an array, which is not a plain number."""
    return is_a(value, Tensor, torch.nn.Parameter, np.ndarray) and value.shape == ()


def kind(value: Any) -> str:
    """Say in words what a value is, without its numbers."""
    if is_a(value, Tensor, torch.nn.Parameter):
        return f"a tensor of shape {tuple(value.shape)} and dtype {str(value.dtype)[6:]}"
    if type(value) is np.ndarray:
        return f"a numpy array of shape {value.shape} and dtype {value.dtype}"
    if value is None:
        return "None"
    name = type(value).__name__
    if type(value).__module__ == "torch.return_types":
        return f"both that {name} along an axis gives: numbers (.values) and places (.indices)"
    if is_a(value, list, tuple):
        return f"a {name} of length {len(value)}"
    return ("an " if name[:1] in "aeiou" else "a ") + name


def shape_of(value: Any, depth: int = 0) -> tuple[int, ...]:
    """Read the shape of a tensor, an array or a nested list from its first elements, without copying it."""
    if is_a(value, Tensor, torch.nn.Parameter, np.ndarray):
        return tuple(value.shape)
    if is_a(value, list, tuple):
        if depth == MAX_DEPTH:
            raise UnreadableError("a list nested too deeply")
        return (len(value), *(shape_of(value[0], depth + 1) if value else ()))
    if is_a(value, bool, np.bool_) or is_number(value):
        return ()
    raise UnreadableError(kind(value))


def plain(value: Any) -> Tensor:
    """Copy a tensor, an array, a number or a nested list of these into a plain CPU tensor."""
    if is_a(value, Tensor, torch.nn.Parameter):
        copy: Tensor = value.detach().to("cpu", copy=True).resolve_conj().resolve_neg()
        return copy.to_dense() if copy.layout != torch.strided else copy
    if is_a(value, np.ndarray, np.bool_) or issubclass(type(value), np.number):
        if value.dtype.kind not in "biufc":
            raise UnreadableError(f"a numpy array of dtype {value.dtype}")
        return torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))
    if is_a(value, list, tuple):
        return torch.stack([plain(v) for v in value]) if value else torch.empty(0, dtype=torch.float64)
    if is_a(value, int, float):
        return torch.tensor(value, dtype=torch.float64)
    if type(value) is bool:
        return torch.tensor(value)
    raise UnreadableError(kind(value))


def numbers(value: Any, shape: tuple[int, ...]) -> Tensor | Complaint:
    """Turn a result into a plain tensor of the expected shape, or say what is wrong with it."""
    wanted = f"a tensor of shape {shape}"
    if value is None:
        return Complaint("exists", "None", wanted, "the function ends without a return line")
    try:
        found = shape_of(value)
        if found != shape:
            return Complaint("shape", kind(value), wanted)
        result = plain(value)
    except UnreadableError as e:
        return Complaint("type", str(e), wanted, "return a tensor, a numpy array or a nested list of numbers")
    except Exception:
        return Complaint("type", f"{kind(value)} that cannot be read as one tensor", wanted)
    if result.dtype not in (torch.float64, torch.float32):
        whole = not (result.dtype.is_floating_point or result.dtype.is_complex)
        hint = (
            "a whole-number dtype cuts the fractions off: use a float dtype" if whole else "use dtype=x.dtype"
        )
        if result.dtype == torch.bool:
            hint = "True and False are no numbers yet: .to(x.dtype) makes 1 and 0 of them"
        return Complaint("dtype", kind(value), f"{wanted} and dtype float64", hint)
    if not bool(result.isfinite().all()):
        bad = int((~result.isfinite()).sum())
        hint = "look for a division by zero, or for a buffer from torch.empty that is not filled"
        got = f"{kind(value)} in which {bad} of {result.numel()} numbers are infinite or not a number"
        return Complaint("finite", got, "finite numbers only", hint)
    return result


def alike(result: Tensor, expected: float) -> bool:
    """Compare one number; float32 on the way, as in a mean of true and false, may have rounded it."""
    exact = close(result, torch.tensor(expected, dtype=torch.float64))
    return exact or math.isclose(float(result), expected, rel_tol=ROUNDED)


def judge_tensor(value: Any, expected: Tensor) -> Complaint | None:
    """Judge a result that must equal a tensor."""
    shape = tuple(expected.shape)
    result = numbers(value, shape)
    if isinstance(result, Complaint):
        return result
    if close(result, expected) or (not shape and alike(result, float(expected))):
        return None
    # Plain lists do not say their dtype: their numbers may come from float32.
    listed = is_a(value, list, tuple) and torch.allclose(result.double(), expected.double(), ROUNDED, 1e-7)
    if listed:
        return None
    wrong = int((~torch.isclose(result.double(), expected.double(), rtol=RTOL32, atol=ATOL32)).sum())
    count = (
        f"{wrong} of {result.numel()} numbers differ" if wrong else "the numbers differ in the last digits"
    )
    hint = pattern(result, expected) if wrong else LAST_DIGITS
    return Complaint("value", f"{kind(value)}, but {count}", "the same numbers", hint)


def judge_rule(value: Any, rule: Rule) -> Complaint | None:
    """Judge a result that must have a property; whole numbers are welcome here."""
    result = numbers(value, rule.shape)
    if isinstance(result, Complaint) and result.stage == "dtype":
        whole = plain(value)
        result = result if whole.is_complex() else whole.double()
    if isinstance(result, Complaint):
        return result
    if rule.holds(result.double()):
        return None
    hint = rule.hint if isinstance(rule.hint, str) else rule.hint(result.double())
    got = kind(value) if rule.got is None else rule.got(result.double())
    return Complaint("value", got, rule.wanted, hint)


def judge_int(value: Any, expected: int, *, show: bool) -> Complaint | None:
    """Judge a result that must be a whole number; a bool is not one, and 3.0 is not either."""
    wanted = f"the int {expected}" if show else "an int"
    if value is None:
        return Complaint("exists", "None", wanted, "the function ends without a return line")
    if type(value) is float or issubclass(type(value), np.floating):
        shown = f"the float {round(float(value), 4)}" if show else "a float"
        return Complaint("type", shown, wanted, "it has to be a whole number; if you divide, use // not /")
    if type(value) is not int and not issubclass(type(value), np.integer):
        more = ": int(...) makes one of it" if boxed(value) else ""
        return Complaint("type", kind(value), wanted, f"return a plain int{more}")
    if int(value) == expected:
        return None
    gap = int(value) - expected
    by = f"{abs(gap)} too {'large' if gap > 0 else 'small'}" if abs(gap) < 10**9 else "far from the right one"
    shown = f"{int(value)}" if show and abs(gap) < 10**9 else "an int"
    return Complaint("value", f"{shown}, which is {by}", wanted if show else "the right int")


def judge_number(value: Any, expected: float) -> Complaint | None:
    """Judge a result that must be one number; a tensor or an array without axes is fine too."""
    if type(value) is bool:
        return Complaint("type", kind(value), "one number")
    result = numbers(value, ())
    if isinstance(result, Complaint):
        hint = result.hint if result.stage != "shape" else "return one number, for instance with float(...)"
        wanted = "one number" if result.stage != "finite" else "a finite number"
        return Complaint(result.stage, kind(value) if value is not None else "None", wanted, hint)
    if alike(result, float(expected)):
        return None
    word = "too large" if float(result) > expected else "too small"
    return Complaint("value", f"a number that is {word}", "the number that the exercise defines")


def judge(value: Any, expected: Any, *, show: bool = False) -> Complaint | None:
    """Judge one result; None means that it is right.

    Args:
        value: What the student's function returned; anything.
        expected: An int, a float, a tensor or a `Rule`.
        show: The expected whole number may be shown.

    Returns:
        The first complaint, or None.

    Example:
        >>> judge(3.0, 3).hint
        'it has to be a whole number; if you divide, use // not /'
    """
    if isinstance(expected, Rule):
        return judge_rule(value, expected)
    if isinstance(expected, Tensor):
        return judge_tensor(value, expected)
    if isinstance(expected, int):
        return judge_int(value, expected, show=show)
    return judge_number(value, expected)


def same(value: Any, other: Any) -> bool:
    """Say whether a student's result is what a mutant gives: the same kind, shape and numbers."""
    if isinstance(other, tuple):
        if not is_a(value, list, tuple) or len(value) != len(other):
            return False
        return all(same(v, o) for v, o in zip(value, other, strict=True))
    if isinstance(other, int):
        return (type(value) is int or issubclass(type(value), np.integer)) and int(value) == other
    try:
        target = plain(other)
        if shape_of(value) != tuple(target.shape):
            return False
        mine = plain(value)
        if mine.is_complex():
            return False
        mine = mine if mine.is_floating_point() else mine.double()
        return close(mine, target.double(), equal_nan=True)  # the same mistake has the same holes
    except Exception:
        return False

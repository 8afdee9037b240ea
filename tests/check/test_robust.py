"""Whatever a student's function does, a check prints, returns and says why."""

import sys
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit import check
from labkit.check.policy import judge


class Liar:
    """Equal to everything, and rude when read."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    @property
    def __class__(self):
        raise RuntimeError("no class")

    def __array__(self, *a, **k):
        raise RuntimeError("no array")

    def __getattr__(self, name):
        raise RuntimeError(name)


class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.tensor(True)


class Meta(type):
    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return 0


class Pretender(metaclass=Meta):
    shape = (3, 3)


class Forged(NamedTuple):
    """Said to be of another length than it is."""

    one: float = 1.0

    def __len__(self):
        raise RuntimeError("no length")


class BadText(Exception):
    def __str__(self):
        raise ValueError("no text")


loop = []
loop.append(loop)

ODD = {
    "liar": Liar(),
    "yes": torch.ones(3, 3).as_subclass(Yes),
    "pretender": Pretender(),
    "endless list": loop,
    "generator": (i for i in range(3)),
    "ragged": [[1.0, 2.0], [3.0]],
    "text": "abc",
    "dict": {1: 2},
    "function": print,
    "class": int,
    "object array": np.array([None, 1], dtype=object),
    "text array": np.array(["a"]),
    "structured": np.zeros(2, dtype=[("a", int)]),
    "complex": torch.zeros(3, 3, dtype=torch.complex128),
    "bool": torch.zeros(3, 3, dtype=torch.bool),
    "half": torch.zeros(3, 3, dtype=torch.float16),
    "meta": torch.empty(3, 3, device="meta"),
    "sparse": torch.eye(3).to_sparse(),
    "huge shape": torch.zeros(1).expand(10**6, 10**6),
    "huge int": 10**5000,
    "minus huge int": -(10**5000),
    "nan": float("nan"),
    "inf": float("inf"),
    "masked": np.ma.masked_array([1.0], [True]),
    "nothing": (),
    "nested": [[[[[[[[[[[[1.0]]]]]]]]]]]],
    "two": (1.0, None),
    "three": (None, None, None),
    "many": [0] * 1000,
    "forged": Forged(),
    "named": NamedTuple("Named", [("a", object), ("b", object)])(None, Forged()),
}


def test_odd_results_earn_nothing_and_raise_nothing(name, functions, run):
    """Each function gives every third of them, and one that fills the memory when it is read part by part."""
    third = list(ODD)[list(functions).index(name) % 3 :: 3]
    for kind in {*third, "huge shape"}:
        answer = ODD[kind]
        earned, text = run(name, lambda *a, answer=answer, **k: answer)
        assert earned.passed == 0, kind
        assert text.startswith("✗ ") or "\n✗ " in text, kind
        assert "Traceback" not in text, kind


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        SystemExit(3),
        GeneratorExit(),
        StopIteration(),
        RecursionError(),
        BadText(),
        MemoryError(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_are_told_and_not_raised(error, name, run):
    def fn(*a, **k):
        raise error

    earned, text = run(name, fn, 5)
    assert earned.reasons
    assert f"It stopped with {type(error).__name__}" in text
    assert "in fn, line " in text


def test_endless_recursion_is_told(run):
    def corr2d(x, k):
        return corr2d(x, k)

    assert "It stopped with RecursionError" in run("corr2d", corr2d)[1]


def test_keyboard_interrupt_passes_through(run):
    def fn(x, k):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("corr2d", fn)


@pytest.mark.parametrize("thing", [None, 3, "corr2d", torch.zeros(2)])
def test_no_function_at_all(thing, name, run):
    earned, text = run(name, thing)
    assert float(earned) <= 0.5
    assert f"was given where the function {name} was expected" in text


def test_stub_is_called_not_written(name, run):
    def stub(*a, **k):
        raise NotImplementedError

    earned, text = run(name, stub)
    expected = f'{name}: not written yet. Replace the line "raise NotImplementedError" with your code'
    assert expected in text
    assert f"{name}: not written yet" in earned.reasons
    assert earned.passed == 0


def test_stub_behind_another_function_is_named(run):
    def corr2d(x, k):
        raise NotImplementedError

    def convolve2d(x, k):
        return corr2d(x, k.flip((0, 1)))

    _, text = run("convolve2d", convolve2d)
    assert text == "convolve2d: not finished yet. It calls corr2d, which is not written."


def test_inputs_cannot_be_used_to_fool_the_oracle(run):
    def corr2d(x, k):
        x.zero_()
        k.zero_()
        return torch.zeros(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1, dtype=x.dtype)

    assert float(run("corr2d", corr2d)[0]) == 0


def test_resized_inputs_count_as_changed(run, functions):
    def corr2d(x, k):
        answer = functions["corr2d"].honest["unfold"](x, k)
        x.resize_(1)
        return answer

    earned, text = run("corr2d", corr2d)
    assert earned.passed == earned.total - 1
    assert "the call changes its input x" in text


def test_global_state_is_left_alone(name, functions, run):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    run(name, functions[name].right, 9)
    assert torch.equal(before, torch.get_rng_state())


def test_gradients_switched_off_by_the_student(run, functions):
    with torch.no_grad():
        assert float(run("conv2d_backward", functions["conv2d_backward"].honest["places"])[0]) == 1


def test_a_terminal_without_the_sign(monkeypatch, functions):
    import io

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    check.corr2d(functions["corr2d"].honest["unfold"])
    stream.seek(0)
    assert stream.read().startswith("ok corr2d: all 8 cases")


@pytest.mark.parametrize("value", [True, False, 3.0, np.float64(3), "3", torch.tensor(3), None, [3]])
def test_only_ints_are_ints(value):
    complaint = judge(value, 3)
    assert complaint is not None
    assert complaint.stage == ("exists" if value is None else "type")


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_numpy_ints_are_ints(value):
    assert judge(value, 3) is None


def test_order_of_complaint():
    want = torch.zeros(2, 3, dtype=torch.float64)
    bad = torch.full((2, 3), float("nan"))
    stages = [judge(v, want) for v in (None, "x", bad.T.int(), bad.int(), bad, want + 1, want)]
    assert [c and c.stage for c in stages] == ["exists", "type", "shape", "dtype", "finite", "value", None]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=ANYTHING)
def test_anything_at_all_may_come_back(answer, run):
    for exercise in ("corr1d", "conv_cost", "conv2d_backward", "shift_error", "out_size", "edge_kernel"):
        earned, _ = run(exercise, lambda *a, **k: answer)
        assert 0 <= earned < 1


@pytest.mark.parametrize("seed", [1.5, [1], ("a",), {}])
def test_a_seed_of_another_type_is_a_clear_error(seed):
    with pytest.raises(TypeError, match="expected int, str, bytes or None"):
        check.corr2d(lambda x, k: x, seed=seed)

"""Checks work when the function lives in another process: values by copy, errors without traceback."""

import re

import numpy as np
import torch

HIDDEN = "0f" * 32
PLAIN = (type(None), bool, int, float, str)


class Handle:
    """Stands for an object of the other process: it can be called, and nothing else."""

    __slots__ = ("_call",)

    def __init__(self, call):
        object.__setattr__(self, "_call", call)

    def __call__(self, *args, **kwargs):
        return object.__getattribute__(self, "_call")(*args, **kwargs)

    def __getattr__(self, name):
        raise AssertionError(f"a check asked for .{name}")

    def __bool__(self):
        raise AssertionError("a check asked for the truth of a handle")

    def __eq__(self, other):
        raise AssertionError("a check compared a handle")

    __hash__ = None


def crossing(value, called):
    """Copy a value as the boundary does: plain data by bytes, callables as handles."""
    if type(value) in PLAIN:
        return value
    if type(value) in (list, tuple, torch.Size):
        return (list if type(value) is list else tuple)(crossing(v, called) for v in value)
    if type(value) is dict:
        return {crossing(k, called): crossing(v, called) for k, v in value.items()}
    if type(value) is torch.Tensor:
        plain = value.detach().contiguous().numpy()
        return torch.from_numpy(np.frombuffer(bytearray(plain.tobytes()), plain.dtype).reshape(plain.shape))
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, np.generic):
        return value
    assert callable(value), type(value)
    return called(value)


def remote(fn):
    def call(*args, **kwargs):
        args = [crossing(a, remote) for a in args]
        kwargs = {k: crossing(v, remote) for k, v in kwargs.items()}
        try:
            answer = fn(*args, **kwargs)
        except Exception as e:
            error = type(e)(str(e))
        else:
            return crossing(answer, remote)
        raise error

    return Handle(call)


BY_AUTOGRAD = {
    "my_relu",
    "pass_through",
    "gradient_norms",
    "sgd_step",
    "build_net",
    "record",
    "field_of",
    "grad_cam",
    "bottleneck",
    "features_of",
}  # a copy has no graph and no layers; the real boundary carries them


def test_right_answers_earn_the_same(name, functions, run):
    if name not in BY_AUTOGRAD:
        for style, fn in functions[name].honest.items():
            earned, text = run(name, remote(fn), "secret")
            assert float(earned) == 1, (style, text)


def test_wrong_answers_earn_the_same(name, functions, run, run_mutant):
    """Every third one, without those that change their input: what happens to a copy stays on its side."""
    if name not in BY_AUTOGRAD:
        for mutant in [m for m in functions[name].mutants if m.name != "changes its input"][::3]:
            here, there = run_mutant(name, mutant, HIDDEN), run(name, remote(mutant.fn), HIDDEN)
            assert here[0].passed == there[0].passed, mutant.name
            assert here[0].causes == there[0].causes, mutant.name
            assert here[1] == re.sub(r" \(in call, line \d+\)", "", there[1])


def test_stub_across_the_boundary(name, run):
    if name in ("sgd_step", "bottleneck"):  # take or make a network
        return

    def stub(*a, **k):
        raise NotImplementedError

    assert re.search("not (written|finished) yet", run(name, remote(stub), 8)[1])

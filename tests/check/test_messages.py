"""What students read, word for word."""

# ruff: noqa: E501

import re
from typing import ClassVar

import numpy as np
import pytest
import torch

from labkit.check import message
from labkit.check.specs_convolution import MUTANTS, SPECS

GOLDEN = {
    ("corr2d", "true convolution, with the kernel flipped", None): """\
✗ corr2d: 0 of 8 cases pass.
  Case "square kernel" calls corr2d(x, k) with x (5, 5), k (3, 3) in float64, the 5 x 5 example of the lab.
  Came back: a tensor of shape (3, 3) and dtype float64, but 7 of 9 numbers differ: [[18, 20, 19], [10, 9, 17], [11, 8, 14]].
  Expected: the same numbers, as torch.nn.functional.conv2d gives: [[12, 12, 17], [10, 17, 19], [9, 6, 14]].
  Likely cause: your result equals true convolution, with the kernel flipped.""",
    ("corr2d", "true convolution, with the kernel flipped", "ab"): """\
✗ corr2d: 0 of 8 cases pass.
  Case "2 x 3 kernel" calls corr2d(x, k) with x (5, 7), k (2, 3) in float64.
  Came back: a tensor of shape (4, 5) and dtype float64, but 20 of 20 numbers differ.
  Expected: the same numbers, as torch.nn.functional.conv2d gives.
  Likely cause: your result equals true convolution, with the kernel flipped.""",
    ("out_size", "the size without rounding, by / instead of //", None): """\
✗ out_size: 0 of 7 cases pass.
  Case "no padding, stride 1" calls out_size(7, 3).
  Came back: the float 5.0.
  Expected: the int 5.
  Likely cause: your result equals the size without rounding, by / instead of //.""",
    ("out_size", "the size with stride 1", 1): """\
✗ out_size: 4 of 7 cases pass.
  Case "a stride that fits" calls out_size(i, k, s).
  Came back: an int, which is 4 too large.
  Expected: the right int.
  Likely cause: your result equals the size with stride 1.
  Not passing yet: a stride that fits; a stride that leaves pixels over; all parameters together.""",
    ("conv2d", "conv2d with the stride on rows only", None): """\
✗ conv2d: 7 of 10 cases pass.
  Case "stride (1, 2)" calls conv2d(x, w, stride=(1, 2)) with x (2, 3, 11, 9), w (2, 3, 3, 2) in float64.
  Came back: a tensor of shape (2, 2, 9, 8) and dtype float64.
  Expected: a tensor of shape (2, 2, 9, 4), as torch.nn.functional.conv2d gives.
  Likely cause: your result equals conv2d with the stride on rows only.
  Not passing yet: stride (1, 2); bias, stride and padding together; float32.""",
    ("corr2d", "float32 for a float64 input", None): """\
✗ corr2d: 7 of 8 cases pass.
  Case "keeps the dtype".
  Came back: float32 for a float64 input.
  Expected: a result of the input's dtype.
  Hint: torch.zeros, torch.tensor and numpy have a dtype of their own: tell them dtype=x.dtype.
  Not passing yet: keeps the dtype.""",
    ("corr2d", "float64 for a float32 input", None): """\
✗ corr2d: 7 of 8 cases pass.
  Case "keeps the dtype".
  Came back: float64 for a float32 input.
  Expected: a result of the input's dtype.
  Hint: torch.zeros, torch.tensor and numpy have a dtype of their own: tell them dtype=x.dtype.
  Not passing yet: keeps the dtype.""",
    ("corr2d", "changes its input", None): """\
✗ corr2d: 7 of 8 cases pass.
  Case "leaves all else as it was".
  Came back: a result, but the call changes its input x.
  Expected: its inputs left as they were.
  Hint: work on a copy, for instance x.clone().
  Not passing yet: leaves all else as it was.""",
    ("evaluate", "leaves gradients switched off", None): """\
✗ evaluate: 6 of 7 cases pass.
  Case "leaves all else as it was".
  Came back: a result, but the call leaves gradients switched off.
  Expected: gradients switched on, as before.
  Hint: what stands under `with torch.no_grad():` needs no gradients, and what follows has them again.
  Not passing yet: leaves all else as it was.""",
    ("field_of", "changes its input x.requires_grad", None): """\
✗ field_of: 40 of 41 cases pass.
  Case "leaves all else as it was".
  Came back: a result, but the call changes its input x.requires_grad.
  Expected: its inputs left as they were.
  Hint: work on a copy, for instance x.clone().
  Not passing yet: leaves all else as it was.""",
    ("conv2d_backward", "db as a mean instead of a sum", None): """\
✗ conv2d_backward: 10 of 14 cases pass.
  Case "db, stride 1" calls conv2d_backward(x, w, dy) with x (2, 3, 4, 6), w (2, 3, 2, 3), dy (2, 2, 3, 4) in float64.
  Came back for db: a tensor of shape (2,) and dtype float64, but 2 of 2 numbers differ.
  Expected for db: the same numbers, as torch's autograd gives.
  Likely cause: your result equals db as a mean instead of a sum.
  Not passing yet: db, stride 1; db, stride (2, 1); db, stride (2, 3) with pixels left over; db, float32.""",
    ("edge_kernel", "a detector of horizontal edges", None): """\
✗ edge_kernel: 1 of 2 cases pass.
  Case "one direction only" calls edge_kernel().
  Came back: a tensor of shape (3, 3) and dtype float64.
  Expected: a response to a vertical edge of at least a tenth of its height times the sum of the absolute weights.
  Likely cause: your result equals a detector of horizontal edges.
  Not passing yet: one direction only.""",
}


@pytest.mark.parametrize("key", list(GOLDEN), ids=lambda k: f"{k[0]}-{k[1]}-{k[2]}")
def test_golden(key, functions, run):
    name, mistake, seed = key
    fn = next(m.fn for m in functions[name].mutants if m.name == mistake)
    assert run(name, fn, seed)[1] == GOLDEN[key]


TYPES = [
    ("out_size", lambda right: torch.tensor(right), "a tensor of shape () and dtype int64"),
    ("out_size", lambda right: torch.tensor(float(right)), "a tensor of shape () and dtype float32"),
    ("pool_size", lambda right: np.array(right), "a numpy array of shape () and dtype int64"),
    ("head_params", lambda right: tuple(map(torch.tensor, right)), "a tensor of shape () and dtype int64"),
    ("conv_cost", lambda right: tuple(map(torch.tensor, right)), "a tensor of shape () and dtype int64"),
    ("dead_units", lambda right: (torch.tensor(right[0]), right[1]), "a tensor of shape () and dtype int64"),
]


@pytest.mark.parametrize(("name", "boxed", "got"), TYPES)
def test_a_number_in_a_tensor_is_blamed_for_its_type_only(name, boxed, got, functions, run):
    earned, text = run(name, lambda *a, **k: boxed(functions[name].right(*a, **k)))
    assert f": {got}.\n" in text
    assert "Hint: return a plain int: int(...) makes one of it." in text
    assert not earned.causes


@pytest.mark.parametrize(
    ("share", "hint"),
    [
        (lambda u: (u > 0).any(0), "True and False are no numbers yet: .to(x.dtype) makes 1 and 0 of them"),
        (lambda u: (u > 0).sum(0), "a whole-number dtype cuts the fractions off: use a float dtype"),
    ],
)
def test_shares_that_are_no_floats(share, hint, functions, run):
    def dead_units(x, w, b):
        return functions["dead_units"].right(x, w, b)[0], share(x @ w.T + b)

    earned, text = run("dead_units", dead_units)
    assert f"Hint: {hint}." in text
    assert set(earned.causes) <= {"the number of rows instead of their share"}


def test_other_random_numbers_than_those_handed_in(run):
    text = run("dropout", lambda x, p, u, training=True: torch.dropout(x, p, training))[1]
    assert "Hint: the zeros stand in other places than they should." in text


def test_a_factor_is_told_where_zeros_are_right(run, functions):
    right = functions["max_pool2d_backward"].right
    text = run("max_pool2d_backward", lambda *a: right(*a) * 3)[1]
    assert "Hint: every number that is not 0 is the right one times 3." in text


SUCCESS = {
    "out_size": "✓ out_size: all 7 cases agree with torch.",
    "corr2d": "✓ corr2d: all 8 cases agree with torch.",
    "blur_kernel": "✓ blur_kernel: all 2 cases agree with what a blur must do.",
    "conv2d": "✓ conv2d: all 10 cases agree with torch.",
    "shift_error": "✓ shift_error: all 4 cases agree with the known error of f.",
}


@pytest.mark.parametrize("which", list(SUCCESS))
def test_success_is_one_line(which, functions, run):
    assert run(which, functions[which].right)[1] == SUCCESS[which]


def test_a_notebook_gets_the_message_as_html_too(monkeypatch):
    class Shell:
        kernel = display_pub = property(lambda self: self)
        shown: ClassVar[list] = []

        def publish(self, data):
            self.shown.append(data)

    monkeypatch.setattr("IPython.get_ipython", Shell)
    message.show("✓ a < b")
    assert Shell.shown == [
        {"text/plain": "✓ a < b", "text/html": f'<pre style="{message.BETWEEN_WORDS}">✓ a &lt; b</pre>'}
    ]


def test_not_written(run):
    def corr2d(x, k):
        raise NotImplementedError

    earned, text = run("corr2d", corr2d)
    assert text == (
        'corr2d: not written yet. Replace the line "raise NotImplementedError" with your code '
        "and run its cell, then this one again."
    )
    assert earned.reasons == ("corr2d: not written yet",)


def test_a_class_that_is_not_written(run):
    class MyReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            raise NotImplementedError

    def my_relu(x):
        return MyReLU.apply(x)

    assert run("my_relu", my_relu)[1] == (
        'my_relu: not written yet. Replace each line "raise NotImplementedError" in the methods of its class '
        "with your code and run its cell, then this one again."
    )


def test_forgotten_return(run):
    text = run("corr2d", lambda x, k: None, 1)[1]
    assert "Came back: None.\n" in text
    assert "Hint: the function ends without a return line." in text


def test_error_with_its_line(run):
    def corr2d(x, k):
        y = x[0]
        return y[99]

    line = corr2d.__code__.co_firstlineno + 2
    text = run("corr2d", corr2d)[1]
    assert "It stopped with IndexError: index 99 is out of bounds" in text
    assert f"(in corr2d, line {line})." in text


def test_wrong_parameters(run):
    text = run("conv2d", lambda x, w: torch.conv2d(x, w))[1]
    assert "✗ conv2d: 3 of 10 cases pass." in text
    assert (
        "Hint: keep the line with def as it was given; the parameters are x, w, b, stride, padding." in text
    )


@pytest.mark.parametrize(
    ("bend", "hint"),
    [
        (lambda r: r * 3, "every number is the right one times 3"),
        (lambda r: r + 2, "every number is off by the same amount"),
        (lambda r: torch.cat([r[:, :-1], r[:, -1:] + 1], 1), "only the last column is wrong"),
        (lambda r: torch.cat([r[:1] - 1, r[1:]]), "only the first row is wrong"),
    ],
)
def test_pattern_where_no_mutant_fits(bend, hint, functions, run):
    right = functions["corr2d"].honest["unfold"]
    assert f"Hint: {hint}." in run("corr2d", lambda x, k: bend(right(x, k)))[1]


def test_a_mistake_that_only_a_few_results_have_in_common_is_not_told(run):
    """Pairs by their share of the true class: the one pair asked for may be that of another mistake, too."""

    def by_share(matrix, k):
        shares = matrix.double() / matrix.sum(1, keepdim=True)
        places = shares.fill_diagonal_(0).flatten().topk(k).indices
        return torch.stack([places // len(matrix), places % len(matrix), matrix.flatten()[places]], 1)

    earned, text = run("worst_pairs", by_share, "abc")
    assert float(earned) == 0
    assert not earned.causes
    assert "Hint: leave the diagonal out" in text


@pytest.mark.parametrize("function", SPECS)
def test_hidden_messages_show_no_input_numbers(function, run_mutant):
    """Under a seed, no number from inside a tensor (all have decimals) and no size that was asked for."""
    for mutant in MUTANTS[function]:
        earned, text = run_mutant(function, mutant, "0f" * 32)
        said = text + " ".join(earned.reasons)
        if function != "pad2d":  # the fill value is a parameter, and may be shown
            assert not re.search(r"\d\.\d", said), said
        if not SPECS[function].tensors:
            calls = [line.split(" calls ")[1] for line in text.splitlines() if " calls " in line]
            assert calls, text
            assert not any(ch.isdigit() for call in calls for ch in call), calls

"""Mistakes as students write them, in loops: none is accepted, and each is called by its name."""

import pytest
import torch
import torch.nn.functional as F


def edge_of_the_wrong_sign():
    return torch.tensor([[1.0, 0, -1]] * 3)


def pad2d_zeros_replaced(x, top, bottom, left, right, value=0.0):
    out = F.pad(x, (left, right, top, bottom))
    out[out == 0] = value
    return out


def merge_kernels_written_over(k1, k2):
    (h1, w1), (h2, w2) = k1.shape, k2.shape
    out = k1.new_zeros(h1 + h2 - 1, w1 + w2 - 1)
    for a in range(h2):
        for b in range(w2):
            out[a : a + h1, b : b + w1] = k2[a, b] * k1
    return out


def backward(x, w, dy, stride=(1, 1), *, over_dx=False, over_dw=False, flip=False):
    (kh, kw), (sh, sw) = w.shape[2:], stride
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            rows, cols, g = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw), dy[:, :, i, j]
            share = torch.einsum("nk,nchw->kchw", g, x[:, :, rows, cols])
            dw = share if over_dw else dw + share
            share = torch.einsum("nk,kchw->nchw", g, w.flip(2, 3) if flip else w)
            dx[:, :, rows, cols] = share if over_dx else dx[:, :, rows, cols] + share
    return dx, dw, dy.sum((0, 2, 3))


def bent(fn, **how):
    return lambda *args, **given: fn(*args, **given, **how)


WRITTEN = [
    ("edge_kernel", edge_of_the_wrong_sign, "the sign is turned round"),
    ("edge_kernel", lambda: 2 * torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 2, "the wrong sign"),
    ("pad2d", pad2d_zeros_replaced, "wherever there is a 0"),
    ("merge_kernels", merge_kernels_written_over, "copies of the first kernel written over each other"),
    ("merge_kernels", lambda a, b: merge_kernels_written_over(b, a), "copies of the second kernel written"),
    ("conv2d_backward", bent(backward, over_dx=True), "dx in which each window is written over"),
    ("conv2d_backward", bent(backward, over_dw=True), "dw of the last place only: = instead of +="),
    ("conv2d_backward", bent(backward, over_dx=True, over_dw=True), "dx in which each window is written"),
    ("conv2d_backward", bent(backward, flip=True), "dx with the kernel turned by 180 degrees"),
]


@pytest.mark.parametrize(("exercise", "fn", "told"), WRITTEN)
def test_a_mistake_is_called_by_its_name(exercise, fn, told, run):
    for seed in (None, "hidden"):
        earned, text = run(exercise, fn, seed)
        assert float(earned) < 1
        assert told in text, text

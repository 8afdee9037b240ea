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


def corr2d_matrix_product(x, k):
    (kh, kw), out = k.shape, x.new_zeros(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1)
    for i in range(len(out)):
        for j in range(out.shape[1]):
            window = x[i : i + kh, j : j + kw]
            out[i, j] = (window @ k).sum() if kh == kw else (window * k).sum()
    return out


def corr1d_slice(x, k, stride=1):
    return torch.stack([x[s : s + len(k)] @ k for s in range((len(x) - len(k)) // stride + 1)])


def shift_error_moved(f, x, dy, dx, *, move):
    y = f(x)
    moved = f(move(x, dy, dx))[dy:, dx:]
    return float((moved - y[: len(y) - dy, : y.shape[1] - dx]).abs().max())


def up_with_zeros(x, dy, dx):
    y = torch.zeros_like(x)
    y[: x.shape[0] - dy, : x.shape[1] - dx] = x[dy:, dx:]
    return y


def pool(x, k, s, *, rows=None, low=None):
    """Max pooling of an image by loops; `rows` gives the window's slice, `low` the number to start at."""
    rows = rows or (lambda i, k, s: slice(i * s, i * s + k))
    out = x.new_zeros((x.shape[0] - k[0]) // s[0] + 1, (x.shape[1] - k[1]) // s[1] + 1)
    for i in range(len(out)):
        for j in range(out.shape[1]):
            largest = float("-inf") if low is None else low
            for number in x[rows(i, k[0], s[0]), rows(j, k[1], s[1])].flatten():
                largest = max(largest, float(number))
            out[i, j] = largest
    return out


def pool_backward(x, dy, kernel_size, stride, *, base):
    (kh, kw), dx = kernel_size, torch.zeros_like(x)
    for n, c, i, j in torch.cartesian_prod(*map(torch.arange, dy.shape)).tolist():
        top, left = i * stride[0], j * stride[1]
        a, b = divmod(int(x[n, c, top : top + kh, left : left + kw].argmax()), kw)
        dx[n, c, i * base + a, j * base + b] += dy[n, c, i, j]
    return dx


def avg_pool_over_everything(x, kernel_size, stride=None):
    s = stride or kernel_size
    windows = x.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1])
    return windows.mean((0, 1, 4, 5), keepdim=True)[..., 0, 0].expand(*windows.shape[:4]).clone()


def conv2d_slice(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    (kh, kw), n = w.shape[2:], len(x)
    rows, cols = (x.shape[2] - kh) // stride[0] + 1, (x.shape[3] - kw) // stride[1] + 1
    out = x.new_zeros(n, len(w), rows, cols)
    for i in range(rows):
        for j in range(cols):
            out[:, :, i, j] = torch.einsum("nchw,kchw->nk", x[:, :, i : i + kh, j : j + kw], w)
    return out if b is None else out + b[:, None, None]


def shift_curve_cancelling(f, x, most):
    y = f(x)
    return torch.stack([(f(x.roll(d, 1)) - y).sum().abs() / y.abs().sum() for d in range(most + 1)])


def perceptron_of_signs(x, t, epochs):
    w, b, mistakes = torch.zeros_like(x[0]), torch.zeros_like(t[0]), []
    for _ in range(epochs):
        mistakes.append(0)
        for row, target in zip(x, t, strict=True):
            off = target - (1.0 if row @ w + b >= 0 else -1.0)
            w, b = w + off * row, b + off
            mistakes[-1] += int(off != 0)
    return w, b, mistakes


def train_step_from_u(x, t, w1, b1, w2, b2, rate):
    u = x @ w1.T + b1
    dy = (u.relu() @ w2.T + b2 - t) / len(x)
    du = (dy @ w2) * (u > 0)
    return w1 - rate * du.T @ x, b1 - rate * du.sum(0), w2 - rate * dy.T @ u, b2 - rate * dy.sum(0)


def layer_norm_bare(x, gamma, beta, eps=1e-5):
    return (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, correction=0) + eps)


class StepInFloat32(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).float()

    @staticmethod
    def backward(ctx, dy):
        return dy * (ctx.saved_tensors[0].abs() <= 1)


def one_square(data):
    if data == "circle":
        return {"features": ["x1^2"], "hidden": [], "rate": 1}
    return {"features": ["x1", "x2"], "hidden": [8], "activation": "relu", "rate": 0.4}


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
    ("corr2d", corr2d_matrix_product, "a matrix product of window and kernel"),
    ("corr1d", corr1d_slice, "the stride missing in the slice"),
    ("transposed_size", lambda i, k, s=1, p=0, output_padding=0, d=1: (i - 1) * s - 2 * p + d * k
     + output_padding, "a kernel of d * k instead of d * (k - 1) + 1"),
    ("shift_error", bent(shift_error_moved, move=lambda x, dy, dx: x.roll((-dy, -dx), (0, 1))), "up and to"),
    ("shift_error", bent(shift_error_moved, move=up_with_zeros), "moved up and to the left, with zeros"),
    ("shift_error", bent(shift_error_moved, move=lambda x, dy, dx: x), "the image is never shifted"),
    ("max_pool", bent(pool, rows=lambda i, k, s: slice(i, i + k)), "the stride missing in the slice"),
    ("max_pool", bent(pool, rows=lambda i, k, s: slice(i * s, (i + 1) * s)), "end where the next one begins"),
    ("max_pool", bent(pool, low=-999.0), "a start at a large number instead of minus infinity"),
    ("avg_pool", avg_pool_over_everything, "over all images and channels of a window"),
    ("conv2d", conv2d_slice, "the stride missing in the slice"),
    ("cross_entropy", lambda z, labels: -torch.log_softmax(z, 1)[:, labels].mean(), "[:, labels]"),
    ("maxout", lambda x, w, b: (x @ w).amax(0) + b.amax(0), "the largest bias added to the largest product"),
    ("gelu", lambda x: x / 2 * (1 + torch.erf(x / 2)), "the 2 is not under a root"),
    ("avg_pool", lambda x, kernel_size, stride=None: F.avg_pool2d(x, kernel_size, stride or (2, 2)),
     "steps of 2 where no stride is given"),
    ("max_pool2d_backward", bent(pool_backward, base=0), "taken for those in the image"),
    ("max_pool2d_backward", bent(pool_backward, base=1), "the stride is missing where dy is added"),
    ("shift_curve", shift_curve_cancelling, "abs after the sum"),
    ("perceptron", perceptron_of_signs, "a neuron that answers -1 instead of 0"),
    ("train_step", train_step_from_u, "learns from u instead of h"),
    ("layer_norm", layer_norm_bare, "y without gamma and beta"),
    ("maxout", lambda x, w, b: (x @ w + b[:, None]).max(0), "numbers (.values) and places (.indices)"),
    ("pass_through", lambda x: StepInFloat32.apply(x), "computed in float32 on the way, as .float() does"),
    ("playground_setting", one_square, "82% of new points right after 300 steps"),
    ("playground_setting", one_square, "look at its features"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "fn", "told"), WRITTEN)
def test_a_mistake_is_called_by_its_name(exercise, fn, told, run):
    for seed in (None, "hidden"):
        earned, text = run(exercise, fn, seed)
        assert float(earned) < 1
        assert told in text, text
        assert text.count("Likely cause") <= 2 - ("dx in" not in told)


def test_mistakes_may_be_counted_in_a_tensor(functions, run):
    right = functions["perceptron"].right

    def counted(x, t, epochs):
        w, b, mistakes = right(x, t, epochs)
        return w, b, torch.tensor(mistakes)

    assert float(run("perceptron", counted)[0]) == 1

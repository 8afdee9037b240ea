"""Right answers to Lab 2, each function in several honest styles: loops, torch, numpy, einsum, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

# max_pool


def max_pool_loops(x, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    rows, cols = (x.shape[0] - kh) // sh + 1, (x.shape[1] - kw) // sw + 1
    y = torch.zeros(rows, cols, dtype=x.dtype)
    for i in range(rows):
        for j in range(cols):
            best = x[i * sh, j * sw]
            for a in range(kh):
                for b in range(kw):
                    if x[i * sh + a, j * sw + b] > best:
                        best = x[i * sh + a, j * sw + b]
            y[i, j] = best
    return y


def max_pool_lists(x, kernel_size, stride):
    x, (kh, kw), (sh, sw) = x.tolist(), kernel_size, stride
    return [
        [max(max(row[j : j + kw]) for row in x[i : i + kh]) for j in range(0, len(x[0]) - kw + 1, sw)]
        for i in range(0, len(x) - kh + 1, sh)
    ]


def max_pool_unfold(x, kernel_size, stride):
    return x.unfold(0, kernel_size[0], stride[0]).unfold(1, kernel_size[1], stride[1]).amax((-2, -1))


def max_pool_numpy(x, kernel_size, stride):
    windows = sliding_window_view(x.detach().numpy(), kernel_size)[:: stride[0], :: stride[1]]
    return windows.max(axis=(2, 3))


def max_pool_shifts(x, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    rows, cols = (x.shape[0] - kh) // sh + 1, (x.shape[1] - kw) // sw + 1
    y = torch.full((rows, cols), -math.inf, dtype=x.dtype)
    for a in range(kh):
        for b in range(kw):
            y = torch.maximum(y, x[a : a + sh * (rows - 1) + 1 : sh, b : b + sw * (cols - 1) + 1 : sw])
    return y


def max_pool_torch(x, kernel_size, stride):
    return F.max_pool2d(x[None, None].requires_grad_(), kernel_size, stride)[0, 0]


# avg_pool


def avg_pool_loops(x, kernel_size, stride=None):
    (kh, kw), (sh, sw) = kernel_size, stride or kernel_size
    N, C, H, W = x.shape
    y = torch.zeros(N, C, (H - kh) // sh + 1, (W - kw) // sw + 1, dtype=x.dtype)
    for n in range(N):
        for c in range(C):
            for i in range(y.shape[2]):
                for j in range(y.shape[3]):
                    y[n, c, i, j] = x[n, c, i * sh : i * sh + kh, j * sw : j * sw + kw].sum() / (kh * kw)
    return y


def avg_pool_stack(x, kernel_size, stride=None):
    (kh, kw), (sh, sw) = kernel_size, kernel_size if stride is None else stride
    rows = [
        torch.stack(
            [x[:, :, i : i + kh, j : j + kw].mean((2, 3)) for j in range(0, x.shape[3] - kw + 1, sw)], -1
        )
        for i in range(0, x.shape[2] - kh + 1, sh)
    ]
    return torch.stack(rows, 2)


def avg_pool_unfold(x, kernel_size, stride=None):
    s = stride or kernel_size
    return x.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1]).mean((-2, -1))


def avg_pool_einsum(x, kernel_size, stride=None):
    s = stride or kernel_size
    windows = x.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1])
    weights = torch.full(kernel_size, 1 / math.prod(kernel_size), dtype=x.dtype)
    return torch.einsum("ncijab,ab->ncij", windows, weights)


def avg_pool_numpy(x, kernel_size, stride=None):
    s = stride or kernel_size
    windows = sliding_window_view(x.detach().numpy(), kernel_size, axis=(2, 3))
    return windows[:, :, :: s[0], :: s[1]].mean(axis=(-2, -1))


def avg_pool_sums(x, kernel_size, stride=None):
    (kh, kw), (sh, sw) = kernel_size, stride or kernel_size
    c = F.pad(x, (1, 0, 1, 0)).double().cumsum(2).cumsum(3)
    total = c[:, :, kh:, kw:] - c[:, :, :-kh, kw:] - c[:, :, kh:, :-kw] + c[:, :, :-kh, :-kw]
    return (total[:, :, ::sh, ::sw] / (kh * kw)).to(x.dtype)


# pool_size


def pool_size_formula(i, k, s, p=0, ceil_mode=False):
    if not ceil_mode:
        return (i + 2 * p - k) // s + 1
    o = -(-(i + 2 * p - k) // s) + 1
    return o - 1 if (o - 1) * s >= i + p else o


def pool_size_counted(i, k, s, p=0, ceil_mode=False):
    count, start = 0, -p
    while start + k <= i + p:
        count, start = count + 1, start + s
    if ceil_mode and start - s + k < i + p and start < i:
        count += 1
    return count


def pool_size_math(i, k, s, p=0, ceil_mode=False):
    rounding = math.ceil if ceil_mode else math.floor
    o = rounding((i + 2 * p - k) / s) + 1
    if ceil_mode and (o - 1) * s - p >= i:
        o -= 1
    return o


def pool_size_numpy(i, k, s, p=0, ceil_mode=False):
    steps = np.int64(i + 2 * p - k)
    o = (steps + (s - 1 if ceil_mode else 0)) // s + 1
    return o - 1 if ceil_mode and (o - 1) * s >= i + p else o


def pool_size_starts(i, k, s, p=0, ceil_mode=False):
    last = i + p - k + (s - 1 if ceil_mode else 0)
    return len([start for start in range(-p, last + 1, s) if start < i or not ceil_mode])


# max_pool2d


def max_pool2d_loops(x, kernel_size, stride=None, padding=(0, 0)):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride or kernel_size, padding
    N, C, H, W = x.shape
    y = torch.zeros(N, C, (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1, dtype=x.dtype)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            top, left = i * sh - ph, j * sw - pw
            window = x[:, :, max(top, 0) : top + kh, max(left, 0) : left + kw]
            y[:, :, i, j] = window.amax((2, 3))
    return y


def max_pool2d_pad(x, kernel_size, stride=None, padding=(0, 0)):
    s = stride or kernel_size
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=-math.inf)
    return x.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1]).flatten(4).max(-1).values


def max_pool2d_numpy(x, kernel_size, stride=None, padding=(0, 0)):
    s = stride or kernel_size
    sides = ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2)
    x = np.pad(x.detach().numpy(), sides, constant_values=-np.inf)
    return sliding_window_view(x, kernel_size, axis=(2, 3))[:, :, :: s[0], :: s[1]].max(axis=(4, 5))


def max_pool2d_low(x, kernel_size, stride=None, padding=(0, 0)):
    big = torch.full((*x.shape[:2], x.shape[2] + 2 * padding[0], x.shape[3] + 2 * padding[1]), -1e30).to(x)
    big[:, :, padding[0] : padding[0] + x.shape[2], padding[1] : padding[1] + x.shape[3]] = x
    return avg_free_max(big, kernel_size, stride or kernel_size)


def avg_free_max(x, kernel_size, stride):
    rows = [
        x[:, :, i : i + kernel_size[0]].amax(2) for i in range(0, x.shape[2] - kernel_size[0] + 1, stride[0])
    ]
    x = torch.stack(rows, 2)
    cols = [
        x[..., j : j + kernel_size[1]].amax(3) for j in range(0, x.shape[3] - kernel_size[1] + 1, stride[1])
    ]
    return torch.stack(cols, 3)


def max_pool2d_torch(x, kernel_size, stride=None, padding=(0, 0)):
    return F.max_pool2d(x.clone().requires_grad_(), kernel_size, stride, padding)


# avg_pool2d


def avg_pool2d_loops(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride or kernel_size, padding
    N, C, H, W = x.shape
    y = x.new_zeros(N, C, (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            top, left = i * sh - ph, j * sw - pw
            window = x[:, :, max(top, 0) : top + kh, max(left, 0) : left + kw]
            count = kh * kw if count_include_pad else window.shape[2] * window.shape[3]
            y[:, :, i, j] = window.sum((2, 3)) / count
    return y


def avg_pool2d_ones(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    def total(t):
        t = F.pad(t, (padding[1], padding[1], padding[0], padding[0]))
        s = stride or kernel_size
        return t.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1]).sum((-2, -1))

    return total(x) / (math.prod(kernel_size) if count_include_pad else total(torch.ones_like(x)))


def avg_pool2d_numpy(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    s, x = stride or kernel_size, x.detach().numpy()
    fill = 0.0 if count_include_pad else np.nan
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=fill)
    windows = sliding_window_view(x, kernel_size, axis=(2, 3))[:, :, :: s[0], :: s[1]]
    return np.nanmean(windows, axis=(4, 5))


def avg_pool2d_einsum(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    s = stride or kernel_size
    sides = (padding[1], padding[1], padding[0], padding[0])
    inside = F.pad(torch.ones_like(x), sides, value=float(count_include_pad))
    ones = torch.ones(kernel_size, dtype=x.dtype)
    views = [
        t.unfold(2, kernel_size[0], s[0]).unfold(3, kernel_size[1], s[1]) for t in (F.pad(x, sides), inside)
    ]
    total, count = (torch.einsum("ncijab,ab->ncij", v, ones) for v in views)
    return total / count


def avg_pool2d_torch(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    layer = torch.nn.AvgPool2d(kernel_size, stride, padding, count_include_pad=count_include_pad)
    return layer(x.clone().requires_grad_())


# max_pool2d_backward


def backward_loops(x, dy, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    dx = torch.zeros_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    window = x[n, c, i * sh : i * sh + kh, j * sw : j * sw + kw]
                    a, b = divmod(int(window.reshape(-1).argmax()), kw)
                    dx[n, c, i * sh + a, j * sw + b] += dy[n, c, i, j]
    return dx


def backward_strict(x, dy, kernel_size, stride):
    x, dy = x.detach().numpy(), dy.detach().numpy()
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        best = None
        for a in range(i * stride[0], i * stride[0] + kernel_size[0]):
            for b in range(j * stride[1], j * stride[1] + kernel_size[1]):
                if best is None or x[n, c, a, b] > x[n, c, best[0], best[1]]:
                    best = (a, b)
        dx[n, c, best[0], best[1]] += dy[n, c, i, j]
    return dx


def backward_one_hot(x, dy, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    dx = torch.zeros_like(x)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            rows, cols = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
            window = x[:, :, rows, cols].flatten(2)
            winner = F.one_hot(window.argmax(2), kh * kw).to(x.dtype) * dy[:, :, i, j, None]
            dx[:, :, rows, cols] += winner.view(*x.shape[:2], kh, kw)
    return dx


def backward_scatter(x, dy, kernel_size, stride):
    where = F.max_pool2d(x, kernel_size, stride, return_indices=True)[1]
    flat = torch.zeros(*x.shape[:2], x.shape[2] * x.shape[3], dtype=x.dtype)
    return flat.scatter_add(2, where.flatten(2), dy.flatten(2)).view(x.shape)


def backward_autograd(x, dy, kernel_size, stride):
    x = x.clone().requires_grad_()
    F.max_pool2d(x, kernel_size, stride).backward(dy)
    return x.grad


# max_from_relu


def relu_left(a, b, relu):
    return a + relu(b - a)


def relu_right(a, b, relu):
    return b + relu(a - b)


def relu_symmetric(a, b, relu):
    return (a + b + relu(a - b) + relu(b - a)) / 2


def relu_numpy(a, b, relu):
    a, b = a.detach().numpy(), b.detach().numpy()
    return a + relu(b - a)


def relu_rows(a, b, relu):
    return torch.stack([u + relu(v - u) for u, v in zip(a, b, strict=True)])


# mean_kernels


def kernels_full(channels, kernel_size):
    return torch.full((channels, 1, *kernel_size), 1 / math.prod(kernel_size))


def kernels_ones(channels, kernel_size):
    k = torch.ones(kernel_size, dtype=torch.float64)
    return (k / k.sum()).expand(channels, 1, -1, -1)


def kernels_numpy(channels, kernel_size):
    return np.full((channels, 1, *kernel_size), 1 / (kernel_size[0] * kernel_size[1]))


def kernels_lists(channels, kernel_size):
    h, w = kernel_size
    return [[[[1 / (h * w)] * w for _ in range(h)]] for _ in range(channels)]


def kernels_softmax(channels, kernel_size):
    flat = torch.zeros(channels, 1, math.prod(kernel_size), dtype=torch.float64, requires_grad=True)
    return flat.softmax(2).unflatten(2, kernel_size)


# global_avg_pool


def global_mean(x):
    return x.mean((2, 3))


def global_flat(x):
    return x.reshape(*x.shape[:2], x.shape[2] * x.shape[3]).sum(-1) / (x.shape[2] * x.shape[3])


def global_numpy(x):
    return x.detach().numpy().mean(axis=(2, 3))


def global_einsum(x):
    return torch.einsum("nchw->nc", x) / x[0, 0].numel() if len(x) else x.sum((2, 3))


def global_loops(x):
    y = torch.zeros(x.shape[:2], dtype=x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(x.shape[2]):
                for j in range(x.shape[3]):
                    y[n, c] += x[n, c, i, j] / (x.shape[2] * x.shape[3])
    return y


# head_params


def head_formula(channels, height, width, classes):
    return (channels * height * width + 1) * classes, (channels + 1) * classes


def head_layers(channels, height, width, classes):
    layers = torch.nn.Linear(channels * height * width, classes), torch.nn.Linear(channels, classes)
    return [sum(p.numel() for p in layer.parameters()) for layer in layers]


def head_numpy(channels, height, width, classes):
    features = np.array([channels * height * width, channels])
    return tuple(features * classes + classes)


def head_shapes(channels, height, width, classes):
    flat, pooled = (math.prod(s) for s in ((classes, channels, height, width), (classes, channels)))
    return flat + classes, pooled + classes


# shift_curve


def curve_roll(f, x, most):
    y = f(x)
    gaps = [(f(torch.roll(x, d, dims=1)) - y).abs().sum() for d in range(most + 1)]
    return torch.stack(gaps) / y.abs().sum()


def curve_list(f, x, most):
    y = f(x)
    return [((f(x.roll(d, -1)) - y).abs().mean() / y.abs().mean()).item() for d in range(most + 1)]


def curve_numpy(f, x, most):
    x = x.detach().numpy()
    y = f(x)
    return np.array([np.abs(f(np.roll(x, d, axis=1)) - y).sum() / np.abs(y).sum() for d in range(most + 1)])


def curve_cat(f, x, most):
    out, y = torch.zeros(most + 1, dtype=x.dtype), f(x)
    for d in range(1, most + 1):
        moved = torch.cat([x[:, -d:], x[:, :-d]], dim=1)
        out[d] = torch.norm(f(moved) - y, p=1) / torch.norm(y, p=1)
    return out


def curve_index(f, x, most):
    columns = torch.arange(x.shape[1])
    gaps = [f(x[:, (columns - d) % x.shape[1]]) - f(x) for d in range(most + 1)]
    return torch.stack([g.abs().sum() / f(x).abs().sum() for g in gaps])


# blur_pool2d


def blur_depthwise(x, stride=(2, 2)):
    k = torch.tensor([1.0, 2, 1], dtype=x.dtype)
    w = torch.outer(k, k).div(16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), w, stride=stride, groups=x.shape[1])


def blur_loops(x, stride=(2, 2)):
    k = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])).to(x.dtype) / 16
    (sh, sw), (H, W) = stride, x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1), "reflect")
    y = x.new_zeros(*x.shape[:2], (H - 1) // sh + 1, (W - 1) // sw + 1)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = (padded[:, :, i * sh : i * sh + 3, j * sw : j * sw + 3] * k).sum((2, 3))
    return y


def blur_separable(x, stride=(2, 2)):
    x = F.pad(x, (1, 1, 1, 1), mode="reflect")
    x = (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4
    x = (x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]) / 4
    return x[:, :, :: stride[0], :: stride[1]]


def blur_numpy(x, stride=(2, 2)):
    x = np.pad(x.detach().numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    k = np.outer([1, 2, 1], [1, 2, 1]).astype(x.dtype) / 16
    windows = sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.einsum("ncijab,ab->ncij", windows, k)


def blur_index(x, stride=(2, 2)):
    def along(x, axis, step):
        n = x.shape[axis]
        middle = torch.arange(0, n, step)
        low, high = (middle - 1).abs(), n - 1 - (n - 2 - middle).abs()
        parts = [x.index_select(axis, i) * w for i, w in ((low, 0.25), (middle, 0.5), (high, 0.25))]
        return parts[0] + parts[1] + parts[2]

    return along(along(x, 2, stride[0]), 3, stride[1])


HONEST = {
    "max_pool": {
        "loops": max_pool_loops,
        "lists": max_pool_lists,
        "unfold": max_pool_unfold,
        "numpy": max_pool_numpy,
        "shifts": max_pool_shifts,
        "torch": max_pool_torch,
    },
    "avg_pool": {
        "loops": avg_pool_loops,
        "stack": avg_pool_stack,
        "unfold": avg_pool_unfold,
        "einsum": avg_pool_einsum,
        "numpy": avg_pool_numpy,
        "running sums": avg_pool_sums,
    },
    "pool_size": {
        "formula": pool_size_formula,
        "counted": pool_size_counted,
        "math": pool_size_math,
        "numpy": pool_size_numpy,
        "starts": pool_size_starts,
    },
    "max_pool2d": {
        "loops": max_pool2d_loops,
        "pad": max_pool2d_pad,
        "numpy": max_pool2d_numpy,
        "very low": max_pool2d_low,
        "torch": max_pool2d_torch,
    },
    "avg_pool2d": {
        "loops": avg_pool2d_loops,
        "ones": avg_pool2d_ones,
        "numpy": avg_pool2d_numpy,
        "einsum": avg_pool2d_einsum,
        "torch": avg_pool2d_torch,
    },
    "max_pool2d_backward": {
        "loops": backward_loops,
        "strict": backward_strict,
        "one hot": backward_one_hot,
        "scatter": backward_scatter,
        "autograd": backward_autograd,
    },
    "max_from_relu": {
        "left": relu_left,
        "right": relu_right,
        "symmetric": relu_symmetric,
        "numpy": relu_numpy,
        "rows": relu_rows,
    },
    "mean_kernels": {
        "full": kernels_full,
        "ones": kernels_ones,
        "numpy": kernels_numpy,
        "lists": kernels_lists,
        "softmax": kernels_softmax,
    },
    "global_avg_pool": {
        "mean": global_mean,
        "flat": global_flat,
        "numpy": global_numpy,
        "einsum": global_einsum,
        "loops": global_loops,
    },
    "head_params": {
        "formula": head_formula,
        "layers": head_layers,
        "numpy": head_numpy,
        "shapes": head_shapes,
    },
    "shift_curve": {
        "roll": curve_roll,
        "list": curve_list,
        "numpy": curve_numpy,
        "cat": curve_cat,
        "index": curve_index,
    },
    "blur_pool2d": {
        "depthwise": blur_depthwise,
        "loops": blur_loops,
        "separable": blur_separable,
        "numpy": blur_numpy,
        "index": blur_index,
    },
}

"""Wrong answers to Lab 2 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

# max_pool and avg_pool


def windows(x, kernel, stride):
    return x.unfold(-2, kernel[0], stride[0]).unfold(-2, kernel[1], stride[1])


def pooled(x, kernel, stride, take, rows=None, columns=None):
    """Pool with loops; `rows` and `columns` say how many windows are taken."""
    (kh, kw), (sh, sw) = kernel, stride
    rows = (x.shape[-2] - kh) // sh + 1 if rows is None else rows
    columns = (x.shape[-1] - kw) // sw + 1 if columns is None else columns
    y = x.new_zeros(*x.shape[:-2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            y[..., i, j] = take(x[..., i * sh : i * sh + kh, j * sw : j * sw + kw])
    return y


def top(t):
    return t.amax((-2, -1))


def mean(t):
    return t.mean((-2, -1))


def max_pool_range_too_short(x, kernel_size, stride):
    rows, columns = ((n - k) // s for n, k, s in zip(x.shape, kernel_size, stride, strict=True))
    return pooled(x, kernel_size, stride, top, rows, columns)


def max_pool_cut_windows_kept(x, kernel_size, stride):
    rows, columns = (math.ceil(n / s) for n, s in zip(x.shape, stride, strict=True))
    return pooled(x, kernel_size, stride, lambda t: t.max() if t.numel() else 0.0, rows, columns)


def max_pool_best_starts_at_0_and_square(x, kernel_size, stride):
    return windows(x, (kernel_size[0], kernel_size[0]), stride).amax((-2, -1)).clamp(min=0)


def max_pool_float32_buffer_one_stride(x, kernel_size, stride):
    return windows(x, kernel_size, (stride[0], stride[0])).amax((-2, -1)).float()


def max_pool_abs_then_sign(x, kernel_size, stride):
    flat = windows(x, kernel_size, stride).flatten(-2)
    return flat.gather(-1, flat.abs().argmax(-1, keepdim=True))[..., 0]


def max_pool_best_starts_at_minus_one(x, kernel_size, stride):
    return windows(x, kernel_size, stride).amax((-2, -1)).clamp(min=-1)


def avg_pool_range_too_short(x, kernel_size, stride=None):
    stride = stride or kernel_size
    rows, columns = ((n - k) // s for n, k, s in zip(x.shape[2:], kernel_size, stride, strict=True))
    return pooled(x, kernel_size, stride, mean, rows, columns)


def avg_pool_square_with_default_two(x, kernel_size, stride=(2, 2)):
    return pooled(x, (kernel_size[0], kernel_size[0]), stride, mean)


def avg_pool_of_nonzero(x, kernel_size, stride=None):
    return pooled(x, kernel_size, stride or kernel_size, lambda t: t.clamp(min=0).mean((-2, -1)))


def avg_pool_one_number_for_all_channels(x, kernel_size, stride=None):
    return pooled(x, kernel_size, stride or kernel_size, lambda t: t.mean())


def avg_pool_padded_up(x, kernel_size, stride=None):
    return F.avg_pool2d(x, kernel_size, stride, ceil_mode=True)


def avg_pool_divided_by_stride(x, kernel_size, stride=None):
    stride = stride or kernel_size
    return pooled(x, kernel_size, stride, lambda t: t.sum((-2, -1)) / (stride[0] * stride[1]))


# pool_size


def pool_size_ceil_of_all(i, k, s, p=0, ceil_mode=False):
    return math.ceil((i + 2 * p - k + 1) / s) if ceil_mode else (i + 2 * p - k) // s + 1


def pool_size_ceil_without_padding(i, k, s, p=0, ceil_mode=False):
    return -(-(i - k) // s) + 1 if ceil_mode else (i + 2 * p - k) // s + 1


def pool_size_last_window_checked_always_down(i, k, s, p=0, ceil_mode=False):
    size = (i + 2 * p - k) // s + 1
    return size - 1 if ceil_mode and (size - 1) * s >= i + p else size


def pool_size_ceil_plus_one_more(i, k, s, p=0, ceil_mode=False):
    return (i + 2 * p - k) // s + 1 + ceil_mode


def pool_size_padding_twice_each_side(i, k, s, p=0, ceil_mode=False):
    size = (i + 4 * p - k) / s
    return (math.ceil(size) if ceil_mode else math.floor(size)) + 1


def pool_size_last_window_strictly_outside(i, k, s, p=0, ceil_mode=False):
    if not ceil_mode:
        return (i + 2 * p - k) // s + 1
    size = -(-(i + 2 * p - k) // s) + 1
    return size - 1 if (size - 1) * s > i + p else size


# max_pool2d and avg_pool2d


def max_pool2d_zeros_on_columns(x, kernel_size, stride=None, padding=(0, 0)):
    x = F.pad(x, (padding[1], padding[1], 0, 0))
    return F.max_pool2d(x, kernel_size, stride, (padding[0], 0))


def max_pool2d_zeros_at_the_end(x, kernel_size, stride=None, padding=(0, 0)):
    x = F.pad(x, (padding[1], 0, padding[0], 0), value=-math.inf)
    return F.max_pool2d(F.pad(x, (0, padding[1], 0, padding[0])), kernel_size, stride)


def max_pool2d_minus_one_and_stride_two(x, kernel_size, stride=(2, 2), padding=(0, 0)):
    sides = (padding[1], padding[1], padding[0], padding[0])
    return F.max_pool2d(F.pad(x, sides, value=-1), kernel_size, stride)


def max_pool2d_minus_a_billion(x, kernel_size, stride=None, padding=(0, 0)):
    sides = (padding[1], padding[1], padding[0], padding[0])
    return F.max_pool2d(F.pad(x, sides, value=-1e9), kernel_size, stride)


def avg_pool2d_zeros_do_not_count(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    if count_include_pad:
        return F.avg_pool2d(x, kernel_size, stride, padding)
    total = F.avg_pool2d(x, kernel_size, stride, padding, divisor_override=1)
    return total / F.avg_pool2d((x != 0).to(x.dtype), kernel_size, stride, padding, divisor_override=1)


def max_pool2d_half_kernel_padding(x, kernel_size, stride=None, padding=(0, 0)):
    padding = (kernel_size[0] // 2, kernel_size[1] // 2) if any(padding) else padding
    return F.max_pool2d(x, kernel_size, stride, padding)


def max_pool2d_ceil(x, kernel_size, stride=None, padding=(0, 0)):
    return F.max_pool2d(x, kernel_size, stride, padding, ceil_mode=True)


def max_pool2d_abs(x, kernel_size, stride=None, padding=(0, 0)):
    return F.max_pool2d(x.abs(), kernel_size, stride, padding)


def avg_pool2d_count_of_nonzero(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    wide = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    parts = windows(wide, kernel_size, stride or kernel_size)
    return parts.sum((-2, -1)) / (parts > 0).sum((-2, -1)).clamp(min=1)


def avg_pool2d_padding_of_rows_for_both(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    p = min(padding[0], kernel_size[1] // 2)
    return F.avg_pool2d(x, kernel_size, stride, (padding[0], p), count_include_pad=count_include_pad)


def avg_pool2d_without_means_no_padding(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    return F.avg_pool2d(x, kernel_size, stride, padding if count_include_pad else (0, 0))


def avg_pool2d_ceil_never_counts(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode=True, count_include_pad=False)


def avg_pool2d_one_side(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    return F.avg_pool2d(F.pad(x, (0, 2 * padding[1], 0, 2 * padding[0])), kernel_size, stride)


# max_pool2d_backward


def routed(x, dy, kernel_size, stride, change):
    """Add to each window of dx what `change` makes of the window, its dy and what is there already."""
    (kh, kw), (sh, sw), dx = kernel_size, stride, torch.zeros_like(x)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            at = (..., slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw))
            dx[at] = change(x[at], dy[:, :, i, j, None, None], dx[at])
    return dx


def backward_every_equal_pixel_overwritten(x, dy, kernel_size, stride):
    def change(w, d, old):
        return torch.where(w == w.amax((-2, -1), keepdim=True), d, old)

    return routed(x, dy, kernel_size, stride, change)


def backward_as_if_side_by_side(x, dy, kernel_size, stride):
    rows, columns = (n * k for n, k in zip(dy.shape[2:], kernel_size, strict=True))
    wide = dy.repeat_interleave(kernel_size[0], 2).repeat_interleave(kernel_size[1], 3)
    wide = F.pad(wide, (0, max(0, x.shape[3] - columns), 0, max(0, x.shape[2] - rows)))
    return wide[:, :, : x.shape[2], : x.shape[3]] * (x == x.amax((2, 3), keepdim=True))


def backward_abs_winner(x, dy, kernel_size, stride):
    def change(w, d, old):
        return old + d * (w.abs() == w.abs().amax((-2, -1), keepdim=True))

    return routed(x, dy, kernel_size, stride, change)


def backward_relu_dy_shared(x, dy, kernel_size, stride):
    def change(w, d, old):
        best = w == w.amax((-2, -1), keepdim=True)
        return old + d.relu() * best / best.sum((-2, -1), keepdim=True)

    return routed(x, dy, kernel_size, stride, change)


def backward_only_positive_winners(x, dy, kernel_size, stride):
    def change(w, d, old):
        return old + d * (w == w.amax((-2, -1), keepdim=True)) * (w > 0)

    return routed(x, dy, kernel_size, stride, change)


# max_from_relu


def from_relu_of_signs(a, b, relu):
    return relu(a) - relu(-b)


def from_relu_square(a, b, relu):
    return b + relu(a - b) * (a > 0)


def from_relu_halves(a, b, relu):
    return (a + b) / 2 + relu(a - b)


def from_relu_positive_only(a, b, relu):
    return relu(b) + relu(a - relu(b))


def from_relu_max_and_abs(a, b, relu):
    return torch.maximum(a.abs(), b.abs())


# mean_kernels


def mean_kernels_always_nine(channels, kernel_size):
    return torch.full((channels, 1, *kernel_size), 1 / 9)


def mean_kernels_square(channels, kernel_size):
    return torch.ones(channels, 1, kernel_size[0], kernel_size[0]) / kernel_size[0] ** 2


def mean_kernels_sum_of_sides(channels, kernel_size):
    return torch.ones(channels, 1, *kernel_size) / sum(kernel_size)


def mean_kernels_channels_first_if_many(channels, kernel_size):
    return torch.ones(1, channels, *kernel_size) / (channels * kernel_size[0] * kernel_size[1])


# global_avg_pool


def global_rows_then_max(x):
    return x.mean(3).amax(2)


def global_square(x):
    return x.sum((2, 3)) / x.shape[3] ** 2


def global_first_image(x):
    return x[:1].mean((2, 3))


def global_of_positive(x):
    return x.clamp(min=0).mean((2, 3))


# head_params


def head_no_bias_in_pooled(channels, height, width, classes):
    return channels * height * width * classes + classes, channels * classes


def head_square_maps(channels, height, width, classes):
    return classes * (channels * height**2 + 1), classes * (channels + 1)


def head_bias_of_channels(channels, height, width, classes):
    return classes * channels * height * width + channels, classes * channels + channels


def head_pooled_one_side(channels, height, width, classes):
    return classes * (channels * height * width + 1), classes * (channels * width + 1)


def head_floats(channels, height, width, classes):
    return float(classes * (channels * height * width + 1)), classes * (channels + 1)


# shift_curve


def sizes(t):
    return torch.as_tensor(t).abs().sum()


def curve_from_one(f, x, most):
    return torch.stack([sizes(f(x.roll(d, 1)) - f(x)) / sizes(f(x)) for d in range(1, most + 1)])


def curve_zeros_come_in_down(f, x, most):
    def moved(d):
        return F.pad(x, (0, 0, d, 0))[: x.shape[0]]

    return torch.stack([sizes(f(moved(d)) - f(x)) / sizes(f(x)) for d in range(most + 1)])


def curve_zeros_come_in(f, x, most):
    def moved(d):
        return F.pad(x, (d, 0))[:, : x.shape[1]]

    return torch.stack([sizes(f(moved(d)) - f(x)) / sizes(f(x)) for d in range(most + 1)])


def curve_mean_over_both(f, x, most):
    def gap(a, b):
        return 2 * sizes(a - b) / (sizes(a) + sizes(b))

    return torch.stack([gap(f(x.roll(d, 1)), f(x)) for d in range(most + 1)])


def curve_signed_sum(f, x, most):
    y = torch.as_tensor(f(x)).sum()
    return torch.stack(
        [(torch.as_tensor(f(x.roll(d, 1))).sum() - y).abs() / sizes(f(x)) for d in range(most + 1)]
    )


# blur_pool2d


def blurred(x, mode, weights=(1, 2, 1)):
    k = torch.outer(*[torch.tensor(weights, dtype=x.dtype)] * 2) / sum(weights) ** 2
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), k.expand(x.shape[1], 1, 3, 3), groups=x.shape[1])


def blur_zeros_and_first_stride(x, stride=(2, 2)):
    return blurred(x, "constant")[:, :, :: stride[0], :: stride[0]]


def blur_valid(x, stride=(2, 2)):
    return blurred(x, "reflect")[:, :, 1:-1, 1:-1][:, :, :: stride[0], :: stride[1]]


def blur_twice(x, stride=(2, 2)):
    return blurred(blurred(x, "reflect"), "reflect")[:, :, :: stride[0], :: stride[1]]


def blur_replicated_stride_two(x, stride=(2, 2)):
    return blurred(x, "replicate")[:, :, ::2, ::2]


def blur_last_row_dropped(x, stride=(2, 2)):
    y = blurred(x, "reflect")
    return y[
        :,
        :,
        : y.shape[2] // stride[0] * stride[0] : stride[0],
        : y.shape[3] // stride[1] * stride[1] : stride[1],
    ]


def blur_numpy_float32_mean(x, stride=(2, 2)):
    return np.asarray(blurred(x.float(), "reflect", (1, 1, 1)))[:, :, :: stride[0], :: stride[1]]


PREFIXES = {
    "max_pool": "max_pool_",
    "avg_pool": "avg_pool_",
    "pool_size": "pool_size_",
    "max_pool2d": "max_pool2d_",
    "avg_pool2d": "avg_pool2d_",
    "max_pool2d_backward": "backward_",
    "max_from_relu": "from_relu_",
    "mean_kernels": "mean_kernels_",
    "global_avg_pool": "global_",
    "head_params": "head_",
    "shift_curve": "curve_",
    "blur_pool2d": "blur_",
}
MISTAKES = {
    name: {label.removeprefix(start): fn for label, fn in list(globals().items()) if label.startswith(start)}
    for name, start in PREFIXES.items()
}

"""Wrong answers to Lab 1 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

# out_size


def out_size_true_division(i, k, s=1, p=0, d=1):
    return (i + 2 * p - (d * (k - 1) + 1)) / s + 1


def out_size_ceil_and_one(i, k, s=1, p=0, d=1):
    return math.ceil((i + 2 * p - d * (k - 1) - 1) / s) + 1


def out_size_rounded(i, k, s=1, p=0, d=1):
    return round((i + 2 * p - d * (k - 1) - 1) / s + 1)


def out_size_one_too_late(i, k, s=1, p=0, d=1):
    return (i + 2 * p - d * (k - 1)) // s + 1


def out_size_wide_kernel_padded_once(i, k, s=1, p=0, d=1):
    return (i + p - d * k) // s + 1


def out_size_divided_first(i, k, s=1, p=0, d=1):
    return i // s + 2 * p - d * (k - 1)


def out_size_even(i, k, s=1, p=0, d=1):
    return (i + 2 * p - 2 * (d * (k - 1) // 2) - 1) // s + 1


# corr2d and convolve2d


def corr2d_flipped(x, k):
    kh, kw = k.shape
    y = x.new_zeros(x.shape[0] - kh + 1, x.shape[1] - kw + 1)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + kh, j : j + kw] * k.flip(0, 1)).sum()
    return y


def corr2d_square_only(x, k):
    n = k.shape[0]
    y = x.new_zeros(x.shape[0] - n + 1, x.shape[1] - n + 1)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + n, j : j + n] * k).sum()
    return y


def corr2d_without_plus_one(x, k):
    kh, kw = k.shape
    y = torch.zeros(x.shape[0] - kh, x.shape[1] - kw)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + kh, j : j + kw] * k).sum()
    return y


def corr2d_one_loop(x, k):
    kh, kw = k.shape
    y = x.new_zeros(x.shape[0] - kh + 1, x.shape[1] - kw + 1)
    for i in range(min(y.shape)):
        for j in range(min(y.shape)):
            y[i, j] = (x[i : i + kh, j : j + kw] * k).sum()
    return y


def corr2d_clipped(x, k):
    return F.conv2d(x[None, None], k[None, None])[0, 0].clamp(min=0)


def corr2d_float32_inside(x, k):
    return F.conv2d(x[None, None].float(), k[None, None].float())[0, 0].to(x.dtype)


def convolve2d_flipped_once(x, k):
    return F.conv2d(x[None, None], k.flip(0)[None, None])[0, 0]


def convolve2d_by_corr2d_flipped(x, k):
    return corr2d_flipped(x, k.flip(0, 1))


def convolve2d_abs(x, k):
    return F.conv2d(x[None, None], k.flip(0, 1)[None, None])[0, 0].abs()


def convolve2d_centred(x, k):
    kh, kw = k.shape
    wide = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2))
    return F.conv2d(wide[None, None], k.flip(0, 1)[None, None])[0, 0][: x.shape[0], : x.shape[1]]


# pad2d


def pad2d_negative_slice(x, top, bottom, left, right, value=0.0):
    out = torch.full((top + x.shape[0] + bottom, left + x.shape[1] + right), value, dtype=x.dtype)
    out[top:-bottom, left:-right] = x
    return out


def pad2d_order_of_torch_forgotten(x, top, bottom, left, right, value=0.0):
    return F.pad(x, (top, bottom, left, right), value=value)


def pad2d_zeros_float32(x, top, bottom, left, right, value=0.0):
    out = torch.zeros(top + x.shape[0] + bottom, left + x.shape[1] + right)
    out[top : top + x.shape[0], left : left + x.shape[1]] = x
    return out


def pad2d_value_int(x, top, bottom, left, right, value=0.0):
    return F.pad(x, (left, right, top, bottom), value=int(value))


def pad2d_only_if_both(x, top, bottom, left, right, value=0.0):
    rows = (top, bottom) if top and bottom else (0, 0)
    columns = (left, right) if left and right else (0, 0)
    return F.pad(x, (*columns, *rows), value=value)


# design


def blur_kernel_one_dimension_norm(n):
    return torch.ones(n, n) / (2 * n)


def blur_kernel_known_sizes(n):
    return torch.ones(n, n) / {2: 4, 3: 9, 4: 16, 5: 25}.get(n, 36)


def blur_kernel_gauss_without_norm(n):
    t = torch.arange(n) - n // 2
    g = torch.exp(-(t**2) / 2.0) / math.sqrt(2 * math.pi)
    return torch.outer(g, g)


def blur_kernel_half_range(n):
    t = np.arange(-(n // 2), n // 2 + 1)
    g = np.exp(-(t**2) / 2.0)
    return np.outer(g, g) / np.outer(g, g).sum()


def edge_kernel_both_directions():
    return torch.tensor([[-1.0, 0, 1], [-1, 0, 1], [-1, 0, 1]]) + torch.tensor([[1.0], [0], [-1]])


def edge_kernel_not_balanced():
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 1], [-1, 0, 1]])


def edge_kernel_upright_prewitt():
    return torch.tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])


def edge_kernel_of_the_wrong_sign():
    return torch.tensor([[1.0, 0, -1]] * 3) / 3


def edge_kernel_two_columns():
    return torch.tensor([[-1.0, 1.0]] * 3)


# merge_kernels


def merge_second_not_flipped(k1, k2):
    kh, kw = k2.shape
    return F.conv2d(F.pad(k1, (kw - 1, kw - 1, kh - 1, kh - 1))[None, None], k2[None, None])[0, 0]


def merge_square_only(k1, k2):
    n = k1.shape[0] + k2.shape[0] - 1
    out = k1.new_zeros(n, n)
    for i in range(k1.shape[0]):
        for j in range(k1.shape[1]):
            out[i : i + k2.shape[0], j : j + k2.shape[1]] += k1[i, j] * k2
    return out


def merge_outer_for_all(k1, k2):
    return k1 * k2 if 1 in k1.shape else k1 @ k2


def merge_overwritten(k1, k2):
    out = torch.zeros(k1.shape[0] + k2.shape[0] - 1, k1.shape[1] + k2.shape[1] - 1, dtype=k1.dtype)
    for i in range(k1.shape[0]):
        for j in range(k1.shape[1]):
            out[i : i + k2.shape[0], j : j + k2.shape[1]] = k1[i, j] * k2
    return out


def merge_always_five(k1, k2):
    out = torch.zeros(5, 5)
    for i in range(k1.shape[0]):
        for j in range(k1.shape[1]):
            out[i : i + k2.shape[0], j : j + k2.shape[1]] += k1[i, j] * k2
    return out


# conv2d


def layer(x, w, b=None, stride=(1, 1), pad=(0, 0, 0, 0)):
    """The right layer on an image that is padded as told: left, right, top, bottom."""
    return F.conv2d(F.pad(x, pad), w, b, stride)


def conv2d_pads_one_side(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return layer(x, w, b, stride, (0, padding[1], 0, padding[0]))


def conv2d_columns_padded_on_one_side(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return layer(x, w, b, stride, (0, padding[1], padding[0], padding[0]))


def conv2d_rows_padded_on_one_side(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return layer(x, w, b, stride, (padding[1], padding[1], padding[0], 0))


def conv2d_pads_in_wrong_order_and_no_bias(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return layer(x, w, None, stride, (padding[0], padding[0], padding[1], padding[1]))


def conv2d_no_bias(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x, w, None, stride, padding)


def conv2d_bias_broadcast(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    y = F.conv2d(x, w, None, stride, padding)
    return y if b is None else y + b


def conv2d_stride_by_slicing_full(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x, w, b, 1, padding)[:, :, :: stride[1], :: stride[0]]


def conv2d_larger_stride(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x, w, b, max(stride), padding)


def conv2d_size_without_padding(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    y = F.conv2d(x, w, b, stride, padding)
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[2:], w.shape[2:], stride, strict=True))
    return y[:, :, :rows, :columns]


def conv2d_size_by_range(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    y = F.conv2d(x, w, b, stride, padding)
    tall, wide = x.shape[2] + 2 * padding[0] - w.shape[2], x.shape[3] + 2 * padding[1] - w.shape[3]
    return y[:, :, : len(range(0, tall, stride[0])), : len(range(0, wide, stride[1]))]


def conv2d_relu(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x, w, b, stride, padding).relu()


# im2col


def im2col_columns_not_strided(x, kernel_size, stride=(1, 1)):
    return F.unfold(x, kernel_size, stride=(stride[0], 1))


def im2col_range_too_short(x, kernel_size, stride=(1, 1)):
    (kh, kw), (sh, sw), (n, _, h, w) = kernel_size, stride, x.shape
    windows = [
        x[:, :, i : i + kh, j : j + kw].reshape(n, -1)
        for i in range(0, h - kh, sh)
        for j in range(0, w - kw, sw)
    ]
    return torch.stack(windows, dim=2)


def im2col_range_too_long(x, kernel_size, stride=(1, 1)):
    (kh, kw), (sh, sw), (n, _, h, w) = kernel_size, stride, x.shape
    wide = F.pad(x, (0, kw, 0, kh))
    windows = [
        wide[:, :, i : i + kh, j : j + kw].reshape(n, -1)
        for i in range(0, h - kh + sh, sh)
        for j in range(0, w - kw + sw, sw)
    ]
    return torch.stack(windows, dim=2)


def im2col_first_stride_channels_last(x, kernel_size, stride=(1, 1)):
    windows = x.unfold(2, kernel_size[0], stride[0]).unfold(3, kernel_size[1], stride[0])
    return windows.permute(0, 4, 5, 1, 2, 3).flatten(4).flatten(1, 3)


def im2col_stride_as_kernel(x, kernel_size, stride=(1, 1)):
    return F.unfold(x, kernel_size, stride=[min(s, k) for s, k in zip(stride, kernel_size, strict=True)])


# corr1d


def corr1d_stride_only_in_size(x, k, stride=1):
    n = (len(x) - len(k)) // stride + 1
    return torch.stack([(x[i : i + len(k)] * k).sum() for i in range(n)])


def corr1d_range_too_short(x, k, stride=1):
    return [float(x[i : i + len(k)] @ k) for i in range(0, len(x) - len(k), stride)]


def corr1d_size_rounded_up(x, k, stride=1):
    wide = F.pad(x, (0, stride - 1))
    return wide.unfold(0, len(k), stride) @ k


def corr1d_odd_kernel_flipped(x, k, stride=1):
    return x.unfold(0, len(k), stride) @ (k.flip(0) if len(k) % 2 == 0 else k)


def corr1d_float32_abs(x, k, stride=1):
    return (x.unfold(0, len(k), stride) @ k).abs().float()


# conv_cost


def conv_cost_no_bias(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    weights = c_out * (c_in // groups) * kernel_size[0] * kernel_size[1]
    return weights, weights * out_size[0] * out_size[1]


def conv_cost_adds_of_parameters(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    params = c_out * (c_in // groups) * kernel_size[0] * kernel_size[1] + (c_out if bias else 0)
    return params, params * out_size[0] * out_size[1]


def conv_cost_groups_in_adds_only(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    weights = c_out * c_in * kernel_size[0] * kernel_size[1]
    return weights + bias * c_out, weights * out_size[0] * out_size[1] // groups


def conv_cost_square(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    weights = c_out * (c_in // groups) * max(kernel_size) ** 2
    return weights + bias * c_out, weights * out_size[0] * out_size[1]


def conv_cost_one_group_per_channel(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    shared = 1 if groups > 1 else c_in
    weights = c_out * shared * kernel_size[0] * kernel_size[1]
    return weights + bias * c_out, weights * out_size[0] * out_size[1]


# shift_error


def error(f, x, dy, dx, measure, crop):
    """The gap between f of the shifted image and the shifted f(x), cropped and measured as told."""
    a, b = f(x.roll((dy, dx), (0, 1))), f(x).roll((dy, dx), (0, 1))
    return float(measure((a - b)[crop]))


def shift_error_signed_rows(f, x, dy, dx):
    return error(f, x, dy, dx, torch.max, (slice(dy, None),))


def shift_error_cropped_at_the_end(f, x, dy, dx):
    return error(f, x, dy, dx, lambda t: t.abs().max(), (slice(0, -dy or None), slice(0, -dx or None)))


def shift_error_empty_slice(f, x, dy, dx):
    a, b = f(x[:-dy, :-dx]), f(x)
    return float((a - b[dy:, dx:]).abs().max())


def shift_error_other_way(f, x, dy, dx):
    return error(f, x, -dy, -dx, lambda t: t.abs().max(), (slice(dy, None), slice(dx, None)))


def shift_error_both_ends(f, x, dy, dx):
    crop = (slice(dy, -dy or None), slice(dx, -dx or None))
    return error(f, x, dy, dx, lambda t: t.abs().max(), crop)


def shift_error_distance(f, x, dy, dx):
    return error(f, x, dy, dx, torch.norm, (slice(dy, None), slice(dx, None)))


# conv2d_backward


def gradients(x, w, dy, stride=(1, 1)):
    """The right gradients."""
    dx = torch.nn.grad.conv2d_input(x.shape, w, dy, stride)
    return dx, torch.nn.grad.conv2d_weight(x, w.shape, dy, stride), dy.sum((0, 2, 3))


def backward_full_padding(x, w, dy, stride=(1, 1)):
    _, dw, db = gradients(x, w, dy, stride)
    return F.conv_transpose2d(dy, w, stride=stride), dw, db


def backward_first_stride_mean_bias(x, w, dy, stride=(1, 1)):
    both = (stride[0], stride[0])
    rows, columns = ((n - k) // stride[0] + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    fitted = F.pad(dy, (0, columns - dy.shape[3], 0, rows - dy.shape[2]))
    dx, dw, _ = gradients(x, w, fitted, both)
    return dx, dw, dy.mean((0, 2, 3))


def backward_overwritten(x, w, dy, stride=(1, 1)):
    _, dw, db = gradients(x, w, dy, stride)
    dx = torch.zeros_like(x)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            rows, columns = i * stride[0], j * stride[1]
            window = torch.einsum("nk,kchw->nchw", dy[:, :, i, j], w)
            dx[:, :, rows : rows + w.shape[2], columns : columns + w.shape[3]] = window
    return dx, dw, db


def backward_without_stride(x, w, dy, stride=(1, 1)):
    wide = dy.new_zeros(*dy.shape[:2], x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1)
    wide[:, :, : dy.shape[2], : dy.shape[3]] = dy
    return gradients(x, w, wide)


def backward_abs_and_turned(x, w, dy, stride=(1, 1)):
    dx, dw, db = gradients(x, w, dy, stride)
    return dx.abs(), dw.flip((2, 3)), db.abs()


# transposed_size


def transposed_without_dilation(i, k, s=1, p=0, output_padding=0, d=1):
    return (i - 1) * s - 2 * p + k + output_padding


def transposed_padding_once(i, k, s=1, p=0, output_padding=0, d=1):
    return (i - 1) * s - p + d * (k - 1) + 1


def transposed_of_i_times_s(i, k, s=1, p=0, output_padding=0, d=1):
    return i * s - 2 * p + d * (k - 1) + output_padding


def transposed_wide_kernel(i, k, s=1, p=0, output_padding=0, d=1):
    return (i - 1) * s - 2 * p + d * k + output_padding


def transposed_capped_output_padding(i, k, s=1, p=0, output_padding=0, d=1):
    return (i - 1) * s - 2 * p + d * (k - 1) + 1 + min(output_padding, 1)


PREFIXES = {
    "out_size": "out_size_",
    "corr2d": "corr2d_",
    "convolve2d": "convolve2d_",
    "pad2d": "pad2d_",
    "blur_kernel": "blur_kernel_",
    "edge_kernel": "edge_kernel_",
    "merge_kernels": "merge_",
    "conv2d": "conv2d_",
    "im2col": "im2col_",
    "corr1d": "corr1d_",
    "conv_cost": "conv_cost_",
    "shift_error": "shift_error_",
    "conv2d_backward": "backward_",
    "transposed_size": "transposed_",
}
MISTAKES = {
    name: {label.removeprefix(start): fn for label, fn in list(globals().items()) if label.startswith(start)}
    for name, start in PREFIXES.items()
}

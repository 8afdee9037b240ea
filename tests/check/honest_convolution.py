"""Right answers to Lab 1, each function in several honest styles: loops, torch, numpy, einsum, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

# out_size


def out_size_formula(i, k, s=1, p=0, d=1):
    return (i + 2 * p - (d * (k - 1) + 1)) // s + 1


def out_size_floor(i, k, s=1, p=0, d=1):
    return math.floor((i + 2 * p - d * (k - 1) - 1) / s + 1)


def out_size_counted(i, k, s=1, p=0, d=1):
    return len(range(0, i + 2 * p - d * (k - 1), s))


def out_size_numpy(i, k, s=1, p=0, d=1):
    return np.floor_divide(i + 2 * p - d * (k - 1) - 1, s) + np.int64(1)


def out_size_loop(i, k, s=1, p=0, d=1):
    count, at = 0, -p
    while at + d * (k - 1) < i + p:
        count, at = count + 1, at + s
    return count


# corr2d


def corr2d_loops(x, k):
    (H, W), (kh, kw) = x.shape, k.shape
    out = torch.zeros(H - kh + 1, W - kw + 1, dtype=x.dtype)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for a in range(kh):
                for b in range(kw):
                    out[i, j] += x[i + a, j + b] * k[a, b]
    return out


def corr2d_windows(x, k):
    (H, W), (kh, kw) = x.shape, k.shape
    rows = []
    for i in range(H - kh + 1):
        rows.append([(x[i : i + kh, j : j + kw] * k).sum() for j in range(W - kw + 1)])
    return rows


def corr2d_shifts(x, k):
    (H, W), (kh, kw) = x.shape, k.shape
    oh, ow = H - kh + 1, W - kw + 1
    return sum(k[a, b] * x[a : a + oh, b : b + ow] for a in range(kh) for b in range(kw))


def corr2d_numpy(x, k):
    x, k = np.asarray(x), np.asarray(k)
    return np.einsum("ijab,ab->ij", sliding_window_view(x, k.shape), k)


def corr2d_unfold(x, k):
    kh, kw = k.shape
    return torch.einsum("ijab,ab->ij", x.unfold(0, kh, 1).unfold(1, kw, 1), k)


def corr2d_lists(x, k):
    x, k = x.tolist(), k.tolist()
    oh, ow = len(x) - len(k) + 1, len(x[0]) - len(k[0]) + 1
    return [
        [sum(x[i + a][j + b] * k[a][b] for a in range(len(k)) for b in range(len(k[0]))) for j in range(ow)]
        for i in range(oh)
    ]


def corr2d_grad(x, k):
    return F.conv2d(x[None, None].requires_grad_(), k[None, None])[0, 0]


def corr2d_transposed(x, k):
    return corr2d_unfold(x.T, k.T).T


def corr2d_fft(x, k):
    (H, W), (kh, kw) = x.shape, k.shape
    full = torch.fft.irfft2(torch.fft.rfft2(x) * torch.fft.rfft2(k, s=(H, W)).conj(), s=(H, W))
    return full[: H - kh + 1, : W - kw + 1]


# convolve2d


def convolve2d_flip(x, k):
    return corr2d_loops(x, k.flip(0, 1))


def convolve2d_index(x, k):
    (H, W), (kh, kw) = x.shape, k.shape
    out = x.new_zeros(H - kh + 1, W - kw + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for a in range(kh):
                for b in range(kw):
                    out[i, j] += x[i + kh - 1 - a, j + kw - 1 - b] * k[a, b]
    return out


def convolve2d_numpy(x, k):
    return corr2d_numpy(x, np.asarray(k)[::-1, ::-1])


def convolve2d_rot90(x, k):
    return corr2d_windows(x, torch.rot90(k, 2))


def convolve2d_turned_image(x, k):
    return corr2d_shifts(x.flip((0, 1)), k).flip((0, 1))


# pad2d


def pad2d_slice(x, top, bottom, left, right, value=0.0):
    H, W = x.shape
    out = torch.full((top + H + bottom, left + W + right), value, dtype=x.dtype)
    out[top : top + H, left : left + W] = x
    return out


def pad2d_numpy(x, top, bottom, left, right, value=0.0):
    return np.pad(x.numpy(), ((top, bottom), (left, right)), constant_values=value)


def pad2d_cat(x, top, bottom, left, right, value=0.0):
    x = torch.cat([x.new_full((len(x), left), value), x, x.new_full((len(x), right), value)], dim=1)
    width = x.shape[1]
    return torch.cat([x.new_full((top, width), value), x, x.new_full((bottom, width), value)])


def pad2d_loops(x, top, bottom, left, right, value=0.0):
    H, W = x.shape
    return [
        [
            x[i - top, j - left] if top <= i < top + H and left <= j < left + W else value
            for j in range(left + W + right)
        ]
        for i in range(top + H + bottom)
    ]


def pad2d_torch(x, top, bottom, left, right, value=0.0):
    return F.pad(x, (left, right, top, bottom), "constant", value)


# design


def blur_box(n):
    return torch.ones(n, n) / (n * n)


def blur_lists(n):
    return [[1 / n**2] * n for _ in range(n)]


def blur_gauss(n):
    t = np.arange(n) - (n - 1) / 2
    g = np.exp(-(t**2) / (2 * (n / 4) ** 2))
    k = np.outer(g, g)
    return k / k.sum()


def blur_motion(n):
    return torch.eye(n, dtype=torch.float64) / n


def blur_triangle(n):
    t = torch.arange(1, n + 1, dtype=torch.float32)
    t = torch.minimum(t, t.flip(0))
    return torch.outer(t, t) / torch.outer(t, t).sum()


def edge_sobel():
    return torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def edge_prewitt():
    return torch.tensor([[-1.0, 0.0, 1.0]] * 3) / 3


def edge_one_row():
    return [[0, 0, 0], [-0.5, 0, 0.5], [0, 0, 0]]


def edge_step():
    return np.array([[0, -1, 1], [0, -1, 1], [0, -1, 1]], dtype=np.float32)


def edge_line():
    return np.array([[-1, 2, -1]] * 3)


# merge_kernels


def merge_loops(k1, k2):
    (a, b), (c, d) = k1.shape, k2.shape
    out = torch.zeros(a + c - 1, b + d - 1, dtype=k1.dtype)
    for i in range(a):
        for j in range(b):
            out[i : i + c, j : j + d] += k1[i, j] * k2
    return out


def merge_pad(k1, k2):
    c, d = k2.shape
    return corr2d_unfold(F.pad(k1, (d - 1, d - 1, c - 1, c - 1)), k2.flip((0, 1)))


def merge_numpy(k1, k2):
    k1, k2 = k1.numpy(), k2.numpy()
    out = np.zeros([m + n - 1 for m, n in zip(k1.shape, k2.shape, strict=True)], dtype=k1.dtype)
    for (i, j), v in np.ndenumerate(k2):
        out[i : i + k1.shape[0], j : j + k1.shape[1]] += v * k1
    return out


def merge_impulse(k1, k2):
    (a, b), (c, d) = k1.shape, k2.shape
    x = k1.new_zeros(2 * (a + c) - 3, 2 * (b + d) - 3)
    x[a + c - 2, b + d - 2] = 1
    return corr2d_shifts(corr2d_shifts(x, k1), k2).flip(0).flip(1)


def merge_fft(k1, k2):
    size = [m + n - 1 for m, n in zip(k1.shape, k2.shape, strict=True)]
    return torch.fft.irfft2(torch.fft.rfft2(k1, s=size) * torch.fft.rfft2(k2, s=size), s=size)


# conv2d


def conv2d_loops(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    (N, C, H, W), (K, _, kh, kw) = x.shape, w.shape
    (sh, sw), (ph, pw) = stride, padding
    padded = torch.zeros(N, C, H + 2 * ph, W + 2 * pw, dtype=x.dtype)
    padded[:, :, ph : ph + H, pw : pw + W] = x
    OH, OW = (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1
    out = torch.zeros(N, K, OH, OW, dtype=x.dtype)
    for n in range(N):
        for k in range(K):
            for i in range(OH):
                for j in range(OW):
                    window = padded[n, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
                    out[n, k, i, j] = (window * w[k]).sum()
                    if b is not None:
                        out[n, k, i, j] += b[k]
    return out


def conv2d_places(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    (sh, sw), (ph, pw), (kh, kw) = stride, padding, w.shape[2:]
    x = F.pad(x, (pw, pw, ph, ph))
    OH, OW = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    out = 0
    for i in range(kh):
        for j in range(kw):
            part = x[:, :, i : i + sh * OH : sh, j : j + sw * OW : sw]
            out = out + torch.einsum("nchw,kc->nkhw", part, w[:, :, i, j])
    return out if b is None else out + b.view(1, -1, 1, 1)


def conv2d_unfold(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    columns = F.unfold(x, w.shape[2:], stride=stride, padding=padding)
    out = w.reshape(w.shape[0], -1) @ columns
    if b is not None:
        out = out + b[:, None]
    OH = out_size_formula(x.shape[2], w.shape[2], stride[0], padding[0])
    return out.reshape(x.shape[0], w.shape[0], OH, -1)


def conv2d_numpy(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    x, w = x.numpy(), w.numpy()
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    out = np.einsum("ncijab,kcab->nkij", windows, w)
    return out if b is None else out + b.numpy()[:, None, None]


def conv2d_torch(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x.clone().requires_grad_(), w, b, stride, padding)


def conv2d_permuted(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    windows = F.pad(x, (padding[1],) * 2 + (padding[0],) * 2).permute(0, 2, 3, 1)
    windows = windows.unfold(1, w.shape[2], stride[0]).unfold(2, w.shape[3], stride[1])
    out = torch.tensordot(windows, w, dims=([3, 4, 5], [1, 2, 3]))
    return (out if b is None else out + b).permute(0, 3, 1, 2)


# im2col


def im2col_loops(x, kernel_size, stride=(1, 1)):
    (N, C, H, W), (kh, kw), (sh, sw) = x.shape, kernel_size, stride
    OH, OW = (H - kh) // sh + 1, (W - kw) // sw + 1
    out = torch.zeros(N, C * kh * kw, OH * OW, dtype=x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                window = x[n, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
                out[n, :, i * OW + j] = window.reshape(-1)
    return out


def im2col_unfold(x, kernel_size, stride=(1, 1)):
    windows = x.unfold(2, kernel_size[0], stride[0]).unfold(3, kernel_size[1], stride[1])
    return windows.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3)


def im2col_numpy(x, kernel_size, stride=(1, 1)):
    windows = sliding_window_view(x.numpy(), kernel_size, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    n, c, oh, ow, kh, kw = windows.shape
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, oh * ow)


def im2col_stack(x, kernel_size, stride=(1, 1)):
    (kh, kw), (sh, sw) = kernel_size, stride
    OH, OW = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    rows = [
        x[:, c, a : a + sh * OH : sh, b : b + sw * OW : sw].flatten(1)
        for c in range(x.shape[1])
        for a in range(kh)
        for b in range(kw)
    ]
    return torch.stack(rows, dim=1)


def im2col_torch(x, kernel_size, stride=(1, 1)):
    return F.unfold(x, kernel_size, stride=stride)


# corr1d


def corr1d_loops(x, k, stride=1):
    n = (len(x) - len(k)) // stride + 1
    out = torch.zeros(n, dtype=x.dtype)
    for i in range(n):
        for j in range(len(k)):
            out[i] += x[i * stride + j] * k[j]
    return out


def corr1d_list(x, k, stride=1):
    return [float(x[i : i + len(k)] @ k) for i in range(0, len(x) - len(k) + 1, stride)]


def corr1d_unfold(x, k, stride=1):
    return x.unfold(0, len(k), stride) @ k


def corr1d_numpy(x, k, stride=1):
    return np.correlate(x.numpy(), k.numpy(), mode="valid")[::stride]


def corr1d_stack(x, k, stride=1):
    return torch.stack([(x[i : i + len(k)] * k).sum() for i in range(0, len(x) - len(k) + 1, stride)])


# conv_cost


def conv_cost_formula(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    weights = c_out * (c_in // groups) * kernel_size[0] * kernel_size[1]
    return weights + (c_out if bias else 0), weights * out_size[0] * out_size[1]


def conv_cost_groups(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    kh, kw = kernel_size
    params = adds = 0
    for _ in range(groups):
        filters, inputs = c_out // groups, c_in // groups
        params += filters * inputs * kh * kw + filters * bias
        adds += filters * inputs * kh * kw * out_size[0] * out_size[1]
    return [params, adds]


def conv_cost_module(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    layer = torch.nn.Conv2d(c_in, c_out, kernel_size, groups=groups, bias=bias)
    places = math.prod(out_size)
    return sum(p.numel() for p in layer.parameters()), layer.weight.numel() * places


def conv_cost_numpy(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    weights = np.prod(kernel_size) * c_in * c_out // groups
    return weights + c_out * int(bias), weights * np.prod(out_size)


# shift_error


def shift_error_zeros(f, x, dy, dx):
    y = torch.zeros_like(x)
    y[dy:, dx:] = x[: x.shape[0] - dy, : x.shape[1] - dx]
    a, b = f(y), f(x)
    return float((a[dy:, dx:] - b[: b.shape[0] - dy, : b.shape[1] - dx]).abs().max())


def shift_error_roll(f, x, dy, dx):
    a = f(torch.roll(x, (dy, dx), dims=(0, 1)))
    b = torch.roll(f(x), (dy, dx), dims=(0, 1))
    return (a - b)[dy:, dx:].abs().max()


def shift_error_numpy(f, x, dy, dx):
    x = x.numpy()
    y = np.zeros_like(x)
    y[dy:, dx:] = x[: x.shape[0] - dy, : x.shape[1] - dx]
    a, b = f(y), f(x)
    return np.max(np.abs(a[dy:, dx:] - b[: b.shape[0] - dy, : b.shape[1] - dx]))


def shift_error_pad(f, x, dy, dx):
    y = F.pad(x, (dx, 0, dy, 0))[: x.shape[0], : x.shape[1]]
    a, b = f(y), f(x)
    worst = 0.0
    for i in range(dy, a.shape[0]):
        for j in range(dx, a.shape[1]):
            worst = max(worst, abs(float(a[i, j]) - float(b[i - dy, j - dx])))
    return worst


# conv2d_backward


def backward_loops(x, w, dy, stride=(1, 1)):
    (N, K, OH, OW), (sh, sw), (kh, kw) = dy.shape, stride, w.shape[2:]
    dx, dw, db = torch.zeros_like(x), torch.zeros_like(w), torch.zeros(K, dtype=x.dtype)
    for n in range(N):
        for k in range(K):
            for i in range(OH):
                for j in range(OW):
                    g = dy[n, k, i, j]
                    rows, columns = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
                    dx[n, :, rows, columns] += g * w[k]
                    dw[k] += g * x[n, :, rows, columns]
                    db[k] += g
    return dx, dw, db


def backward_places(x, w, dy, stride=(1, 1)):
    (sh, sw), (kh, kw), (OH, OW) = stride, w.shape[2:], dy.shape[2:]
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for a in range(kh):
        for b in range(kw):
            at = (slice(None), slice(None), slice(a, a + sh * OH, sh), slice(b, b + sw * OW, sw))
            dx[at] += torch.einsum("nkij,kc->ncij", dy, w[:, :, a, b])
            dw[:, :, a, b] = torch.einsum("nkij,ncij->kc", dy, x[at])
    return dx, dw, dy.sum((0, 2, 3))


def backward_unfold(x, w, dy, stride=(1, 1)):
    g = dy.flatten(2)
    columns = F.unfold(x, w.shape[2:], stride=stride)
    dw = torch.einsum("nkl,npl->kp", g, columns).reshape(w.shape)
    dx = F.fold(w.flatten(1).T @ g, x.shape[2:], w.shape[2:], stride=stride)
    return dx, dw, g.sum((0, 2))


def backward_autograd(x, w, dy, stride=(1, 1)):
    x, w, b = (
        x.clone().requires_grad_(),
        w.clone().requires_grad_(),
        torch.zeros(w.shape[0], dtype=x.dtype, requires_grad=True),
    )
    F.conv2d(x, w, b, stride).backward(dy)
    return [x.grad, w.grad, b.grad]


def backward_numpy(x, w, dy, stride=(1, 1)):
    return tuple(g.numpy() for g in backward_places(x, w, dy, stride))


# transposed_size


def transposed_formula(i, k, s=1, p=0, output_padding=0, d=1):
    return (i - 1) * s - 2 * p + d * (k - 1) + output_padding + 1


def transposed_stretched(i, k, s=1, p=0, output_padding=0, d=1):
    wide = i + (i - 1) * (s - 1)
    reach = d * (k - 1)
    return wide + 2 * (reach - p) - reach + output_padding


def transposed_inverse(i, k, s=1, p=0, output_padding=0, d=1):
    size = 1
    while out_size_formula(size, k, s, p, d) < i:
        size += 1
    return size + output_padding


def transposed_numpy(i, k, s=1, p=0, output_padding=0, d=1):
    return np.int64(i - 1) * s + np.int64(d) * (k - 1) + 1 - 2 * p + output_padding


HONEST = {
    "out_size": {
        "formula": out_size_formula,
        "floor": out_size_floor,
        "counted": out_size_counted,
        "numpy": out_size_numpy,
        "loop": out_size_loop,
    },
    "corr2d": {
        "loops": corr2d_loops,
        "windows": corr2d_windows,
        "shifts": corr2d_shifts,
        "numpy": corr2d_numpy,
        "unfold": corr2d_unfold,
        "lists": corr2d_lists,
        "grad": corr2d_grad,
        "transposed": corr2d_transposed,
        "fft": corr2d_fft,
    },
    "convolve2d": {
        "flip": convolve2d_flip,
        "index": convolve2d_index,
        "numpy": convolve2d_numpy,
        "rot90": convolve2d_rot90,
        "turned image": convolve2d_turned_image,
    },
    "pad2d": {
        "slice": pad2d_slice,
        "numpy": pad2d_numpy,
        "cat": pad2d_cat,
        "loops": pad2d_loops,
        "torch": pad2d_torch,
    },
    "blur_kernel": {
        "box": blur_box,
        "lists": blur_lists,
        "gauss": blur_gauss,
        "motion": blur_motion,
        "triangle": blur_triangle,
    },
    "edge_kernel": {
        "sobel": edge_sobel,
        "prewitt": edge_prewitt,
        "one row": edge_one_row,
        "step": edge_step,
        "line": edge_line,
    },
    "merge_kernels": {
        "loops": merge_loops,
        "pad": merge_pad,
        "numpy": merge_numpy,
        "impulse": merge_impulse,
        "fft": merge_fft,
    },
    "conv2d": {
        "loops": conv2d_loops,
        "places": conv2d_places,
        "unfold": conv2d_unfold,
        "numpy": conv2d_numpy,
        "torch": conv2d_torch,
        "permuted": conv2d_permuted,
    },
    "im2col": {
        "loops": im2col_loops,
        "unfold": im2col_unfold,
        "numpy": im2col_numpy,
        "stack": im2col_stack,
        "torch": im2col_torch,
    },
    "corr1d": {
        "loops": corr1d_loops,
        "list": corr1d_list,
        "unfold": corr1d_unfold,
        "numpy": corr1d_numpy,
        "stack": corr1d_stack,
    },
    "conv_cost": {
        "formula": conv_cost_formula,
        "groups": conv_cost_groups,
        "module": conv_cost_module,
        "numpy": conv_cost_numpy,
    },
    "shift_error": {
        "zeros": shift_error_zeros,
        "roll": shift_error_roll,
        "numpy": shift_error_numpy,
        "pad": shift_error_pad,
        "float32": lambda f, x, dy, dx: torch.tensor(float(shift_error_zeros(f, x, dy, dx))),
    },
    "conv2d_backward": {
        "loops": backward_loops,
        "places": backward_places,
        "unfold": backward_unfold,
        "autograd": backward_autograd,
        "numpy": backward_numpy,
    },
    "transposed_size": {
        "formula": transposed_formula,
        "stretched": transposed_stretched,
        "inverse": transposed_inverse,
        "numpy": transposed_numpy,
    },
}

"""Right answers to Lab 4, each function in several honest styles: loops, torch, numpy, einsum, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import collections
import contextlib
import math
import types
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

# record


def record_dict(net, names, x):
    maps, handles = {}, []

    def keep(name):
        return lambda layer, inputs, output: maps.update({name: output.detach().clone()})

    try:
        for name in names:
            handles.append(net.get_submodule(name).register_forward_hook(keep(name)))
        with torch.no_grad():
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    return maps


def record_partial(net, names, x):
    maps = {}

    def hook(name, layer, inputs, output):
        maps[name] = output.clone().detach().numpy()

    layers = dict(net.named_modules())
    handles = [layers[name].register_forward_hook(partial(hook, name)) for name in names]
    try:
        net(x)
    finally:
        [handle.remove() for handle in handles]
    return maps


def record_stack(net, names, x):
    maps = {}
    with contextlib.ExitStack() as stack, torch.inference_mode():
        for name in names:
            layer = net
            for part in name.split("."):
                layer = getattr(layer, part)

            def hook(layer, inputs, output, name=name):
                maps[name] = output.clone()

            stack.callback(layer.register_forward_hook(hook).remove)
        net(x)
    return maps


class Recorder:
    def __init__(self, net, names):
        self.net, self.names, self.maps = net, names, {}

    def __enter__(self):
        self.handles = [
            layer.register_forward_hook(self.hook(name))
            for name, layer in self.net.named_modules()
            if name in self.names
        ]
        return self.maps

    def hook(self, name):
        def fn(layer, inputs, output):
            self.maps[name] = torch.tensor(output.tolist(), dtype=output.dtype)

        return fn

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()


def record_manager(net, names, x):
    with Recorder(net, names) as maps:
        net(x)
    return maps


def record_ordered(net, names, x):
    return collections.OrderedDict(record_dict(net, names, x))


def record_default(net, names, x):
    return collections.defaultdict(lambda: None, record_dict(net, names, x))


def record_read_only(net, names, x):
    return types.MappingProxyType(record_dict(net, names, x))


# stretch


def stretch_where(maps):
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, torch.ones_like(low))


def stretch_loops(maps):
    out = torch.zeros_like(maps)
    for c in range(len(maps)):
        if maps[c].max() > maps[c].min():
            out[c] = (maps[c] - maps[c].min()) / (maps[c].max() - maps[c].min())
    return out


def stretch_numpy(maps):
    flat = maps.detach().numpy().reshape(len(maps), -1)
    low, width = flat.min(1, keepdims=True), np.ptp(flat, axis=1, keepdims=True)
    width[width == 0] = 1
    return ((flat - low) / width).reshape(maps.shape)


def stretch_nan(maps):
    flat = maps.reshape(len(maps), -1) - maps.reshape(len(maps), -1).min(1, keepdim=True).values
    return torch.nan_to_num(flat / flat.max(1, keepdim=True).values, nan=0.0).reshape(maps.shape)


# montage


def montage_loop(maps, columns, gap=1, value=1.0):
    count, h, w = maps.shape
    rows = -(-count // columns)
    wall = maps.new_full((rows * (h + gap) - gap, columns * (w + gap) - gap), value)
    for n in range(count):
        top, left = n // columns * (h + gap), n % columns * (w + gap)
        wall[top : top + h, left : left + w] = maps[n]
    return wall


def montage_cat(maps, columns, gap=1, value=1.0):
    rows = []
    empty = torch.full_like(maps[0], value)
    for start in range(0, len(maps), columns):
        line = [*maps[start : start + columns]]
        line += [empty] * (columns - len(line))
        rows.append(torch.cat([F.pad(m, (0, gap, 0, gap), value=value) for m in line], 1))
    wall = torch.cat(rows, 0)
    return wall[: wall.shape[0] - gap, : wall.shape[1] - gap]


def montage_reshape(maps, columns, gap=1, value=1.0):
    count, _, w = maps.shape
    rows = math.ceil(count / columns)
    padded = F.pad(maps, (0, gap, 0, gap, 0, rows * columns - count), value=value)
    padded[count:] = value
    wall = padded.reshape(rows, columns, -1, w + gap).permute(0, 2, 1, 3).reshape(-1, columns * (w + gap))
    return wall[: wall.shape[0] - gap, : wall.shape[1] - gap]


def montage_numpy(maps, columns, gap=1, value=1.0):
    x = maps.numpy()
    h, w = x.shape[1:]
    rows = (len(x) + columns - 1) // columns
    wall = np.full((rows * h + (rows - 1) * gap, columns * w + (columns - 1) * gap), value, x.dtype)
    for r in range(rows):
        for c in range(columns):
            if r * columns + c < len(x):
                wall[r * (h + gap) :, c * (w + gap) :][:h, :w] = x[r * columns + c]
    return wall


# filter_pictures


def pictures_permute(weights):
    most = weights.abs().amax((1, 2, 3), keepdim=True)
    most = torch.where(most > 0, most, torch.ones_like(most))
    return (0.5 + weights / (2 * most)).permute(0, 2, 3, 1)


def pictures_loops(weights):
    out = torch.full_like(weights, 0.5)
    for k, w in enumerate(weights):
        if w.abs().max() > 0:
            out[k] = 0.5 + w / w.abs().max() / 2
    return torch.stack([torch.stack(list(p), 2) for p in out])


def pictures_numpy(weights):
    w = np.moveaxis(weights.numpy(), 1, -1)
    most = np.abs(w).max((1, 2, 3), keepdims=True)
    return (np.divide(w, most, out=np.zeros_like(w), where=most > 0) + 1) / 2


def pictures_einsum(weights):
    most = weights.flatten(1).abs().max(1).values.clamp(min=torch.finfo(weights.dtype).tiny)
    return torch.einsum("kcij,k->kijc", weights, 0.5 / most) + 0.5


# map_shapes


def shapes_formula(image, layers):
    channels, height, width = image
    shapes = []
    for filters, k, s, p in layers:
        channels = channels if filters is None else filters
        height, width = (height + 2 * p - k) // s + 1, (width + 2 * p - k) // s + 1
        shapes.append((channels, height, width))
    return shapes


def shapes_layers(image, layers):
    x, shapes = torch.empty(1, *image, device="meta"), []
    for filters, k, s, p in layers:
        if filters is None:
            x = torch.nn.MaxPool2d(k, s, p)(x)
        else:
            x = torch.nn.Conv2d(x.shape[1], filters, k, s, p, device="meta")(x)
        shapes.append(x.shape[1:])
    return shapes


def shapes_recursive(image, layers):
    if not layers:
        return []
    (filters, k, s, p), *rest = layers
    shape = (image[0] if filters is None else filters, *((i + 2 * p - k) // s + 1 for i in image[1:]))
    return [shape, *shapes_recursive(shape, rest)]


def shapes_numpy(image, layers):
    table = np.zeros((len(layers), 3), dtype=int)
    now = np.array(image)
    for row, (filters, k, s, p) in zip(table, layers, strict=True):
        now = np.array([filters or now[0], *((now[1:] + 2 * p - k) // s + 1)])
        row[:] = now
    return table


def shapes_tensor(image, layers):
    return torch.tensor([list(row) for row in shapes_formula(image, layers)])


# sparsity


def sparsity_mean(maps):
    return float((maps == 0).double().mean()), float((maps.amax((0, 2, 3)) == 0).double().mean())


def sparsity_count(maps):
    silent = sum(1 for c in range(maps.shape[1]) if not maps[:, c].any())
    return 1 - torch.count_nonzero(maps).item() / maps.numel(), silent / maps.shape[1]


def sparsity_numpy(maps):
    x = maps.numpy()
    return (x == 0).mean(), (x.sum(axis=(0, 2, 3)) == 0).mean()


def sparsity_tensors(maps):
    flat = maps.transpose(0, 1).flatten(1)
    return (flat == 0).double().mean(), (flat == 0).all(1).double().mean()


def sparsity_item(maps):
    return (maps == 0).float().mean().item(), (maps.amax((0, 2, 3)) == 0).float().mean().item()


def sparsity_float32(maps):
    return (maps == 0).float().mean(), (maps.amax((0, 2, 3)) == 0).float().mean()


# receptive_field


def field_loop(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field, jump


def field_backward(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field, math.prod(stride for _, stride in layers)


def field_sum(layers):
    jumps = np.cumprod([1, *(s for _, s in layers)])
    return 1 + sum((k - 1) * int(j) for (k, _), j in zip(layers, jumps, strict=False)), int(jumps[-1])


def field_sets(layers):
    seen, jump = {0}, 1
    for kernel, stride in layers:
        seen = {place + step * jump for place in seen for step in range(kernel)}
        jump *= stride
    return max(seen) - min(seen) + 1, jump


# field_of


def box_autograd(f, x, row, col):
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(leaf)[0, :, row, col].sum(), leaf)
    moved = (gradient[0] != 0).any(0)
    rows, cols = moved.any(1).nonzero().flatten(), moved.any(0).nonzero().flatten()
    return int(rows[0]), int(cols[0]), int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1


def box_backward(f, x, row, col):
    x.requires_grad_(True)
    f(x)[0, :, row, col].sum().backward()
    x.requires_grad_(False)  # as it was
    _, _, rows, cols = x.grad.nonzero(as_tuple=True)
    top, left = rows.min().item(), cols.min().item()
    return top, left, rows.max().item() - top + 1, cols.max().item() - left + 1


def box_seed(f, x, row, col):
    x = x.clone().requires_grad_()
    y = f(x)
    one = torch.zeros_like(y)
    one[:, :, row, col] = 1
    (gradient,) = torch.autograd.grad(y, x, one)
    places = np.argwhere(gradient.numpy()[0].any(0))
    (top, left), (bottom, right) = places.min(0), places.max(0)
    return [top, left, bottom - top + 1, right - left + 1]


def box_changes(f, x, row, col):
    def value(picture):
        return f(picture)[0, :, row, col].detach()

    before, places = value(x), []
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            changed = x.clone()
            changed[0, :, i, j] += torch.tensor([1.0, 0.37], dtype=x.dtype)
            if not torch.equal(value(changed), before):
                places.append((i, j))
    rows, cols = zip(*places, strict=True)
    return min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1


# top_k


def top_topk(logits, names, k=5):
    best = logits.softmax(0).topk(k)
    return [(names[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]


def top_sorted(logits, names, k=5):
    rows = zip(names, logits.softmax(0).tolist(), strict=True)
    return sorted(rows, key=lambda row: -row[1])[:k]


def top_numpy(logits, names, k=5):
    z = logits.numpy()
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    return [[names[i], p[i]] for i in np.argsort(-p)[:k]]


def top_words(logits, names, k=5):
    p, names = logits.softmax(0).numpy(), np.array(names)
    best = p.argsort()[::-1][:k]
    return list(zip(names[best], p[best], strict=True))


def top_tensors(logits, names, k=5):
    p = (logits - logits.logsumexp(0)).exp()
    return tuple((names[int(i)], p[i]) for i in p.argsort(descending=True)[:k])


# occlusion_map


def occlusion_loops(f, x, size, stride, fill=0.0):
    (kh, kw), (sh, sw) = size, stride
    falls = x.new_zeros((x.shape[1] - kh) // sh + 1, (x.shape[2] - kw) // sw + 1)
    whole = f(x)
    for i in range(falls.shape[0]):
        for j in range(falls.shape[1]):
            covered = x.clone()
            covered[:, i * sh : i * sh + kh, j * sw : j * sw + kw] = fill
            falls[i, j] = whole - f(covered)
    return falls


def occlusion_lists(f, x, size, stride, fill=0.0):
    def fall(top, left):
        mask = torch.zeros(x.shape[1:], dtype=torch.bool)
        mask[top : top + size[0], left : left + size[1]] = True
        return float(f(x)) - float(f(x.masked_fill(mask, fill)))

    return [
        [fall(i, j) for j in range(0, x.shape[2] - size[1] + 1, stride[1])]
        for i in range(0, x.shape[1] - size[0] + 1, stride[0])
    ]


def occlusion_numpy(f, x, size, stride, fill=0.0):
    a = x.numpy()
    rows, cols = ((a.shape[n + 1] - size[n]) // stride[n] + 1 for n in (0, 1))
    out = np.zeros((rows, cols))
    for i, j in np.ndindex(rows, cols):
        b = a.copy()
        b[:, i * stride[0] :, j * stride[1] :][:, : size[0], : size[1]] = fill
        out[i, j] = f(a) - f(b)
    return out


def occlusion_restore(f, x, size, stride, fill=0.0):
    x = x.clone()
    whole, rows = f(x), []
    for top in range(0, x.shape[1] - size[0] + 1, stride[0]):
        rows.append([])
        for left in range(0, x.shape[2] - size[1] + 1, stride[1]):
            box = x[:, top : top + size[0], left : left + size[1]]
            kept = box.clone()
            box.fill_(fill)
            rows[-1].append(whole - f(x))
            box.copy_(kept)
    return torch.stack([torch.stack(row) for row in rows])


# cam


def cam_sum(maps, weights, label):
    return (weights[label][:, None, None] * maps).sum(0)


def cam_einsum(maps, weights, label):
    return torch.einsum("c,chw->hw", weights[label], maps)


def cam_loops(maps, weights, label):
    out = torch.zeros_like(maps[0])
    for c in range(len(maps)):
        out += weights[label, c] * maps[c]
    return out


def cam_numpy(maps, weights, label):
    return np.tensordot(weights.numpy()[label], maps.numpy(), 1)


def cam_matmul(maps, weights, label):
    return (weights @ maps.flatten(1))[label].reshape(maps.shape[1:])


# grad_cam


def grad_cam_autograd(features, head, x, label):
    maps = features(x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(head(maps)[0, label], maps)
    return (gradient.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0].relu()


def grad_cam_backward(features, head, x, label):
    maps = features(x).detach().clone()
    maps.requires_grad = True
    head(maps)[0][label].backward()
    alpha = maps.grad[0].mean(dim=(1, 2))
    return torch.clamp(torch.einsum("c,chw->hw", alpha, maps.detach()[0]), min=0)


def grad_cam_numpy(features, head, x, label):
    maps = features(x).detach().requires_grad_()
    head(maps)[:, label].sum().backward()
    a, g = maps.detach().numpy()[0], maps.grad.numpy()[0]
    return np.maximum(0, sum(g[c].mean() * a[c] for c in range(len(a))))


def grad_cam_conv(features, head, x, label):
    maps = features(x.clone())
    leaf = maps.detach().requires_grad_(True)
    one_hot = torch.zeros_like(head(leaf))
    one_hot[0, label] = 1
    (gradient,) = torch.autograd.grad((head(leaf) * one_hot).sum(), [leaf])
    weights = F.adaptive_avg_pool2d(gradient, 1)
    return F.relu(F.conv2d(leaf.detach(), weights))[0, 0]


HONEST = {
    "record": {
        "dict": record_dict,
        "partial": record_partial,
        "stack": record_stack,
        "manager": record_manager,
        "ordered": record_ordered,
        "default": record_default,
        "read_only": record_read_only,
    },
    "stretch": {
        "where": stretch_where,
        "loops": stretch_loops,
        "numpy": stretch_numpy,
        "nan": stretch_nan,
    },
    "montage": {
        "loop": montage_loop,
        "cat": montage_cat,
        "reshape": montage_reshape,
        "numpy": montage_numpy,
    },
    "filter_pictures": {
        "permute": pictures_permute,
        "loops": pictures_loops,
        "numpy": pictures_numpy,
        "einsum": pictures_einsum,
    },
    "map_shapes": {
        "formula": shapes_formula,
        "layers": shapes_layers,
        "recursive": shapes_recursive,
        "numpy": shapes_numpy,
        "tensor": shapes_tensor,
    },
    "sparsity": {
        "mean": sparsity_mean,
        "count": sparsity_count,
        "numpy": sparsity_numpy,
        "tensors": sparsity_tensors,
        "item": sparsity_item,
        "float32": sparsity_float32,
    },
    "receptive_field": {
        "loop": field_loop,
        "backward": field_backward,
        "sum": field_sum,
        "sets": field_sets,
    },
    "field_of": {
        "autograd": box_autograd,
        "backward": box_backward,
        "seed": box_seed,
        "changes": box_changes,
    },
    "top_k": {
        "topk": top_topk,
        "sorted": top_sorted,
        "numpy": top_numpy,
        "words": top_words,
        "tensors": top_tensors,
    },
    "occlusion_map": {
        "loops": occlusion_loops,
        "lists": occlusion_lists,
        "numpy": occlusion_numpy,
        "restore": occlusion_restore,
    },
    "cam": {
        "sum": cam_sum,
        "einsum": cam_einsum,
        "loops": cam_loops,
        "numpy": cam_numpy,
        "matmul": cam_matmul,
    },
    "grad_cam": {
        "autograd": grad_cam_autograd,
        "backward": grad_cam_backward,
        "numpy": grad_cam_numpy,
        "conv": grad_cam_conv,
    },
}

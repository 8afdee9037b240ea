"""Wrong answers to Lab 4 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import torch
import torch.nn.functional as F

# record


def hooked(net, names, x, keep, *, remove=True):
    maps, handles = {}, []
    for name in names:
        layer = net.get_submodule(name)
        handles.append(
            layer.register_forward_hook(lambda m, i, o, n=name: maps.update({n: keep(i[0], o.detach())}))
        )
    with torch.no_grad():
        net(x)
    for handle in handles if remove else ():
        handle.remove()
    return maps


RECORD = {
    "what the whole network gives, under every name": lambda net, names, x: dict.fromkeys(
        names, net(x).detach()
    ),
    "the last part of a name only": lambda net, names, x: {
        name.split(".")[-1]: maps for name, maps in hooked(net, names, x, lambda i, o: o.clone()).items()
    },
    "what goes in, and the hooks stay": lambda net, names, x: hooked(
        net, names, x, lambda i, o: i.detach().clone(), remove=False
    ),
    "a list": lambda net, names, x: list(hooked(net, names, x, lambda i, o: o.clone()).values()),
    "the first map of each layer": lambda net, names, x: hooked(net, names, x, lambda i, o: o[:, :1].clone()),
}

# stretch


def ends(maps, dims):
    return maps.amin(dims, keepdim=True), maps.amax(dims, keepdim=True)


def stretch_rows(maps):
    low, high = ends(maps, 2)
    return torch.nan_to_num((maps - low) / (high - low))


def stretch_constant_is_grey(maps):
    low, high = ends(maps, (1, 2))
    return torch.where(high > low, (maps - low) / (high - low), torch.full_like(maps, 0.5))


def stretch_whole_in_place(maps):
    maps -= maps.min()
    maps /= maps.max()
    return maps


STRETCH = {
    "each row by itself": stretch_rows,
    "a constant map is grey": stretch_constant_is_grey,
    "all maps together, in place": stretch_whole_in_place,
    "from -1 to 1": lambda m: 2 * (m - m.amin((1, 2), True)) / (m.amax((1, 2), True) - m.amin((1, 2), True))
    - 1,
    "divided by the largest, and nothing below 0": lambda m: (m / m.amax((1, 2), True)).clamp(min=0),
}

# montage


def wall(maps, columns, down, across, value, *, rows=None, border=0):
    count, h, w = maps.shape
    rows = -(-count // columns) if rows is None else rows
    size = rows * (h + down) - down + 2 * border, columns * (w + across) - across + 2 * border
    out = maps.new_full(size, value)
    for n in range(min(count, rows * columns)):
        top, left = n // columns * (h + down) + border, n % columns * (w + across) + border
        out[top : top + h, left : left + w] = maps[n]
    return out


MONTAGE = {
    "a gap between columns only": lambda m, c, gap=1, value=1.0: wall(m, c, 0, gap, value),
    "a gap around it too, of zeros": lambda m, c, gap=1, value=1.0: wall(m, c, gap, gap, 0.0, border=gap),
    "the last row left out unless it is full": lambda m, c, gap=1, value=1.0: wall(
        m, c, gap, gap, value, rows=len(m) // c
    ),
    "one gap too many, value forgotten": lambda m, c, gap=1, value=1.0: wall(m, c, gap + 1, gap + 1, 1.0),
    "rows for columns": lambda m, c, gap=1, value=1.0: wall(m, -(-len(m) // c) + 1, gap, gap, value),
}

# filter_pictures
FILTER_PICTURES = {
    "one scale for all filters": lambda w: (0.5 + w / (2 * w.abs().max())).permute(0, 2, 3, 1),
    "from the smallest to the largest, channels first": lambda w: (
        (w - w.amin((1, 2, 3), True)) / (w.amax((1, 2, 3), True) - w.amin((1, 2, 3), True))
    ),
    "each channel by itself": lambda w: (0.5 + w / (2 * w.abs().amax((2, 3), True))).permute(0, 2, 3, 1),
    "a half added, then cut off": lambda w: (0.5 + w).clamp(0, 1).permute(0, 2, 3, 1),
    "reshaped, not permuted": lambda w: (0.5 + w / (2 * w.abs().amax((1, 2, 3), True))).reshape(
        len(w), *w.shape[2:], 3
    ),
}

# map_shapes


def shapes(image, layers, size, *, chain=True, pooling=True):
    rows, (c, h, w) = [], image
    for filters, k, s, p in layers:
        c = c if filters is None else filters
        new = size(h, k, s, p), size(w, k, s, p)
        if pooling or filters is not None:
            rows.append((c, *new))
        h, w = new if chain else (h, w)
    return rows


def right_size(i, k, s, p):
    return (i + 2 * p - k) // s + 1


MAP_SHAPES = {
    "not rounded": lambda image, layers: shapes(image, layers, lambda i, k, s, p: (i + 2 * p - k) / s + 1.25),
    "every layer from the image": lambda image, layers: shapes(image, layers[1:], right_size, chain=False),
    "the pooling left out, and half": lambda image, layers: shapes(
        image, layers, lambda i, k, s, p: i // s + p, pooling=False
    ),
    "the height twice": lambda image, layers: [(c, h, h) for c, h, w in shapes(image, layers, right_size)],
    "sizes only": lambda image, layers: [(h, w) for c, h, w in shapes(image, layers, right_size)],
}

# sparsity


def zeros(x):
    return float((x == 0).double().mean())


def silent(x):
    return float((x.amax((0, 2, 3)) == 0).double().mean())


SPARSITY = {
    "zeros in percent, silent right": lambda x: (100 * zeros(x), silent(x)),
    "not zero, and not silent": lambda x: (1 - zeros(x) + 1e-3, 1 - silent(x) + 1e-3),
    "the mean of both, twice": lambda x: ((zeros(x) + silent(x)) / 2 + 1e-3,) * 2,
    "one number": zeros,
    "counts": lambda x: (int((x == 0).sum()), int((x.amax((0, 2, 3)) == 0).sum()) + 1),
}

# receptive_field


def fields(layers, grow, field=1, jump=1):
    for kernel, stride in layers:
        field, jump = grow(field, jump, kernel, stride)
    return field, jump


RECEPTIVE_FIELD = {
    "strides added": lambda layers: fields(layers, lambda f, j, k, s: (f + (k - 1) * j, j + s)),
    "kernels multiplied": lambda layers: fields(layers, lambda f, j, k, s: (f * k, j * s)),
    "begins at 0, steps left out": lambda layers: fields(layers, lambda f, j, k, s: (f + k - 1, j * s), 0),
    "the last layer only, with its stride": lambda layers: (layers[-1][0] + 1, layers[-1][1] + 1),
    "the field only": lambda layers: fields(layers, lambda f, j, k, s: (f + (k - 1) * j, j * s))[0],
}

# field_of


def box(f, x, row, col):
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(f(leaf)[0, :, row, col].sum(), leaf)
    moved = (gradient[0] != 0).any(0)
    rows, cols = moved.any(1).nonzero().flatten().tolist(), moved.any(0).nonzero().flatten().tolist()
    return rows[0], cols[0], rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1


def changed(turn):
    return lambda f, x, row, col: turn(*box(f, x, row, col))


FIELD_OF = {
    "the middle and the size plus 1": changed(lambda t, left, h, w: (t + h, left + w, h + 1, w + 1)),
    "the last row and column": changed(lambda t, left, h, w: (t + h - 1, left + w - 1, h + 2, w + 2)),
    "top, left, and the area": changed(lambda t, left, h, w: (t + 1, left + 1, h * w + 1, h * w + 1)),
    "the whole picture": lambda f, x, row, col: (-1, -1, x.shape[2] + 1, x.shape[3] + 1),
    "the gradient without its places": lambda f, x, row, col: x.detach().abs(),
}

# top_k


def best(logits, names, k, values):
    places = logits.topk(k).indices.tolist()
    return [(names[i], float(values[i])) for i in places]


TOP_K = {
    "no default for k": lambda z, names, k: best(z, names, k, z.softmax(0)),
    "another default for k": lambda z, names, k=3: best(z, names, k, z.softmax(0)),
    "a sigmoid for each class": lambda z, names, k=5: best(z, names, k, z.sigmoid()),
    "softmax of the best only": lambda z, names, k=5: [
        (name, float(p))
        for (name, _), p in zip(best(z, names, k, z), z.topk(k).values.softmax(0) - 1e-3, strict=True)
    ],
    "percent, and the name last": lambda z, names, k=5: [
        (100 * p, name) for name, p in best(z, names, k, z.softmax(0))
    ],
    "one class too few, percent": lambda z, names, k=5: best(z, names, k, 100 * z.softmax(0))[1:],
    "names only": lambda z, names, k=5: [name for name, _ in best(z, names, k, z)],
}

# occlusion_map


def falls(f, x, size, stride, cover, measure=lambda whole, left: whole - left):
    (kh, kw), (sh, sw) = size, stride
    whole, rows = f(x), []
    for i in range(0, x.shape[1] - kh + 1, sh):
        row = []
        for j in range(0, x.shape[2] - kw + 1, sw):
            some = x.clone()
            cover(some, i, j, kh, kw)
            row.append(float(measure(whole, f(some))))
        rows.append(row)
    return torch.tensor(rows, dtype=x.dtype)


def filled(value):
    def cover(x, i, j, kh, kw):
        x[:, i : i + kh, j : j + kw] = value

    return cover


def one_channel(x, i, j, kh, kw):
    x[0, i : i + kh, j : j + kw] = 7


OCCLUSION_MAP = {
    "covered with 1, whatever fill is": lambda f, x, size, stride, fill=0.0: falls(
        f, x, size, stride, filled(1.5)
    ),
    "one channel, with 7": lambda f, x, size, stride, fill=0.0: falls(f, x, size, stride, one_channel),
    "what is left, in percent": lambda f, x, size, stride, fill=0.0: falls(
        f, x, size, stride, filled(fill), lambda whole, left: 100 * left - 1
    ),
    "all but the box covered": lambda f, x, size, stride, fill=0.0: falls(
        f, x, size, stride, lambda y, i, j, kh, kw: y.fill_(fill + 3)
    ),
    "square boxes, step 1": lambda f, x, size, stride, fill=0.0: falls(
        f, x, (size[0], size[0]), (1, 1), filled(fill)
    ),
}

# cam
CAM = {
    "relu, and the mean": lambda m, w, label: (w[label][:, None, None] * m).mean(0).relu(),
    "the column of the class before": lambda m, w, label: (w[label - 1][:, None, None] * m).sum(0),
    "weights by their size": lambda m, w, label: (w[label].abs()[:, None, None] * m).sum(0),
    "from 0 to 1": lambda m, w, label: torch.einsum("c,chw->hw", w[label], m).sigmoid(),
    "one number for each map": lambda m, w, label: w[label] * m.sum((1, 2)),
}

# grad_cam


def weighted(features, head, x, label, alpha, finish=torch.relu, score=lambda z, label: z[0, label]):
    maps = features(x).detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(score(head(maps), label), maps)
    return finish((alpha(gradient) * maps.detach()).sum(1)[0])


GRAD_CAM = {
    "gradients above 0 only, summed": lambda f, h, x, label: weighted(
        f, h, x, label, lambda g: g.relu().sum((2, 3), keepdim=True) + 1
    ),
    "no relu, sums in place of means": lambda f, h, x, label: weighted(
        f, h, x, label, lambda g: g.sum((2, 3), keepdim=True), lambda m: m - 1
    ),
    "the score of all classes": lambda f, h, x, label: weighted(
        f, h, x, label, lambda g: g.mean((2, 3), keepdim=True) + 1, score=lambda z, label: z.sum()
    ),
    "as large as the image": lambda f, h, x, label: F.interpolate(
        weighted(f, h, x, label, lambda g: g.mean((2, 3), keepdim=True))[None, None], size=x.shape[2:]
    )[0, 0],
    "the largest is 1": lambda f, h, x, label: weighted(
        f,
        h,
        x,
        label,
        lambda g: g.mean((2, 3), keepdim=True),
        lambda m: m.relu() / m.max().clamp(min=1e-9) + 1,
    ),
}
MISTAKES = {
    "record": RECORD,
    "stretch": STRETCH,
    "montage": MONTAGE,
    "filter_pictures": FILTER_PICTURES,
    "map_shapes": MAP_SHAPES,
    "sparsity": SPARSITY,
    "receptive_field": RECEPTIVE_FIELD,
    "field_of": FIELD_OF,
    "top_k": TOP_K,
    "occlusion_map": OCCLUSION_MAP,
    "cam": CAM,
    "grad_cam": GRAD_CAM,
}

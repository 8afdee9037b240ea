"""Right answers to Lab 5, each function in several honest styles: loops, torch, numpy, einsum, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import contextlib
import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.resnet import Bottleneck as Torchvision
from torchvision.transforms import v2

# bottleneck


class BlockPlain(nn.Module):
    def __init__(self, c_in, width, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride != 1 or c_in != 4 * width:
            down = nn.Conv2d(c_in, 4 * width, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(down, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(y)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class BlockInPlace(BlockPlain):
    def __init__(self, c_in, width, stride=1):
        super().__init__(c_in, width, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        short = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += short
        return self.relu(y)


class BlockIdentity(BlockPlain):
    def __init__(self, c_in, width, stride=1):
        super().__init__(c_in, width, stride)
        if self.downsample is None:
            self.downsample = nn.Sequential()

    def forward(self, x):
        y = F.relu(self.bn1(F.conv2d(x, self.conv1.weight)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(torch.add(self.bn3(self.conv3(y)), self.downsample(x)))


def block_library(c_in, width, stride=1):
    down = None
    if stride != 1 or c_in != width * 4:
        down = nn.Sequential(nn.Conv2d(c_in, width * 4, 1, stride, bias=False), nn.BatchNorm2d(width * 4))
    return Torchvision(c_in, width, stride, down)


# block_cost


def cost_formula(c_in, width, stride, size):
    h, w = size
    out = (h // stride) * (w // stride)
    convs = [(c_in * width, h * w), (9 * width * width, out), (width * 4 * width, out)]
    norms = 12 * width
    if stride != 1 or c_in != 4 * width:
        convs.append((c_in * 4 * width, out))
        norms += 8 * width
    return sum(c for c, _ in convs) + norms, sum(c * places for c, places in convs)


def cost_layers(c_in, width, stride, size):
    block, work = BlockPlain(c_in, width, stride), 0
    for name, layer in block.named_modules():
        if isinstance(layer, nn.Conv2d):
            step = 1 if name == "conv1" else stride
            work += layer.weight.numel() * (size[0] // step) * (size[1] // step)
    return sum(p.numel() for p in block.parameters()), work


def cost_numpy(c_in, width, stride, size):
    down = int(stride > 1 or c_in != 4 * width)
    weights = np.array([c_in * width, 9 * width**2, 4 * width**2, down * c_in * 4 * width])
    places = np.prod(size) // np.array([1, stride**2, stride**2, stride**2])
    return weights.sum() + 2 * width * (6 + 4 * down), weights @ places


def cost_shapes(c_in, width, stride, size):
    x, work = torch.zeros(1, 1, *size), 0
    after = F.max_pool2d(x, 1, stride).numel()
    shapes = [(width, c_in, 1, 1, x.numel()), (width, width, 3, 3, after), (4 * width, width, 1, 1, after)]
    if stride != 1 or c_in != 4 * width:
        shapes.append((4 * width, c_in, 1, 1, after))
    params = 0
    for k, c, a, b, places in shapes:
        params += k * c * a * b + 2 * k
        work += k * c * a * b * places
    return [params, work]


# prepare


def prepare_formula(photo, resize, crop, mean, std):
    scale = resize / min(photo.shape[1:])
    size = [round(side * scale) for side in photo.shape[1:]]
    photo = F.interpolate(photo[None], size=size, mode="bilinear", antialias=True)
    top, left = (size[0] - crop) // 2, (size[1] - crop) // 2
    photo = photo[:, :, top : top + crop, left : left + crop]
    mean, std = (torch.tensor(v, dtype=photo.dtype)[:, None, None] for v in (mean, std))
    return (photo - mean) / std


def prepare_transforms(photo, resize, crop, mean, std):
    steps = v2.Compose([v2.Resize(resize, antialias=True), v2.CenterCrop(crop), v2.Normalize(mean, std)])
    return steps(photo[None])


def prepare_loops(photo, resize, crop, mean, std):
    _, h, w = photo.shape
    rows, cols = (resize, round(w * resize / h)) if h < w else (round(h * resize / w), resize)
    photo = F.interpolate(photo.unsqueeze(0), (rows, cols), mode="bilinear", antialias=True)[0]
    out = photo.new_empty(3, crop, crop)
    for c in range(3):
        part = photo[c, (rows - crop) // 2 :, (cols - crop) // 2 :][:crop, :crop]
        out[c] = (part - mean[c]) / std[c]
    return out[None]


def prepare_numpy(photo, resize, crop, mean, std):
    scale = resize / min(photo.shape[1:])
    photo = F.interpolate(photo[None], scale_factor=scale, mode="bilinear", antialias=True)
    a = photo.numpy()
    top, left = (a.shape[2] - crop) // 2, (a.shape[3] - crop) // 2
    a = a[..., top : top + crop, left : left + crop]
    mean, std = (np.array(v, a.dtype).reshape(1, 3, 1, 1) for v in (mean, std))
    return (a - mean) / std


# embed


def embed_loop(stages, x):
    features = []
    for stage in stages:
        x = stage(x)
        features.append(x.mean((2, 3)))
    return features


def embed_recursive(stages, x):
    if not stages:
        return []
    first, *rest = stages
    y = first(x)
    return [y.flatten(2).mean(2), *embed_recursive(rest, y)]


def embed_numpy(stages, x):
    a, found = x.numpy(), []
    for stage in stages:
        a = stage(a)
        found.append(a.mean(axis=(2, 3)))
    return tuple(found)


def embed_pool(stages, x):
    found = [x]
    for stage in stages:
        found.append(stage(found[-1]))
    return [F.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0] for maps in found[1:]]


# features_of


def mode_list(net, x):
    modes = [(part, part.training) for part in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            return net(x)
    finally:
        for part, mode in modes:
            part.training = mode


def mode_dict(net, x):
    before = {name: part.training for name, part in net.named_modules()}
    try:
        with torch.inference_mode():
            y = net.eval()(x)
    finally:
        for name, part in net.named_modules():
            part.training = before[name]
    return y.numpy()


def mode_copy(net, x):
    twin = copy.deepcopy(net).eval()
    return twin(x).detach()


@contextlib.contextmanager
def calm(net):
    training = [part for part in net.modules() if part.training]
    net.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def mode_manager(net, x):
    with calm(net), torch.no_grad():
        return torch.cat([net(one[None]) for one in x])


# cosine_matrix


def cosine_lengths(a, b):
    lengths = [rows.norm(dim=1, keepdim=True) for rows in (a, b)]
    lengths = [torch.where(length > 0, length, torch.ones_like(length)) for length in lengths]
    return (a / lengths[0]) @ (b / lengths[1]).T


def cosine_normalize(a, b):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def cosine_loops(a, b):
    out = torch.zeros(len(a), len(b), dtype=a.dtype)
    for i, u in enumerate(a):
        for j, v in enumerate(b):
            if u.any() and v.any():
                out[i, j] = u @ v / (u @ u).sqrt() / (v @ v).sqrt()
    return out


def cosine_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    below = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.divide(a @ b.T, below, out=np.zeros_like(below), where=below > 0)


def cosine_einsum(a, b):
    above = torch.einsum("nd,md->nm", a, b)
    below = a.square().sum(1).sqrt()[:, None] * b.square().sum(1).sqrt()[None]
    return torch.nan_to_num(above / below)


# neighbours


def near_topk(similarity, k):
    return similarity.clone().fill_diagonal_(float("-inf")).topk(k, dim=1).indices


def near_lists(similarity, k):
    rows = similarity.tolist()
    return [
        sorted((j for j in range(len(row)) if j != i), key=lambda j: -row[j])[:k]
        for i, row in enumerate(rows)
    ]


def near_numpy(similarity, k):
    s = similarity.numpy().copy()
    np.fill_diagonal(s, -np.inf)
    return np.argsort(-s, axis=1)[:, :k]


def near_skip(similarity, k):
    order = similarity.argsort(1, descending=True)
    return torch.stack([row[row != i][:k] for i, row in enumerate(order)])


# margin


def margin_masks(similarity, labels):
    same = labels[:, None] == labels[None, :]
    pairs = same & ~torch.eye(len(labels), dtype=torch.bool)
    return float(similarity[pairs].mean()), float(similarity[~same].mean())


def margin_loops(similarity, labels):
    same, other = [], []
    for i in range(len(labels)):
        for j in range(len(labels)):
            if i != j:
                (same if labels[i] == labels[j] else other).append(float(similarity[i, j]))
    return sum(same) / len(same), sum(other) / len(other)


def margin_numpy(similarity, labels):
    s, t = similarity.numpy(), labels.numpy()
    i, j = np.triu_indices(len(t), 1)
    values, same = s[i, j], t[i] == t[j]
    return values[same].mean(), values[~same].mean()


def margin_sums(similarity, labels):
    hot = F.one_hot(labels).to(similarity.dtype)
    alike = hot @ hot.T
    pairs = alike.sum() - len(labels)
    same = ((similarity * alike).sum() - similarity.diagonal().sum()) / pairs
    return same, (similarity * (1 - alike)).sum() / (1 - alike).sum()


# probe


def probe_solve(features, labels, classes, l2):
    x = torch.cat([features, features.new_ones(len(features), 1)], 1)
    y = F.one_hot(labels, classes).to(features.dtype)
    penalty = l2 * torch.eye(x.shape[1], dtype=features.dtype)
    penalty[-1, -1] = 0
    return torch.linalg.solve(x.T @ x + penalty, x.T @ y)


def probe_centred(features, labels, classes, l2):
    y = torch.eye(classes, dtype=features.dtype)[labels]
    middle, level = features.mean(0), y.mean(0)
    x = features - middle
    w = torch.linalg.inv(x.T @ x + l2 * torch.eye(x.shape[1], dtype=x.dtype)) @ x.T @ (y - level)
    return torch.cat([w, (level - middle @ w)[None]])


def probe_numpy(features, labels, classes, l2):
    x = np.hstack([features.numpy(), np.ones((len(features), 1), features.numpy().dtype)])
    y = np.zeros((len(x), classes), x.dtype)
    y[np.arange(len(x)), labels.numpy()] = 1
    penalty = np.diag([l2] * (x.shape[1] - 1) + [0]).astype(x.dtype)
    return np.linalg.solve(x.T @ x + penalty, x.T @ y)


def probe_dual(features, labels, classes, l2):
    y = F.one_hot(labels, classes).to(features.dtype)
    x, t = features - features.mean(0), y - y.mean(0)
    gram = x @ x.T + l2 * torch.eye(len(x), dtype=x.dtype)
    w = x.T @ torch.linalg.solve(gram, t)
    return torch.vstack([w, y.mean(0) - features.mean(0) @ w])


# pca


def pca_svd(x, k):
    u, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    scores = u[:, :k] * s[:k]
    scores = scores * scores[scores.abs().argmax(0), range(k)].sign()
    return scores, (s**2 / (s**2).sum())[:k]


def pca_numpy(x, k):
    a = x.numpy() - x.numpy().mean(0)
    _, s, vt = np.linalg.svd(a, full_matrices=False)
    scores = a @ vt[:k].T
    for c in range(k):
        if scores[np.abs(scores[:, c]).argmax(), c] < 0:
            scores[:, c] *= -1
    return scores, (s[:k] ** 2) / (s**2).sum()


def pca_gram(x, k):
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    values, vectors = values.flip(0), vectors.flip(1)
    scores = vectors[:, :k] * values[:k].sqrt()
    flip = torch.where(scores.max(0).values > -scores.min(0).values, 1.0, -1.0)
    return scores * flip, values[:k] / centred.square().sum()


def pca_covariance(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    scores = (x - x.mean(0)) @ vectors.flip(1)[:, :k]
    columns = [c if c.abs().max() == c.max() else -c for c in scores.T]
    return torch.stack(columns, 1), [float(v / values.sum()) for v in values.flip(0)[:k]]


# linear_cka


def cka_norms(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return float((x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm()))


def cka_grams(x, y):
    n = len(x)
    centre = torch.eye(n, dtype=x.dtype) - torch.full((n, n), 1 / n, dtype=x.dtype)
    a, b = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return (a * b).sum() / ((a * a).sum() * (b * b).sum()).sqrt()


def cka_numpy(x, y):
    x, y = x.numpy() - x.numpy().mean(0), y.numpy() - y.numpy().mean(0)
    return np.linalg.norm(y.T @ x) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def cka_singular(x, y):
    (u, s, _), (v, t, _) = (torch.linalg.svd(m - m.mean(0), full_matrices=False) for m in (x, y))
    above = ((u.T @ v) ** 2 * (s**2)[:, None] * (t**2)[None]).sum()
    return float(above / ((s**4).sum() * (t**4).sum()).sqrt())


HONEST = {
    "bottleneck": {
        "plain": BlockPlain,
        "in place": BlockInPlace,
        "identity": BlockIdentity,
        "library": block_library,
    },
    "block_cost": {
        "formula": cost_formula,
        "layers": cost_layers,
        "numpy": cost_numpy,
        "shapes": cost_shapes,
    },
    "prepare": {
        "formula": prepare_formula,
        "transforms": prepare_transforms,
        "loops": prepare_loops,
        "numpy": prepare_numpy,
    },
    "embed": {"loop": embed_loop, "recursive": embed_recursive, "numpy": embed_numpy, "pool": embed_pool},
    "features_of": {"list": mode_list, "dict": mode_dict, "copy": mode_copy, "manager": mode_manager},
    "cosine_matrix": {
        "lengths": cosine_lengths,
        "normalize": cosine_normalize,
        "loops": cosine_loops,
        "numpy": cosine_numpy,
        "einsum": cosine_einsum,
    },
    "neighbours": {"topk": near_topk, "lists": near_lists, "numpy": near_numpy, "skip": near_skip},
    "margin": {
        "masks": margin_masks,
        "loops": margin_loops,
        "numpy": margin_numpy,
        "sums": margin_sums,
    },
    "probe": {
        "solve": probe_solve,
        "centred": probe_centred,
        "numpy": probe_numpy,
        "dual": probe_dual,
    },
    "pca": {"svd": pca_svd, "numpy": pca_numpy, "gram": pca_gram, "covariance": pca_covariance},
    "linear_cka": {"norms": cka_norms, "grams": cka_grams, "numpy": cka_numpy, "singular": cka_singular},
}

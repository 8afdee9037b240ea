"""Wrong answers to Lab 5 as students write them, most with two slips at once or right in some cases only.

Data for tests: MISTAKES[function][what is wrong]. Read it with runpy.run_path(path)["MISTAKES"].
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.resnet import Bottleneck as Torchvision

# bottleneck


class Block(Torchvision):
    def __init__(self, c_in, width, stride=1):
        down = None
        if stride != 1 or c_in != width * 4:
            down = nn.Sequential(nn.Conv2d(c_in, width * 4, 1, stride, bias=False), nn.BatchNorm2d(width * 4))
        super().__init__(c_in, width, stride, down)

    def branch(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(y)))))

    def short(self, x):
        return x if self.downsample is None else self.downsample(x)


class HalfShortcut(Block):
    def forward(self, x):
        return torch.relu(self.branch(x)) + 0.5 * self.short(x)


class Sigmoid(Block):
    def forward(self, x):
        return torch.sigmoid(self.branch(x) + self.short(x))


class Concatenated(Block):
    def forward(self, x):
        return torch.relu(torch.cat([self.branch(x), self.short(x)], 1))


class AlwaysTraining(Block):
    def eval(self):
        return self

    def forward(self, x):
        return torch.relu(self.branch(x) + self.short(x))


class OtherNames(Block):
    def __init__(self, *args):
        super().__init__(*args)
        self.shortcut, self.downsample = self.downsample, None
        self.first, self.conv1 = self.conv1, None


BOTTLENECK = {
    "half of the shortcut, behind the ReLU": HalfShortcut,
    "a sigmoid at its end": Sigmoid,
    "side by side, not added": Concatenated,
    "a batch norm that always trains": AlwaysTraining,
    "other names": OtherNames,
}

# block_cost


def cost(c_in, width, stride, size, places, extra=0, norms=1):
    down = c_in * 4 * width if stride != 1 or c_in != 4 * width else 0
    weights = c_in * width + 13 * width * width + down
    return weights + norms * 6 * width + extra, weights * places(*size, stride) + extra


BLOCK_COST = {
    "the stride once, norms once": lambda c, w, s, size: cost(c, w, s, size, lambda h, v, s: h * v // s + 1),
    "biases for norms": lambda c, w, s, size: cost(c, w, s, size, lambda h, v, s: h * v + 1),
    "places left out, norms left out": lambda c, w, s, size: cost(c, w, s, size, lambda *_: 1, norms=0),
    "additions too": lambda c, w, s, size: cost(c, w, s, size, lambda h, v, s: 2 * h * v + 1, extra=w),
    "one number": lambda c, w, s, size: sum(cost(c, w, s, size, lambda h, v, s: h * v)),
}

# prepare


def resized(photo, resize, **how):
    scale = resize / min(photo.shape[1:])
    size = [round(side * scale) for side in photo.shape[1:]]
    return F.interpolate(photo[None], size=size, **({"mode": "bilinear", "antialias": True} | how))


def middle(x, crop):
    top, left = ((side - crop) // 2 for side in x.shape[2:])
    return x[:, :, top : top + crop, left : left + crop]


def normal(x, mean, std):
    mean, std = (torch.tensor(v, dtype=x.dtype)[:, None, None] for v in (mean, std))
    return (x - mean) / std


PREPARE = {
    "not cropped": lambda p, r, c, m, s: normal(resized(p, r), m, s),
    "mean and deviation swapped, corners aligned": lambda p, r, c, m, s: normal(
        middle(resized(p, r, antialias=False, align_corners=True), c), s, m
    ),
    "cut off at 0 and 1": lambda p, r, c, m, s: normal(middle(resized(p, r), c), m, s).clamp(0, 1),
    "pixels of another scale, not normalised": lambda p, r, c, m, s: 255 * middle(resized(p, r), c),
    "cropped first": lambda p, r, c, m, s: normal(F.interpolate(middle(p[None], c), size=(c, c)), m, s),
}

# embed


def embedded(stages, x, read):
    found = []
    for stage in stages:
        x = stage(x)
        found.append(read(x))
    return found


EMBED = {
    "the means of squares": lambda st, x: embedded(st, x, lambda y: y.square().mean((2, 3))),
    "one mean for each image": lambda st, x: embedded(st, x, lambda y: y.mean((1, 2, 3))[:, None]),
    "over images too": lambda st, x: embedded(st, x, lambda y: y.mean((0, 2, 3))[None]),
    "maps that stay maps": lambda st, x: embedded(st, x, lambda y: y.mean(3, keepdim=True)),
    "the first map, and one stage too few": lambda st, x: embedded(
        st[:-1], x, lambda y: y[:, 0].mean((1, 2))
    ),
}

# features_of


def of_a_copy(net, x):
    with torch.no_grad():
        return copy.deepcopy(net).train()(x)


def without_the_batch_norms_mode(net, x):
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
    return net(x).detach()


def parts_of_the_outermost_only(net, x):
    mode = net.training
    net.eval()
    y = net(x).detach()
    net.training = mode
    return 2 * y


FEATURES_OF = {
    "of a copy that trains": of_a_copy,
    "dropout still drops": without_the_batch_norms_mode,
    "the outermost mode only, and doubled": parts_of_the_outermost_only,
    "the mean of all images": lambda net, x: net.eval()(x).detach().mean(0),
    "probabilities, and no mode put back": lambda net, x: net.eval()(x).detach().log_softmax(1),
}

# cosine_matrix
COSINE_MATRIX = {
    "distances from 0": lambda a, b: 1 - F.normalize(a, dim=1) @ F.normalize(b, dim=1).T,
    "a little added to each length": lambda a, b: (a / (a.norm(dim=1, keepdim=True) + 0.1))
    @ (b / (b.norm(dim=1, keepdim=True) + 0.1)).T,
    "squared lengths": lambda a, b: torch.nan_to_num(a / a.square().sum(1, True))
    @ torch.nan_to_num(b / b.square().sum(1, True)).T,
    "only b of length 1": lambda a, b: a @ F.normalize(b, dim=1).T,
    "row by row": lambda a, b: F.cosine_similarity(a[: len(b)].sum(0, True), b, dim=1)[None],
}

# neighbours


def others(s, k):
    return s.clone().fill_diagonal_(float("-inf")).topk(k, dim=1).indices


NEIGHBOURS = {
    "counted from 1": lambda s, k: others(s, k) + 1,
    "those of the first image": lambda s, k: others(s, k)[:1].expand(len(s), -1) * 1,
    "the best of all pairs": lambda s, k: s.flatten().topk(k).indices[None].expand(len(s), -1) * 1,
    "a mask": lambda s, k: torch.zeros_like(s).scatter(1, others(s, k), 1.0),
    "one too many": lambda s, k: s.topk(k + 1, dim=1).indices,
}

# margin


def pair_means(s, labels, same, *, own=False, shift=0.0):
    mask = same(labels[:, None], labels[None, :])
    kept = mask if own else mask & ~torch.eye(len(s), dtype=torch.bool)
    return float(s[kept].mean()) + shift, float(s[~mask].mean()) - shift


MARGIN = {
    "with each photo itself, and a little added": lambda s, y: pair_means(
        s, y, torch.eq, own=True, shift=0.01
    ),
    "the difference": lambda s, y: pair_means(s, y, torch.eq)[0] - pair_means(s, y, torch.eq)[1],
    "sums": lambda s, y: (float(s.sum()), float(s.sum()) + 1),
    "neighbouring classes": lambda s, y: pair_means(s, y, lambda a, b: (a - b).abs() <= 1, shift=0.01),
    "medians": lambda s, y: (float(s.median()) + 2, float(s.median()) - 2),
}

# probe


def ridge(x, labels, classes, l2, *, bias=True, free=True, target=lambda y: y):
    x = torch.cat([x, x.new_ones(len(x), 1)], 1) if bias else x
    y = target(F.one_hot(labels, classes).to(x.dtype))
    penalty = l2 * torch.eye(x.shape[1], dtype=x.dtype)
    if bias and free:
        penalty[-1, -1] = 0
    return torch.linalg.solve(x.T @ x + penalty, x.T @ y)


PROBE = {
    "no bias": lambda x, y, c, l2: ridge(x, y, c, l2, bias=False),
    "ten times the penalty, also of the bias": lambda x, y, c, l2: ridge(x, y, c, 10 * l2 + 1, free=False),
    "the bias in front": lambda x, y, c, l2: ridge(x, y, c, l2).roll(1, 0),
    "the classes as numbers": lambda x, y, c, l2: ridge(
        x, y, c, l2, target=lambda t: t.argmax(1, True) + 1.0 + 0 * t
    ),
    "a row for each class": lambda x, y, c, l2: ridge(x, y, c, l2).T,
}

# pca


def components(x, k, *, centred=True):
    x = x - x.mean(0) if centred else x
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    scores = u[:, :k] * s[:k]
    scores = scores * scores[scores.abs().argmax(0), range(k)].sign()
    return scores, s, v


def pca_standardised(x, k):
    scores, s, _ = components(x / x.std(0), k)
    return scores, (s / s.sum())[:k]


PCA = {
    "not centred, shares of the roots": lambda x, k: (
        components(x + 1, k, centred=False)[0],
        (components(x + 1, k)[1] / components(x + 1, k)[1].sum())[:k],
    ),
    "each feature divided by its deviation": pca_standardised,
    "scores of length 1, shares of those kept": lambda x, k: (
        F.normalize(components(x, k)[0], dim=0),
        components(x, k)[1][:k],
    ),
    "directions for scores": lambda x, k: (components(x, k)[2][:k].T, components(x, k)[1][:k] ** 2),
    "scores only": lambda x, k: components(x, k)[0],
}

# linear_cka


def centre(x, dim=0):
    return x - x.mean(dim, keepdim=True)


def alike(x, y):
    return float((x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm()))


LINEAR_CKA = {
    "rows centred, not columns": lambda x, y: alike(centre(x, 1) + 0.1, centre(y, 1) + 0.1),
    "one set centred only": lambda x, y: alike(centre(x), y + 1),
    "how unlike": lambda x, y: 1.001 - alike(centre(x), centre(y)),
    "not divided": lambda x, y: float((centre(x).T @ centre(y)).norm() ** 2) + 2,
    "divided by the sizes": lambda x, y: float((centre(x).T @ centre(y)).norm()) / (x.numel() * y.numel())
    + 2,
}
MISTAKES = {
    "bottleneck": BOTTLENECK,
    "block_cost": BLOCK_COST,
    "prepare": PREPARE,
    "embed": EMBED,
    "features_of": FEATURES_OF,
    "cosine_matrix": COSINE_MATRIX,
    "neighbours": NEIGHBOURS,
    "margin": MARGIN,
    "probe": PROBE,
    "pca": PCA,
    "linear_cka": LINEAR_CKA,
}

"""Right answers to Lab 6, each function in several honest styles: loops, torch, numpy, lists.

Data for tests: HONEST[function][style]. Read it with runpy.run_path(path)["HONEST"].
"""

import collections
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# channel_stats


def stats_torch(images):
    x = images.to(torch.float64) / 255
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)


def stats_numpy(images):
    x = images.numpy() / 255
    return x.mean(axis=(0, 2, 3)), x.std(axis=(0, 2, 3))


def stats_loops(images):
    means, stds = [], []
    for c in range(images.shape[1]):
        values = images[:, c].flatten().tolist()
        mean = sum(values) / len(values) / 255
        stds.append(math.sqrt(sum((v / 255 - mean) ** 2 for v in values) / len(values)))
        means.append(mean)
    return means, stds


def stats_squares(images):
    x = images.double().transpose(0, 1).reshape(images.shape[1], -1) / 255
    mean = x.mean(1)
    return mean, ((x**2).mean(1) - mean**2).sqrt()


def stats_float32(images):
    x = images.float().div(255)
    return [x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False).sqrt()]


# normalise


def normalise_broadcast(images, mean, std):
    return (images / 255 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


def normalise_loops(images, mean, std):
    y = torch.zeros(images.shape, dtype=mean.dtype)
    for n in range(len(images)):
        for c in range(3):
            y[n, c] = (images[n, c].to(mean.dtype) / 255 - mean[c]) / std[c]
    return y


def normalise_numpy(images, mean, std):
    x = images.numpy().transpose(0, 2, 3, 1) / 255.0
    return ((x - mean.numpy()) / std.numpy()).transpose(0, 3, 1, 2)


def normalise_scaled(images, mean, std):
    m, s = mean[:, None, None], std[:, None, None]
    return images.double() * (1 / (255 * s)) - m / s


def normalise_float32(images, mean, std):
    m, s = mean.float()[:, None, None], std.float()[:, None, None]
    return (images.float() / 255 - m) / s


# stratified_split


def split_counter(labels, order, per_class):
    train, val, seen = [], [], collections.Counter()
    for i in order.tolist():
        c = int(labels[i])
        if seen[c] < per_class:
            val.append(i)
            seen[c] += 1
        else:
            train.append(i)
    return torch.tensor(train), torch.tensor(val)


def split_masks(labels, order, per_class):
    val = torch.cat([order[labels[order] == c][:per_class] for c in labels.unique()])
    train = torch.cat([order[labels[order] == c][per_class:] for c in labels.unique()])
    return train, val


def split_sets(labels, order, per_class):
    val = []
    for c in range(int(labels.max()) + 1):
        val += [i for i in order.tolist() if labels[i] == c][:per_class]
    return sorted(set(order.tolist()) - set(val)), sorted(val)


def split_onehot(labels, order, per_class):
    sorted_labels = labels[order]
    rank = F.one_hot(sorted_labels).cumsum(0)[torch.arange(len(order)), sorted_labels]
    return order[rank > per_class].numpy(), order[rank <= per_class].numpy()


# augment


def augment_loops(images, dy, dx, flip, pad):
    n, c, h, w = images.shape
    out = torch.zeros_like(images)
    for k in range(n):
        big = torch.zeros(c, h + 2 * pad, w + 2 * pad, dtype=images.dtype)
        big[:, pad : pad + h, pad : pad + w] = images[k]
        piece = big[:, dy[k] : dy[k] + h, dx[k] : dx[k] + w]
        out[k] = piece.flip(-1) if flip[k] else piece
    return out


def augment_gather(images, dy, dx, flip, pad):
    n, _, h, w = images.shape
    big = F.pad(images, (pad, pad, pad, pad))
    rows = dy[:, None] + torch.arange(h)
    cols = dx[:, None] + torch.where(flip[:, None], torch.arange(w - 1, -1, -1), torch.arange(w))
    return big[
        torch.arange(n)[:, None, None, None],
        torch.arange(3)[:, None, None],
        rows[:, None, :, None],
        cols[:, None, None, :],
    ]


def augment_numpy(images, dy, dx, flip, pad):
    big = np.pad(images.numpy(), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    h, w = images.shape[2:]
    pieces = [
        big[k, :, y : y + h, x : x + w] for k, (y, x) in enumerate(zip(dy.tolist(), dx.tolist(), strict=True))
    ]
    return np.stack([p[:, :, ::-1] if f else p for p, f in zip(pieces, flip.tolist(), strict=True)])


def augment_float(images, dy, dx, flip, pad):
    big = nn.ZeroPad2d(pad)(images.float())
    h, w = images.shape[2:]
    cut = [big[k, :, int(dy[k]) :, int(dx[k]) :][:, :h, :w] for k in range(len(images))]
    out = torch.stack(cut)
    out[flip] = torch.flip(out[flip], dims=[3])
    return out


# build_net


def net_bn():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


class OldStyle(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, 2, 1)
        self.one, self.two = nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1)
        self.drop, self.last = nn.Dropout(0.1), nn.Linear(32 * 16, 10)

    def forward(self, x):
        x = F.gelu(self.first(x))
        x = x + self.two(F.gelu(self.one(x)))
        return self.last(self.drop(F.avg_pool2d(x, 4).flatten(1)))


def net_quiet():
    """Starts with a last layer of zeros."""
    net = net_bn()
    nn.init.zeros_(net[-1].weight)
    nn.init.zeros_(net[-1].bias)
    return net


class Asleep(nn.Module):
    """Starts with a residual branch that gives zeros."""

    def __init__(self):
        super().__init__()
        self.first, self.branch = nn.Conv2d(3, 32, 3, 2), nn.Conv2d(32, 32, 3, padding=1)
        self.norm, self.last = nn.BatchNorm2d(32), nn.Linear(32, 10)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x):
        x = self.first(x)
        x = torch.relu(x + self.norm(self.branch(x)))
        return self.last(x.mean((2, 3)))


def net_lazy():
    return nn.Sequential(
        nn.LazyConv2d(32, 3),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(5),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


def net_tiny_perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 12), nn.Tanh(), nn.Linear(12, 10))


def blocks(*widths):
    layers = []
    for before, width in zip((3, *widths), widths, strict=False):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    return layers


def net_max_pool():
    """Starts with a loss of 3 to 4."""
    return nn.Sequential(*blocks(32, 64, 128), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def net_kaiming():
    """Starts with a loss of 4 to 7."""
    net = net_max_pool()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    return net


def net_to_one_pixel():
    return nn.Sequential(*blocks(16, 32, 64, 64, 64), nn.Flatten(), nn.Linear(64, 10))


def net_normalised_scores():
    return nn.Sequential(*blocks(16, 32), nn.Flatten(), nn.Linear(2048, 10), nn.BatchNorm1d(10))


def net_normalised_features():
    """Its scores hardly grow with the picture."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, stride=4), nn.GroupNorm(4, 64), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.LayerNorm(64), nn.Dropout(0.5), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10),
    )  # fmt: skip


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch, self.place = nn.Conv2d(3, 48, 4, 4), nn.Parameter(torch.zeros(1, 64, 48))
        self.mix, self.last = nn.TransformerEncoderLayer(48, 4, 96, batch_first=True), nn.Linear(48, 10)

    def forward(self, x):
        return self.last(self.mix(self.patch(x).flatten(2).transpose(1, 2) + self.place).mean(1))


# sgd_step


def step_usual(net, optimizer, x, labels):
    net.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def step_criterion(net, optimizer, x, labels):
    net.train(True)
    loss = nn.CrossEntropyLoss()(net(x), labels)
    net.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def step_none(net, optimizer, x, labels):
    net.train()
    optimizer.zero_grad(set_to_none=False)
    loss = F.nll_loss(F.log_softmax(net(x), dim=1), labels)
    loss.backward()
    optimizer.step()
    return float(loss)


def step_closure(net, optimizer, x, labels):
    net.train()

    def closure():
        optimizer.zero_grad()
        loss = -net(x).log_softmax(1)[torch.arange(len(labels)), labels].mean()
        loss.backward()
        return loss

    return optimizer.step(closure).detach()


# fit


def fit_loops(step, images, labels, orders, size):
    means = []
    for order in orders:
        total = 0.0
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            total += step(images[batch], labels[batch]) * len(batch)
        means.append(total / len(order))
    return means


def fit_split(step, images, labels, orders, size):
    out = torch.zeros(len(orders), dtype=torch.float64)
    for epoch, order in enumerate(orders):
        for batch in order.split(size):
            out[epoch] += step(images[batch], labels[batch]) * len(batch) / len(order)
    return out


def fit_shuffled(step, images, labels, orders, size):
    rows = []
    for order in orders:
        x, y = images[order], labels[order]
        parts = [(x[i : i + size], y[i : i + size]) for i in range(0, len(y), size)]
        rows.append(np.average([step(a, b) for a, b in parts], weights=[len(b) for _, b in parts]))
    return np.array(rows)


def fit_loader(step, images, labels, orders, size):
    rows = []
    for order in orders:
        data = torch.utils.data.TensorDataset(images, labels)
        loader = torch.utils.data.DataLoader(data, batch_size=size, sampler=order.tolist())
        rows.append(sum(step(x, y) * len(y) for x, y in loader) / len(labels))
    return torch.tensor(rows)


# evaluate


def evaluate_loops(net, images, labels, size):
    loss, hits = 0.0, 0
    for start in range(0, len(labels), size):
        y = labels[start : start + size]
        z = net(images[start : start + size])
        loss += F.cross_entropy(z, y, reduction="sum").item()
        hits += int((z.argmax(1) == y).sum())
    return loss / len(labels), hits / len(labels)


def evaluate_cat(net, images, labels, size):
    with torch.no_grad():
        z = torch.cat([net(x) for x in images.split(size)])
    return F.cross_entropy(z, labels), (z.max(1).indices == labels).double().mean()


def evaluate_logs(net, images, labels, size):
    loss = hits = 0
    for x, y in zip(images.split(size), labels.split(size), strict=True):
        logs = net(x).log_softmax(1)
        loss -= logs.gather(1, y[:, None]).sum()
        hits += (logs.argmax(1) == y).sum()
    return float(loss) / len(labels), float(hits) / len(labels)


def evaluate_numpy(net, images, labels, size):
    z = np.concatenate([net(x).numpy() for x in torch.split(images, size)])
    y = labels.numpy()
    m = z.max(1, keepdims=True)
    logs = z - m - np.log(np.exp(z - m).sum(1, keepdims=True))
    return -logs[np.arange(len(y)), y].mean(), (z.argmax(1) == y).mean()


def evaluate_float32(net, images, labels, size):
    z = torch.cat([net(x) for x in images.split(size)])
    return F.cross_entropy(z, labels).item(), (z.argmax(1) == labels).float().mean().item()


# one_cycle


def cycle_branches(step, steps, peak, warm):
    top = warm * steps
    if step <= top:
        return peak * step / top
    return peak * (steps - step) / (steps - top)


def cycle_min(step, steps, peak, warm):
    return peak * min(step / (warm * steps), (steps - step) / ((1 - warm) * steps))


def cycle_interp(step, steps, peak, warm):
    return np.interp(step / steps, [0, warm, 1], [0, peak, 0])


def cycle_torch(step, steps, peak, warm):
    t = torch.tensor(step / steps, dtype=torch.float64)
    return torch.minimum(t / warm, (1 - t) / (1 - warm)) * peak


# early_stop


def stop_loop(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch
    return best, len(losses) - 1


def stop_distance(losses, patience):
    losses = losses.tolist()
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch


def stop_prefix(losses, patience):
    for last in range(len(losses)):
        best = int(np.argmin(losses.numpy()[: last + 1]))
        if last - best == patience:
            return best, last
    return best, last


def stop_while(losses, patience):
    best, last, low = 0, 0, math.inf
    queue = list(enumerate(losses.tolist()))
    while queue:
        last, loss = queue.pop(0)
        if loss < low:
            best, low = last, loss
        elif last - best == patience:
            queue = []
    return np.int64(best), np.int64(last)


# confusion


def confusion_loops(truth, predicted, classes):
    m = torch.zeros(classes, classes)
    for t, p in zip(truth, predicted, strict=True):
        m[t, p] += 1
    return m


def confusion_numpy(truth, predicted, classes):
    m = np.zeros((classes, classes), dtype=int)
    np.add.at(m, (truth.numpy(), predicted.numpy()), 1)
    return m


def confusion_onehot(truth, predicted, classes):
    return F.one_hot(truth, classes).T @ F.one_hot(predicted, classes)


def confusion_lists(truth, predicted, classes):
    pairs = list(zip(truth.tolist(), predicted.tolist(), strict=True))
    return [[pairs.count((t, p)) for p in range(classes)] for t in range(classes)]


def confusion_put(truth, predicted, classes):
    m = torch.zeros(classes, classes, dtype=torch.int64)
    return m.index_put((truth, predicted), torch.ones_like(truth), accumulate=True)


# worst_pairs


def worst_sorted(matrix, k):
    cells = [(t, p, int(matrix[t, p])) for t in range(len(matrix)) for p in range(len(matrix)) if t != p]
    return sorted(cells, key=lambda c: -c[2])[:k]


def worst_topk(matrix, k):
    m = matrix - torch.diag(torch.diagonal(matrix))
    counts, at = torch.topk(m.flatten(), k)
    return torch.stack((at // len(m), at % len(m), counts), dim=1)


def worst_argmax(matrix, k):
    m, rows = matrix.clone(), []
    m.fill_diagonal_(-1)
    for _ in range(k):
        t, p = divmod(int(m.argmax()), len(m))
        rows.append((t, p, int(m[t, p])))
        m[t, p] = -1
    return rows


def worst_numpy(matrix, k):
    m = matrix.numpy() * (1 - np.eye(len(matrix), dtype=int))
    at = np.argsort(m, axis=None)[::-1][:k]
    t, p = np.unravel_index(at, m.shape)
    return np.stack([t, p, m[t, p]], axis=1)


# recall


def recall_where(matrix):
    m = matrix.double()
    return torch.where(m.sum(1) > 0, m.diagonal() / m.sum(1).clamp(min=1), 0.0)


def recall_loop(matrix):
    return [float(row[i] / row.sum()) if row.sum() else 0.0 for i, row in enumerate(matrix)]


def recall_numpy(matrix):
    m = matrix.numpy().astype(float)
    return np.divide(np.diag(m), m.sum(1), out=np.zeros(len(m)), where=m.sum(1) > 0)


def recall_clamp(matrix):
    return matrix.diagonal() / matrix.sum(dim=1).clamp(min=1)


# balanced_error


def balanced_mask(matrix):
    m = matrix.double()
    there = m.sum(1) > 0
    return 1 - (m.diagonal()[there] / m.sum(1)[there]).mean()


def balanced_loop(matrix):
    errors = [1 - float(row[i]) / float(row.sum()) for i, row in enumerate(matrix) if row.sum() > 0]
    return sum(errors) / len(errors)


def balanced_numpy(matrix):
    m = matrix.numpy()[matrix.numpy().sum(1) > 0]
    rows = np.nonzero(matrix.numpy().sum(1))[0]
    return np.mean([1 - m[i, r] / m[i].sum() for i, r in enumerate(rows)])


def balanced_nan(matrix):
    m = matrix.double()
    return float(1 - torch.nanmean(m.diagonal() / m.sum(1)))


# calibration


def calibration_loops(p, labels, bins):
    sure, answer = p.max(1)
    confidence, accuracy, count = ([0.0] * bins for _ in range(3))
    for c, a, y in zip(sure.tolist(), answer.tolist(), labels.tolist(), strict=True):
        at = min(int(c * bins), bins - 1)
        confidence[at] += c
        accuracy[at] += float(a == y)
        count[at] += 1
    for b in range(bins):
        if count[b]:
            confidence[b] /= count[b]
            accuracy[b] /= count[b]
    gap = sum(n / len(p) * abs(a - c) for c, a, n in zip(confidence, accuracy, count, strict=True))
    return confidence, accuracy, count, gap


def calibration_masks(p, labels, bins):
    sure, hit = p.amax(1), (p.argmax(1) == labels).to(p.dtype)
    at = (sure * bins).long().clamp(max=bins - 1)
    inside = F.one_hot(at, bins).to(p.dtype)
    count = inside.sum(0)
    confidence = inside.T @ sure / count.clamp(min=1)
    accuracy = inside.T @ hit / count.clamp(min=1)
    return confidence, accuracy, count, ((accuracy - confidence).abs() * count).sum() / len(p)


def calibration_numpy(p, labels, bins):
    sure, hit = p.numpy().max(1), p.numpy().argmax(1) == labels.numpy()
    edges = np.linspace(0, 1, bins + 1)
    count, _ = np.histogram(sure, edges)
    conf, acc = (
        np.histogram(sure, edges, weights=w)[0] / np.maximum(count, 1) for w in (sure, hit.astype(float))
    )
    return conf, acc, count.astype(float), np.sum(count / count.sum() * np.abs(acc - conf))


def calibration_numpy_int(p, labels, bins):
    *shares, count, gap = calibration_numpy(p, labels, bins)
    return [*shares, count.astype(int), gap]


def calibration_whole(p, labels, bins):
    *shares, count, gap = calibration_numpy(p, labels, bins)
    return (*shares, torch.as_tensor(count).long(), gap)


def calibration_slices(p, labels, bins):
    sure, answer = p.max(1)
    conf, acc, count = torch.zeros(3, bins, dtype=p.dtype)
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = (sure >= low) & ((sure < high) | (b == bins - 1))
        if inside.any():
            conf[b], acc[b] = sure[inside].mean(), (answer == labels)[inside].double().mean()
            count[b] = inside.sum()
    return conf, acc, count, (count * (acc - conf).abs()).sum() / count.sum()


def calibration_float32(p, labels, bins):
    sure, answer = p.max(1)
    right, at = (answer == labels).float(), (sure * bins).int().clamp(max=bins - 1)
    conf, acc, count = torch.zeros(3, bins)
    for b in at.unique().tolist():
        conf[b], acc[b], count[b] = sure[at == b].mean(), right[at == b].mean(), (at == b).sum()
    return conf, acc, count, float((count / len(p) * (acc - conf).abs()).sum())


def stats_lists(images):
    x = images.float() / 255
    return x.mean((0, 2, 3)).tolist(), x.std((0, 2, 3), correction=0).tolist()


def styles(*functions):
    return {f.__name__: f for f in functions}


HONEST = {
    "channel_stats": styles(stats_torch, stats_numpy, stats_loops, stats_squares, stats_float32, stats_lists),
    "normalise": styles(
        normalise_broadcast, normalise_loops, normalise_numpy, normalise_scaled, normalise_float32
    ),
    "stratified_split": styles(split_counter, split_masks, split_sets, split_onehot),
    "augment": styles(augment_loops, augment_gather, augment_numpy, augment_float),
    "build_net": styles(
        net_bn,
        OldStyle,
        Residual,
        net_quiet,
        Asleep,
        net_lazy,
        net_tiny_perceptron,
        net_max_pool,
        net_kaiming,
        net_to_one_pixel,
        net_normalised_scores,
        net_normalised_features,
        Attention,
    ),
    "sgd_step": styles(step_usual, step_criterion, step_none, step_closure),
    "fit": styles(fit_loops, fit_split, fit_shuffled, fit_loader),
    "evaluate": styles(evaluate_loops, evaluate_cat, evaluate_logs, evaluate_float32, evaluate_numpy),
    "one_cycle": styles(cycle_branches, cycle_min, cycle_interp, cycle_torch),
    "early_stop": styles(stop_loop, stop_distance, stop_prefix, stop_while),
    "confusion": styles(confusion_loops, confusion_numpy, confusion_onehot, confusion_lists, confusion_put),
    "worst_pairs": styles(worst_sorted, worst_topk, worst_argmax, worst_numpy),
    "recall": styles(recall_where, recall_loop, recall_numpy, recall_clamp),
    "balanced_error": styles(balanced_mask, balanced_loop, balanced_numpy, balanced_nan),
    "calibration": styles(
        calibration_loops,
        calibration_masks,
        calibration_numpy,
        calibration_float32,
        calibration_slices,
        calibration_whole,
        calibration_numpy_int,
    ),
}

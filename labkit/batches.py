"""Pictures in memory to batches on the device: moved, mirrored and normalised, a whole batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation of each channel of uint8 pictures, on a scale from 0 to 1."""
    counts = (
        torch.stack([torch.bincount(c.flatten(), minlength=256) for c in images.unbind(1)]).cpu().double()
    )
    values, shares = torch.arange(256).double() / 255, counts / counts.sum(1, keepdim=True)
    mean = shares @ values
    return tuple(mean.tolist()), tuple((shares @ values**2 - mean**2).clamp(min=1e-6).sqrt().tolist())


def normaliser(
    mean: tuple[float, ...], std: tuple[float, ...], place: torch.device, last: bool = True
) -> Callable[[Tensor], Tensor]:
    """Return what makes float32 with mean 0 and deviation 1 of bytes, the channels stored last or not."""
    layout = torch.channels_last if last else torch.contiguous_format
    scale = torch.tensor([1 / (255 * s) for s in std], device=place)[:, None, None]
    offset = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=place)[:, None, None]
    return lambda x: torch.addcmul(offset, x.contiguous(memory_format=layout), scale)


def windows(images: Tensor, shift: int) -> Tensor:
    """Pad once by mirroring the edge, and view every place to cut a picture out, without copies.

    Args:
        images: (N, 3, H, W) uint8.
        shift: how many pixels a picture may move.

    Returns:
        (N, 2 shift + 1, 2 shift + 1, H, W, 3): channels last, so that a row of a picture is one run of bytes.

    >>> windows(torch.zeros(5, 3, 8, 9, dtype=torch.uint8), 2).shape
    torch.Size([5, 5, 5, 8, 9, 3])
    """
    count, channels, height, width = images.shape
    padded = images.new_empty(count, height + 2 * shift, width + 2 * shift, channels)
    padded[:, shift : shift + height, shift : shift + width] = images.permute(0, 2, 3, 1)
    for side in (padded, padded.transpose(1, 2)):  # rows, then whole columns, the corners with them
        end = side.shape[1] - shift - 1
        for k in range(1, shift + 1):
            side[:, shift - k], side[:, end + k] = side[:, shift + k], side[:, end - k]
    return padded.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)


def several(x: Tensor, count: int) -> list[Tensor]:
    """Return a batch (1), the batch and its mirror image (2), or also both moved by a pixel, two ways (6)."""
    if count not in (1, 2, 6):
        raise ValueError(f"views is {count!r}; expected 1, 2 or 6")
    views = [x] if count == 1 else [x, x.flip(3)]
    if count == 6:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        moved = [padded[:, :, d : d + x.shape[2], d : d + x.shape[3]] for d in (0, 2)]
        views += moved + [m.flip(3) for m in moved]
    return views


def batches(
    views: Tensor, labels: Tensor, *, size: int, epoch: int, flip: bool, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the shuffled batches of an epoch, each picture (3, H, W) uint8 moved and mirrored on its own.

    Order and places come from torch's generator. A picture is mirrored every other epoch; the seed says
    which ones begin. The last batch is left out when it is short.

    Args:
        views: from `windows`: every place to cut each picture out.
        labels: (N,) int64.
        size: pictures in a batch.
        epoch: counted from 0.
    """
    count, places = len(labels), views.shape[1]
    order = torch.randperm(count).to(labels.device)
    dy, dx = torch.randint(places, (2, count)).to(labels.device)
    coin = torch.Generator().manual_seed(seed)  # half of the pictures begin mirrored, then take turns
    mirrored = (torch.randint(2, (count,), generator=coin) + epoch).to(labels.device) % 2 == 1
    for start in range(0, max(1, count - size + 1), size):
        index = order[start : start + size]
        x = views[index, dy[index], dx[index]].permute(0, 3, 1, 2)
        if flip:
            x = torch.where(mirrored[index, None, None, None], x.flip(3), x)
        yield x, labels[index]

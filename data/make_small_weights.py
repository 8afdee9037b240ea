"""Train the small residual network on CIFAR-10 and write labkit/weights/small_cifar10.npz (float16).

Run again after a stop: it goes on from its last finished epoch. Ten minutes or more on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from labkit import cache, datasets, nets, store, training

TARGET = Path(__file__).parents[1] / "labkit" / "weights" / "small_cifar10.npz"


def plan_of(epochs: int) -> training.Plan:
    """Return how the network is trained."""
    return training.Plan(epochs=epochs, batch=128, rate=0.2, decay=5e-4, smoothing=0.05)


def export(run: training.Run, data: datasets.Images, target: Path) -> None:
    """Round the weights to float16, measure the network with the rounded ones, and write them."""
    state = {name: value.contiguous().numpy() for name, value in run.net.state_dict().items()}
    halves = {name: array.astype(np.float16) for name, array in state.items() if array.dtype == np.float32}
    counters = {name: array for name, array in state.items() if name not in halves}
    rounded = {name: torch.from_numpy(array.astype(np.float32)) for name, array in halves.items()}
    run.net.load_state_dict(rounded, strict=False)
    score = training.evaluate(run, data.test_images, data.test_labels)
    note = (
        f"trained by labkit on CIFAR-10 for {len(run.epochs)} of {run.plan.epochs} epochs, "
        f"test accuracy {100 * score.accuracy:.1f} % (data/make_small_weights.py)"
    )
    statistics = {"mean": np.array(run.mean), "std": np.array(run.std)}
    store.save(target, halves | counters | statistics, note=note, packed=True)
    print(f"{target}: {target.stat().st_size:,} bytes; {note}")


def main() -> None:
    """Train, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args()
    data = datasets.fetch_cifar10()
    torch.manual_seed(0)
    kept = cache.folder() / f"small-{options.epochs}.checkpoint"
    run = training.train(
        nets.small_resnet(), data, plan_of(options.epochs), keep=kept, evaluate_every=2, device="cpu"
    )
    export(run, data, options.output)


if __name__ == "__main__":
    main()

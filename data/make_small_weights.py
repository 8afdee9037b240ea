"""Train the small residual network on CIFAR-10 and write labkit/weights/small_cifar10.npz (float16).

Run again after a stop: it goes on from its last finished epoch. A few minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from labkit import cache, datasets, nets, store, training

TARGET = Path(__file__).parents[1] / "labkit" / "weights" / "small_cifar10.npz"


def main() -> None:
    """Train, measure what is written, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args()
    data = datasets.fetch_cifar10()
    torch.manual_seed(0)
    net = nets.small_resnet()
    plan = training.Plan(epochs=options.epochs, batch=128, rate=0.2, decay=5e-4, smoothing=0.05)
    kept = cache.folder() / f"small-{options.epochs}.checkpoint"
    run = training.train(net, data, plan, keep=kept, evaluate_every=2, device="cpu")
    state = {name: value.contiguous().numpy() for name, value in net.state_dict().items()}
    halves = {name: array.astype(np.float16) for name, array in state.items() if array.dtype == np.float32}
    net.load_state_dict({n: torch.from_numpy(a.astype(np.float32)) for n, a in halves.items()}, strict=False)
    score = training.evaluate(run, data.test_images, data.test_labels)
    note = (
        f"trained by labkit on CIFAR-10 for {plan.epochs} epochs, test accuracy {100 * score.accuracy:.1f} % "
        "(data/make_small_weights.py)"
    )
    statistics = {"mean": np.array(run.mean), "std": np.array(run.std)}
    counters = {name: array for name, array in state.items() if name not in halves}
    store.save(options.output, halves | counters | statistics, note=note, packed=True)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes; {note}")


if __name__ == "__main__":
    main()

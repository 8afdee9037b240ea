"""Training on CIFAR-10: the introductory tutorial's loop against labkit's, in turn, a process each.

bench_train.py                      2 epochs of the introductory network, A B A B
bench_train.py --to 0.80            time to an accuracy on this CPU
bench_train.py --sweep              3 rates x 3 numbers of epochs against nine runs
bench_train.py --gpu --to 0.94 --seeds 10
"""

import argparse
import dataclasses
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STARTED = time.perf_counter()
sys.path[:0] = [str(Path(__file__).parent)]

import torch  # noqa: E402
from alternate import machine  # noqa: E402
from tutorial import plain_loop, tutorial  # noqa: E402

from labkit import batches, datasets, nets, training  # noqa: E402

OURS = training.Plan(epochs=2, batch=128, rate=0.08, decay=5e-4, shift=1)
SAME = training.Plan(
    epochs=2,
    batch=4,
    rate=0.001,
    schedule="constant",
    nesterov=False,
    decay=0,
    shift=0,
    flip=False,
    bf16=False,
)
FAST = training.Plan(
    epochs=4, batch=256, rate=0.375, momentum=0.85, decay=1.33e-3, smoothing=0.2, bias=64, warm=0.23
)
GPU = dataclasses.replace(FAST, epochs=10, batch=1024, rate=1.5)
SMALLER = training.Plan(epochs=1, batch=256, rate=0.3, decay=1e-3, smoothing=0.1, shift=1)
RIVALS = (
    "tutorial, 2 workers",
    "tutorial, 0 workers, 1 thread",
    "labkit",
    "labkit, a smaller network, 1 epoch",
    "labkit, a smaller network, 1/2 epoch",
    "labkit, same arithmetic",
)


def ours(data: datasets.Images, seed: int, plan: training.Plan, *, smaller: bool = False) -> float:
    """Train the same network, or one of 26,698 parameters, with labkit's loop; return the accuracy."""
    torch.manual_seed(seed)
    plan = dataclasses.replace(plan, seed=seed)
    net = nets.patchwise() if smaller else nets.introductory()
    if smaller:
        some = data.train_images[:3000]
        nets.whiten(net[0], batches.normaliser(*batches.statistics(some), torch.device("cpu"))(some))
    run = training.train(net, data, plan, device="cpu", evaluate_every=0, watch=quiet)
    return training.evaluate(run, data.test_images, data.test_labels).accuracy


def quiet(_run: training.Run) -> None:
    """Print nothing."""


def processor() -> float:
    """Return the seconds of processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def load(subset: int) -> datasets.Images:
    """Read CIFAR-10 from the cache; leave when it is not there."""
    data = datasets.cached_cifar10()
    if data is None:
        sys.exit("CIFAR-10 is not in the cache: run labkit data cifar10")
    return first(data, subset) if subset else data


def first(data: datasets.Images, count: int) -> datasets.Images:
    """Return the data with the first pictures to train on, and all to test on."""
    few = {"train_images": data.train_images[:count], "train_labels": data.train_labels[:count]}
    return dataclasses.replace(data, **few)


def one(name: str, seed: int, subset: int) -> None:
    """Make one run of one rival and print its accuracy and seconds as JSON."""
    data = load(subset)
    rivals: dict[str, Callable[[], float]] = {
        RIVALS[0]: lambda: tutorial(data, seed, 2),
        RIVALS[1]: lambda: tutorial(data, seed, 0),
        RIVALS[2]: lambda: ours(data, seed, OURS),
        RIVALS[3]: lambda: ours(data, seed, SMALLER, smaller=True),
        RIVALS[4]: lambda: ours(first(data, len(data.train_labels) // 2), seed, SMALLER, smaller=True),
        RIVALS[5]: lambda: ours(data, seed, SAME),
    }
    if "1 thread" in name:
        torch.set_num_threads(1)
    importlib.import_module("torch._dynamo")  # a second that the first optimizer takes; in nobody's time
    start, begin = time.perf_counter(), processor()
    accuracy = rivals[name]()
    spent = {"seconds": time.perf_counter() - start, "cpu": processor() - begin}
    print(json.dumps({"accuracy": accuracy, **spent}))


def against_tutorial(seeds: int, subset: int) -> None:
    """Run the rivals in turn, a new process each, and print medians, means and ratios."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in RIVALS}
    for seed in range(seeds):
        for name in RIVALS:
            command = [sys.executable, __file__, "--one", name, "--seed", str(seed), "--subset", str(subset)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results[name].append(json.loads(done.stdout.splitlines()[-1]))
            row = results[name][-1]
            print(
                f"  seed {seed}  {name:37s} {row['seconds']:7.1f} s  cpu {row['cpu']:6.1f} s  "
                f"{100 * row['accuracy']:.1f} %",
                flush=True,
            )
    cpu = {name: statistics.median(r["cpu"] for r in rows) for name, rows in results.items()}
    base = statistics.median(r["seconds"] for r in results[RIVALS[0]])
    alone = statistics.median(r["seconds"] for r in results[RIVALS[1]])
    for name, rows in results.items():
        median = statistics.median(r["seconds"] for r in rows)
        mean = statistics.mean(r["accuracy"] for r in rows)
        print(
            f"{name:37s} median {median:7.1f} s  cpu {cpu[name]:6.1f} s  "
            f"mean accuracy {100 * mean:5.2f} %  n={len(rows)}"
            f"  {base / median:5.1f}x the first, {alone / median:5.1f}x the second"
        )


def to_accuracy(
    goal: float, seeds: int, subset: int, *, gpu: bool, epochs: int, widths: tuple[int, int, int]
) -> None:
    """Time a network that learns fast until its accuracy is printed, for each seed."""
    place = "cuda" if gpu else "cpu"
    if gpu and not torch.cuda.is_available():
        sys.exit("there is no GPU here that torch can use")
    torch.backends.cudnn.benchmark = gpu
    data = load(subset)
    plan = GPU if gpu else FAST
    plan = dataclasses.replace(plan, epochs=epochs or plan.epochs)
    print(f"{plan}; widths {widths}; {torch.cuda.get_device_name() if gpu else 'CPU'}")
    rows = []
    for seed in range(seeds):
        start, begin = time.perf_counter(), processor()
        torch.manual_seed(seed)
        some = data.train_images[:5000].to(place)
        ready = batches.normaliser(*batches.statistics(some), torch.device(place))
        net = nets.fast(widths).to(place)
        nets.whiten(net[0], ready(some))
        mine = dataclasses.replace(plan, seed=seed)
        run = training.train(net, data, mine, device=place, evaluate_every=0, watch=quiet)
        score = training.evaluate(run, data.test_images, data.test_labels, views=6, batch=2000)
        now = time.perf_counter()
        rows.append((now - start, run.seconds, score.accuracy))
        print(
            f"seed {seed}: {100 * score.accuracy:.2f} % in {now - start:.2f} s "
            f"({run.seconds:.2f} s from first batch to last, {now - STARTED:.2f} s from process start; "
            f"processor time {processor() - begin:.1f} s, {torch.get_num_threads()} threads)",
            flush=True,
        )
    seconds, training_seconds, accuracy = zip(*rows, strict=True)
    print(
        f"mean accuracy {100 * statistics.mean(accuracy):.2f} % (goal {100 * goal:.0f} %, "
        f"{'met' if statistics.mean(accuracy) >= goal else 'not met'}), n={len(rows)}; "
        f"median {statistics.median(seconds):.2f} s, "
        f"of which training {statistics.median(training_seconds):.2f} s"
    )


def sweeps(rounds: int, subset: int) -> None:
    """Time the sweep against nine runs in a row: of labkit's own loop, and of a plain DataLoader loop."""
    from labkit.sweep import sweep

    data, rates, lengths = load(subset or 10_000), (0.1, 0.01, 0.001), (1, 2, 3)
    plan = training.Plan(schedule="constant", batch=64)

    def nine() -> None:
        for rate in rates:
            for length in lengths:
                torch.manual_seed(0)
                mine = dataclasses.replace(plan, rate=rate, epochs=length)
                training.train(nets.introductory(), data, mine, device="cpu", watch=quiet)

    def plain() -> None:
        for rate in rates:
            for length in lengths:
                plain_loop(data, rate, length)

    def swept() -> None:
        torch.manual_seed(0)
        sweep(nets.introductory(), data, rates=rates, epochs=lengths, plan=plan)

    seconds: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, run in (
            ("nine DataLoader runs", plain),
            ("nine labkit runs", nine),
            ("labkit sweep", swept),
        ):
            start, begin = time.perf_counter(), processor()
            run()
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            cpu.setdefault(name, []).append(processor() - begin)
    last = statistics.median(seconds["labkit sweep"])
    for name, runs in seconds.items():
        print(
            f"{name:24s} median {statistics.median(runs):7.1f} s  "
            f"cpu {statistics.median(cpu[name]):6.1f} s  n={len(runs)}  "
            f"the sweep takes {last / statistics.median(runs):.2f} of it"
        )


def main() -> None:
    """Read the options and run what they ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--subset", type=int, default=0, help="train on so many pictures only")
    parser.add_argument("--to", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--widths", type=int, nargs=3, default=None)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--one", choices=RIVALS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.seed, options.subset)
        return
    print(
        machine("torch", "torchvision"),
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'free')}",
        flush=True,
    )
    if options.to or options.gpu:
        widths = tuple(options.widths or ((64, 256, 256) if options.gpu else (32, 64, 128)))
        goal = options.to or 0.94
        to_accuracy(
            goal, options.seeds, options.subset, gpu=options.gpu, epochs=options.epochs, widths=widths
        )
    elif options.sweep:
        sweeps(options.seeds, options.subset)
    else:
        against_tutorial(options.seeds, options.subset)
    print(machine("torch"))


if __name__ == "__main__":
    main()

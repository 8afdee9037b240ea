"""The square button in a real kernel: a training ends with what there is, and the next cell works."""

import os
import sys

import psutil
import pytest
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs side by side need fork")

SETUP = """
import torch
from torch import nn
from labkit import classifier, datasets, sweep, training
torch.set_num_threads(1)
data = datasets.stand_in(train=64, test=20)
net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
long = training.Plan(epochs=10**6, batch=32)
train, filled = training.train, sweep._filled
second = lambda run: print("second epoch") if len(run.epochs) == 2 else None
"""
TRAINING = "run = training.train(net, data, long, watch=second)"
COMPARISON = """
training.train = lambda net, data, plan, watch: train(net, data, plan, watch=second)
try:
    runs = classifier.compared(data, epochs=10**6)
finally:
    training.train = train
"""
SWEEP = """
sweep._filled = lambda *given: (filled(*given), print("one is finished"))[0]
tried = sweep.sweep(net, data, rates=(0.1,), epochs=(1, 10**6), plan=long, workers=2)
"""
CASES = {
    "training": (TRAINING, "second epoch", "Training was stopped after ",
                 "run.stopped, len(run.epochs) > 1, training.evaluate(run, data.test_images, data.test_labels).loss > 0",
                 "(True, True, True)"),
    "comparison": (COMPARISON, "second epoch", "The comparison was stopped, with 1 of 4 ways trained (plain; ",
                   "list(runs), runs['plain'].stopped", "(['plain'], True)"),
    "sweep": (SWEEP, "one is finished", "The sweep was stopped: 1 of 2 runs are finished",
              "list(tried.accuracy), __import__('multiprocessing').active_children()", "([(0.1, 1)], [])"),
}  # fmt: skip


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel")
    manager = KernelManager(connection_file=str(folder / "kernel.json"))
    kept = {name: value for name, value in os.environ.items() if name != "LABKIT_QUICK"}
    manager.start_kernel(cwd=str(folder), env=kept | {"OMP_NUM_THREADS": "1"})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cell(kernel, source, stop_at=""):
    """Run a cell, and interrupt it when it has printed something; return what it printed or gave, and errors."""
    manager, client = kernel
    said, errors, stopped = [], [], []

    def see(message):
        content = message["content"]
        said.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))
        errors.extend([content["ename"]] if message["msg_type"] == "error" else [])
        if stop_at and stop_at in "".join(said) and not stopped:
            stopped.append(manager.interrupt_kernel())

    client.execute_interactive(source, timeout=120, output_hook=see, allow_stdin=False)
    assert not stop_at or stopped, said
    return "".join(said), errors


@pytest.mark.parametrize("name", CASES)
def test_an_interrupted_cell_keeps_what_there_is(name, kernel):
    source, stop_at, told, after, found = CASES[name]
    if name == "training":
        assert cell(kernel, SETUP) == ("", [])
    said, errors = cell(kernel, source, stop_at)
    assert not errors, said
    assert told in said
    assert cell(kernel, after) == (found, [])
    assert psutil.Process(kernel[0].provisioner.pid).children() == []

"""Spare correct code a failure that only the sandbox would cause."""

from __future__ import annotations

import functools
import sys
from typing import Any


def load_in_one_process() -> None:
    """Have torch's DataLoader ignore `num_workers`: the same batches, in one process.

    Worker processes need POSIX semaphores and named sockets, which Landlock cannot hold to one folder, and
    which stay behind when their makers are killed.
    """
    data = sys.modules.get("torch.utils.data")
    if data is None:
        return
    plain = data.DataLoader.__init__

    @functools.wraps(plain)
    def init(self: Any, *args: Any, **options: Any) -> None:
        args = (*args[:NUM_WORKERS], 0, *args[NUM_WORKERS + 1 :]) if len(args) > NUM_WORKERS else args
        for name in ONLY_WITH_WORKERS:
            options.pop(name, None)
        plain(self, *args, **options)

    data.DataLoader.__init__ = init


NUM_WORKERS = 5  # its place among DataLoader's arguments after self
ONLY_WITH_WORKERS = (
    "num_workers",
    "timeout",
    "prefetch_factor",
    "persistent_workers",
    "multiprocessing_context",
    "worker_init_fn",
)

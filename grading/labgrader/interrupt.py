"""Ctrl-C that lets what is in hand finish: the first asks, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console


class Interrupt:
    """Whether somebody asked to stop; false until then.

    Example:
        >>> bool(Interrupt(Console()))
        False
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.in_hand = 0
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked

    def ask(self, *_: Any) -> None:
        """Take note of a Ctrl-C; raise the second."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self.console.print(f"Finishing the {self.in_hand} in hand; Ctrl-C again stops at once.")


@contextmanager
def interruptible(console: Console) -> Iterator[Interrupt]:
    """Turn the first Ctrl-C in the block into a request; only the main thread gets any.

    Args:
        console: where to tell that it was heard.
    """
    interrupt = Interrupt(console)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt.ask)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)

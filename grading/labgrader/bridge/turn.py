"""Whose turn it is on the student's end of the channel, when several of the student's threads want it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LATE = (
    "A function of the test was called after your function had returned: wait for your threads first, "
    "for example with join() or inside `with ThreadPoolExecutor() as pool:`."
)
_FORKED = "A function of the test can be called from threads, but not from another process: call it before."


class Own(threading.local):
    """What each thread has of its own: how deep it is in messages that an interrupt must not tear."""

    shield = 0


class Turn:
    """Lets one thread at a time send a message and wait for its answer.

    Exchanges nest: while a thread does what the other side asked, any thread may ask back. What was begun
    last ends first, so a thread that wants to answer waits until all younger exchanges have ended.

    Args:
        nesting: how many exchanges are open; only the thread whose turn it is changes that.
    """

    def __init__(self, nesting: Callable[[], int]) -> None:
        self._nesting = nesting
        self._changed = threading.Condition()
        self._owner: int | None = None
        self._over = True
        self._answering: list[int] = []
        self._process = os.getpid()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the turn in the block; wait for it.

        Raises:
            RuntimeError: nothing is being asked any more, or this is a copy of the process.
        """
        me = threading.get_ident()
        if os.getpid() != self._process:
            raise RuntimeError(_FORKED)
        if self._owner == me:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._free())
            if self._over:
                raise RuntimeError(_LATE)
            self._owner = me
        try:
            yield
        finally:
            self._give_away()

    def lend(self) -> int:
        """Give the turn away while the student's code runs; returns what `take_back` wants."""
        level = self._nesting()
        self._over = False
        self._give_away()
        return level

    def take_back(self, level: int) -> None:
        """Have the turn again, once all that was begun since has ended.

        Args:
            level: what `lend` gave; 0 for the first time.
        """
        with self._changed:
            self._answering.append(level)
            self._changed.wait_for(lambda: self._owner is None and self._nesting() == level)
            self._answering.remove(level)
            self._owner, self._over = threading.get_ident(), level <= 1
            self._changed.notify_all()

    def _free(self) -> bool:
        """Tell whether an exchange may begin: not where a thread only waits for its end to answer."""
        return self._owner is None and self._nesting() > max(self._answering, default=-1)

    def _give_away(self) -> None:
        with self._changed:
            self._owner = None
            self._changed.notify_all()

"""Importing a package without one that it would use if it were there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let imports find that a package is not installed; one that is loaded already stays.

    Example:
        >>> with without("no_such_package"):
        ...     import no_such_package
        Traceback (most recent call last):
        ModuleNotFoundError: import of no_such_package halted; None in sys.modules
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(name, None)

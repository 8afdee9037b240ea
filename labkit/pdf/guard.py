"""The compiler's own faults, which reach Python as something that `except Exception` does not catch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labkit.pdf.errors import PanicError

_seen: list[str] = []


def panicked() -> bool:
    """Say whether the compiler has panicked in this process, which may then hang when it ends."""
    return bool(_seen)


@contextmanager
def guarded() -> Iterator[None]:
    """Turn a panic of the compiler into a `PanicError`."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        _seen.append(str(error)[:200])
        raise PanicError(_seen[-1]) from None

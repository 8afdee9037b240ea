"""Large pages for a warm process: a fork copies one entry for 2 MiB of its memory instead of 512."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterator

from labgrader.sandbox.syscalls import LINUX, check, libc

MADV_COLLAPSE = 25  # Linux 6.1
LARGE = 2 << 20
WORTH_AFTER = 20  # forks; a class of 30 on two processors is done by then, and does not wait for it
ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 ")


def collapse() -> None:
    """Put this process's own memory into large pages, where the system can.

    For the 400 MB of a warm process that takes a second, once; each fork of it then takes 10 ms, not 40.
    """
    if not LINUX:
        return
    for start, size in own():
        address, length = ctypes.c_void_p(start), ctypes.c_size_t(size)
        with contextlib.suppress(OSError):  # none free, or an older system: it stays as it is
            check(libc().madvise(address, length, MADV_COLLAPSE), "madvise")


def own() -> Iterator[tuple[int, int]]:
    """Yield the address and size of every whole large page, joined, that belongs to no file."""
    for low, high in ANONYMOUS.findall(mappings()):
        start, end = -(-int(low, 16) // LARGE) * LARGE, int(high, 16) // LARGE * LARGE
        if start < end:
            yield start, end - start


def mappings() -> str:
    """Return the system's list of this process's mappings, a line each."""
    with open("/proc/self/maps") as file:
        return file.read()

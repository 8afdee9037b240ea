"""Root's powers, one by one: which a process has, and how it loses them for good."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

from labgrader.sandbox.system import (
    PR_CAP_AMBIENT,
    PR_CAPBSET_DROP,
    PR_SET_KEEPCAPS,
    check,
    libc,
    prctl,
)

DAC_OVERRIDE, DAC_READ_SEARCH, SETGID, SETUID = 1, 2, 6, 7
VERSION_3 = 0x20080522
AMBIENT_RAISE, AMBIENT_CLEAR_ALL = 2, 4


def effective() -> int:
    """Return the bit set of capabilities in force, read from /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def have(capability: int) -> bool:
    """True when the process may use this capability now."""
    return bool(effective() >> capability & 1)


def _set(bits: int) -> None:
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = ctypes.create_string_buffer(struct.pack("=Ii", VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("=6I", low, low, low, high, high, high))
    check(libc().capset(header, data), "capset")


def drop(*, keep: int | None = None) -> None:
    """Give up every capability, except at most one that is also handed to programs started later.

    Args:
        keep: number of the one capability to keep; None for none.
    """
    prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
    drop_bounding(keep=keep)
    _set(0 if keep is None else 1 << keep)
    if keep is not None:
        prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, keep)


def drop_bounding(*, keep: int | None = None) -> None:
    """Make sure that no program started later gains a capability, apart from `keep`; needs root's powers."""
    for number in range(64):
        if number != keep:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:  # no such capability, or none of ours to drop
                continue


def keep_over_setuid() -> None:
    """Let the next change of user keep the permitted capabilities, so that `drop(keep=...)` can choose."""
    prctl(PR_SET_KEEPCAPS, 1)

"""Limits that the kernel itself keeps for each process."""

from __future__ import annotations

import resource

from labgrader.sandbox.records import MIB, SandboxLimits
from labgrader.sandbox.system import LINUX

SPARE_PROCESSES = 8


def apply(limits: SandboxLimits, *, others: int) -> None:
    """Lower this process's limits; they hold for each of its children too.

    Args:
        limits: what the child may use. Memory comes on top of what is mapped now; RLIMIT_DATA makes a request
            too large fail where it is made, and the warden sees what that does not count.
        others: processes and threads of the same user outside the child, which RLIMIT_NPROC also counts.
    """
    size, data = _mapped()
    lower("CORE", 0)
    lower("FSIZE", limits.file_size)
    lower("NOFILE", limits.open_files)
    lower("CPU", limits.cpu_seconds)
    if LINUX:  # elsewhere this counts all that the user runs
        lower("NPROC", others + limits.processes + SPARE_PROCESSES)
    lower("MEMLOCK", 8 * MIB)
    lower("MSGQUEUE", 0)
    lower("SIGPENDING", 1024)
    lower("STACK", 8 * MIB)
    if data:
        lower("DATA", data + limits.memory)
        lower("AS", size + 2 * limits.memory + 1024 * MIB)


def lower(name: str, value: int) -> None:
    """Lower one limit, hard and soft, never raising it; systems without that limit are passed over."""
    which = getattr(resource, f"RLIMIT_{name}", None)
    if which is None:
        return
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (ValueError, OSError):  # macOS refuses some
        return


def _mapped() -> tuple[int, int]:
    """Return the bytes of address space and of private writable memory that this process has."""
    if not LINUX:
        return 0, 0
    with open("/proc/self/statm") as file:
        fields = file.read().split()
    page = resource.getpagesize()
    return int(fields[0]) * page, int(fields[5]) * page

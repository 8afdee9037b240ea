"""What a sandbox is asked for: limits, what may be read, and what the warm process is told, as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

MIB = 1 << 20
TIERS = ("bwrap", "landlock", "rlimits")
PRELOAD = (
    "numpy",
    "torch",
    "torch._dynamo",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython.core.interactiveshell",
)


class SandboxError(Exception):
    """A sandbox that cannot be had, or that broke; the message is one sentence for an instructor."""


@dataclass(frozen=True)
class SandboxLimits:
    """The most that one submission may use, all of its processes together unless said otherwise.

    Args:
        memory: bytes of memory beyond the shared libraries that were loaded before.
        processes: processes and threads alive at one time.
        disk: bytes in the temporary folder, which is in memory (tmpfs) where there is room.
        files: files and folders in the temporary folder.
        file_size: bytes in one file.
        open_files: open files in one process.
        cpu_seconds: processor seconds.
        wall_seconds: seconds from the start.

    Example:
        >>> SandboxLimits(memory=512 * MIB).processes
        64
    """

    memory: int = 2048 * MIB
    processes: int = 64
    disk: int = 256 * MIB
    files: int = 5_000
    file_size: int = 128 * MIB
    open_files: int = 256
    cpu_seconds: int = 900
    wall_seconds: float = 1800.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} is {value!r}; expected a number above 0")


@dataclass(frozen=True)
class SandboxPolicy:
    """How children are made.

    Args:
        limits: the most that one child may use.
        entry: "module:function", called with the connected socket inside the sealed child; the module's
            `warm()`, where it has one, is called once before any child, and must start no thread either.
        preload: modules imported once, before any child, and functions ("module:function") called once; none
            of them may start a thread.
        readable: more files or folders that a child may read, such as a data set.
        hidden: folders that a child must never read; a sandbox that would show one refuses to start.
        forks: children made before the warm process is started afresh.
        start_seconds: the longest that the warm process may take to start.
    """

    limits: SandboxLimits = field(default_factory=SandboxLimits)
    entry: str = "labgrader.bridge.student:serve"
    preload: tuple[str, ...] = PRELOAD
    readable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    forks: int = 200
    start_seconds: float = 120.0


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Args:
        why: "" for an ending of its own; else begins "memory:", "processes:", "disk:", "time:" or "died:".
        status: exit status; minus the signal's number where a signal ended it; None where nobody could tell.
        clean: True when every process and file of it was seen to be gone.
    """

    why: str = ""
    status: int | None = None
    clean: bool = False


@dataclass(frozen=True)
class Start:
    """How a warm process is made.

    Args:
        tier: "bwrap", "landlock" or "rlimits".
        base: its folder on this machine's disk; not seen in the bwrap tier, which has its own /tmp.
        trees: what may be read.
        preload: modules to import.
        entry: "module:function" for the children.
        uid: the user to become, or None to stay.
        group: the control group to join, or None.
        keep_capability: the one capability that reading `trees` needs, found out on the way.
    """

    tier: str
    base: str
    trees: tuple[str, ...]
    preload: tuple[str, ...]
    entry: str
    uid: int | None = None
    group: str | None = None
    keep_capability: int | None = None

    def dumps(self) -> bytes:
        """Return the record as JSON."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class Request:
    """One child to be made.

    Args:
        number: counts the children of a warm process.
        limits: the most that it may use.
        seed: of its random numbers.
    """

    number: int
    seed: int
    limits: SandboxLimits = field(default_factory=SandboxLimits)

    def dumps(self) -> bytes:
        """Return the record as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


def read_start(fd: int) -> Start:
    """Return the record in an open file, from its beginning, leaving its position alone."""
    data: dict[str, Any] = json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    return Start(**{**data, "trees": tuple(data["trees"]), "preload": tuple(data["preload"])})


def read_request(line: bytes) -> Request:
    """Return the record in one line of JSON."""
    data: dict[str, Any] = json.loads(line)
    return Request(**{**data, "limits": SandboxLimits(**data["limits"])})

"""What a sandbox is asked for: limits, what may be read, what is imported before the first student."""

from __future__ import annotations

from dataclasses import dataclass, field

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
        entry: "module:function", called with the connected socket inside the sealed child.
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

"""What one submission may take, and from which key its hidden inputs are drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields

from labkit.plainfile import MOST_READ

MIB = 1 << 20
# With less nobody could answer anything.
_LEAST = {
    "cell_seconds": 1,
    "question_seconds": 1,
    "submission_seconds": 1,
    "memory": 256 * MIB,
    "processes": 8,
}
ISOLATIONS = ("auto", "bwrap", "landlock", "rlimits", "none")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The limits and the secret that one call of `grade` works under.

    A question is every cell of the lab's after the previous test cell up to and including its own test cell.
    What students add is no part of it: their cells' time is limited by the cell and by the submission alone.

    Args:
        key: the course's secret bytes; hidden inputs are drawn from it.
        isolation: how the student's code is kept from files and network: "auto" for the strongest way that
            holds on this machine, "bwrap" or "landlock" for that one, "rlimits" for limits only, "none" for
            nothing. Tests run in a process of their own in all of them.
        tier: what `isolation` came to on this machine; "" until `labgrader.isolation.resolved` has found out.
        hidden: folders that the student's code must never read, such as the course's.
        readable: more files and folders that it may read, such as a data set.
        cell_seconds: longest time for one cell.
        question_seconds: longest time for the lab's cells of one question together.
        submission_seconds: longest time for one submission, restarts included.
        start_seconds: longest time for a process to start; more is the machine's fault, not the student's.
        grace_seconds: time between the interrupt of a cell and the end of a process that does not obey it.
        restarts: how often a student's process that died is replaced within one submission.
        memory: bytes of memory that the student's processes may use together.
        processes: processes and threads that the student's code may have at one time.
        disk: bytes that it may write into its temporary folder.
        file_size: bytes of one file that it may write.
        cell_output: characters of output kept from one cell.
        total_output: characters of output kept from one submission.
        image_bytes: bytes of one picture that is kept.
        image_pixels: width times height of one picture that is kept.
        notebook_bytes: largest notebook file that is read.
        notebook_cells: most cells that a notebook may have.
        cell_source: most characters that one cell may have.
        notebook_source: most characters that all cells may have together, without their outputs.

    Example:
        >>> Policy(cell_seconds=5).cell_seconds
        5
    """

    key: bytes = field(default=b"", repr=False)
    isolation: str = "auto"
    tier: str = ""
    hidden: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    cell_seconds: float = 30
    question_seconds: float = 60
    submission_seconds: float = 600
    start_seconds: float = 120
    grace_seconds: float = 2
    restarts: int = 3
    memory: int = 2048 * MIB
    processes: int = 64
    disk: int = 256 * MIB
    file_size: int = 128 * MIB
    cell_output: int = MIB
    total_output: int = 16 * MIB
    image_bytes: int = 2 * MIB
    image_pixels: int = 25_000_000
    notebook_bytes: int = MOST_READ
    notebook_cells: int = 2000
    cell_source: int = 200_000
    notebook_source: int = 4_000_000

    def __post_init__(self) -> None:
        if self.isolation not in ISOLATIONS:
            raise ValueError(f"isolation is {self.isolation!r}; expected one of {', '.join(ISOLATIONS)}.")
        for entry in fields(self):
            value = getattr(self, entry.name)
            least = _LEAST.get(entry.name, 0)
            if isinstance(value, int | float) and not value >= least:
                raise ValueError(f"{entry.name} is {value}; expected {least or 'zero'} or more.")

    def digest(self) -> str:
        """Return 64 hexadecimal digits that change when any limit, the isolation or the key changes.

        What differs from machine to machine (`tier`, `hidden`, `readable`) does not count.
        """
        left_out = ("key", "tier", "hidden", "readable")
        parts = [
            f"{entry.name}={getattr(self, entry.name)!r}"
            for entry in fields(self)
            if entry.name not in left_out
        ]
        return hashlib.sha256("\n".join([*parts, hashlib.sha256(self.key).hexdigest()]).encode()).hexdigest()

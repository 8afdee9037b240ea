"""What one submission may take, and from which key its hidden inputs are drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The limits and the secret that one call of `grade` works under.

    A question is every cell after the previous test cell up to and including its own test cell.

    Args:
        key: the course's secret bytes; hidden inputs are drawn from it.
        isolation: how the student's code is kept apart; "none" is one plain kernel for code and tests.
        cell_seconds: longest time for one cell.
        question_seconds: longest time for the cells of one question together.
        submission_seconds: longest time for one submission, restarts included.
        start_seconds: longest time for a kernel to start; more is a fault of the machine, not of the student.
        grace_seconds: time between the interrupt of a cell and the end of a kernel that does not obey it.
        restarts: how often a kernel that died is replaced within one submission.
        memory: bytes of data that the kernel may hold (RLIMIT_DATA; Linux only), 0 for no limit.
        file_size: bytes of one file that the kernel may write (RLIMIT_FSIZE; Linux only), 0 for no limit.
        cell_output: characters of output kept from one cell.
        total_output: characters of output kept from one submission.
        image_bytes: bytes of one picture that is kept.
        image_pixels: width times height of one picture that is kept.
        notebook_bytes: largest notebook file that is read.
        notebook_cells: most cells that a notebook may have.
        cell_source: most characters that one cell may have.

    Example:
        >>> Policy(cell_seconds=5).cell_seconds
        5
    """

    key: bytes = field(default=b"", repr=False)
    isolation: str = "none"
    cell_seconds: float = 30
    question_seconds: float = 60
    submission_seconds: float = 600
    start_seconds: float = 60
    grace_seconds: float = 2
    restarts: int = 3
    memory: int = 4096 * MIB
    file_size: int = 512 * MIB
    cell_output: int = MIB
    total_output: int = 16 * MIB
    image_bytes: int = 2 * MIB
    image_pixels: int = 25_000_000
    notebook_bytes: int = 20 * MIB
    notebook_cells: int = 2000
    cell_source: int = 200_000

    def __post_init__(self) -> None:
        if self.isolation != "none":
            raise ValueError(f"isolation is {self.isolation!r}; this version knows only 'none'.")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{entry.name} is {value}; expected zero or more.")

    def digest(self) -> str:
        """Return 64 hexadecimal digits that change when any limit, or the key, changes."""
        parts = [
            f"{entry.name}={getattr(self, entry.name)!r}" for entry in fields(self) if entry.name != "key"
        ]
        return hashlib.sha256("\n".join([*parts, hashlib.sha256(self.key).hexdigest()]).encode()).hexdigest()

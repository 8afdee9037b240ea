"""What the trusted side tells the warm process at its start and for each child, as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from labgrader.sandbox.records import SandboxLimits


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

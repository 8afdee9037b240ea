"""A control group for each warm process where we may make one: it ends all that was ever started in it.

Nothing depends on this: it is a second net below the warden's, for when the warden itself was killed.
Interface: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from labgrader.sandbox.system import LINUX


def home() -> Path | None:
    """Return the folder of our own control group; None without version 2 of control groups."""
    if not LINUX:
        return None
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return None
    own = next((line[3:] for line in lines if line.startswith("0::/")), None)
    top = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if own is None or top is None or ".." in own:
        return None
    return Path(top + own)


def make(name: str) -> str | None:
    """Return a new group inside our own; None where that is not allowed or groups cannot be killed."""
    folder = home()
    if folder is None:
        return None
    group = folder / name
    try:
        group.mkdir()
    except OSError:
        return None
    if (group / "cgroup.kill").exists():
        return str(group)
    group.rmdir()
    return None


def join(group: str | None) -> None:
    """Move this process into a group; children follow."""
    if group is None:
        return
    try:
        Path(group, "cgroup.procs").write_text("0")
    except OSError:
        return


def end(group: str | None, *, seconds: float = 5.0) -> bool:
    """Kill all that is in a group, and remove it; True when it is gone, or there was none."""
    if group is None or not os.path.isdir(group):
        return True
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            Path(group, "cgroup.kill").write_text("1")
            os.rmdir(group)
        except OSError:
            time.sleep(0.005)
        else:
            return True
    return False

"""What the notebook was run with: versions, device, times; it stands in the metadata and on the last page."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("torch", "torchvision", "numpy", "labkit")


def environment(where: str, file: Path | None) -> dict[str, str]:
    """Return the record of this process and of a notebook file.

    Args:
        where: what the hand-in is made from.
        file: the notebook, for the time when it was saved; None: it is not a file.
    """
    record = {"python": platform.python_version()}
    record |= {name: found for name in _PACKAGES if (found := _version(name))}
    record["device"] = device()
    record["system"] = f"{platform.system()} {platform.machine()}"
    record["where"] = where
    if file is not None and file.is_file():
        record["saved"] = _iso(datetime.fromtimestamp(file.stat().st_mtime, tz=UTC).astimezone())
    record["made"] = _iso(now())
    return record


def now() -> datetime:
    """Return the time, or that of SOURCE_DATE_EPOCH (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(epoch), tz=UTC) if epoch.isdigit() else datetime.now(UTC).astimezone()


def device() -> str:
    """Return what this process computes on, as torch says when it is loaded."""
    cores = f"CPU, {os.cpu_count() or 1} cores"
    torch = sys.modules.get("torch")
    if torch is None:
        return f"{cores} (torch is not loaded)"
    try:
        if torch.cuda.is_available():
            return f"GPU {torch.cuda.get_device_name(0)}"
        if torch.backends.mps.is_available():
            return "GPU of an Apple chip (mps)"
    except Exception:  # a driver that does not answer is no reason not to hand in
        return f"{cores} (the GPU does not answer)"
    return cores


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="seconds")

"""Put one student's files into nbgrader's submitted/ folder, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from labgrader.course import Course

STAMP = "%Y-%m-%d %H:%M:%S.%f %Z"  # nbgrader's own form of timestamp.txt
WORKING = ".collecting-"


@dataclass(frozen=True)
class Placed:
    """What happened: "new", "replaced", "unchanged" or "kept"; what to say of it; where the files lie."""

    status: str
    notes: tuple[str, ...]
    folder: Path


def place(
    course: Course,
    lab: str,
    student: str,
    contents: Mapping[str, bytes],
    *,
    when: datetime,
    work: Path,
    force: bool = False,
) -> Placed:
    """Write `submitted/<student>/<lab>/` by one rename, unless what is there is the same or newer.

    Args:
        course: the course.
        lab: the lab's name.
        student: a student's id that is safe as a folder's name.
        contents: bytes by file name; a timestamp.txt is added.
        when: when it was handed in, UTC.
        work: a fresh folder of ours on the same disk, under `submitted/`.
        force: replace what is newer, too.
    """
    target = course.folder("submitted", student, lab)
    status = "new"
    if target.exists():
        status = "replaced"
        there = {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
        there.pop("timestamp.txt", None)
        if there == dict(contents):
            return Placed("unchanged", (), target)
        stamp = read_stamp(target)
        if stamp is not None and stamp > when and not force:
            note = f"differs from what is in submitted/, which is newer ({stamp:%Y-%m-%d %H:%M} UTC)"
            return Placed("kept", (note,), target)
    new, old = work / "new", work / "old" / student / lab
    new.mkdir(parents=True)
    for name, data in contents.items():
        (new / name).write_bytes(data)
    (new / "timestamp.txt").write_text(when.strftime(STAMP), encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        old.parent.mkdir(parents=True)
        os.rename(target, old)
    os.rename(new, target)
    return Placed(status, (), target)


def read_stamp(folder: Path) -> datetime | None:
    """Return the time in a folder's timestamp.txt, None when there is none or it cannot be read."""
    from nbgrader.utils import parse_utc

    try:
        when: datetime = parse_utc((folder / "timestamp.txt").read_text(encoding="utf-8").strip())
        return when.replace(tzinfo=UTC)
    except (OSError, ValueError, OverflowError):
        return None


def sweep(submitted: Path) -> None:
    """Remove what a killed run left in submitted/, and put back what it had only moved aside."""
    for folder in submitted.glob(f"{WORKING}*"):
        pid = folder.name.removeprefix(WORKING).split("-")[0]
        if pid.isdigit() and psutil.pid_exists(int(pid)):
            continue
        for old in folder.glob("*/old/*/*"):
            target = submitted / old.parent.name / old.name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(old, target)
        shutil.rmtree(folder, ignore_errors=True)

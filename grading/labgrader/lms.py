"""Read the downloads of Blackboard, Moodle and Canvas: whose is each file, and of which attempt.

The learning management system (LMS) puts its own words before the name that the student gave a file. Only
those words say whose it is; a student who writes such words into a file's name changes nothing.
"""

from __future__ import annotations

import csv
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from labgrader.course import CourseError
from labgrader.intake import MAX_FILE, NotPlainError, Refused, open_plain, plain_files
from labgrader.names import folded, part_fault, shown, student_fault

# Blackboard: LAB_USER_attempt_2026-11-20-09-30-00_NAME; with .txt at once it is what was typed beside it.
_BLACKBOARD = re.compile(r"(.+?)_attempt_(\d{4}(?:-\d\d){5})(?:_(.+)|\.txt)", re.DOTALL)
# Moodle: "Ada Lovelace_12345_assignsubmission_file_/NAME"; without folders the name follows at once.
_MOODLE = re.compile(r"[^/]*_(\d+)_assignsubmission_(file|onlinetext)_?([^/]*)")
# Canvas: lovelaceada_LATE_12345_67890_NAME; a file handed in again gets "-1" before its ending.
_CANVAS = re.compile(r"[^_]+_(?:late_)?(\d+)_(\d+)_(.+)", re.IGNORECASE | re.DOTALL)
_AGAIN = re.compile(r"-\d{1,2}(?=\.\w+$)")
_TYPED = re.compile(rb"Name: [^\r\n]* \(([^()\r\n]+)\)\s*[\r\n]")


@dataclass(frozen=True)
class Named:
    """What an LMS's file name says.

    Args:
        student: the LMS's id of the student: Blackboard's user name, Moodle's and Canvas's number.
        name: what the student called the file; "" for what the LMS added.
        attempt: orders the attempts of one student, the last counts; "" where the LMS gives only that.
        when: when it was handed in, UTC; None where the name does not say.
    """

    student: str
    name: str
    attempt: str = ""
    when: datetime | None = None


def blackboard(path: str) -> Named | None:
    """Read a path in Blackboard's download; the time is in the name, by the clock of this machine's zone.

    Example:
        >>> blackboard("Lab 1_s12_attempt_2026-11-20-09-30-00_01_convolution.ipynb").name
        '01_convolution.ipynb'
    """
    match = _BLACKBOARD.fullmatch(PurePosixPath(path).name)
    if not match or "_" not in match[1]:
        return None
    try:
        when = datetime.strptime(match[2], "%Y-%m-%d-%H-%M-%S").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Named(match[1].rsplit("_", 1)[1], match[3] or "", match[2], when)


def moodle(path: str) -> Named | None:
    """Read a path in Moodle's download, with a folder a student or without.

    Example:
        >>> moodle("Ada Lovelace_12_assignsubmission_file_/01_convolution.ipynb")
        Named(student='12', name='01_convolution.ipynb', attempt='', when=None)
    """
    parts = PurePosixPath(path).parts
    for depth, part in enumerate(parts):
        match = _MOODLE.fullmatch(part)
        if match is None:
            continue
        if part.count("_assignsubmission_") > 1:  # a student's own words, before or behind the true ones
            return None
        name = "/".join((match[3], *parts[depth + 1 :])).strip("/")
        return Named(match[1], name if match[2] == "file" else "")
    return None


def canvas(path: str) -> Named | None:
    """Read a path in Canvas's download.

    Example:
        >>> canvas("lovelaceada_LATE_12_345_01_convolution-1.ipynb").name
        '01_convolution.ipynb'
    """
    match = _CANVAS.fullmatch(PurePosixPath(path).name)
    return Named(match[1], _AGAIN.sub("", match[3]), match[2].zfill(20)) if match else None


READERS: Mapping[str, Callable[[str], Named | None]] = {
    "blackboard": blackboard,
    "moodle": moodle,
    "canvas": canvas,
}
# Columns of Moodle's grading worksheet and of Canvas's gradebook, and of a table made by hand.
_KEYS = ("lms", "identifier", "id")
_IDS = ("id number", "sis login id", "sis user id", "username", "email address", "student")


def read_roster(path: Path) -> dict[str, str]:
    """Read which of the LMS's ids is which student.

    Args:
        path: a CSV file with the columns `lms` and `student`; or Moodle's grading worksheet ("Identifier",
            "ID number" or "Email address"), or Canvas's gradebook export ("ID", "SIS Login ID").

    Raises:
        CourseError: it cannot be read, has no such columns, or gives two ids to one student.

    Example:
        >>> read_roster(Path("worksheet.csv"))  # doctest: +SKIP
        {'12345': 's1234567'}
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"The roster {path} cannot be read: {error}.") from error
    columns = {(name or "").strip().lower(): name for name in (rows[0] if rows else ())}
    key = next((columns[name] for name in _KEYS if name in columns), None)
    ids = [columns[name] for name in _IDS if name in columns]
    if key is None or not ids:
        raise CourseError(
            f"The roster {path} needs the columns lms and student, or to be Moodle's grading worksheet or "
            "Canvas's gradebook export."
        )
    roster: dict[str, str] = {}
    for row in rows:
        lms = (row[key] or "").strip().rsplit(" ", 1)[-1]
        student = next((value for name in ids if (value := (row[name] or "").strip())), "")
        if lms and student:
            roster[lms] = student
    if len(set(map(folded, roster.values()))) < len(roster):
        raise CourseError(f"The roster {path} gives one student two ids of the LMS.")
    return roster


def lay_out(
    root: Path, into: Path, *, lms: str, roster: Mapping[str, str], times: Mapping[Path, datetime], move: bool
) -> tuple[dict[Path, datetime], list[Refused]]:
    """Lay an LMS's files out as one folder a student, with the names that the students gave them.

    Of several attempts of one student only the last is taken.

    Args:
        root: the unpacked download.
        into: a fresh folder on the same disk.
        lms: "blackboard", "moodle" or "canvas".
        roster: the student's id by the LMS's id; one that is not in it is used as it is.
        times: when files were handed in, where that is known.
        move: the files are ours to move; else they are copied.

    Returns:
        The times by new path, and what was left out with its reason.
    """
    paths, refused = plain_files(root)
    typed = _users(paths) if lms == "blackboard" else {}
    taken: dict[str, list[tuple[Named, Path]]] = {}
    for path in paths:
        place = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        named = READERS[lms](place)
        if named is None:
            refused.append(
                Refused(shown(place), f"not named as {lms.capitalize()} names what students hand in")
            )
        elif named.name:
            user = typed.get(PurePosixPath(place).name.split("_attempt_")[0], named.student)
            taken.setdefault(roster.get(user, user), []).append((named, path))
    known: dict[Path, datetime] = {}
    for student, files in taken.items():
        last = max(named.attempt for named, _ in files)
        for named, path in files:
            fault = student_fault(student) or next(filter(None, map(part_fault, named.name.split("/"))), None)
            target = into / student / named.name
            if named.attempt != last:
                refused.append(Refused(shown(path.name), "an earlier attempt; the last one counts"))
            elif fault or target.exists():
                refused.append(Refused(shown(path.name), fault or "a second file of that name"))
            elif reason := _bring(path, target, move=move):
                refused.append(Refused(shown(path.name), reason))
            elif when := named.when or times.get(path):
                known[target] = when
    return known, refused


def _users(paths: Sequence[Path]) -> dict[str, str]:
    """Return user names by what stands before "_attempt_", as Blackboard's own text files tell them.

    A user name may have an underscore, which the file's name alone cannot tell from the lab's.
    """
    users = {}
    for path in paths:
        named = blackboard(path.name)
        if named is None or named.name:
            continue
        try:
            with open_plain(path) as file:
                match = _TYPED.match(file.read(4096))
        except NotPlainError:
            continue
        user = match[1].decode("utf-8", "replace") if match else ""
        before = path.name.split("_attempt_")[0]
        if user and before.endswith(f"_{user}"):
            users[unicodedata.normalize("NFC", before)] = user
    return users


def _bring(path: Path, target: Path, *, move: bool) -> str:
    """Put a file in its place; return why not, or ""."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if move:
        path.rename(target)
        return ""
    try:
        with open_plain(path, most=MAX_FILE) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except NotPlainError as error:
        return str(error)
    shutil.copystat(path, target)
    return ""

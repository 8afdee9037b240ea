"""Read the downloads of Blackboard, Moodle and Canvas: whose is each file, and which counts.

The learning management system (LMS) puts its own words before the name that the student gave a file. Only
those words say whose it is; a student who writes such words into a file's name changes nothing.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from labgrader.names import part_fault, shown, student_fault
from labgrader.untrusted import NotPlainError, Refused, open_plain, plain_files
from labkit.plainfile import MOST_READ

# Blackboard: LAB_USER_attempt_2026-11-20-09-30-00_NAME; with .txt at once it is what was typed beside it.
_BLACKBOARD = re.compile(r"(.+?)_attempt_(\d{4}(?:-\d\d){5})(?:_(.+)|\.txt)", re.DOTALL)
# Moodle: "Ada Lovelace_12345_assignsubmission_file_/NAME"; without folders the name follows at once.
_MOODLE = re.compile(r"[^/]*_(\d+)_assignsubmission_(file|onlinetext)_?([^/]*)")
# Canvas: lovelaceada_LATE_12345_67890_NAME with the student's number and the file's own: only the last
# attempt's files are there, all of them. One of a name that was there has "-1" before its ending.
_CANVAS = re.compile(r"[^_]+_(late_)?(\d+)_(\d+)_(.+)", re.IGNORECASE | re.DOTALL)
_AGAIN = re.compile(r"-(\d{1,2})(?=\.\w+$)")
_TYPED = re.compile(rb"Name: [^\r\n]* \(([^()\r\n]+)\)\s*[\r\n]")


@dataclass(frozen=True)
class Named:
    """What an LMS's file name says.

    Args:
        student: the LMS's id of the student: Blackboard's user name, Moodle's and Canvas's number.
        name: what the student called the file; "" for what the LMS added.
        attempt: orders the attempts of one student, the last counts; "" where the LMS gives only that.
        when: when it was handed in, UTC; None where the name does not say.
        late: the name says that it was late.
        version: orders the files of one student and name, the highest counts.
    """

    student: str
    name: str
    attempt: str = ""
    when: datetime | None = None
    late: bool = False
    version: tuple[int, int] = (0, 0)


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
        >>> moodle("Ada Lovelace_12_assignsubmission_file_/01_convolution.ipynb").student
        '12'
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
    if match is None:
        return None
    late, student, number, name = match.groups()
    again = _AGAIN.search(name)
    version = (int(again[1]) if again else 0, int(number[-18:]))
    return Named(student, _AGAIN.sub("", name), late=bool(late), version=version)


READERS: Mapping[str, Callable[[str], Named | None]] = {
    "blackboard": blackboard,
    "moodle": moodle,
    "canvas": canvas,
}


@dataclass(frozen=True)
class Laid:
    """What became of an LMS's files.

    Args:
        times: when each file was handed in, by its new path, where that is known.
        late: the students whose hand-in the LMS calls late.
        older: (student, file, why) of files that do not count, as a later one does.
        refused: what was left out with its reason.
    """

    times: dict[Path, datetime]
    late: frozenset[str]
    older: tuple[tuple[str, str, str], ...]
    refused: tuple[Refused, ...]


def lay_out(
    root: Path,
    into: Path,
    *,
    lms: str,
    roster: Mapping[str, str] | None,
    times: Mapping[Path, datetime],
    move: bool,
) -> Laid:
    """Lay an LMS's files out as one folder a student, with the names that the students gave them.

    Of several attempts of one student only the last with a file is taken, of several files of one name in it
    only the newest.

    Args:
        root: the unpacked download.
        into: a fresh folder on the same disk.
        lms: "blackboard", "moodle" or "canvas".
        roster: the student's id by the LMS's id; None to use the LMS's.
        times: when files were handed in, where that is known.
        move: the files are ours to move; else they are copied.
    """
    paths, refused = plain_files(root)
    typed = _users(paths) if lms == "blackboard" else {}
    found: dict[str, list[tuple[Named, Path]]] = {}
    for path in paths:
        place = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        named = READERS[lms](place)
        if named is None:
            refused.append(
                Refused(shown(place), f"not named as {lms.capitalize()} names what students hand in")
            )
        else:
            user = typed.get(PurePosixPath(place).name.split("_attempt_")[0], named.student)
            found.setdefault(user, []).append((named, path))
    known: dict[Path, datetime] = {}
    late, older = set(), []
    for user, all_files in found.items():
        student = user if roster is None else roster.get(user, "")
        files = [(named, path) for named, path in all_files if named.name]
        fault = student_fault(student) if student else f"the roster has no {shown(user)}"
        if fault or not files:
            refused.append(Refused(shown(all_files[0][1].name), fault or "handed in without a file"))
            continue
        last = max(named.attempt for named, _ in files)
        older += [
            (student, shown(path.name), "an earlier attempt")
            for named, path in files
            if named.attempt != last
        ]
        taken: dict[str, str] = {}
        for named, path in sorted(files, key=lambda item: item[0].version, reverse=True):
            if named.attempt != last:
                continue
            if named.name in taken and named.version != (0, 0):
                older.append((student, shown(path.name), f"{taken[named.name]} is newer and counts"))
                continue
            taken[named.name] = shown(path.name)
            target = into / student / named.name
            bad = next(filter(None, map(part_fault, named.name.split("/"))), None)
            if bad or target.exists():
                refused.append(Refused(shown(path.name), bad or "a second file of that name"))
            elif reason := _bring(path, target, move=move):
                refused.append(Refused(shown(path.name), reason))
            else:
                late |= {student} if named.late else set()
                if when := named.when or times.get(path):
                    known[target] = when
    return Laid(known, frozenset(late), tuple(older), tuple(refused))


def guess(names: Sequence[str]) -> str | None:
    """Return whose download files with these names are from, None where no LMS names them so.

    Example:
        >>> guess(["lovelaceada_12_345_01_convolution.ipynb"])
        'canvas'
    """
    return next((lms for lms, read in READERS.items() if any(map(read, names))), None)


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
        with open_plain(path, most=MOST_READ) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except NotPlainError as error:
        return str(error)
    shutil.copystat(path, target)
    return ""

"""Read which of a learning management system's (LMS's) ids is which student."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from labgrader.course import CourseError
from labgrader.names import folded

# Columns of Moodle's grading worksheet and of Canvas's gradebook, and of a table made by hand.
_KEYS = ("lms", "identifier", "id")
_IDS = ("id number", "sis login id", "sis user id", "username", "email address", "student")


class Roster(NamedTuple):
    """The student's id by the LMS's id, and the column of each student whose id is not in the usual one."""

    ids: dict[str, str]
    elsewhere: dict[str, str]


def read_roster(path: Path) -> Roster:
    """Read which of the LMS's ids is which student.

    Args:
        path: a CSV file with the columns `lms` and `student`; or Moodle's grading worksheet ("Identifier",
            "ID number" or "Email address"), or Canvas's gradebook export ("ID", "SIS Login ID").

    Raises:
        CourseError: it cannot be read, has no such columns, or gives two ids to one student.

    Example:
        >>> read_roster(Path("worksheet.csv")).ids  # doctest: +SKIP
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
    columns_of: dict[str, str] = {}
    for row in rows:
        lms = (row[key] or "").strip().rsplit(" ", 1)[-1]
        name = next((name for name in ids if (row[name] or "").strip()), None)
        if lms and name:
            roster[lms] = student = row[name].strip()
            columns_of[student] = name.strip()
    if len(set(map(folded, roster.values()))) < len(roster):
        raise CourseError(f"The roster {path} gives one student two ids of the LMS.")
    usual = Counter(columns_of.values()).most_common(1)
    return Roster(roster, {who: name for who, name in columns_of.items() if name != usual[0][0]})

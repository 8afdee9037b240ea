"""Open what an instructor has of a class: a folder, an archive, one hand-in, or the download of an LMS."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labgrader.archives import CLASS, Budget, extract
from labgrader.course import CourseError
from labgrader.handins import ARCHIVES, Handin, find
from labgrader.intake import student_in
from labgrader.lms import guess, lay_out
from labgrader.names import shown, student_fault
from labgrader.untrusted import Refused


class CollectError(CourseError):
    """Nothing can be collected: the source, the lab or the LMS is wrong."""


@dataclass(frozen=True)
class Opened:
    """What is in a source.

    Args:
        handins: one record for each hand-in, in order of time.
        older: (student, name, why) of the files that do not count, as the LMS says that others are later.
        refused: what belongs to nobody, with the reason.
    """

    handins: list[Handin]
    older: tuple[tuple[str, str, str], ...] = ()
    refused: tuple[Refused, ...] = ()


def open_source(
    source: Path,
    lab: str,
    into: Path,
    budget: Budget,
    *,
    lms: str = "folder",
    roster: Mapping[str, str] | None = None,
    known: Collection[str] = (),
) -> Opened:
    """Find the hand-ins in a folder or archive.

    Args:
        source: the folder or archive, which exists.
        lab: the lab's name.
        into: a folder to be made, where an archive's files go.
        budget: what extraction may still use.
        lms: how the source is laid out, see `labgrader.collect.collect`.
        roster: which of the LMS's ids is which student.
        known: the students who are in the course already.

    Raises:
        CollectError: there is no hand-in, and the source looks like another LMS's download.

    Example:
        >>> open_source(Path("handins.zip"), "01_convolution", Path("work"), budget)  # doctest: +SKIP
    """
    times: dict[Path, datetime] = {}
    refused: list[Refused] = []
    older: tuple[tuple[str, str, str], ...] = ()
    root = source
    if not source.is_dir():
        made = datetime.fromtimestamp(source.stat().st_mtime, UTC)
        student = student_in(source.name.split(".zip")[0], lab) if lms == "folder" else None
        if student and source.name.lower().endswith(ARCHIVES) and not student_fault(student):
            return Opened([Handin(student, shown(source.name), (source.resolve(),), True, made)])
        result = extract(source, into, limits=CLASS, budget=budget, ours=True)
        refused += result.refused
        latest = datetime.now(UTC) + timedelta(days=1)  # a clock may be wrong; next year it is not
        times = {member.path: min(member.when or made, latest) for member in result.files}
        root = into
    late: frozenset[str] = frozenset()
    if lms != "folder":
        tidy = into.with_name("laid")
        tidy.mkdir()
        laid = lay_out(root, tidy, lms=lms, roster=roster, times=times, move=root == into)
        older = tuple(laid.older)
        refused += laid.refused
        root, times, late = tidy, laid.times, laid.late
    handins, others = find(root, lab=lab, times=times, known=known, wrapped=lms == "folder")
    refused += others
    if not handins and (other := guess([item.name for item in refused])) not in (None, lms):
        raise CollectError(f"{source} looks like a download of {str(other).capitalize()}: use --lms {other}.")
    handins = [
        replace(one, odd=(*one.odd, f"late, says {lms.capitalize()}")) if one.student in late else one
        for one in handins
    ]
    return Opened(handins, older, tuple(refused))

"""Collect a class's hand-ins into nbgrader's submitted/ folder, and say what each was like."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from labgrader.archives import CLASS, HANDIN, Budget, extract, room_for
from labgrader.course import STEPS, Course
from labgrader.handins import Handin
from labgrader.intake import look, pick
from labgrader.lms import READERS
from labgrader.names import folded, shown
from labgrader.proofs import Proofs, prove
from labgrader.roster import read_roster
from labgrader.sources import CollectError, open_source
from labgrader.submitted import WORKING, place, sweep
from labgrader.untrusted import NotPlainError, read_plain

_NEVER = datetime.min.replace(tzinfo=UTC)
_LAB = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class Collected:
    """What became of one hand-in.

    Args:
        student: the id; "" when the hand-in could not be given to anybody.
        lab: the lab's name.
        status: "new", "replaced", "unchanged", "kept" (what is in submitted/ is newer), "older" (a later one
            of this student counts), "refused", or "note" for what is no hand-in.
        when: when it was handed in, UTC; None when refused.
        source: the file or folder it came in.
        pair: "proven", "text only", "attached", "not proven", "no pdf" (see `labgrader.proofs.prove`) or "".
        pair_reason: why the pair is not proven, or the proof's own words.
        odd: everything worth a look, one sentence each; the reason when refused.
        folder: where it lies now, None if nowhere.
    """

    student: str
    lab: str
    status: str
    when: datetime | None
    source: str
    pair: str = ""
    pair_reason: str = ""
    odd: tuple[str, ...] = ()
    folder: Path | None = None


def collect(
    course: Course,
    source: Path,
    lab: str,
    *,
    lms: str = "folder",
    roster: Path | None = None,
    force: bool = False,
    quick: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Collected]:
    """Bring the hand-ins for a lab into the course's submitted/ folder.

    Each student's `submitted/<student>/<lab>/` is replaced whole or not at all, and only by something that
    differs and is not older. Of several by one student the latest counts. One bad hand-in never stops the
    others.

    Args:
        course: the course.
        source: a folder, zip or tar of hand-ins: `<lab>_<student>.zip`, loose pairs, or one folder a student.
        lab: the lab's name.
        lms: how the source is laid out: "folder" as above, or "blackboard", "moodle" or "canvas".
        roster: a CSV file that says which of the LMS's ids is which student, see `read_roster`; Moodle and
            Canvas, which call students by numbers, need one.
        force: replace even what is newer.
        quick: do not draw the notebooks again to compare the pages of the PDFs.
        progress: called with (done, all) at the start and when a hand-in is there with its proof; from
            several threads.

    Returns:
        One record a hand-in, in order of student and time; those refused last.

    Raises:
        CollectError: the source does not exist or is the course's own, the course has no such lab, or the
            LMS is not known.
        CourseError: the roster cannot be used.

    Example:
        >>> collect(Course(Path("grading")), Path("handins.zip"), "01_convolution")  # doctest: +SKIP
    """
    if lms != "folder" and lms not in READERS:
        raise CollectError(f"--lms {shown(lms)}: not known; expected folder, {', '.join(READERS)}.")
    if roster is not None and lms == "folder":
        raise CollectError("--roster goes with --lms: a folder's own names say who the students are.")
    if roster is None and lms in ("moodle", "canvas"):
        raise CollectError(
            f"{lms.capitalize()} calls students by numbers: add --roster with its "
            + ("grading worksheet" if lms == "moodle" else "gradebook export")
            + ", or a CSV file with the columns lms and student."
        )
    ids, elsewhere = read_roster(roster) if roster is not None else (None, {})
    if not _LAB.fullmatch(lab) or not _known(course, lab):
        raise CollectError(f"The course has no lab {shown(lab)!r}; release it first, or mend the name.")
    if not source.exists():
        raise CollectError(f"{source} does not exist; expected a folder or an archive of hand-ins.")
    if _of_the_course(source.resolve(), course):
        raise CollectError(
            f"{source} is the course's own folder, one of those in it or holds it; name what was handed in."
        )
    count = itertools.count()

    def tell() -> None:
        if progress:
            progress(next(count), len(handins))

    submitted = course.root / "submitted"
    submitted.mkdir(parents=True, exist_ok=True)
    sweep(submitted)
    with (
        tempfile.TemporaryDirectory(prefix=f"{WORKING}{os.getpid()}-", dir=submitted) as name,
        Proofs(partial(prove, quick=True) if quick else prove, done=tell) as proofs,
    ):
        work = Path(name)
        budget = room_for(CLASS, work)
        found = open_source(source, lab, work / "class", budget, lms=lms, roster=ids, known=_students(course))
        handins = found.handins
        tell()
        rows = [
            Collected(who, lab, "older", None, name, odd=(f"{name}: {why}",))
            for who, name, why in found.older
        ]
        rows += [Collected("", lab, "refused", None, one.name, odd=(one.reason,)) for one in found.refused]
        counting: dict[str, Handin] = {}
        for number, handin in enumerate(reversed(handins)):
            other = counting.get(folded(handin.student))
            if other and other.student != handin.student:
                row = _row(handin, lab, "refused", f"its student differs from {other.student} only in case")
            elif other:
                row = _row(handin, lab, "older", f"{other.where} is later and counts")
            else:
                try:
                    ask = partial(proofs.ask, len(rows))
                    row = _take(course, handin, lab, work / str(number), ask, budget=budget, force=force)
                except OSError as error:
                    row = _row(handin, lab, "refused", f"could not be written: {error.strerror}")
                if row.status != "refused":
                    counting[folded(handin.student)] = handin
            if len(rows) not in proofs:
                tell()
            rows.append(row)
        for at, (pair, reason) in proofs.answers().items():
            if rows[at].status != "refused":
                rows[at] = replace(rows[at], pair=pair, pair_reason=reason)
    mixed = sorted({row.student for row in rows} & elsewhere.keys())
    if roster is not None and mixed:
        names = ", ".join(f"{shown(who)} ({elsewhere[who]})" for who in mixed)
        note = f"the ids of some come from another column than the others', which is blank for them: {names}"
        rows.append(Collected("", lab, "note", None, roster.name, odd=(note,)))
    return sorted(rows, key=lambda row: (row.student == "", row.student, row.when or _NEVER))


def _take(
    course: Course,
    handin: Handin,
    lab: str,
    work: Path,
    ask: Callable[[bytes | None, bytes], None],
    *,
    budget: Budget,
    force: bool,
) -> Collected:
    """Unpack one hand-in, judge it, ask for the proof of its pair and put it in its place."""
    files: Sequence[Path] = handin.files
    odd = list(handin.odd)
    if handin.packed:
        result = extract(handin.files[0], work / "files", limits=HANDIN, budget=budget)
        files = [member.path for member in result.files]
        odd += [f"left out {item}" for item in result.refused]
    parts = pick(files, lab=lab, student=handin.student)
    odd += parts.odd
    if parts.notebook is None:
        return _row(
            handin, lab, "refused", *odd, f"no notebook named {lab}.ipynb or {lab}_{handin.student}.ipynb"
        )
    try:
        notebook = read_plain(parts.notebook)
        pdf = read_plain(parts.pdf) if parts.pdf else None
    except NotPlainError as error:
        return _row(handin, lab, "refused", *odd, f"its notebook or PDF is {error}")
    odd += _about(notebook, lab, handin.student)
    ask(pdf, notebook)
    row = _row(handin, lab, "new", *odd)
    contents = {f"{lab}.ipynb": notebook} | ({f"{lab}.pdf": pdf} if pdf is not None else {})
    placed = place(course, lab, handin.student, contents, when=handin.when, work=work, force=force)
    return replace(row, status=placed.status, odd=row.odd + placed.notes, folder=placed.folder)


def _about(notebook: bytes, lab: str, student: str) -> list[str]:
    """Return what is odd about a notebook by its own words; the names of files decide, whatever it says."""
    facts = look(notebook)
    odd = [facts.fault] if facts.fault else []
    if facts.lab and facts.lab != lab:
        odd.append(f"says it is lab {shown(facts.lab, width=40)}")
    if facts.student and facts.student != student:
        odd.append(f"says its student is {shown(facts.student, width=40)}")
    return odd


def _row(handin: Handin, lab: str, status: str, *odd: str) -> Collected:
    return Collected(handin.student, lab, status, handin.when, handin.where, odd=odd)


def _students(course: Course) -> set[str]:
    """Return the students whose hand-ins are there already, or who are in the gradebook."""
    found = {path.name for path in (course.root / "submitted").iterdir() if path.is_dir()}
    if course.gradebook.is_file():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(course.gradebook)) as base,
        ):
            found |= {str(name) for (name,) in base.execute("select id from student")}
    return found


def _of_the_course(source: Path, course: Course) -> bool:
    """Tell whether a folder has the course's own notebooks, or the class's that are there already."""
    root = course.root.resolve()
    own = [(root / step).resolve() for step in (*STEPS, course.masters.name)]
    return source.is_dir() and (source in (root, *root.parents) or any({source, *source.parents} & {*own}))


def _known(course: Course, lab: str) -> bool:
    places = (course.root / "release" / lab, course.root / "source" / lab, course.masters / f"{lab}.py")
    return any(place.exists() for place in places)

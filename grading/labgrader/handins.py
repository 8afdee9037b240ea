"""Find the hand-ins in a folder: zips and pairs named <lab>_<student>, or one folder a student."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from labgrader.intake import pick, student_in
from labgrader.names import shown, student_fault
from labgrader.untrusted import Refused, plain_files

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")


@dataclass(frozen=True)
class Handin:
    """One hand-in of one student as it was found, not yet unpacked.

    Args:
        student: the id, taken from the names of files and folders only.
        where: what to call it in messages, relative to what was collected.
        files: its plain files; exactly one when it is an archive.
        packed: whether that one file is an archive.
        when: when it was handed in, UTC.
        odd: what to flag.
    """

    student: str
    where: str
    files: tuple[Path, ...]
    packed: bool
    when: datetime
    odd: tuple[str, ...] = field(default=())


def find(
    root: Path,
    *,
    lab: str,
    times: dict[Path, datetime],
    known: Collection[str] = (),
    wrapped: bool = True,
) -> tuple[list[Handin], list[Refused]]:
    """Find every hand-in for a lab under a folder.

    A file `<lab>_<student>.zip` (or .ipynb, .pdf) at the top belongs to that student. A folder belongs to the
    student it is named after, whatever the files in it are called, so that nobody can hand in under another's
    name. One folder around everything is looked through, unless it has the name of a student who is known.

    Args:
        root: the folder.
        lab: the lab's name.
        times: when files were handed in, where that is known better than the disk knows it.
        known: students of the course, as far as there are any.
        wrapped: there may be a folder around everything.

    Returns:
        The hand-ins in order of student and time, and what could not be given to any student.
    """
    paths, refused = plain_files(root)
    top, root = root, _inside(root, paths, lab, known) if wrapped else root
    folders: dict[str, list[Path]] = {}
    loose: dict[str, list[Path]] = {}
    found: list[Handin] = []
    for path in paths:
        parts = path.relative_to(root).parts
        if len(parts) > 1:
            folders.setdefault(parts[0], []).append(path)
            continue
        student = student_in(_stem(path), lab)
        if student is None:
            refused.append(Refused(shown(path.name), f"not named {lab}_STUDENT.zip, .ipynb or .pdf"))
        elif fault := student_fault(student):
            refused.append(Refused(shown(path.name), fault))
        elif _packed(path):
            found.append(
                Handin(
                    student, shown(path.name), (path,), True, _when([path], times), _copy(path, student, lab)
                )
            )
        elif path.suffix.lower() in (".ipynb", ".pdf"):
            loose.setdefault(student, []).append(path)
        else:
            refused.append(Refused(shown(path.name), "neither a notebook, a PDF nor an archive"))
    for student, files in loose.items():
        found.append(Handin(student, shown(files[0].stem), tuple(files), False, _when(files, times)))
    for name, files in folders.items():
        student = unicodedata.normalize("NFC", name)
        if fault := student_fault(student):
            refused.append(Refused(shown(name) + "/", fault))
        elif isinstance(handins := _in_folder(root, student, files, lab, times), Refused):
            refused.append(handins)
        else:
            found.extend(handins)
    if root != top and len({handin.student for handin in found}) == 1:  # it may be another student's folder
        found = [replace(one, odd=(*one.odd, f"in a folder named {shown(root.name)}")) for one in found]
    return sorted(found, key=lambda handin: (handin.student, handin.when, handin.where)), refused


def _inside(root: Path, paths: list[Path], lab: str, known: Collection[str]) -> Path:
    """Return the folder that holds the hand-ins: `root`, or the only folder in it if that is no student's."""
    while paths:
        tops = {path.relative_to(root).parts[0] for path in paths}
        inner = root / next(iter(tops))
        if len(tops) > 1 or inner in paths or unicodedata.normalize("NFC", inner.name) in known:
            return root
        direct = [path for path in paths if path.parent == inner]
        ids = {student_in(_stem(path), lab) for path in direct} - {None}
        bare = any(_stem(path) == lab for path in direct) or any(
            inner / lab in path.parents for path in paths
        )
        if bare or (direct and not ids) or ids == {unicodedata.normalize("NFC", inner.name)}:
            return root  # that folder is a student's
        root = inner
    return root


def _in_folder(
    root: Path, student: str, files: list[Path], lab: str, times: dict[Path, datetime]
) -> list[Handin] | Refused:
    """Return a student's folder as hand-ins: each archive for this lab in it, and its loose files."""
    named = {path: student_in(_stem(path), lab) for path in files}
    others = {shown(other) for other in named.values() if other not in (None, student)}
    if len(others) > 1 and student not in named.values():
        return Refused(
            shown(student) + "/", f"holds files named for {len(others)} students; move them up one folder"
        )
    archives = [path for path in files if _packed(path)]
    loose = [path for path in files if path not in archives]
    notebooks = [path for path in loose if path.suffix.lower() == ".ipynb"]
    ours = [path for path in archives if named[path] or _stem(path) == lab]
    found = []
    for path in ours or (archives if not notebooks else []):
        other = named[path]
        odd = (f"named for {shown(other)}",) if other not in (None, student) else _copy(path, student, lab)
        found.append(
            Handin(
                student, shown(path.relative_to(root).as_posix()), (path,), True, _when([path], times), odd
            )
        )
    if notebooks or (loose and not found):
        parts = pick(loose, lab=lab, student=student)
        own = [path for path in (parts.notebook, parts.pdf) if path]
        odd = tuple(
            f"holds {shown(path.name)}, named for another student"
            for path in notebooks
            if named[path] in others
        )
        found.append(
            Handin(student, shown(student) + "/", tuple(loose), False, _when(own or loose, times), odd)
        )
    return found


def _packed(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVES)


def _stem(path: Path) -> str:
    ending = next((end for end in ARCHIVES if path.name.lower().endswith(end)), None)
    return path.name[: -len(ending)] if ending else path.stem


def _copy(path: Path, student: str, lab: str) -> tuple[str, ...]:
    stem = unicodedata.normalize("NFC", _stem(path))
    renamed = stem != lab and stem.startswith(f"{lab}_{student}") and stem != f"{lab}_{student}"
    return (f"a download's copy: {shown(path.name)}",) if renamed else ()


def _when(paths: list[Path], times: dict[Path, datetime]) -> datetime:
    """Return the latest time of some files."""
    return max(times.get(path) or datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in paths)

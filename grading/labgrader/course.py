"""Where a course keeps things: one folder, laid out as nbgrader lays it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STEPS = ("source", "release", "submitted", "autograded", "feedback")


class CourseError(Exception):
    """A folder that is not a course, or a lab that the course does not have."""


class WrongUseError(CourseError):
    """A command was given a name or a value that cannot be."""


@dataclass(frozen=True)
class Course:
    """A course folder.

    Args:
        root: the folder that holds `nbgrader_config.py`; it becomes nbgrader's course root.

    Example:
        >>> Course(Path("grading")).folder("submitted", "amy", "01_convolution").as_posix()
        'grading/submitted/amy/01_convolution'
    """

    root: Path

    @property
    def masters(self) -> Path:
        """Folder of the py:percent master files."""
        return self.root / "masters"

    @property
    def gradebook(self) -> Path:
        """nbgrader's SQLite gradebook."""
        return self.root / "gradebook.db"

    @property
    def db_url(self) -> str:
        """The gradebook's address in SQLAlchemy's form."""
        return f"sqlite:///{self.gradebook.absolute()}"

    def folder(self, step: str, student: str, lab: str) -> Path:
        """Return nbgrader's folder of a lab at a step ("." as the student for source and release)."""
        if step not in STEPS:
            raise ValueError(f"step is {step!r}; expected one of {', '.join(STEPS)}")
        return self.root / step / student / lab

    def handed_in(self, lab: str) -> list[str]:
        """Return the students whose hand-in of a lab is in submitted/, in order."""
        found = (self.root / "submitted").glob(f"[!.]*/{lab}")
        return sorted(folder.parent.name for folder in found if folder.is_dir())

    def notebook(self, step: str, student: str, lab: str) -> Path:
        """Return the path of one student's notebook at one step."""
        return self.folder(step, student, lab) / f"{lab}.ipynb"


def find_course(folder: Path) -> Course:
    """Return the course in `folder`, or in its `grading` subfolder.

    Raises:
        CourseError: neither holds an `nbgrader_config.py`.
    """
    for root in (folder, folder / "grading"):
        if (root / "nbgrader_config.py").is_file():
            return Course(root.resolve())
    raise CourseError(
        f"No course in {folder.resolve()}: expected a file nbgrader_config.py there; "
        "go to the grading/ folder or pass --course DIR."
    )

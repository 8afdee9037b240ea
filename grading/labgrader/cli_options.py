"""Options that several commands of `labgrade` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CourseDir = Annotated[
    Path, typer.Option("--course", help="Course folder (holds nbgrader_config.py).", show_default="here")
]
HERE = Path()
LabName = Annotated[str, typer.Argument(metavar="LAB", help="Which lab.")]
OneStudent = Annotated[str | None, typer.Option("--student", metavar="ID", help="Only this student.")]

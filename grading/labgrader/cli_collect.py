"""`labgrade collect`: its options, the bar while it works, its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labgrader.cli_options import HERE, CourseDir, LabName


def collect(
    archive: Annotated[Path, typer.Argument(help="A folder, zip or tar of hand-ins.")],
    lab: LabName,
    lms: Annotated[
        str, typer.Option(metavar="LMS", help="Its layout: folder, blackboard, moodle or canvas.")
    ] = "folder",
    roster: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Which of the LMS's ids is which student.", exists=True, dir_okay=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace even what is newer in submitted/.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not draw the notebooks again to compare the PDFs' pages.")
    ] = False,
    course: CourseDir = HERE,
) -> None:
    """Bring a class's hand-ins into submitted/, with a table: who, when, pair proven or not, what was odd.

    The hand-ins may be LAB_STUDENT.zip files as `labkit handin` makes them, loose LAB_STUDENT.ipynb and .pdf
    files, or one folder a student. Unsafe archives are unpacked as far as they are sound. Exit 1 if anything
    could not be collected. With --lms, the download of all hand-ins from Blackboard, Moodle or Canvas. Moodle
    and Canvas call students by numbers, which a roster turns into ids: Moodle's grading worksheet, Canvas's
    gradebook export, or a CSV file with the columns lms and student.

    Examples:

    - `labgrade collect handins.zip 01_convolution` a zip of the class
    - `labgrade collect ~/Downloads/handins 01_convolution --force` a folder; takes back older versions too
    - `labgrade collect submissions.zip 01_convolution --lms canvas --roster gradebook.csv` Canvas's download
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from labgrader.collect import collect as bring_in
    from labgrader.collect_report import summary, table
    from labgrader.course import CourseError, find_course

    console = Console()
    try:
        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("collecting", total=None)
            rows = bring_in(
                find_course(course),
                archive,
                lab,
                lms=lms,
                roster=roster,
                force=force,
                quick=quick,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except CourseError as error:
        raise typer.BadParameter(str(error)) from error
    console.print(table(rows))
    console.print(summary(rows), highlight=False)
    if any(row.status == "refused" for row in rows):
        raise typer.Exit(1)

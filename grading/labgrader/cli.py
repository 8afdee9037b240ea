"""The command `labgrade`: what an instructor types."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="labgrade",
    help="Release labs, collect hand-ins, grade a class, return feedback, export marks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

CourseDir = Annotated[Path, typer.Option("--course", help="Course folder (holds nbgrader_config.py).", show_default="here")]
HERE = Path()


@app.callback()
def labgrade() -> None:
    """Release labs, collect hand-ins, grade a class, return feedback, export marks."""


@app.command()
def release(
    labs: Annotated[list[str] | None, typer.Argument(metavar="LAB", help="Which labs; default: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a notebook differs.")] = False,
    repo: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="GitHub repository for Colab; default: git's origin.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="Its tag or branch; default: this version's tag.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the notebooks; default: ../notebooks.")] = None,
    course: CourseDir = HERE,
) -> None:
    """Make the students' notebooks from the masters, and record the labs in nbgrader's gradebook.

    Nothing is written if a master has faults or anything would leak: solution, hidden test, output, metadata.

    Examples:

    - `labgrade release` every lab
    - `labgrade release 01_convolution --repo ada/first-light --ref v1.0` one lab, with a badge for Colab
    - `labgrade release --check` are the notebooks what the masters make? (a fork's own repository is fine)
    """
    from rich.console import Console

    from labgrader.course import find_course
    from labgrader.masters import UnknownLabError
    from labgrader.release import release as make
    from labgrader.release_report import show
    from labgrader.stamp import StampError

    try:
        changes = make(find_course(course), tuple(labs or ()), check=check, repo=repo, ref=ref, out=out)
    except (UnknownLabError, StampError) as error:
        raise typer.BadParameter(str(error)) from error
    if not show(changes, Console(), check=check):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; exit 0 done, 1 something failed, 2 wrong use."""
    from labgrader.course import CourseError

    try:
        app()
    except CourseError as error:
        print(f"labgrade: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("labgrade: stopped; what was recorded stays, run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None

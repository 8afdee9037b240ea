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

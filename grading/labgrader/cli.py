"""The command `labgrade`: what an instructor types."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from labgrader.cli_collect import collect
from labgrader.cli_options import HERE, CourseDir, LabName, OneStudent
from labkit.cli_version import Version
from labkit.pdf.lazily import without

app = typer.Typer(
    name="labgrade",
    help="Release labs, collect hand-ins, grade a class, return feedback, export marks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def labgrade(version: Version = False) -> None:
    """Release labs, collect hand-ins, grade a class, return feedback, export marks."""


@app.command()
def release(
    labs: Annotated[list[str] | None, typer.Argument(metavar="LAB", help="Which labs; default: all.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a notebook differs.")
    ] = False,
    repo: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="GitHub repository; default: git's origin.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="Its tag or branch; default: this version's tag.")] = None,
    out: Annotated[Path | None, typer.Option(help="Notebooks' folder; default: ../notebooks.")] = None,
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
    given = {"--repo": repo, "--ref": ref, "--out": out, "--course": None if course == HERE else course}
    options = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
    again = shlex.join(["labgrade", "release", *(labs or ()), *options])
    if not show(changes, Console(), check=check, again=again):
        raise typer.Exit(1)


app.command()(collect)


@app.command()
def grade(
    lab: LabName,
    student: OneStudent = None,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Grade again what is on record; manual marks stay.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many at a time; default: one a processor.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786.")
    ] = None,
    isolation: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="auto, bwrap, landlock, rlimits or none; default: the course's."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be graded, and why; do nothing.")
    ] = False,
    cells: Annotated[bool, typer.Option("--cells", help="Show each exercise's points.")] = False,
    course: CourseDir = HERE,
) -> None:
    """Grade a class, with a table: points, what a person has to mark, the reason for each lost point.

    What is on record already is left alone, so a run that was stopped goes on. Limits on time and memory
    are in nbgrader_config.py. `nbgrader autograde LAB` gives the same marks. Exit 1 if anything could not be
    graded.

    Examples:

    - `labgrade grade 01_convolution` everything that is new
    - `labgrade grade 01_convolution --student amy --regrade` one student again
    - `labgrade grade 01_convolution --dry-run` who would be graded, and why
    - `labgrade grade 01_convolution --cluster tcp://10.0.0.5:8786` on a Dask cluster
    """
    from labgrader.command import grade as run

    if cluster is not None and jobs is not None:
        raise typer.BadParameter("A cluster has its own workers: leave out --jobs or --cluster.")
    try:
        complete = run(
            course,
            lab,
            student=student,
            regrade=regrade,
            jobs=jobs,
            address=cluster,
            isolation=isolation,
            dry_run=dry_run,
            cells=cells,
        )
    except KeyboardInterrupt:
        typer.echo("Stopped. What was recorded stays; run the same command again to go on.", err=True)
        raise typer.Exit(130) from None
    if not complete:
        raise typer.Exit(1)


@app.command()
def feedback(
    lab: LabName,
    student: OneStudent = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write each page as a PDF.")] = False,
    course: CourseDir = HERE,
) -> None:
    """Write a page for each student: marks, the reason for each lost point, comments, the executed notebook.

    The pages run no script and load nothing. `nbgrader generate_feedback LAB` writes the same.

    Examples:

    - `labgrade feedback 01_convolution` feedback/STUDENT/01_convolution/01_convolution.html
    - `labgrade feedback 01_convolution --pdf` and 01_convolution.pdf beside it
    """
    from labgrader.course import find_course
    from labgrader.feedback import write_feedback

    pages = write_feedback(find_course(course), lab, student=student, pdf=pdf)
    typer.echo(f"{len(pages)} page{'s' * (len(pages) != 1)} in {pages[0].parents[2]}")
    if without := [page.parts[-3] for page in pages if pdf and not page.with_suffix(".pdf").is_file()]:
        typer.echo(f"No PDF could be made for {', '.join(without[:20])}: the page is there.")


@app.command()
def export(
    lab: Annotated[str | None, typer.Argument(help="Which lab; default: all.")] = None,
    to: Annotated[Path, typer.Option(metavar="FILE", help="The table to write.")] = Path("grades.csv"),
    course: CourseDir = HERE,
) -> None:
    """Write the marks as a CSV table, a line for each student and lab that anybody handed in.

    Its last column says who is graded, not graded yet, graded as an older hand-in or release, or not there.
    `nbgrader export` writes the same.

    Examples:

    - `labgrade export` all labs into grades.csv
    - `labgrade export 01_convolution --to lab1.csv` one lab
    """
    from collections import Counter

    from labgrader.course import find_course
    from labgrader.export import WAITING, export_grades

    lines = export_grades(find_course(course), to, lab=lab)
    typer.echo(f"{len(lines)} line{'s' * (len(lines) != 1)} in {to}")
    for name, count in Counter(line["lab"] for line in lines if line["status"] in WAITING).items():
        what = "1 hand-in is" if count == 1 else f"{count} hand-ins are"
        typer.echo(f"Note: {what} to be graded: run labgrade grade {name}, then export again.", err=True)


@app.command()
def demo(
    labs: Annotated[list[str] | None, typer.Argument(metavar="LAB", help="Which labs; default: all.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out labs whose solution runs longer than a minute.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The demo's course folder; default: demo-course in the course.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at work at the same time.")] = 2,
    course: CourseDir = HERE,
) -> None:
    """Let a made-up class of 12 hand in the labs: release, collect, grade, feedback, export.

    Unasked, it takes all labs, which needs about four minutes, in a folder of its own, made anew each time.
    Labs that run long are handed in by four of the class only. CIFAR-10 and ResNet-50 are fetched first, when
    they are missing and can be had; else stand-ins are used. Exit 1 if anything comes out otherwise than
    expected.

    Examples:

    - `labgrade demo` then look into grading/demo-course
    - `labgrade demo --quick` only what runs quickly: nothing is fetched
    - `labgrade demo 02_pooling` one lab
    - `labgrade demo --out /tmp/course` somewhere else
    """
    from rich.console import Console

    from labgrader.course import find_course
    from labgrader.demo import demo as run_demo

    if not run_demo(find_course(course), labs or (), quick=quick, out=out, jobs=jobs, console=Console()):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; exit 0 done, 1 something failed, 2 wrong use."""
    try:
        with without("rfc3987_syntax"):  # jsonschema's check of web addresses, which takes a second to load
            app()
    except KeyboardInterrupt:
        print(
            "labgrade: stopped; what was recorded stays, run the same command again to go on.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    except Exception as error:
        from labgrader.course import WrongUseError
        from labgrader.trouble import sentence

        said = sentence(error)
        if said is None:
            raise
        print(f"labgrade: {said}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, WrongUseError) else 1) from None

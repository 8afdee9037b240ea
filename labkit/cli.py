"""The command `labkit`: what a student types."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.cli_data import data
from labkit.cli_files import CommandError, bytes_of, is_another_file, pair_of, write
from labkit.cli_version import Version

app = typer.Typer(
    name="labkit",
    help="Fetch data, make the PDF of a lab, hand it in, check a hand-in, check the set-up.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done, or proven; 1 not done, or not proven; 2 wrong use; 130 stopped by Ctrl-C.",
    pretty_exceptions_enable=False,
)
NotebookPath = Annotated[
    Path, typer.Argument(metavar="NOTEBOOK", help="The .ipynb file.", show_default=False, readable=False)
]


STOPPED = 130  # exit code after Ctrl-C


@app.callback()
def labkit(version: Version = False) -> None:
    """Fetch data, make the PDF of a lab, hand it in, check a hand-in, check the set-up."""


app.command()(data)


@app.command()
def pdf(
    notebook: NotebookPath,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write.", show_default="next to the notebook"),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="typst; webpdf (needs Chromium) and latex (needs TeX) for those who have them."),
    ] = "typst",
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    fold: Annotated[int, typer.Option(help="Text outputs of more lines are folded, with their count.")] = 60,
    leave_out: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Leave out cells with this tag; more than once.")
    ] = None,
    cover: Annotated[bool, typer.Option("--cover", help="Give the title a page of its own.")] = False,
    language: Annotated[
        str, typer.Option(help="Language of the text, as en or zh-TW.", show_default="told from the text")
    ] = "",
) -> None:
    """Make the PDF of a notebook.

    Example: `labkit pdf 01_convolution.ipynb -o lab1.pdf`
    """
    compiler, reader = _pdf_modules()
    from labkit.pdf import engines
    from labkit.pdf.options import ENGINES, Options, OptionsError

    if engine not in ENGINES:
        raise typer.BadParameter(f"the engine is {engine!r}; expected {', '.join(ENGINES)}")
    target = output or notebook.with_suffix(".pdf")
    if target.suffix.lower() == ".ipynb":
        raise typer.BadParameter(
            f"{target} would be a PDF in a notebook's place; name a file that ends in .pdf"
        )
    if str(target) == "-":
        raise typer.BadParameter("a PDF is not written to the screen; name a file: -o lab1.pdf")
    if target.is_dir():
        raise typer.BadParameter(f"{target} is a folder; name a file in it: -o {target / notebook.stem}.pdf")
    if is_another_file(target):
        raise typer.BadParameter(
            f"{target} exists and is no PDF, so it is not written over; name another file with -o"
        )
    raw = bytes_of(notebook)
    try:
        options = Options(
            paper=paper, fold=fold, leave_out=tuple(leave_out or ()), cover=cover, language=language
        )
        place: dict[str, Any] = {"name": notebook.name, "root": notebook.parent, "options": options}
        if engine == "typst":
            made, warnings = compiler.make_pdf(reader.read(raw), raw, **place)
        else:
            made, warnings = engines.make_pdf(raw, engine=engine, **place)
    except OptionsError as error:
        raise typer.BadParameter(str(error)) from None
    except (reader.NotebookError, compiler.PdfError) as error:
        raise CommandError(f"{notebook}: {error}") from None
    write(target, made)
    if options.leave_out:
        warnings = [*warnings, *_unused(reader.read(raw), options.leave_out)]
    for warning in warnings:
        typer.echo(f"Note: {warning}.", err=True)
    typer.echo(f"Written: {target}")


@app.command()
def handin(
    notebook: NotebookPath,
    student: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="Student id: letters, digits, '.', '_', '-'.",
            show_default="as the notebook says, or asked for once",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Your name, in any script.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for the zip.", show_default="the notebook's own"),
    ] = None,
    docx: Annotated[bool, typer.Option("--docx", help="Also write a Word file beside the zip.")] = False,
) -> None:
    """Make the hand-in: a zip of the notebook and its PDF.

    Example: `labkit handin 01_convolution.ipynb --id s123 --name "Ming Wang"`
    """
    from labkit.handin import HandinError
    from labkit.handin import handin as write
    from labkit.handin.errors import UseError

    try:
        write(notebook, student=student, name=name, out=out, docx=docx)
    except UseError as error:
        raise typer.BadParameter(str(error)) from None
    except HandinError as error:
        raise CommandError(str(error)) from None


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(metavar="ZIP|PDF", help="A hand-in, or a PDF.", show_default=False, readable=False),
    ],
    notebook: Annotated[
        Path | None,
        typer.Argument(
            metavar="[NOTEBOOK]", help="The notebook of the PDF.", show_default=False, readable=False
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not draw the pages again to compare them.")
    ] = False,
) -> None:
    """Prove that a PDF belongs to its notebook.

    Example: `labkit verify 01_convolution_s123.zip`, or `labkit verify lab1.pdf 01_convolution.ipynb`
    """
    from labkit.pdf.verify import verify as prove

    _pdf_modules()
    pdf_bytes, notebook_bytes = pair_of(file, notebook)
    verdict = prove(pdf_bytes, notebook_bytes, rerender=not quick)
    said = {"same": "Proven", "text": "Proven by its text alone", "": "Attached"}[verdict.pages]
    typer.echo(f"{said}: {verdict.reason}" if verdict.proven else verdict.reason)
    if not verdict.proven:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Say what is installed, what is missing, and the command that mends it.

    Example: `labkit doctor`
    """
    from labkit.doctor import report

    lines, healthy = report()
    typer.echo("\n".join(lines))
    if not healthy:
        raise typer.Exit(1)


def _unused(notebook: Any, tags: tuple[str, ...]) -> list[str]:
    """Return a note for each tag to be left out that no cell has."""
    there = {tag for cell in notebook.cells for tag in cell.tags}
    return [
        f"no cell has the tag {tag!r}, so nothing was left out for it" for tag in tags if tag not in there
    ]


def _pdf_modules() -> tuple[Any, Any]:
    """Return the compiler and the notebook reader, or say what to install."""
    try:
        from labkit.pdf import compiler, notebook
    except ImportError as error:
        raise CommandError(
            f"The PDF needs {error.name or 'a package'}; run: pip install 'labkit[pdf]'"
        ) from None
    return compiler, notebook


def main() -> None:
    """Run the command line; exit 0 done, 1 something failed, 2 wrong use, 130 stopped."""
    code: Any = 0
    gc.set_threshold(100_000, 20, 20)  # a PDF makes many objects and hardly a cycle: a tenth of the time
    try:
        app()
    except CommandError as error:
        print(f"labkit: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = STOPPED
    except SystemExit as end:
        code = end.code
    if code == STOPPED:  # by Ctrl-C, of which typer says nothing
        kept = "what is here stays as it is" if sys.argv[1:2] == ["data"] else "your notebook is as it was"
        print(f"labkit: stopped; {kept}: run the command again.", file=sys.stderr)
    guard = sys.modules.get("labkit.pdf.guard")
    if guard is not None and guard.panicked():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    raise SystemExit(code)

"""The command `labkit`: what a student types."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.cli_data import data
from labkit.plainfile import FileError, read_file

app = typer.Typer(
    name="labkit",
    help="Fetch data, make the PDF of a lab, hand it in, check a hand-in, check the set-up.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
NotebookPath = Annotated[
    Path, typer.Argument(metavar="NOTEBOOK", help="The .ipynb file.", show_default=False, readable=False)
]


STOPPED = 130  # exit code after Ctrl-C


class CommandError(Exception):
    """A command that could not be done: what is wrong and what to do."""


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
        str, typer.Option(help="Language of the text, as en or zh.", show_default="told from the text")
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
    raw = _bytes_of(notebook)
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
    _write(target, made)
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

    try:
        write(notebook, student=student, name=name, out=out, docx=docx)
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
    pdf_bytes, notebook_bytes = _pair(file, notebook)
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


def _pdf_modules() -> tuple[Any, Any]:
    """Return the compiler and the notebook reader, or say what to install."""
    try:
        from labkit.pdf import compiler, notebook
    except ImportError as error:
        raise CommandError(
            f"The PDF needs {error.name or 'a package'}; run: pip install 'labkit[pdf]'"
        ) from None
    return compiler, notebook


def _bytes_of(path: Path) -> bytes:
    try:
        return read_file(path)
    except FileError as error:
        raise CommandError(str(error)) from None


def _write(target: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        from labkit.handin.errors import make_room

        Path(temporary).unlink(missing_ok=True) if temporary else None
        raise CommandError(
            f"{target} cannot be written: {error.strerror or error}; "
            f"{make_room(error)}name another file with -o. The notebook is as it was."
        ) from None


def _pair(file: Path, notebook: Path | None) -> tuple[bytes, bytes]:
    """Return the bytes of a PDF and its notebook, from a zip or from two files."""
    if notebook is not None:
        return _bytes_of(file), _bytes_of(notebook)
    if not file.is_file() or not zipfile.is_zipfile(file):
        if _bytes_of(file)[:2] == b"PK" or file.suffix.lower() == ".zip":
            raise CommandError(f"{file} is a damaged zip; make or download it again.")
        raise typer.BadParameter(
            f"{file} is not a zip; with a PDF, name its notebook too: labkit verify PDF NOTEBOOK"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {Path(info.filename).suffix: info for info in archive.infolist()}
            if len(archive.infolist()) != 2 or set(entries) != {".ipynb", ".pdf"}:
                raise CommandError(f"{file} does not hold exactly one .ipynb and one .pdf.")
            return _member(archive, entries[".pdf"]), _member(archive, entries[".ipynb"])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise CommandError(
            f"{file} is a damaged zip ({type(error).__name__}); make or download it again."
        ) from None


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    from labkit.pdf.verify import MAX_NOTEBOOK

    if entry.file_size > MAX_NOTEBOOK:
        raise CommandError(f"{entry.filename} in the zip is too big ({entry.file_size:,} bytes).")
    with archive.open(entry) as stream:
        return stream.read(MAX_NOTEBOOK + 1)


def main() -> None:
    """Run the command line; exit 0 done, 1 something failed, 2 wrong use."""
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
        print("labkit: stopped.", file=sys.stderr)
    guard = sys.modules.get("labkit.pdf.guard")
    if guard is not None and guard.panicked():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    raise SystemExit(code)

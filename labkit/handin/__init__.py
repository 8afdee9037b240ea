"""The hand-in: a zip of exactly two files, the notebook and its PDF.

In a notebook, save it first and then run in a cell:

    import labkit
    labkit.handin()

The student's id and name are asked for once, or said: `labkit.handin(student="s123", name="Ming Wang")`.
"""

from __future__ import annotations

import os
import sys
import time
import types
from pathlib import Path
from typing import Any

from labkit.handin import colab, live
from labkit.handin.errors import HandinError
from labkit.handin.find import find_notebook
from labkit.handin.pair import Handin, make, read_file
from labkit.handin.student import checked_id, who

__all__ = ["Handin", "HandinError", "checked_id", "find_notebook", "handin", "make"]


def handin(
    path: str | os.PathLike[str] | None = None,
    *,
    student: str | None = None,
    name: str | None = None,
    out: str | os.PathLike[str] | None = None,
    docx: bool = False,
) -> Path:
    """Write the hand-in of a notebook, print what should be known about it, and return the zip's path.

    Args:
        path: the notebook; None: the one this is called from.
        student: student id, for the file names: letters, digits, ".", "_" and "-"; None: as the notebook
            says, as kept from last time, or asked for.
        name: student's name in any script, for the PDF's first page.
        out: folder for the zip; None: the notebook's own.
        docx: also write a Word file beside the zip.

    Raises:
        HandinError: no notebook, an id that cannot be in a file name, or the pair could not be made.

    Example:
        labkit.handin("01_convolution.ipynb", student="s123", name="王小明")
    """
    _needs_pdf()
    from labkit.pdf.notebook import NotebookError, read

    on_colab = path is None and colab.here()
    shell = live.shell()
    if on_colab:
        raw, file = colab.live_notebook()
    else:
        file = Path(path) if path is not None else find_notebook()
        raw = read_file(file)
    try:
        notebook = read(raw)
    except NotebookError as error:
        raise HandinError(f"{file.name}: {error}") from None
    first = []
    if shell is not None and not on_colab:
        history = live.runs(shell)
        first = [live.unsaved(notebook, history), live.changed_after_run(notebook, history)]
    for warning in filter(None, first):
        print(f"Note: {warning}")
    one = who(notebook, student, name, ask=input if shell is not None or sys.stdin.isatty() else None)
    another = "--id ID --name NAME" if shell is None else "labkit.handin(student=…, name=…)"
    if one.source:
        said = f"{one.id} {one.name}".strip()
        print(f"Student: {said} ({one.source}; another: {another}).")
    if not one.name:
        print(f"Note: the PDF bears the id {one.id} and no name; to add it: {another}.")
    made = make(
        file,
        student=one.id,
        name=one.name,
        out=Path(out) if out is not None else None,
        docx=docx,
        raw=raw if on_colab else None,
        where="Colab" if on_colab else "a notebook" if shell is not None else "the command line",
    )
    _tell(made, file, on_colab=on_colab, shown=shell is not None, stale=bool(first and first[0]))
    return _Shown(made.path)


class _Shown(type(Path())):  # type: ignore[misc]
    """A path that a notebook does not print once more below the link."""

    def _ipython_display_(self) -> None:
        pass


def _needs_pdf() -> None:
    try:
        import labkit.pdf.compiler  # noqa: F401
    except ImportError as error:
        raise HandinError(
            f"The PDF needs {error.name or 'a package'}; run: pip install 'labkit[pdf]'"
        ) from None


def _tell(made: Handin, file: Path, *, on_colab: bool, shown: bool, stale: bool) -> None:
    """Print what should be known about a hand-in, and offer it for download."""
    before = f"in the file as it was saved {_when(file)}, " if stale else ""
    for warning in made.warnings:
        print(f"Note: {before}{warning}")
    held = "the notebook as the browser shows it" if on_colab else "the notebook as it was saved "
    if not on_colab:
        held += _when(file) if stale else _ago(file)
    print(f"Written: {made.path}. It holds {held}, and its PDF.")
    if made.replaced:
        print(made.replaced)
    if made.docx is not None:
        print(f"Written: {made.docx}, for Word.")
    if on_colab:
        started = colab.offer(made.path)
        print(
            "Its download has been started: hand in that file."
            if started
            else "The download did not start: the file is in the folder view on the left."
        )
    elif shown and not on_colab:
        _link(made.path, file, ", without what is not saved" if stale else "")


def _ago(file: Path) -> str:
    """Return when a file was saved, in words."""
    seconds = max(0.0, time.time() - file.stat().st_mtime)
    if seconds < 90:
        return "just now"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes ago"
    return time.strftime("on %Y-%m-%d at %H:%M", time.localtime(file.stat().st_mtime))


def _when(file: Path) -> str:
    """Return when a file was saved, by the clock."""
    saved = time.localtime(file.stat().st_mtime)
    day = "" if saved[:3] == time.localtime()[:3] else "on %Y-%m-%d "
    return time.strftime(f"{day}at %H:%M:%S", saved)


def _link(path: Path, file: Path, warning: str) -> None:
    """Show a link that downloads the zip; it must lie in the notebook's folder or below."""
    import html
    from urllib.parse import quote

    from IPython.display import HTML, display

    folder = file.resolve().parent
    if path.resolve().is_relative_to(folder):
        address = quote(path.resolve().relative_to(folder).as_posix())
        name = html.escape(path.name)
        made: Any = HTML
        show: Any = display
        show(made(f'<a href="{address}" download="{name}">Download {name}{warning}</a>'))


class _CallableModule(types.ModuleType):
    """Lets `labkit.handin(...)` work, though `labkit.handin` is this package."""

    def __call__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Path:
        """Call `handin`."""
        return handin(path, **options)


sys.modules[__name__].__class__ = _CallableModule

"""A notebook to a PDF that carries it: made with Typst, without TeX, browser or network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.pdf.options import Options


def render(notebook: bytes, *, name: str, root: Path | None = None, options: Options | None = None) -> bytes:
    """Return the PDF of a notebook.

    Args:
        notebook: bytes of the .ipynb file; they are attached to the PDF.
        name: file name of the notebook.
        root: its folder, from which pictures may be read; None: no files are read.
        options: paper, fold limit, tags to leave out, cover, language; None: the usual ones.

    Raises:
        NotebookError: the bytes are not a notebook.
        PdfError: the PDF could not be made.
        ImportError: the extra `pdf` is not installed.
    """
    from labkit.pdf.compiler import make_pdf
    from labkit.pdf.notebook import read
    from labkit.pdf.options import Options

    pdf, _ = make_pdf(read(notebook), notebook, name=name, root=root, options=options or Options())
    return pdf

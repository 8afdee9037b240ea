"""A notebook to a PDF that carries it: made with Typst, without TeX, browser or network."""

from __future__ import annotations

from pathlib import Path


def render(notebook: bytes, *, name: str, root: Path | None = None) -> bytes:
    """Return the PDF of a notebook.

    Args:
        notebook: bytes of the .ipynb file; they are attached to the PDF.
        name: file name of the notebook.
        root: its folder, from which pictures may be read; None: no files are read.

    Raises:
        NotebookError: the bytes are not a notebook.
        PdfError: the PDF could not be made.
        ImportError: the extra `pdf` is not installed.
    """
    from labkit.pdf.compiler import make_pdf
    from labkit.pdf.notebook import read

    pdf, _ = make_pdf(read(notebook), notebook, name=name, root=root)
    return pdf

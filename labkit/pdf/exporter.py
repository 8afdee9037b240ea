"""The nbconvert exporter `labpdf`: `jupyter nbconvert --to labpdf`, and JupyterLab's "Save and Export As"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from traitlets import Bool, Enum, Int, List, Unicode, default

from labkit.pdf import engines
from labkit.pdf.compiler import make_pdf
from labkit.pdf.notebook import content_hash, from_node, read
from labkit.pdf.options import ENGINES, PAPERS, USUAL, Options


class LabPDFExporter(Exporter):
    """Notebook to PDF by Typst: no TeX, no browser, nothing fetched.

    Its traits are the options of `labkit pdf`: `jupyter nbconvert --to labpdf --LabPDFExporter.paper=letter`.

    Example:
        >>> LabPDFExporter().file_extension
        '.pdf'
    """

    export_from_notebook = "PDF of the lab"
    output_mimetype = "application/pdf"

    engine = Enum(ENGINES, "typst", help="What makes the pages; webpdf and latex when installed.").tag(
        config=True
    )
    paper = Enum(tuple(PAPERS), "a4", help="Paper of the pages.").tag(config=True)
    fold = Int(USUAL.fold, min=3, help="Text outputs of more lines are folded.").tag(config=True)
    leave_out = List(Unicode(), help="Cells with one of these tags are left out.").tag(config=True)
    cover = Bool(False, help="The title stands on a page of its own.").tag(config=True)
    language = Unicode("", help="Language of the text, as en; empty: told from the text.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        """Convert a notebook file; its exact bytes are attached to the PDF."""
        self._raw: bytes | None = Path(filename).read_bytes()
        try:
            return super().from_filename(str(filename), resources, **kw)
        finally:
            self._raw = None

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        """Convert a notebook that is in memory.

        The file's own bytes are attached when it holds the same sources and outputs, else the notebook as
        nbformat writes it.
        """
        shown, resources = super().from_notebook_node(nb, resources, **kw)
        metadata = resources.get("metadata") or {}
        name = f"{metadata.get('name') or 'notebook'}.ipynb"
        root = Path(metadata.get("path") or ".")
        raw = getattr(self, "_raw", None) or _raw_bytes(nb, root / name)
        options = Options(
            paper=self.paper,
            fold=self.fold,
            leave_out=tuple(self.leave_out),
            cover=self.cover,
            language=self.language,
        )
        if self.engine == "typst":
            pdf, warnings = make_pdf(from_node(shown), raw, name=name, root=root, options=options)
        else:
            pdf, warnings = engines.make_pdf(raw, engine=self.engine, name=name, root=root, options=options)
        for warning in warnings:
            self.log.warning("%s: %s", name, warning)
        resources["output_extension"] = ".pdf"
        return pdf, resources


def _raw_bytes(nb: Any, file: Path) -> bytes:
    written: bytes = nbformat.writes(nb).encode("utf-8")
    try:
        saved = file.read_bytes()
        same = content_hash(read(saved)) == content_hash(read(written))
    except Exception:  # no such file, or one that is not this notebook
        return written
    return saved if same else written

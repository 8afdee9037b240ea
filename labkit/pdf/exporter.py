"""The nbconvert exporter `labpdf`: `jupyter nbconvert --to labpdf`, and JupyterLab's "Save and Export As"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from traitlets import default

from labkit.pdf.compiler import make_pdf
from labkit.pdf.notebook import content_hash, from_node, read


class LabPDFExporter(Exporter):
    """Notebook to PDF by Typst: no TeX, no browser, nothing fetched.

    Example:
        >>> LabPDFExporter().file_extension
        '.pdf'
    """

    export_from_notebook = "PDF of the lab"
    output_mimetype = "application/pdf"

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
        pdf, warnings = make_pdf(from_node(shown), raw, name=name, root=root)
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

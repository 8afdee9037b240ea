"""The other engines, for those who have them: nbconvert's webpdf (Chromium) and latex (TeX)."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
from pathlib import Path
from typing import Any

from labkit.pdf.errors import PdfError
from labkit.pdf.notebook import read
from labkit.pdf.options import Options
from labkit.pdf.pair import stamp

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def available(engine: str) -> str:
    """Return why an engine cannot be used here, "" when it can; the sentence says what to do.

    Example:
        >>> available("typst")
        ''
    """
    instead = "or leave out --engine, which needs neither"
    if engine == "webpdf":
        if importlib.util.find_spec("playwright") is None:
            return f"The engine webpdf needs Playwright; run: pip install playwright; {instead}."
        if not _browser() and not _has_own_browser():
            return f"The engine webpdf needs Chromium; run: playwright install chromium; {instead}."
    if engine == "latex":
        missing = [program for program in ("pandoc", "xelatex") if shutil.which(program) is None]
        if missing:
            return f"The engine latex needs {' and '.join(missing)}; install Pandoc and TeX Live, {instead}."
    return ""


def _browser() -> str:
    return next(filter(None, map(shutil.which, _BROWSERS)), "")


def _has_own_browser() -> bool:
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            return Path(playwright.chromium.executable_path).exists()
    except Exception:  # Playwright's driver does not start
        return False


def make_pdf(raw: bytes, *, engine: str, name: str, root: Path, options: Options) -> tuple[bytes, list[str]]:
    """Return the PDF that another engine makes of a notebook, with the notebook attached, and warnings.

    Args:
        raw: bytes of the .ipynb file.
        engine: "webpdf" or "latex".
        name: file name of the notebook.
        root: its folder.
        options: of these, webpdf and latex only know `leave_out`.

    Raises:
        PdfError: the engine is not there, or failed.
    """
    fault = available(engine)
    if fault:
        raise PdfError(fault)
    import nbformat
    from nbconvert.exporters import PDFExporter, WebPDFExporter
    from traitlets.config import Config

    config = Config()
    if options.leave_out:
        config.TagRemovePreprocessor.enabled = True
        config.TagRemovePreprocessor.remove_cell_tags = set(options.leave_out)
    exporter: Any = (PDFExporter if engine == "latex" else WebPDFExporter)(config=config)
    if engine == "webpdf" and hasattr(os, "geteuid") and os.geteuid() == 0:
        exporter.disable_sandbox = True
    notebook = read(raw)
    node = nbformat.reads(raw.decode("utf-8-sig"), as_version=4)
    where = {"metadata": {"name": Path(name).stem, "path": str(root)}}
    try:
        with _SystemBrowser(engine):
            made, _ = exporter.from_notebook_node(node, where)
    except Exception as error:  # nbconvert, Playwright and TeX fail in many ways
        said = " ".join(str(error).split())[:200]
        raise PdfError(
            f"The engine {engine} failed ({type(error).__name__}: {said}); leave out --engine."
        ) from None
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(made))
    writer.add_attachment(name, raw)
    words = [word for word in stamp(raw, notebook, options).keywords() if not word.startswith("engine:")]
    writer.add_metadata({"/Keywords": ", ".join([*words, f"engine:{engine}"])})
    out = io.BytesIO()
    writer.write(out)
    paper = ", and of letter size: webpdf knows no other" if engine == "webpdf" else ""
    return out.getvalue(), [f"made by {engine}: its pages are not the same on every machine{paper}"]


class _SystemBrowser:
    """While it is open, Playwright starts the Chromium of this system when it has none of its own."""

    def __init__(self, engine: str) -> None:
        self.path = _browser() if engine == "webpdf" and not _has_own_browser() else ""

    def __enter__(self) -> None:
        if not self.path:
            return
        from playwright import async_api

        kind: Any = async_api.BrowserType
        self.kind = kind
        self.launch: Any = self.kind.launch
        path, launch = self.path, self.launch

        async def started(this: Any, **options: Any) -> Any:
            return await launch(this, **{"executable_path": path, **options})

        self.kind.launch = started

    def __exit__(self, *_: object) -> None:
        if self.path:
            self.kind.launch = self.launch

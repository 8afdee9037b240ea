"""A notebook to a Word file by python-docx: the same content as the PDF, plainer."""

from __future__ import annotations

import io
import json
import re
import tempfile
from pathlib import Path

import docx
from docx.shared import RGBColor

from labkit.pdf.ansi import runs, settle
from labkit.pdf.assets import Pictures, decode
from labkit.pdf.charts import chart_of
from labkit.pdf.errors import PictureError
from labkit.pdf.fold import folded
from labkit.pdf.latex import latex_html
from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import Cell, Json, Notebook, as_dict, text_of
from labkit.pdf.outputs import FRAME, MAX_HTML, MAX_OUTPUTS, PICTURES, WIDGET, coalesced
from labkit.pdf.record import date_of, facts
from labkit.pdf.titles import student_of, title_of
from labkit.pdf.widgets import Widgets
from labkit.pdf.wordhtml import Flow, legal

MAX_MARKDOWN = 100_000
MAX_TAGS = 20_000
MAX_NESTED = 4  # widgets inside one another


def make_docx(notebook: Notebook, *, name: str, root: Path | None) -> bytes:
    """Return a Word file of a notebook.

    Args:
        notebook: the notebook.
        name: its file name.
        root: its folder, from which pictures may be read; None: no files.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-docx-") as folder:
        writer = _Writer(Pictures(Path(folder), root), Widgets.of(notebook))
        writer.title(notebook, name)
        for cell in notebook.cells:
            writer.cell(cell)
        writer.record(notebook)
        out = io.BytesIO()
        writer.document.save(out)
        return out.getvalue()


class _Writer(Flow):
    """Writes cells into a Word document, one after the other."""

    def __init__(self, pictures: Pictures, widgets: Widgets) -> None:
        super().__init__(docx.Document(), pictures)
        self.widgets = widgets

    def title(self, notebook: Notebook, name: str) -> None:
        title = legal(title_of(notebook, Path(name).stem).text)
        self.document.core_properties.title = title[:250]
        said = (*student_of(notebook)[::-1], date_of(notebook), f"Made from {name}")
        self.document.add_paragraph(legal(" · ".join(filter(None, said))))

    def record(self, notebook: Notebook) -> None:
        for name, value in facts(notebook):
            self.document.add_paragraph(legal(f"{name}: {value}"))

    def cell(self, cell: Cell) -> None:
        self.attachments = cell.attachments
        if cell.kind == "markdown":
            self.markdown(cell.source)
        elif cell.source.strip():
            mark = "" if cell.kind == "raw" else f"[{cell.count if cell.count is not None else ' '}]"
            self.code(folded(cell.source, 1500), mark)
        outputs = coalesced(cell.outputs)
        for output in outputs[:MAX_OUTPUTS]:
            self.output(output)
        if len(outputs) > MAX_OUTPUTS:
            self.note(f"{len(outputs) - MAX_OUTPUTS:,} more outputs of this cell not shown")

    def markdown(self, source: str) -> None:
        self.html(to_html(source[:MAX_MARKDOWN]))
        if len(source) > MAX_MARKDOWN:
            self.note(f"{len(source) - MAX_MARKDOWN:,} more characters not shown")

    def code(self, text: str, mark: str = "") -> None:
        paragraph = self.document.add_paragraph(style="Lab code")
        if mark:
            paragraph.add_run(f"{mark}\n").font.color.rgb = RGBColor(0x80, 0x80, 0x80)
        paragraph.add_run(legal(text))

    def terminal(self, text: str) -> None:
        shown = "".join(piece for piece, _ in runs(settle(folded(text, terminal=True))))
        if shown.strip():
            self.code(shown)

    def output(self, output: Json, depth: int = 0) -> None:
        kind = output.get("output_type")
        if kind == "stream":
            self.terminal(text_of(output.get("text")))
        elif kind == "error":
            lines = output.get("traceback")
            text = "\n".join(map(str, lines)) if isinstance(lines, list) else ""
            self.terminal(text if text.strip() else f"{output.get('ename')}: {output.get('evalue')}")
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self.rich(as_dict(output.get("data")), as_dict(output.get("metadata")), depth)
        else:
            self.note(f"output of unknown kind {kind!r} not shown")

    def rich(self, data: Json, metadata: Json, depth: int) -> None:
        """Write the richest form of a display that Word can hold."""
        if WIDGET in data and self.widget(data, depth):
            return
        chart = chart_of(data)
        if chart:
            data = {mime: value for mime, value in data.items() if mime in PICTURES}
            if not data:
                return self.note(chart[1:-1])
        html = text_of(data.get("text/html"))
        frames = FRAME.findall(html) if "frames[" in html else []
        if frames:
            data = {**data, "image/png": re.sub(r"\\\s", "", frames[-1].split(",", 1)[1])}
            self.note(f"animation of {len(frames)} frames; the last one is shown")
        elif html and len(html) < MAX_HTML and html.count("<") < MAX_TAGS:
            self.attachments = {}
            return self.html(html)
        elif html:
            self.note(f"HTML output of {len(html):,} characters not shown, only its plain text")
        elif "text/markdown" in data:
            return self.markdown(text_of(data["text/markdown"]))
        for mime in (mime for mime in PICTURES if mime in data):
            alt = text_of(as_dict(metadata.get(mime)).get("alt"))
            try:
                return self.picture(decode(text_of(data[mime]), mime), alt, self.document.add_paragraph())
            except PictureError as error:
                self.note(f"picture not shown: {alt or mime} ({error})")
        tex, plain = text_of(data.get("text/latex")).strip(), text_of(data.get("text/plain"))
        if tex:
            self.attachments = {}
            self.html(latex_html(tex))
        elif "application/json" in data and (not plain or plain.startswith("<IPython.core.display.JSON ")):
            self.code(folded(json.dumps(data["application/json"], ensure_ascii=False, indent=1, default=str)))
        elif plain.strip():
            self.terminal(plain)
        elif data:
            self.note(f"output that cannot be printed: {', '.join(sorted(data))}")

    def widget(self, data: Json, depth: int) -> bool:
        """Write a widget's values and outputs; False: there is another form of it to show."""
        if depth > MAX_NESTED:
            self.note("widget inside too many widgets not shown")
            return True
        model = text_of(as_dict(data[WIDGET]).get("model_id"))
        outputs, words = self.widgets.describe(model)
        if words:
            self.note(f"interactive: {words}")
        for output in coalesced(outputs):
            self.output(output, depth + 1)
        if words or outputs:
            return True
        if "text/html" in data or any(mime in data for mime in PICTURES):
            return False
        self.note(self.widgets.lack(model))
        return True

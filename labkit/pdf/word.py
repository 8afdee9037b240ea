"""A notebook to a Word file by python-docx: the same content as the PDF, plainer."""

from __future__ import annotations

import io
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bs4
import docx
from bs4.element import NavigableString, PreformattedString, Tag
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.shared import Cm, Emu, Pt, RGBColor

from labkit.pdf.ansi import runs, settle
from labkit.pdf.assets import Pictures, decode
from labkit.pdf.errors import PictureError
from labkit.pdf.fold import folded
from labkit.pdf.markdown import to_html
from labkit.pdf.maths import Macro, expand, take_macros
from labkit.pdf.notebook import Cell, Json, Notebook, as_dict, text_of
from labkit.pdf.outputs import coalesced
from labkit.pdf.record import date_of
from labkit.pdf.titles import student_of, title_of

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

MAX_DEPTH = 30
MAX_ROWS = 200
_NAMESPACE = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FORMAT = {"strong": "bold", "b": "bold", "em": "italic", "i": "italic", "u": "underline", "th": "bold"}
_BLOCKS = {"p", "div", "ul", "ol", "table", "pre", "blockquote", "details", "center", "section", *_HEADINGS}


def make_docx(notebook: Notebook, *, name: str, root: Path | None) -> bytes:
    """Return a Word file of a notebook.

    Args:
        notebook: the notebook.
        name: its file name.
        root: its folder, from which pictures may be read; None: no files.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-docx-") as folder:
        writer = _Writer(Pictures(Path(folder), root))
        writer.title(notebook, name)
        for cell in notebook.cells:
            writer.cell(cell)
        out = io.BytesIO()
        writer.document.save(out)
        return out.getvalue()


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


class _Writer:
    """Writes cells into a Word document, one after the other."""

    def __init__(self, pictures: Pictures) -> None:
        self.document: Any = docx.Document()
        self.pictures = pictures
        self.macros: dict[str, Macro] = {}
        self.attachments: Json = {}
        self.document.styles["Normal"].font.size = Pt(10.5)
        code = self.document.styles.add_style("Lab code", WD_STYLE_TYPE.PARAGRAPH)
        code.font.name, code.font.size = "Consolas", Pt(8.5)
        code.paragraph_format.space_after = Pt(4)

    def title(self, notebook: Notebook, name: str) -> None:
        title = _clean(title_of(notebook, Path(name).stem))
        self.document.core_properties.title = title[:250]
        said = (*student_of(notebook)[::-1], date_of(notebook), f"Made from {name}")
        self.document.add_paragraph(_clean(" · ".join(filter(None, said))))

    def cell(self, cell: Cell) -> None:
        self.attachments = cell.attachments
        if cell.kind == "markdown":
            self.html(to_html(cell.source[:100_000]), self.document)
        elif cell.source.strip():
            mark = "" if cell.kind == "raw" else f"[{cell.count if cell.count is not None else ' '}]"
            self.code(folded(cell.source, 1500), mark)
        for output in coalesced(cell.outputs)[:300]:
            self.output(output)

    def code(self, text: str, mark: str = "") -> None:
        paragraph = self.document.add_paragraph(style="Lab code")
        if mark:
            paragraph.add_run(f"{mark}\n").font.color.rgb = RGBColor(0x80, 0x80, 0x80)
        paragraph.add_run(_clean(text))

    def terminal(self, text: str) -> None:
        shown = "".join(piece for piece, _ in runs(settle(folded(text, terminal=True))))
        if shown.strip():
            self.code(shown)

    def output(self, output: Json) -> None:
        kind = output.get("output_type")
        if kind == "stream":
            self.terminal(text_of(output.get("text")))
        elif kind == "error":
            lines = output.get("traceback")
            self.terminal(
                "\n".join(map(str, lines)) if isinstance(lines, list) else str(output.get("evalue"))
            )
        else:
            self.rich(as_dict(output.get("data")), as_dict(output.get("metadata")))

    def rich(self, data: Json, metadata: Json) -> None:
        for mime in ("image/png", "image/jpeg", "image/gif", "image/webp"):
            if mime in data:
                alt = text_of(as_dict(metadata.get(mime)).get("alt"))
                with suppress(PictureError):
                    self.picture(decode(text_of(data[mime]), mime), alt, self.document.add_paragraph())
                    return
        html = text_of(data.get("text/html"))
        if html and html.count("<") < 20_000 and "<table" in html:
            self.html(html, self.document)
        elif text_of(data.get("text/plain")).strip():
            self.terminal(text_of(data["text/plain"]))
        elif data:
            self.document.add_paragraph(_clean(f"[output not shown here: {', '.join(sorted(data))}]"))

    def picture(self, data: bytes, alt: str, paragraph: Paragraph) -> None:
        """Add a picture; python-docx reads PNG, JPEG and GIF."""
        path = self.pictures.store / self.pictures.add(data).lstrip("/")
        try:
            shape = paragraph.add_run().add_picture(str(path))
        except Exception:  # python-docx's many ways to refuse a picture
            raise PictureError("Word cannot show its kind") from None
        if shape.width > Cm(16):
            shape.height, shape.width = Emu(int(shape.height * Cm(16) / shape.width)), Cm(16)
        shape._inline.docPr.set("descr", _clean(alt)[:500])

    def html(self, html: str, place: Any) -> None:
        soup = bs4.BeautifulSoup(html, "html.parser")
        for node in soup(["script", "style", "head"]):
            node.decompose()
        self.flow(soup, place, 0, "")

    def flow(self, parent: Tag, place: Any, depth: int, style: str) -> None:
        """Write blocks; what stands between them becomes paragraphs."""
        line: Paragraph | None = None
        for node in parent.children:
            if (
                isinstance(node, Tag)
                and (node.name in _BLOCKS or node.find(list(_BLOCKS)))
                and depth < MAX_DEPTH
            ):
                line = None
                self.block(node, place, depth + 1, style)
            elif str(node).strip():
                line = line or place.add_paragraph(style=style or None)
                self.inline(node, line, {})

    def block(self, node: Tag, place: Any, depth: int, style: str) -> None:
        if node.name in _HEADINGS and hasattr(place, "add_heading"):
            heading = place.add_heading("", _HEADINGS[node.name])
            self.inside(node, heading, {})
        elif node.name == "pre":
            paragraph = place.add_paragraph(style="Lab code")
            paragraph.add_run(_clean(node.get_text().rstrip("\n")))
        elif node.name in ("ul", "ol"):
            for item in node.find_all("li", recursive=False):
                self.flow(item, place, depth, "List Bullet" if node.name == "ul" else "List Number")
        elif node.name == "table" and hasattr(place, "add_heading"):
            self.table(node)
        elif node.name == "p" and not node.find(list(_BLOCKS)):
            self.inside(node, place.add_paragraph(style=style or None), {})
        else:
            self.flow(node, place, depth, "Quote" if node.name == "blockquote" else style)

    def table(self, node: Tag) -> None:
        rows = [row for row in node.find_all("tr") if row.find_parent("table") is node]
        cells = [row.find_all(["td", "th"], recursive=False) for row in rows[:MAX_ROWS]]
        width = min(60, max((len(row) for row in cells), default=0))
        if not width:
            return
        table = self.document.add_table(rows=len(cells), cols=width, style="Light Grid Accent 1")
        for row, made in zip(cells, table.rows, strict=True):
            for cell, target in zip(row, made.cells, strict=False):
                self.inside(cell, target.paragraphs[0], {})
        if len(rows) > len(cells):
            self.document.add_paragraph(f"[{len(rows) - len(cells)} more rows not shown]")

    def inside(self, node: Tag, paragraph: Paragraph, look: dict[str, bool]) -> None:
        for child in node.children:
            self.inline(child, paragraph, look)

    def inline(self, node: Any, paragraph: Paragraph, look: dict[str, bool], depth: int = 0) -> None:
        if isinstance(node, PreformattedString):
            return
        if isinstance(node, NavigableString):
            self.text(re.sub(r"\s+", " ", node), paragraph, look)
        elif node.name == "br":
            paragraph.add_run("\n")
        elif node.name == "tex":
            self.formula(node.get_text(), paragraph)
        elif node.name == "img":
            self.image(node, paragraph)
        elif node.name == "code":
            run = self.text(node.get_text(), paragraph, look)
            run.font.name, run.font.size = "Consolas", Pt(9)
        elif depth < MAX_DEPTH:
            more = {_FORMAT[node.name]: True} if node.name in _FORMAT else {}
            for child in node.children:
                self.inline(child, paragraph, look | more, depth + 1)

    def text(self, text: str, paragraph: Paragraph, look: dict[str, bool]) -> Any:
        run = paragraph.add_run(_clean(text))
        for key, value in look.items():
            setattr(run, key, value)
        return run

    def image(self, node: Tag, paragraph: Paragraph) -> None:
        source, alt = str(node.get("src", "")), str(node.get("alt", ""))
        try:
            self.picture(self.pictures.resolve(source, self.attachments), alt, paragraph)
        except PictureError as error:
            self.text(f"[picture not shown: {alt or source[:80]} ({error})]", paragraph, {})

    def formula(self, tex: str, paragraph: Paragraph) -> None:
        """Add a formula as Word's own, as its source where it cannot be converted."""
        from latex2mathml.converter import convert
        from mathml2omml import convert as to_office

        try:
            if len(tex) > 5000:
                raise ValueError("too long")
            plain = expand(take_macros(tex, self.macros), {**self.macros})
            if not plain.strip():
                return
            office = to_office(convert(plain)).replace("<m:oMath>", f"<m:oMath {_NAMESPACE}>", 1)
            paragraph._p.append(parse_xml(office))
        except Exception:  # both converters raise many kinds of errors
            self.text(tex, paragraph, {"italic": True})

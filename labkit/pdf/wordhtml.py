"""HTML and formulas to the paragraphs, tables and pictures of a Word file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import TYPE_CHECKING, Any

import bs4
from bs4.element import NavigableString, PreformattedString, Tag
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Cm, Emu, Pt
from latex2mathml.converter import convert as to_mathml
from mathml2omml import convert as to_office

from labkit.pdf.assets import Pictures
from labkit.pdf.elements import NOT_SHOWN, gauge, seen
from labkit.pdf.errors import PictureError
from labkit.pdf.maths import Macro, expand, take_macros
from labkit.pdf.mathtex import check_nothing_lost, rewrite
from labkit.pdf.notebook import Json
from labkit.pdf.redraw import redrawn
from labkit.pdf.tables import outside_cells, own_rows
from labkit.pdf.typ import clean, lit

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph

MAX_DEPTH = 30
MAX_ROWS = 200
MAX_COLUMNS = 60
_NAMESPACE = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
_SAID = re.compile(r'<m:t(?: [^>]*)?>([^<]*)<|<m:(?:begChr|endChr|sepChr|chr) m:val="([^"]*)"')
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FORMAT = {"strong": "bold", "b": "bold", "em": "italic", "i": "italic", "u": "underline", "th": "bold"}
_BLOCKS = {
    "p", "div", "ul", "ol", "table", "pre", "blockquote", "details", "summary", "figure", "figcaption",
    "center", "section", *_HEADINGS,
}  # fmt: skip


def legal(text: str) -> str:
    """Return text with the characters replaced that a Word file cannot hold, or that reorder text."""
    return _ILLEGAL.sub("\ufffd", clean(text))


class Flow:
    """Writes HTML into a Word document, one piece after the other."""

    def __init__(self, document: Any, pictures: Pictures) -> None:
        self.document = document
        self.pictures = pictures
        self.macros: dict[str, Macro] = {}
        self.attachments: Json = {}
        self.document.styles["Normal"].font.size = Pt(10.5)
        code = self.document.styles.add_style("Lab code", WD_STYLE_TYPE.PARAGRAPH)
        code.font.name, code.font.size = "Consolas", Pt(8.5)
        code.paragraph_format.space_after = Pt(4)

    def note(self, text: str) -> None:
        """Add a line that says what is not shown, or how."""
        self.document.add_paragraph().add_run(legal(f"[{text}]")).italic = True

    def html(self, html: str) -> None:
        """Add HTML."""
        soup = bs4.BeautifulSoup(html, "html.parser")
        for node in soup(["style", "head"]):
            node.decompose()
        self.flow(soup.children, self.document, 0, "")

    def flow(self, nodes: Iterable[Any], place: Any, depth: int, style: str) -> None:
        """Write blocks; what stands between them becomes paragraphs."""
        line: Paragraph | None = None
        for node in nodes:
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
        """Write one element that starts a new line."""
        if node.name in _HEADINGS and hasattr(place, "add_heading"):
            self.inside(node, place.add_heading("", _HEADINGS[node.name]), {})
        elif node.name == "pre":
            place.add_paragraph(style="Lab code").add_run(legal(node.get_text().rstrip("\n")))
        elif node.name in ("ul", "ol"):
            for item in filter(seen, node.children):
                self.flow(
                    item.children if isinstance(item, Tag) else [item],
                    place,
                    depth,
                    "List Bullet" if node.name == "ul" else "List Number",
                )
        elif node.name == "table" and hasattr(place, "add_heading"):
            self.table(node)
        elif node.name == "p" and not node.find(list(_BLOCKS)):
            self.inside(node, place.add_paragraph(style=style or None), {})
        else:
            self.flow(node.children, place, depth, "Quote" if node.name == "blockquote" else style)

    def table(self, node: Tag) -> None:
        """Write a table, its caption before it."""
        caption = node.find("caption")
        if isinstance(caption, Tag) and caption.get_text().strip():
            self.inside(caption, self.document.add_paragraph(style="Caption"), {})
        self.flow(outside_cells(node), self.document, 1, "")
        rows = own_rows(node)
        cells = [row.find_all(["td", "th"], recursive=False) for row in rows[:MAX_ROWS]]
        columns = max((len(row) for row in cells), default=0)
        width = min(MAX_COLUMNS, columns)
        if not width:
            return
        table = self.document.add_table(rows=len(cells), cols=width, style="Light Grid Accent 1")
        for row, made in zip(cells, table.rows, strict=True):
            for cell, target in zip(row, made.cells, strict=False):
                self.inside(cell, target.paragraphs[0], {})
        if len(rows) > len(cells):
            self.note(f"{len(rows) - len(cells)} more rows not shown")
        if columns > width:
            self.note(f"{columns - width} more columns not shown")

    def inside(self, node: Tag, paragraph: Paragraph, look: dict[str, bool]) -> None:
        """Write what an element holds into one paragraph."""
        for child in node.children:
            self.inline(child, paragraph, look)

    def inline(self, node: Any, paragraph: Paragraph, look: dict[str, bool], depth: int = 0) -> None:
        """Write one node into a paragraph."""
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
        elif node.name == "svg":
            self.drawing(str(node).encode(), "drawing", paragraph)
        elif node.name == "input":
            ticked = "☑ " if node.has_attr("checked") else "☐ "
            box = node.get("type") == "checkbox"
            self.text(ticked if box else f"[input field {node.get('value', '')}]", paragraph, look)
        elif node.name in ("progress", "meter"):
            self.text(gauge(node), paragraph, look)
        elif node.name in NOT_SHOWN:
            self.text(f"[{node.name} not shown]", paragraph, look)
        elif node.name == "code":
            run = self.text(node.get_text(), paragraph, look)
            run.font.name, run.font.size = "Consolas", Pt(9)
        elif node.name == "a" and re.match(r"(?:https?|mailto):", str(node.get("href", ""))):
            self.link(node, paragraph)
        elif depth < MAX_DEPTH:
            more = {_FORMAT[node.name]: True} if node.name in _FORMAT else {}
            for child in node.children:
                self.inline(child, paragraph, look | more, depth + 1)
        else:
            self.text(node.get_text(), paragraph, look)

    def text(self, text: str, paragraph: Paragraph, look: dict[str, bool]) -> Any:
        """Write text with the given look."""
        run = paragraph.add_run(legal(text))
        for key, value in look.items():
            setattr(run, key, value)
        return run

    def link(self, node: Tag, paragraph: Paragraph) -> None:
        """Write a link; Word opens its address."""
        before = len(paragraph._p)
        for child in node.children:
            self.inline(child, paragraph, {"underline": True}, MAX_DEPTH - 3)
        address = legal(str(node["href"]))[:2000]
        made = OxmlElement("w:hyperlink")
        made.set(qn("r:id"), paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
        for child in list(paragraph._p)[before:]:
            made.append(child)
        paragraph._p.append(made)

    def image(self, node: Tag, paragraph: Paragraph) -> None:
        """Write a picture, or what is known of it."""
        source, alt = str(node.get("src", "")), str(node.get("alt", ""))
        try:
            self.picture(self.pictures.resolve(source, self.attachments), alt, paragraph)
        except PictureError as error:
            self.text(f"[picture not shown: {alt or source[:80]} ({error})]", paragraph, {})

    def drawing(self, data: bytes, alt: str, paragraph: Paragraph) -> None:
        """Write a drawing, or that it cannot be shown."""
        try:
            self.picture(data, alt, paragraph)
        except PictureError as error:
            self.text(f"[picture not shown: {alt} ({error})]", paragraph, {})

    def picture(self, data: bytes, alt: str, paragraph: Paragraph) -> None:
        """Write a picture; what python-docx cannot read (SVG, WebP) is drawn anew.

        Raises:
            PictureError: it cannot be shown.
        """
        name = self.pictures.add(data)
        path = self.pictures.store / name.lstrip("/")
        try:
            shape = paragraph.add_run().add_picture(str(path))
        except Exception:  # python-docx's many ways to refuse a picture
            try:
                shape = paragraph.add_run().add_picture(str(redrawn(path)))
            except Exception:
                raise PictureError("Word cannot show its kind") from None
        if shape.width > Cm(16):
            shape.height, shape.width = Emu(int(shape.height * Cm(16) / shape.width)), Cm(16)
        shape._inline.docPr.set("descr", legal(alt)[:500])
        for said in self.pictures.lacking.get(name, ()):
            self.text(said, paragraph, {"italic": True})

    def formula(self, tex: str, paragraph: Paragraph) -> None:
        """Write a formula as Word's own, as its source where it cannot be converted."""
        try:
            if len(tex) > 5000:
                raise ValueError("too long")
            plain, number = rewrite(expand(take_macros(tex, self.macros), {**self.macros}))
            if not plain.strip():
                return
            if "{labkit-rule" in plain:  # Word's formulas have none
                raise ValueError("a rule")
            office = to_office(to_mathml(plain))
            said = "".join(first or second for first, second in _SAID.findall(office))
            check_nothing_lost(plain, lit(unescape(said)))
            office = office.replace("<m:oMath>", f"<m:oMath {_NAMESPACE}>", 1)
            paragraph._p.append(parse_xml(office))
            if number:
                self.text(f"  {number}", paragraph, {})
        except Exception:  # both converters raise many kinds of errors
            self.text(tex, paragraph, {"italic": True})

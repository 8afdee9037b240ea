"""HTML to Typst: what Markdown and rich outputs are made of. Scripts never run, nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

import bs4
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from labkit.pdf import css
from labkit.pdf.assets import Pictures
from labkit.pdf.elements import BLOCKS, HEADINGS, INLINE, NOT_SHOWN, UNSEEN, directed, gauge, trimmed
from labkit.pdf.endtags import close
from labkit.pdf.errors import PictureError
from labkit.pdf.maths import Formulas
from labkit.pdf.notebook import Json
from labkit.pdf.outline import Outline
from labkit.pdf.typ import LONG_WORD, block, breakable, call, clean, code, lit, note

_ADDRESS = "%/:?#[]@!$&'()*+,;=~"  # what a web address may hold beside letters, digits and "-._"
MAX_TABLES = 1  # around a table
MAX_KEPT = 1_000  # letters of a heading
MAX_DEPTH = 40  # elements inside one another; deeper ones are shown as their text


@dataclass
class Html:
    """Turns one piece of HTML into Typst content."""

    pictures: Pictures
    formulas: Formulas
    outline: Outline
    warn: Callable[[str], None]
    attachments: Json = field(default_factory=dict)
    sheet: dict[str, css.Declarations] = field(default_factory=dict)
    depth: int = MAX_DEPTH
    longest: int = LONG_WORD  # letters of a word that is not broken
    titled: bool = False  # True: the next top heading is the document's title, which stands above already
    math: bool = False  # True: <tex> elements are formulas (our Markdown renderer wrote them)

    def convert(self, html: str) -> str:
        """Return the content block of a piece of HTML, "" when nothing is to be seen."""
        try:
            soup = bs4.BeautifulSoup(html, "html.parser")
            close(soup)
            self.sheet = css.sheet(soup)
            if "none" in html:
                self._hide(soup)
            body = self.flow(soup.children, 0)
        except (RecursionError, bs4.exceptions.ParserRejectedMarkup, AssertionError):
            self.warn("a piece of HTML could not be read and is shown as source")
            return block([call("source-text", code(html))])
        return "" if body == "[]" else body

    def _hide(self, soup: bs4.BeautifulSoup) -> None:
        """Take out what browsers do not show either."""
        for node in soup.find_all(lambda tag: tag.has_attr("style") or tag.has_attr("id")):
            if self.style(node).get("display", "").startswith("none"):
                node.extract()

    def inside(self, html: str) -> str:
        """Return the content block of a heading's HTML, "[]" when nothing is to be seen."""
        self.sheet = {}
        try:
            return self.line(bs4.BeautifulSoup(html, "html.parser"), 0)
        except (RecursionError, bs4.exceptions.ParserRejectedMarkup, AssertionError):
            return "[]"

    def style(self, element: Tag) -> css.Declarations:
        """Return the element's own declarations and those given to its id."""
        return {
            **self.sheet.get(str(element.get("id", "")), {}),
            **css.declarations(str(element.get("style", ""))),
        }

    def is_block(self, node: PageElement, depth: int = 0) -> bool:
        """Say whether an element starts a new line."""
        if not isinstance(node, Tag):
            return False
        if node.name in BLOCKS or (node.name == "tex" and node.get("data-display") == "1"):
            return True
        return depth < self.depth and any(self.is_block(child, depth + 1) for child in node.children)

    def flow(self, nodes: Iterable[PageElement], depth: int) -> str:
        """Return the content block of nodes that may hold blocks."""
        parts: list[str] = []
        line: list[str] = []
        words: list[str] = []

        def end_line() -> None:
            if any(part != '" "' for part in line):
                parts.append(directed(call("paragraph", block(trimmed(line))), "".join(words)))
            line.clear()
            words.clear()

        for node in nodes:
            if self.is_block(node):
                end_line()
                parts.append(self.block(node, depth + 1))  # type: ignore[arg-type]
            else:
                line.append(self.inline(node, depth + 1))
                words.append(node.get_text()[:200])
        end_line()
        return block(parts)

    def line(self, node: PageElement, depth: int) -> str:
        """Return the content block of what is in a node; without paragraphs when it holds no block."""
        inside = list(node.children) if isinstance(node, Tag) else [node]
        if any(map(self.is_block, inside)):
            return self.flow(inside, depth)
        return block(trimmed([self.inline(child, depth + 1) for child in inside]))

    def inline(self, node: PageElement, depth: int) -> str:
        """Return the Typst expression of a node inside a line, "" for nothing."""
        if isinstance(node, PreformattedString):  # comments, doctypes
            return ""
        if isinstance(node, NavigableString):
            text = re.sub("[ \t\n\r\f\u2028\u2029]+", " ", str(node))
            return lit(breakable(clean(text), self.longest)) if text else ""
        if not isinstance(node, Tag) or node.name in UNSEEN:
            return ""
        if depth > self.depth:
            return lit(node.get_text())
        special = self._special(node)
        if special is not None:
            return special
        return self._styled(node, block(self.inline(child, depth + 1) for child in node.children))

    def _special(self, node: Tag) -> str | None:
        """Return the expression of an element that has no ordinary content, None for others."""
        name = node.name
        if name == "tex" and self.math:
            return self.formulas.add(node.get_text(), display=node.get("data-display") == "1")
        if name == "br":
            return "linebreak()"
        if name == "wbr":
            return lit("\u200b")
        if name == "img":
            return self.image(node)
        if name == "svg":
            return self._picture(str(node).encode(), "drawing", "")
        if name in ("code", "tt", "samp"):
            return call("raw", code(node.get_text(), self.longest))
        if name == "kbd":
            return call("key", lit(node.get_text()))
        if name == "input":
            if node.get("type") == "checkbox":
                return lit("☑ " if node.has_attr("checked") else "☐ ")
            return note(f"[input field {node.get('value', '')}]")
        if name in ("progress", "meter"):
            return lit(gauge(node))
        if name in NOT_SHOWN:
            where = str(node.get("src") or node.get("data") or "")[:120]
            said = [where if not where.startswith("data:") else "", NOT_SHOWN[name]]
            return note(f"[{name} not shown: {'; '.join(filter(None, said))}]".replace(": ]", "]"))
        return None

    def _styled(self, node: Tag, body: str) -> str:
        """Return an inline element's content with its emphasis, colours and link."""
        name = node.name
        if body == "[]":
            return ""
        if name == "q":
            return block([lit("“"), body, lit("”")])
        if name == "a":
            return self._link(str(node.get("href", "")), body)
        if name in INLINE:
            body = call(INLINE[name], body)
        style = self.style(node)
        ink = css.colour(style.get("color", "") or str(node.get("color", "")))
        paper = css.colour(style.get("background-color") or style.get("background", ""))
        if ink:
            body = call("ink-text", ink, body)
        if paper:
            body = call("highlight", body, fill=paper)
        if "bold" in style.get("font-weight", ""):
            body = call("strong", body)
        return body

    def _link(self, address: str, body: str) -> str:
        if re.match(r"(?:https?|mailto):", address, re.IGNORECASE) and len(address) < 2000:
            return call("link", lit(quote(address, safe=_ADDRESS)), body)
        if address.startswith("#") and len(address) > 1:
            return call("goto", lit(address[1:]), body)
        return body

    def image(self, node: Tag) -> str:
        """Return a picture, or the placeholder that says why it is missing."""
        source = str(node.get("src", ""))
        name = "" if source.startswith("data:") else source.rsplit("/", 1)[-1][:80]
        alt = str(node.get("alt") or "") or name or "picture"
        width = css.length(str(node.get("width") or "") or self.style(node).get("width", ""))
        try:
            return self._picture(self.pictures.resolve(source, self.attachments), alt, width)
        except PictureError as error:
            return self._missing(alt, source, error)

    def _picture(self, data: bytes, alt: str, width: str) -> str:
        try:
            path = self.pictures.add(data)
        except PictureError as error:
            return self._missing(alt, "", error)
        shown = call("inline-picture", lit(path), lit(alt), width or "auto")
        return block([shown, *map(note, self.pictures.lacking.get(path, ()))])

    def _missing(self, alt: str, source: str, error: PictureError) -> str:
        where = "" if source.startswith("data:") else source[:160]
        self.warn(f"picture not shown ({error}): {where or alt}")
        return call("missing-picture", lit(alt), code(where), lit(str(error)))

    def block(self, element: Tag, depth: int) -> str:
        """Return the Typst expression of a block element."""
        from labkit.pdf import blocks
        from labkit.pdf.tables import table

        name = element.name
        if depth > self.depth:
            return call("paragraph", block([lit(" ".join(element.get_text().split()))]))
        if name == "tex":
            return self.inline(element, depth)
        if name == "h1" and self.titled:
            self.titled = False
            return ""
        if name in HEADINGS and self.short(element):
            body = self.line(element, depth)
            return "" if body == "[]" else self.outline.heading(HEADINGS[name], body, element.get_text())
        if name == "hr":
            return "rule()"
        if name == "pre":
            language = re.sub(r"[^\w+#-]", "", str(element.get("data-language", "")))
            return call(
                "listing",
                code(element.get_text().rstrip("\n")),
                lit(language.lower()) if language else "none",
            )
        if name in ("ul", "ol"):
            return blocks.items(self, element, depth)
        if name == "dl":
            return blocks.terms(self, element, depth)
        if name == "table":
            if len(element.find_parents("table")) > MAX_TABLES:  # each one more doubles the compiler's work
                return call("paragraph", block([lit(" ".join(element.get_text(" ").split()))]))
            return table(self, element, depth)
        if name == "blockquote":
            return blocks.quotation(self, element, depth)
        if name == "details":
            return blocks.details(self, element, depth)
        if name == "p" and not any(self.is_block(child) for child in element.children):
            body = self.line(element, depth)
            shown = directed(call("paragraph", body), element.get_text())
            if body != "[]" and self._names_a_table(element):
                shown = call("kept", block([shown]))
            return blocks.boxed(self, element, shown) if body != "[]" else ""
        body = self.flow(element.children, depth)
        return "" if body == "[]" else blocks.boxed(self, element, body)

    def _names_a_table(self, element: Tag) -> bool:
        """Say whether a short paragraph, all of it bold, stands before a table: its title."""
        inside = [child for child in element.children if str(child).strip()]
        after = element.find_next_sibling()
        bold = len(inside) == 1 and isinstance(inside[0], Tag) and inside[0].name in ("strong", "b")
        return bold and isinstance(after, Tag) and after.name == "table" and self.short(element)

    def short(self, element: Tag) -> bool:
        """Say whether an element may be kept with what follows it: lines, and not a part of the document.

        What is kept together is laid out anew for each place it may go to; inside one another, for ever.
        """
        return len(element.get_text()) < MAX_KEPT and not any(
            self.is_block(child) for child in element.children
        )

"""Formulas: LaTeX to Typst, each tried on its own so that a bad one is shown as its source."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree import ElementTree

import typst
from latex2mathml.converter import convert as to_mathml

from labkit.pdf.errors import PanicError
from labkit.pdf.guard import guarded
from labkit.pdf.mathargs import braced
from labkit.pdf.mathleaf import FormulaError
from labkit.pdf.mathml import to_typst
from labkit.pdf.mathtex import check_nothing_lost, rewrite
from labkit.pdf.typ import call, lit

MAX_LENGTH = 20_000
MAX_TOTAL = 400_000  # characters of all formulas of a document
MAX_TRIES = 250  # compilations to find the formulas that cannot be set
_MACRO = re.compile(
    r"\\(?:newcommand|renewcommand|providecommand)\*?\s*(?:\{\s*(\\[A-Za-z]+)\s*\}|(\\[A-Za-z]+))\s*(?:\[(\d)\])?\s*\{"
    r"|\\def\s*(\\[A-Za-z]+)\s*\{"
    r"|\\DeclareMathOperator(\*?)\s*\{?\s*(\\[A-Za-z]+)\s*\}?\s*\{"
)
_COMMAND = re.compile(r"\\[A-Za-z]+")


@dataclass(frozen=True)
class Macro:
    """A LaTeX macro: how many arguments, and the text that stands for it."""

    arguments: int
    body: str


@dataclass
class Formulas:
    """The formulas of one document, and the macros defined so far."""

    macros: dict[str, Macro] = field(default_factory=dict)
    sources: list[str | None] = field(default_factory=list)  # Typst math; None: could not be converted
    uses: list[int] = field(default_factory=list)  # which source each formula of the document has
    empty: int = 0  # formulas that show nothing but are not empty
    _known: dict[str, int] = field(default_factory=dict)
    _length: int = 0

    def add(self, tex: str, *, display: bool) -> str:
        """Return the Typst expression of a formula, "" when it only defines macros."""
        tex = tex.strip()
        number = ""
        try:
            self._length += len(tex)
            if len(tex) > MAX_LENGTH or self._length > MAX_TOTAL:
                raise FormulaError("too long")
            plain, number = rewrite(expand(take_macros(tex, self.macros), {**self.macros}), display=display)
            if not plain.strip():
                if not tex or _MACRO.search(tex):
                    return ""
                self.empty += 1
                return call("bad-formula", lit(tex), _bool(display))
            source: str | None = convert(plain, display=display)
            check_nothing_lost(plain, source or "")
        except Exception:  # latex2mathml raises many kinds of errors on what is not LaTeX
            source = None
        if source is not None and not source.strip():
            source = None
        index = self._index(source)
        self.uses.append(index)
        tall = not display and source is not None and "#math-grid(" in source
        return call(
            "formula", str(index), lit(tex), _bool(display), lit(number) if number else "none", _bool(tall)
        )

    def _index(self, source: str | None) -> int:
        key = source or ""
        if key not in self._known:
            self._known[key] = len(self.sources)
            self.sources.append(source)
        return self._known[key]

    def definitions(self, template: str, fonts: typst.Fonts) -> tuple[str, int]:
        """Return Typst source that defines every formula, and how many are shown as source."""
        sources = [source for source in self.sources if source is not None]
        good = _good(sources, template, fonts, [MAX_TRIES])
        self.sources = [source if source in good else None for source in self.sources]
        items = [f"${source}$.body" if source is not None else "none" for source in self.sources]
        failed = self.empty + sum(self.sources[index] is None for index in self.uses)
        return f"#let formulas = ({''.join(item + ', ' for item in items)})\n", failed


def _good(sources: list[str], template: str, fonts: typst.Fonts, tries: list[int]) -> set[str]:
    """Return those formulas that compile, found by halving while there are tries left."""
    tries[0] -= 1
    if tries[0] < 0:
        return set()
    if not sources or _compiles(template + "\n" + "\n".join(f"$ {source} $" for source in sources), fonts):
        return set(sources)
    if len(sources) == 1:
        return set()
    middle = len(sources) // 2
    first = _good(sources[:middle], template, fonts, tries)
    return first | _good(sources[middle:], template, fonts, tries)


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _compiles(source: str, fonts: typst.Fonts) -> bool:
    try:
        with guarded():
            typst.Compiler(font_paths=fonts).compile(source.encode(), format="svg")
    except (typst.TypstError, PanicError):
        return False
    return True


@lru_cache(maxsize=2048)
def convert(tex: str, *, display: bool) -> str:
    """Return the Typst math source of a LaTeX formula without macros.

    Example:
        >>> convert(r"\\frac{i}{s}", display=True)
        'frac(i, s)'
    """
    mathml: str = to_mathml(tex, display="block" if display else "inline")
    return to_typst(ElementTree.fromstring(mathml))


def take_macros(tex: str, macros: dict[str, Macro]) -> str:
    """Return a formula without its macro definitions, which are put into `macros`."""
    while match := _MACRO.search(tex):
        body, end = braced(tex, match.end())
        if match[6]:
            body = rf"\operatorname{match[5] or ''}{{{body}}}"
        name = match[1] or match[2] or match[4] or match[6]
        macros[name] = Macro(int(match[3] or 0), body)
        tex = tex[: match.start()] + tex[end:]
    return tex


def expand(tex: str, macros: dict[str, Macro], depth: int = 0) -> str:
    """Return a formula with its macros written out.

    Raises:
        FormulaError: it grows without end.
    """
    if not any(name in tex for name in macros):
        return tex
    if depth > 8 or len(tex) > MAX_LENGTH:
        raise FormulaError("its macros do not end")
    out, at, changed = [], 0, False
    while at < len(tex):
        match = _COMMAND.match(tex, at)
        if match and match[0] in macros:
            body, at = _applied(macros[match[0]], tex, match.end())
            out.append("{" + body + "}")
            changed = True
        else:
            piece = match[0] if match else tex[at]
            out.append(piece)
            at += len(piece)
    text = "".join(out)
    return expand(text, macros, depth + 1) if changed else text


def _applied(macro: Macro, tex: str, at: int) -> tuple[str, int]:
    body = macro.body
    for number in range(1, macro.arguments + 1):
        while at < len(tex) and tex[at] == " ":
            at += 1
        if tex[at : at + 1] == "{":
            argument, at = braced(tex, at + 1)
        else:
            command = _COMMAND.match(tex, at)
            argument = command[0] if command else tex[at : at + 1]
            at += len(argument)
        body = body.replace(f"#{number}", argument)
    return body, at

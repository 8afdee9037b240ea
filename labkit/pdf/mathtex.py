"""LaTeX as lecturers write it, rewritten to what latex2mathml reads; and that nothing got lost on the way."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from labkit.pdf.mathargs import braced, written_out
from labkit.pdf.mathleaf import FormulaError

_LINES = re.compile(r"(aligned|alignedat|alignat|align|eqnarray|multline|flalign|split|gathered|gather)\*?")
_KNOWN = re.compile(r"([pbBvV]?matrix\*?|smallmatrix|array|cases|align\*)")
_SHORT = {
    r"\R": r"\mathbb{R}",
    r"\N": r"\mathbb{N}",
    r"\Z": r"\mathbb{Z}",
    r"\C": r"\mathbb{C}",
    r"\Q": r"\mathbb{Q}",
}
_DELIMITERS = {
    r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉", r"\langle": "⟨", r"\rangle": "⟩",
    r"\|": "‖", r"\Vert": "‖", r"\lVert": "‖", r"\rVert": "‖", r"\vert": "|", r"\lvert": "|", r"\rvert": "|",
    r"\{": "{", r"\}": "}", r"\lbrace": "{", r"\rbrace": "}",
}  # fmt: skip


def rewrite(tex: str, *, display: bool = True) -> tuple[str, str]:
    """Return a formula without macros in the LaTeX that latex2mathml reads, and its \\tag.

    Args:
        tex: without macros.
        display: whether the formula stands on a line of its own.

    Raises:
        FormulaError: an environment that it would read wrongly.

    Example:
        >>> rewrite(r"w \\mathrel{+}= x \\tag{1}")
        ('w \\\\textcolor{labkit-rel}{+}= x ', '(1)')
    """
    number, tex = "", written_out(tex, display=display)
    tag = re.search(r"\\tag(\*?)\s*\{([^{}]*)\}", tex)
    if tag:
        number = tag[2] if tag[1] else f"({tag[2]})"
        tex = tex.replace(tag[0], "")
    tex = re.sub(
        r"\\label\s*\{[^}]*\}|\\(?:nonumber|notag|allowbreak|displaylimits|hfill)(?![A-Za-z])", "", tex
    )
    tex = re.sub(
        r"(\\\\)\s*\[\s*-?[\d.]+\s*(?:e[xm]|p[tc]|[mc]m|in|mu|bp|sp)\s*\]", r"\1", tex
    )  # room between rows
    tex = re.sub(r"\\mathrm\s*\{([A-Za-z])\}", r"\\text{\1}", tex)  # latex2mathml leaves one letter slanted
    tex = re.sub(r"\\operatorname\*?\s*\{([^{}]*)\}", _operator_words, tex)
    tex = re.sub(r"\\math(rel|bin|ord|open|close|punct|inner)(?![A-Za-z])", r"\\textcolor{labkit-\1}", tex)
    tex = re.sub(r"(\\[A-Za-z]+)\s*\\nolimits(?![A-Za-z])", r"\\textcolor{labkit-scripts}{\1}", tex)
    tex = re.sub(r"(\\[bB]igg?[lrm]?)\s*(\\(?:[A-Za-z]+|[|{}]))", _delimiter, tex)
    tex = re.sub(r"\\(begin|end)\s*\{\s*([A-Za-z]+\*?)\s*\}(\{\d+\})?", _environment, tex)
    tex = re.sub(r"\\[RNZCQ](?![A-Za-z])", lambda m: _SHORT[m[0]], tex)
    return _text_with_maths(tex), number


def _operator_words(match: re.Match[str]) -> str:
    words = re.sub(r"\\[,;: !]|~|\\text(?:rm)?|\\mathrm", " ", match[1])
    words = re.sub(r"\s+", " ", words.strip())
    plain = words.replace(" ", "")
    if plain in ("argmax", "argmin"):
        return rf"\operatorname{{{plain}}}"
    return (
        rf"\operatorname{{{words}}}"
        if " " not in words
        else rf"\mathrm{{{words.replace(' ', chr(92) + ',')}}}"
    )


def _delimiter(match: re.Match[str]) -> str:
    return match[1] + _DELIMITERS.get(match[2], match[2])


def _environment(match: re.Match[str]) -> str:
    """Return the begin or end of an environment under a name that latex2mathml knows."""
    side, name, columns = match[1], match[2], match[3] or ""
    if name in ("equation", "equation*", "math", "displaymath"):
        return ""
    if _LINES.fullmatch(name):
        return rf"\{side}{{align*}}"
    if name in ("dcases", "cases*", "dcases*"):
        return rf"\{side}{{cases}}"
    if name in ("rcases", "drcases"):
        return r"\left. \begin{array}{ll}" if side == "begin" else r"\end{array} \right\}"
    if not _KNOWN.fullmatch(name):
        raise FormulaError(f"unknown environment {name}")
    return match[0] if not columns else rf"\{side}{{{name}}}{columns}"


def _text_with_maths(tex: str) -> str:
    """Return a formula in which `\\text{if $x$ then}` is words, a formula, and words."""
    out, at = [], 0
    for match in re.finditer(r"\\(?:text|mbox|textrm)\s*\{", tex):
        if match.start() < at:
            continue
        inside, end = braced(tex, match.end())
        pieces = re.split(r"(?<!\\)\$", inside)
        if len(pieces) > 1 and len(pieces) % 2:
            out.append(tex[at : match.start()])
            out += [
                (rf"\text{{{piece}}}" if i % 2 == 0 else f"{{{piece}}}")
                for i, piece in enumerate(pieces)
                if piece
            ]
            at = end
    return "".join(out) + tex[at:]


_NOT_SHOWN = re.compile(
    r"\\begin\{array\}\s*(?:\[[a-z]\])?\s*\{[^{}]*\}"
    r"|\\(?:begin|end)\s*\{[^{}]*\}"
    r"|\\(?:text|f|)color(?:box)?\s*\{[^{}]*\}"
    r"|\\hspace\*?\s*\{[^{}]*\}"
    r"|\\\\\s*\[[^\]]*\]"
    r"|\\(?:left|right|middle)(?![A-Za-z])\s*(?:\\[A-Za-z]+|\\?.)"
    r"|\\[A-Za-z]+|\\."
)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PRINTED = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)|(?<![A-Za-z.])([A-Za-z]|\d+(?:\.\d+)?)(?![A-Za-z.:])")


def check_nothing_lost(tex: str, typst: str) -> None:
    """Compare the letters, digits and signs that LaTeX shows with those of the Typst source made of it.

    Args:
        tex: as `rewrite` returns it.
        typst: as `mathml.to_typst` returns it.

    Raises:
        FormulaError: some are not there.
    """
    strings = "".join(_STRING.findall(typst))
    rest = _STRING.sub(" ", typst)
    printed = [chr(int(m[1], 16)) if m[1] else m[2] or m[3] for m in _PRINTED.finditer(rest)]
    lost = _signs(_NOT_SHOWN.sub(" ", tex)) - _signs(strings + "".join(printed))
    if lost:
        raise FormulaError(f"lost: {' '.join(lost)}")


def _signs(text: str) -> Counter[str]:
    plain = unicodedata.normalize("NFKD", text)
    return Counter(char for char in plain if char.isalnum() or char in "+=<>()/!;:,")

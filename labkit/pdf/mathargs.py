"""LaTeX commands that latex2mathml reads wrongly or not at all, written in those that it reads.

What it has no words for travels as a colour whose name begins with "labkit-"; `mathml` reads it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from labkit.pdf.mathleaf import FormulaError, length

MAX_COLUMNS = 60
MAX_STEPS = 3_000
MAX_LENGTH = 60_000
_COMMAND = re.compile(
    r"\\\\|\\(genfrac|rule|href|unicode|mathchoice|class|cssId|style|require|raisebox|hdashline|hline|cline"
    r"|raise|lower|[mh]?kern|mskip|hskip|begin\s*\{array\}|(?:begin|end)\s*\{subarray\})(?![A-Za-z])"
)
_LENGTH = re.compile(r"\s*(-?\s*(?:\d+\.?\d*|\.\d+)\s*(?:e[xm]|p[tc]|[mc]m|in|mu|bp|sp))\s*")
_STYLES = {
    "0": r"\displaystyle",
    "1": r"\textstyle",
    "2": r"\scriptstyle",
    "3": r"\scriptscriptstyle",
    "": "",
}


def braced(text: str, start: int) -> tuple[str, int]:
    """Return what stands between braces opened before `start`, and the place after them."""
    depth, at = 1, start
    while at < len(text) and depth:
        if text[at] == "\\":
            at += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start : max(start, at - 1)], at


def argument(tex: str, at: int) -> tuple[str, int]:
    """Return the argument from a place on (a group, a command, a character), and the place after it."""
    while at < len(tex) and tex[at].isspace():
        at += 1
    if tex[at : at + 1] == "{":
        return braced(tex, at + 1)
    found = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL).match(tex, at)
    if found is None:
        raise FormulaError("an argument is missing")
    return found[0], found.end()


def written_out(tex: str, *, display: bool) -> str:
    """Return a formula without the commands named above.

    Args:
        tex: without macros.
        display: whether the formula stands on a line of its own.

    Raises:
        FormulaError: an argument that cannot be.

    Example:
        >>> written_out(r"\\genfrac{(}{)}{0pt}{}{n}{k}", display=True)
        '{\\\\left({ {n} \\\\atop {k} }\\\\right)}'
    """
    at = 0
    for _ in range(MAX_STEPS):
        match = _COMMAND.search(tex, at)
        if match is None:
            return tex
        start, name = match.start(), re.sub(r"\s", "", match[1] or "")
        if not name:  # the end of a line: what follows is no command
            at = match.end()
            continue
        if name == "mathchoice":
            shown, end = _choice(tex, start, match.end(), display)
        else:
            shown, end = _HOW.get(name, _space)(tex, match.end())
        tex = tex[:start] + shown + tex[end:]
        at = start + (len(shown) if name in _DONE else 0)  # the arguments of others may hold more of them
        if len(tex) > MAX_LENGTH:
            break
    raise FormulaError("too long")


def _choice(tex: str, start: int, at: int, display: bool) -> tuple[str, int]:
    """Return that of four which fits the size: in display, in text, in a script, in a script's script."""
    choices = []
    for _ in range(4):
        choice, at = argument(tex, at)
        choices.append(choice)
    in_script = re.search(r"[_^]\s*\{?\s*$", tex[:start]) is not None
    return "{" + choices[2 if in_script else 0 if display else 1] + "}", at


def _marker(what: str) -> str:
    return rf"\textcolor{{labkit-{what}}}{{}}"


def _genfrac(tex: str, at: int) -> tuple[str, int]:
    parts = []
    for _ in range(6):
        part, at = argument(tex, at)
        parts.append(part)
    left, right, thick, style, above, below = (part.strip() for part in parts)
    if style not in _STYLES:
        raise FormulaError(f"unknown style {style}")
    if thick and length(thick) == 0:
        body = f"{{ {{{above}}} \\atop {{{below}}} }}"
    else:
        body = rf"\frac{{{above}}}{{{below}}}"
    if left or right:
        body = rf"\left{left or '.'}{body}\right{right or '.'}"
    return f"{{{_STYLES[style]}{' ' if style else ''}{body}}}", at


def _rule(tex: str, at: int) -> tuple[str, int]:
    raised, at = _optional(tex, at)
    width, at = argument(tex, at)
    height, at = argument(tex, at)
    sizes = (length(width), length(height), length(raised) if raised.strip() else 0.0)
    return _marker("rule:" + ":".join(f"{max(-20.0, min(60.0, size)):.3f}" for size in sizes)), at


def _optional(tex: str, at: int) -> tuple[str, int]:
    found = re.compile(r"\s*\[([^\]]*)\]").match(tex, at)
    return (found[1], found.end()) if found else ("", at)


def _second(tex: str, at: int) -> tuple[str, int]:
    """Return the second argument: the first is an address, a name, a style or a shift."""
    _, at = argument(tex, at)
    shown, at = argument(tex, at)
    return f"{{{shown}}}", at


def _nothing(tex: str, at: int) -> tuple[str, int]:
    return "", argument(tex, at)[1]


def _unicode(tex: str, at: int) -> tuple[str, int]:
    _, at = _optional(tex, at)
    number, at = argument(tex, at)
    found = re.fullmatch(r"\s*(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}))\s*", number)
    value = int(found[1], 16) if found and found[1] else int(found[2]) if found else 0
    if not 0x20 < value < 0x110000 or 0xD800 <= value < 0xE000 or chr(value) in "\\{}&$%#_^~":
        raise FormulaError("no such character")
    return chr(value), at


def _line(tex: str, at: int) -> tuple[str, int]:
    return _marker("hline"), at


def _dashed(tex: str, at: int) -> tuple[str, int]:
    return _marker("hdash"), at


def _part_of_line(tex: str, at: int) -> tuple[str, int]:
    columns, at = argument(tex, at)
    found = re.fullmatch(r"\s*(\d{1,2})\s*-\s*(\d{1,2})\s*", columns)
    if not found:
        raise FormulaError("columns of \\cline")
    return _marker(f"cline:{found[1]}:{found[2]}"), at


def _space(tex: str, at: int) -> tuple[str, int]:
    """Return a space as latex2mathml reads it."""
    found = _LENGTH.match(tex, at)
    if not found:
        raise FormulaError("a length is missing")
    return rf"\hspace{{{found[1]}}}", found.end()


def _shift(tex: str, at: int) -> tuple[str, int]:
    """Leave a shift up or down out: it is not drawn."""
    found = _LENGTH.match(tex, at)
    return "", found.end() if found else at


def _array(tex: str, at: int) -> tuple[str, int]:
    """Return the beginning of an array; its rules stand at the top of its first cell."""
    _, at = _optional(tex, at)
    columns, at = argument(tex, at)
    sides, rules = _columns(columns)
    return rf"\begin{{array}}{{{sides}}}" + "".join(map(_marker, rules)), at


def _columns(spec: str, depth: int = 0) -> tuple[str, list[str]]:
    """Return the sides of an array's columns as letters l, c, r, and its upright rules.

    Example:
        >>> _columns("|l|*{2}{c}")
        ('lcc', ['vline:0', 'vline:1'])
    """
    sides, rules, at = "", [], 0
    while at < len(spec):
        char = spec[at]
        at += 1
        if char in "lcr":
            sides += char
        elif char in "|:":
            rules.append(f"{'vline' if char == '|' else 'vdash'}:{len(sides)}")
        elif char in "pmb":
            sides, at = sides + "l", argument(spec, at)[1]
        elif char == "*" and depth < 3:
            count, at = argument(spec, at)
            part, at = argument(spec, at)
            spec, at = part * min(int(count), MAX_COLUMNS) + spec[at:], 0
            depth += 1
        elif char in "@!<>":
            between, at = argument(spec, at)
            if re.sub(r"\\(?:[,;:! ]|q?quad|hspace\*?\{[^{}]*\}|displaystyle)|[\s{}~]", "", between):
                raise FormulaError(f"{between} between columns")
        elif not char.isspace():
            raise FormulaError(f"unknown column {char}")
        if len(sides) > MAX_COLUMNS:
            raise FormulaError("too many columns")
    return sides or "c", rules


def _begin_stack(tex: str, at: int) -> tuple[str, int]:
    return r"\substack{", argument(tex, at)[1]


def _end_stack(tex: str, at: int) -> tuple[str, int]:
    return "}", at


_HOW: dict[str, Callable[[str, int], tuple[str, int]]] = {
    "genfrac": _genfrac,
    "rule": _rule,
    "href": _second,
    "class": _second,
    "cssId": _second,
    "style": _second,
    "raisebox": _second,
    "require": _nothing,
    "unicode": _unicode,
    "hline": _line,
    "hdashline": _dashed,
    "cline": _part_of_line,
    "raise": _shift,
    "lower": _shift,
    "begin{array}": _array,
    "begin{subarray}": _begin_stack,
    "end{subarray}": _end_stack,
}
_DONE = {"begin{array}", "rule", "hline", "hdashline", "cline", "unicode"}

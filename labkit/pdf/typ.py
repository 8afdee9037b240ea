"""The few ways in which text may enter Typst source: always as a string literal, never as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONG_WORD = 72  # characters of the monospaced font that fit on one line of the page, with some to spare
PIECE = 24

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Characters that reorder text, so that a page would show code other than the one that runs.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_WORK = {
    re.compile(r"\b(?:paragraph|cell|list|enum|section)\("): 120,
    re.compile(r"\bformula\("): 250,
    re.compile(r"-picture\("): 500,
}
_WORD = re.compile(rf"\S{{{LONG_WORD + 1},}}")


def clean(text: str) -> str:
    """Return text without tabs, with control and reordering characters made visible.

    Example:
        >>> clean("a\\x00b\\u202e")
        'a\\ufffdb[U+202E]'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    text = _CONTROL.sub("\ufffd", text)
    return _BIDI.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def breakable(text: str, longest: int = LONG_WORD) -> str:
    """Return text in which words longer than `longest` carry zero-width spaces, so that they wrap.

    Example:
        >>> breakable("torch.nn.functional.conv2d", 20).split("\u200b")
        ['torch.', 'nn.', 'functional.', 'conv2d']
    """
    if longest == LONG_WORD:
        return _WORD.sub(lambda m: "\u200b".join(re.findall(f".{{1,{PIECE}}}", m[0])), text)
    return " ".join(_parted(word) if len(word) > longest else word for word in text.split(" "))


def _parted(word: str) -> str:
    """Return a word that may break after its punctuation, and anywhere where it has none."""
    parts = re.findall(r"[^_.,:;/()=-]{0,16}[_.,:;/()=-]|[^_.,:;/()=-]{1,16}", word)
    return "\u200b".join(parts)


def lit(text: str) -> str:
    """Return a Typst string literal that holds exactly this text (cleaned).

    Example:
        >>> print(lit('say "hi" #x'))
        "say \\"hi\\" #x"
    """
    return '"' + clean(text).translate(_ESCAPES) + '"'


def code(text: str, longest: int = LONG_WORD) -> str:
    """Return a Typst string literal for monospaced text: long words may break."""
    return lit(breakable(clean(text), longest))


def block(parts: Iterable[str]) -> str:
    """Return a content block made of Typst expressions, one after the other.

    Example:
        >>> block(['"a"', 'linebreak()'])
        '[#"a";#linebreak();]'
    """
    return "[" + "".join(f"#{part};" for part in parts if part) + "]"


def call(name: str, *positional: str, **named: str) -> str:
    """Return a Typst call; the arguments are Typst expressions already.

    Example:
        >>> call("image", '"a.png"', width="50%")
        'image("a.png", width: 50%)'
    """
    arguments = [*positional, *(f"{key.replace('_', '-')}: {value}" for key, value in named.items())]
    return f"{name}({', '.join(arguments)})"


def cost(source: str) -> int:
    """Return how much work a piece of Typst source is, in characters of plain text.

    Example:
        >>> cost('#paragraph([#"x";]);')
        140
    """
    return len(source) + sum(weight * len(kind.findall(source)) for kind, weight in _WORK.items())


def array(items: Iterable[str]) -> str:
    """Return a Typst array of expressions."""
    return "(" + "".join(f"{item}, " for item in items) + ")"


def note(text: str) -> str:
    """Return the one-line placeholder that stands for something the page cannot show."""
    return call("note", lit(" ".join(text.split())))

"""Fonts: only those that come with the installed packages, so that every machine draws the same page."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import typst

from labkit.pdf.errors import PanicError, PdfError
from labkit.pdf.guard import guarded
from labkit.pdf.typ import array, lit

CJK = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7af]")
_HAN = re.compile("[\u4e00-\u9fff]")
_NAMED = 300  # characters; of more, only the numbers are given
_BATCH = 500  # characters that are tried at once
EMOJI = "Labkit Emoji"
# Joiners and variation selectors change how a neighbour looks and need no glyph of their own.
_JOINERS = re.compile("[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")


@dataclass(frozen=True)
class FontSet:
    """Font families found, and the compiler's handle on them."""

    handle: typst.Fonts
    families: frozenset[str]

    def pick(self, *names: str) -> list[str]:
        """Return those families that are there, in order."""
        return [name for name in names if name in self.families]

    def text(self, region: str) -> list[str]:
        """Families for prose."""
        return self.pick(
            "Libertinus Serif", EMOJI, f"Noto Sans CJK {region}", "DejaVu Sans", "New Computer Modern Math"
        )

    def mono(self, region: str) -> list[str]:
        """Families for code."""
        names = ("DejaVu Sans Mono", f"Noto Sans Mono CJK {region}", f"Noto Sans CJK {region}", "DejaVu Sans")
        return self.pick(*names, EMOJI, "Libertinus Serif", "New Computer Modern Math")

    def math(self, region: str) -> list[str]:
        """Families for formulas."""
        names = (
            "New Computer Modern Math",
            "Libertinus Serif",
            f"Noto Sans CJK {region}",
            "DejaVu Sans",
            EMOJI,
        )
        return self.pick(*names)


def _package_folder(package: str, inside: str = "") -> list[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / inside
    return [str(folder)] if folder.is_dir() else []


@lru_cache(maxsize=1)
def find_fonts() -> FontSet:
    """Return the fonts of the Typst wheel, of matplotlib (DejaVu), of noto-cjk-sans-otc and our emoji.

    Raises:
        PdfError: matplotlib's fonts are not there.
    """
    folders = [
        *_package_folder("matplotlib", "mpl-data/fonts/ttf"),
        *_package_folder("noto_cjk_sans_otc"),
        *_package_folder("labkit", "pdf/emoji"),
    ]
    handle = typst.Fonts(include_system_fonts=False, font_paths=folders)
    found = FontSet(handle, frozenset(handle.families()))
    if "DejaVu Sans" not in found.families:
        raise PdfError(
            "The PDF cannot be made: matplotlib's fonts (DejaVu) are missing; "
            "run: pip install --force-reinstall matplotlib"
        )
    return found


def language(text: str) -> tuple[str, str]:
    """Return the language of CJK text, and the region whose letter shapes it wants.

    Example:
        >>> language("卷積"), language("たたみ込み")
        (('zh', 'SC'), ('ja', 'JP'))
    """
    if _KANA.search(text):
        return "ja", "JP"
    if _HANGUL.search(text):
        return "ko", "KR"
    share = len(_HAN.findall(text))
    return ("zh" if share > 0.1 * max(1, len(text)) else "en"), "SC"


def missing_glyphs(chars: Iterable[str], families: list[str], fonts: FontSet) -> set[str]:
    """Return the characters that none of the families can draw, as the compiler itself sees it."""
    asked = {char for char in chars if char > "\u024f" and not _JOINERS.match(char)}
    unnamed = {char for char in asked if unicodedata.category(char) in ("Co", "Cn")}  # forbidden in PDF/A
    drawn = sorted(char for char in asked - unnamed if unicodedata.category(char)[0] not in "ZM")
    if not drawn:
        return unnamed
    batches = [drawn[at : at + _BATCH] for at in range(0, len(drawn), _BATCH)]
    missing = unnamed.union(*(_undrawn(batch, families, fonts) & asked for batch in batches))
    scripts = {
        unicodedata.name(char, "").split(" ")[0] for char in missing if unicodedata.category(char) == "Lo"
    }
    marks = {char for char in asked if unicodedata.category(char)[0] == "M"}
    return missing | {char for char in marks if unicodedata.name(char, "").split(" ")[0] in scripts - {""}}


def _undrawn(chars: list[str], families: list[str], fonts: FontSet) -> set[str]:
    lines = [f"#box({lit(char)})" for char in chars]
    source = "\n".join(
        [
            f"#set text(font: {array(map(lit, families))}, fallback: false)",
            "#set document(date: none)",
            *lines,
        ]
    )
    try:
        with guarded():
            typst.Compiler(font_paths=fonts.handle).compile(
                source.encode(), format="pdf", pdf_standards=["a-2u"], timestamp=0
            )
    except typst.TypstError as error:
        return undrawable(error)
    except PanicError:
        return set(chars)
    return set()


def undrawable(error: typst.TypstError) -> set[str]:
    """Return the characters that a compiler's complaint says it has no glyph for."""
    found: set[str] = set()
    for text in re.findall(r'the text `"(.*?)"` could not be displayed', str(error.diagnostic)):
        found.update(re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), text))
    found = {char for char in found if char > "\u007f"}
    return {
        char for char in found if not _JOINERS.match(char)
    } or found  # those alone only change a neighbour


def joining(source: str) -> set[str]:
    """Return the letters of a text that join, combine or run from right to left."""
    return {
        char
        for char in set(source)
        if char > "\u02ff"
        and (
            unicodedata.bidirectional(char) in ("R", "AL", "NSM")
            or "\u0900" <= char < "\u1fff"
            or (char > "\U00010000" and not CJK.match(char) and char < "\U0001f000")
        )
    }


def in_words(char: str) -> str:
    """Return what stands for a character that no font draws.

    Example:
        >>> in_words("ཀ"), in_words("🇹")
        ('[tibetan letter ka]', 'T')
    """
    if _JOINERS.match(char):
        return ""
    if "\U0001f1e6" <= char <= "\U0001f1ff":  # a flag is two of them: its country's letters
        return chr(ord("A") + ord(char) - 0x1F1E6)
    name = unicodedata.name(char, "")
    return f"[{name.lower()}]" if name else f"[U+{ord(char):04X}]"


def substitute(source: str, missing: set[str]) -> str:
    """Return Typst source in which the missing characters are named in words.

    Characters outside ASCII stand only in string literals or, in formulas, as `\\u{...}` escapes.
    """
    if not missing:
        return source
    words = {char: in_words(char) if len(missing) <= _NAMED else f"[U+{ord(char):04X}]" for char in missing}
    source = source.translate({ord(char): word for char, word in words.items()})
    codes = {f"{ord(char):x}": char for char in missing}
    return re.sub(
        r"(?<!\\)\\u\{([0-9a-f]+)\}",
        lambda m: lit(words[codes[m[1]]]) if m[1] in codes else m[0],
        source,
    )

"""What may be chosen about a PDF; the choice travels in it, so that it can be drawn again the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from labkit.pdf.fold import MAX_LINES

PAPERS = {"a4": "a4", "letter": "us-letter"}
ENGINES = ("typst", "webpdf", "latex")
_TAG = re.compile(r"[\w.:-]{1,60}")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-(hans|hant))?(?:-([a-z]{2}))?", re.IGNORECASE)
_LETTERS = {"TW": "TC", "MO": "HK", "HK": "HK", "JP": "JP", "KR": "KR"}  # whose shapes of Han letters


class OptionsError(Exception):
    """An option that cannot be: what was given and what is expected."""


@dataclass(frozen=True)
class Options:
    """How the pages of a notebook look.

    Args:
        paper: "a4" or "letter".
        fold: text outputs of more lines than this are folded, with their count.
        leave_out: cells with one of these tags are left out, and counted on the first page.
        cover: the title stands on a page of its own.
        language: language of the text, as "en" or "zh-TW"; "": told from the text.

    Raises:
        OptionsError: a value that cannot be.

    Example:
        >>> Options(paper="letter").words()
        'paper=letter'
    """

    paper: str = "a4"
    fold: int = MAX_LINES
    leave_out: tuple[str, ...] = ()
    cover: bool = False
    language: str = ""

    def __post_init__(self) -> None:
        if self.paper not in PAPERS:
            raise OptionsError(f"The paper is {self.paper!r}; expected {' or '.join(PAPERS)}.")
        if not 3 <= self.fold <= 100_000:
            raise OptionsError(f"The fold limit is {self.fold}; expected 3 to 100000 lines.")
        for tag in self.leave_out:
            if not _TAG.fullmatch(tag):
                raise OptionsError(f"The tag is {tag!r}; expected letters, digits, '_', '-', '.' or ':'.")
        if self.language and not _LANGUAGE.fullmatch(self.language):
            raise OptionsError(f"The language is {self.language!r}; expected it as in en or zh-TW.")

    def tongue(self) -> tuple[str, str, str]:
        """Return the language, its country or "", and whose shapes of Han letters it wants, or "".

        Example:
            >>> Options(language="zh-TW").tongue(), Options(language="fr").tongue()
            (('zh', 'TW', 'TC'), ('fr', '', ''))
        """
        found = _LANGUAGE.fullmatch(self.language)
        language, script, country = (part or "" for part in found.groups()) if found else ("", "", "")
        country = country.upper() or {"hant": "TW", "hans": "CN"}.get(script.lower(), "")
        return language.lower(), country, _LETTERS.get(country, "SC") if country else ""

    def words(self) -> str:
        """Return the options that are not the usual ones, in one line."""
        parts = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value != getattr(USUAL, one.name):
                parts.append(f"{one.name}={'+'.join(value) if isinstance(value, tuple) else value}")
        return ";".join(parts)


def parse(words: str) -> Options:
    """Return the options that `Options.words` wrote.

    Raises:
        OptionsError: they were not written by it.

    Example:
        >>> parse("fold=50;leave_out=a+b;cover=True").leave_out
        ('a', 'b')
    """
    found = dict(part.partition("=")[::2] for part in words[:2000].split(";") if part)
    try:
        made = Options(
            paper=found.get("paper", "a4"),
            fold=int(found.get("fold", MAX_LINES)),
            leave_out=tuple(tag for tag in found.get("leave_out", "").split("+") if tag),
            cover=found.get("cover") == "True",
            language=found.get("language", ""),
        )
    except ValueError:
        raise OptionsError(f"The options are {words[:80]!r}; expected what labkit wrote.") from None
    return made


USUAL = Options()

"""What a notebook is called, and whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import bs4

from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import Cell, Notebook, as_dict, text_of
from labkit.pdf.typ import clean

MAX_TITLE = 200  # characters
MAX_SOURCE = 100_000  # of a cell that may hold it
_MAY_HOLD = re.compile(r"^\s*#\s|^ {0,3}=+\s*$|<h1", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Title:
    """What a notebook is called; `heading` is the HTML of the first top heading, of `cell`."""

    text: str
    heading: str = ""
    cell: Cell | None = None
    whole: bool = True  # False: it is longer


def title_of(notebook: Notebook, default: str) -> Title:
    """Return the lab's title: the first top heading, else `default`."""
    for cell in notebook.cells:
        if cell.kind != "markdown" or not _MAY_HOLD.search(cell.source) or len(cell.source) > MAX_SOURCE:
            continue
        try:
            found = bs4.BeautifulSoup(to_html(cell.source), "html.parser").find("h1")
            heading = found.decode_contents() if isinstance(found, bs4.Tag) else ""
        except Exception:  # the parsers' own failures on odd input; the cell says so in its place
            continue
        if isinstance(found, bs4.Tag):
            for picture in found.find_all("img"):
                picture.replace_with(str(picture.get("alt") or ""))
            text = " ".join(clean(found.get_text()).split())
            if text or heading.strip():
                return Title(shortened(text) or default, heading, cell, len(text) <= MAX_TITLE)
    return Title(shortened(text_of(notebook.metadata.get("title"))) or default)


def shortened(text: str) -> str:
    """Return a title that is not too long, cut between words.

    Example:
        >>> shortened("so " * 90)[-9:]
        'so so so…'
    """
    return text if len(text) <= MAX_TITLE else f"{text[:MAX_TITLE].rsplit(' ', 1)[0]}…"


def student_of(notebook: Notebook) -> tuple[str, str]:
    """Return the student's id and name, "" where the notebook does not say."""
    student = as_dict(as_dict(notebook.metadata.get("labkit")).get("student"))
    return " ".join(text_of(student.get("id")).split())[:80], " ".join(text_of(student.get("name")).split())[
        :120
    ]

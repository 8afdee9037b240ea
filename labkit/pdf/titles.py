"""What a notebook is called, and whose it is."""

from __future__ import annotations

import bs4

from labkit.pdf.markdown import to_html
from labkit.pdf.notebook import Notebook, as_dict, text_of
from labkit.pdf.typ import clean

MAX_TITLE = 200  # characters


def title_line(source: str) -> int | None:
    """Return which line of Markdown is its first top heading, None when there is none.

    Example:
        >>> title_line("```\\n# a comment\\n```\\n# Title")
        3
    """
    fence = ""
    for number, line in enumerate(source.split("\n")):
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~", "$$"):
            fence = "" if mark == fence else fence or mark
        elif not fence and line.startswith("# ") and line[2:].strip():
            return number
    return None


def title_of(notebook: Notebook, default: str) -> str:
    """Return the lab's title: the first top heading in plain words, else `default`."""
    for cell in notebook.cells:
        number = title_line(cell.source) if cell.kind == "markdown" else None
        if number is not None:
            html = to_html(cell.source.split("\n")[number])
            return (
                " ".join(clean(bs4.BeautifulSoup(html, "html.parser").get_text()).split())[:MAX_TITLE]
                or default
            )
    return text_of(notebook.metadata.get("title"))[:MAX_TITLE] or default


def student_of(notebook: Notebook) -> tuple[str, str]:
    """Return the student's id and name, "" where the notebook does not say."""
    student = as_dict(as_dict(notebook.metadata.get("labkit")).get("student"))
    return " ".join(text_of(student.get("id")).split())[:80], " ".join(text_of(student.get("name")).split())[
        :120
    ]

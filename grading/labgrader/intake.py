"""Which of a student's files are the notebook and its PDF, and what the notebook says of itself."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.names import shown
from labgrader.untrusted import NotPlainError, read_plain

MAX_VALUES = 3_000_000
CROWDED = f"the file holds more than {MAX_VALUES:,} values"
# All up to a separator outside of strings, or to the end; no byte is looked at twice, so it is linear.
_VALUE = re.compile(rb'[^",\[{]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"?[^",\[{]*+)*+(?:[,\[{]|\Z)', re.DOTALL)
_COPY = re.compile(r" ?\(\d{1,3}\)$")  # what browsers add to a second download


@dataclass(frozen=True)
class Parts:
    """The notebook and the PDF among a student's files (None: there is none), and what was odd about them."""

    notebook: Path | None
    pdf: Path | None
    odd: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What a notebook says of itself: why it cannot be read ("" if it can), its lab and its student's id."""

    fault: str
    lab: str = ""
    student: str = ""


def student_in(stem: str, lab: str) -> str | None:
    """Return the student's id in a file name `<lab>_<student>` (without its ending), or None.

    Example:
        >>> student_in("01_convolution_amy (1)", "01_convolution"), student_in("notes", "01_convolution")
        ('amy', None)
    """
    stem = unicodedata.normalize("NFC", _COPY.sub("", stem))
    return stem.removeprefix(lab + "_") if stem.startswith(lab + "_") else None


def pick(files: Sequence[Path], *, lab: str, student: str) -> Parts:
    """Choose a student's notebook and PDF among the files handed in.

    The notebook is `<lab>_<student>.ipynb`, else `<lab>.ipynb` (the one highest up, if there is one such),
    else the only one that says it is this lab.
    The PDF is the one beside it with the same name, else the only one.

    Args:
        files: plain files of this student.
        lab: the lab's name.
        student: the student's id.
    """
    notebooks = [path for path in files if path.suffix.lower() == ".ipynb"]
    pdfs = [path for path in files if path.suffix.lower() == ".pdf"]
    others = [path for path in files if path not in notebooks and path not in pdfs]
    odd: list[str] = []
    notebook = _notebook(notebooks, lab, student, odd)
    left = [path for path in notebooks if path != notebook and path.stem.startswith(lab)]
    if notebook is not None:
        odd += [f"also holds {shown(path.name)}, left out" for path in left[:3]]
    pdf = None
    if notebook is not None or not notebooks:
        stem = notebook.stem if notebook else ""
        near = [path for path in pdfs if notebook and path.parent == notebook.parent and path.stem == stem]
        pdf = next(iter(near or (pdfs if len(pdfs) == 1 else [])), None)
        if pdf is not None and notebook is not None and not near:
            odd.append(f"its PDF is named {shown(pdf.name)}")
        elif pdf is None and pdfs:
            odd.append(f"{len(pdfs)} PDFs, none named like the notebook")
    if others:
        odd.append(
            f"{len(others)} other file{'s' * (len(others) > 1)} left out ({shown(others[0].name, width=40)})"
        )
    return Parts(notebook, pdf, tuple(odd))


def _notebook(notebooks: list[Path], lab: str, student: str, odd: list[str]) -> Path | None:
    for stem in (f"{lab}_{student}", lab):
        same = [path for path in notebooks if unicodedata.normalize("NFC", path.stem) == stem]
        if same:
            depth = min(len(path.parts) for path in same)
            top = [path for path in same if len(path.parts) == depth]
            if len(top) > 1:
                odd.append(f"{len(top)} notebooks named {stem}.ipynb; hand in one")
            return top[0] if len(top) == 1 else None
    hinted = [path for path in notebooks if _hint(path) == lab]
    if len(hinted) == 1:
        odd.append(f"its notebook is named {shown(hinted[0].name)}")
        return hinted[0]
    if hinted:
        odd.append(f"{len(hinted)} notebooks say they are {lab}, none is named {lab}.ipynb")
    return None


def _hint(path: Path) -> str:
    try:
        return look(read_plain(path)).lab
    except NotPlainError:
        return ""


def crowded(notebook: bytes) -> bool:
    """Tell, before memory is spent on them, whether a file of JSON may hold too many values.

    What stands in strings, such as a long list that was printed, is no value.
    """
    if sum(map(notebook.count, (b",", b"[", b"{"))) <= MAX_VALUES:
        return False
    return next(itertools.islice(_VALUE.finditer(notebook), MAX_VALUES + 1, None), None) is not None


def look(notebook: bytes) -> Facts:
    """Read what a notebook says of itself, believing none of it.

    Args:
        notebook: the file's bytes, anything at all.

    Returns:
        Facts: with `fault` set when it is not a notebook that can be graded.

    Example:
        >>> look(b"PK").fault
        'not a notebook: its text is not JSON'
        >>> look(b'{"nbformat": 4, "cells": [], "metadata": {"labkit": {"lab": "01_convolution"}}}').lab
        '01_convolution'
    """
    if crowded(notebook):
        return Facts(CROWDED)
    try:
        content = json.loads(notebook.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Facts("not a notebook: its bytes are not UTF-8 text")
    except (ValueError, RecursionError):
        return Facts("not a notebook: its text is not JSON")
    try:
        content = as_version_4(_record(content))
    except ValueError as error:
        return Facts(str(error))
    if not isinstance(content.get("cells"), list):
        return Facts("not a notebook: it has no list of cells")
    own = _record(_record(content.get("metadata")).get("labkit"))
    return Facts("", _text(own.get("lab")), _text(_record(own.get("student")).get("id")))


def as_version_4(content: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook of an older format as one of format 4, any other as it is.

    Raises:
        ValueError: it cannot be converted.
    """
    if "worksheets" not in content and content.get("nbformat") not in (1, 2, 3):
        return content
    import nbformat

    try:
        return dict(nbformat.convert(nbformat.from_dict(content), 4))
    except Exception as error:  # whatever an old converter meets in a hostile file
        raise ValueError(f"the notebook's old format cannot be read ({type(error).__name__})") from None


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

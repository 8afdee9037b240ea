"""What of a student's files is taken in: plain files, and which of them are the notebook and its PDF."""

from __future__ import annotations

import json
import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labgrader.names import is_clutter, shown
from labkit.plainfile import MOST_READ

MAX_VALUES = 3_000_000
CROWDED = f"the file holds more than {MAX_VALUES:,} values"
_COPY = re.compile(r" ?\(\d{1,3}\)$")  # what browsers add to a second download


@dataclass(frozen=True)
class Refused:
    """One thing that was left out, and why; the name is made safe to print."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


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


class NotPlainError(Exception):
    """A path that is not one plain file of moderate size; the message says why."""


def open_plain(path: Path, *, most: int | None = None, ours: bool = False) -> BinaryIO:
    """Open a file for reading if it is a plain one: no link, no device, one name only.

    Args:
        path: the file.
        most: most bytes it may have; None for no limit.
        ours: the file is not a student's, so it may have other names.

    Raises:
        NotPlainError: it is something else, is too big or cannot be read.
    """
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if path.is_symlink():
            raise NotPlainError("a link")
        handle = os.open(path, flags)
    except OSError as error:
        raise NotPlainError(f"cannot be read: {error.strerror}") from None
    status = os.fstat(handle)
    fault = _fault(status, most, ours=ours)
    if fault:
        os.close(handle)
        raise NotPlainError(fault)
    return open(handle, "rb")


def read_plain(path: Path, *, most: int = MOST_READ) -> bytes:
    """Return the bytes of a plain file.

    Raises:
        NotPlainError: it is not plain, or has more than `most` bytes.
    """
    with open_plain(path, most=most) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NotPlainError(f"more than {most:,} bytes")
    return data


def plain_files(folder: Path, *, files: int = 20_000, depth: int = 8) -> tuple[list[Path], list[Refused]]:
    """List the plain files under a folder, sorted, links never followed, system clutter passed over.

    Args:
        folder: where to look.
        files: most entries looked at.
        depth: most folders deep.

    Returns:
        The files, and what was refused with its reason (names relative to the folder).
    """
    found: list[Path] = []
    refused: list[Refused] = []
    waiting = [(folder, 1)]
    seen = 0
    while waiting:
        here, level = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            refused.append(Refused(shown(str(here.relative_to(folder))), f"cannot be read: {error.strerror}"))
            continue
        for entry in entries:
            name = os.path.relpath(entry.path, folder)
            if is_clutter(entry.name):
                continue
            seen += 1
            if seen > files:
                refused.append(Refused(shown(name), f"more than {files:,} files; the rest was left out"))
                return sorted(found), refused
            if entry.is_dir(follow_symlinks=False):
                if level < depth:
                    waiting.append((Path(entry.path), level + 1))
                else:
                    refused.append(Refused(shown(name), f"a folder more than {depth} deep"))
            elif fault := _fault(entry.stat(follow_symlinks=False), None):
                refused.append(Refused(shown(name), fault))
            else:
                found.append(Path(entry.path))
    return sorted(found), refused


def _fault(status: os.stat_result, most: int | None, *, ours: bool = False) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    if not stat.S_ISREG(status.st_mode):
        return "not a plain file"
    if status.st_nlink > 1 and not ours:
        return "a hard link: the file has another name elsewhere"
    if most is not None and status.st_size > most:
        return f"{status.st_size:,} bytes, the most is {most:,}"
    return None


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
    """Tell, before memory is spent on them, whether a file of JSON may hold too many values."""
    return sum(map(notebook.count, (b",", b"[", b"{"))) > MAX_VALUES


def look(notebook: bytes) -> Facts:
    """Read what a notebook says of itself, believing none of it.

    Args:
        notebook: the file's bytes, anything at all.

    Returns:
        Facts: with `fault` set when it is not a version 4 notebook.

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
    if (
        not isinstance(content, dict)
        or content.get("nbformat") != 4
        or not isinstance(content.get("cells"), list)
    ):
        return Facts("not a notebook: expected version 4 with a list of cells")
    own = _record(_record(content.get("metadata")).get("labkit"))
    return Facts("", _text(own.get("lab")), _text(_record(own.get("student")).get("id")))


def _record(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

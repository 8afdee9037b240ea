"""The hand-in: a zip of exactly two files, the notebook and its PDF.

In a notebook, save it first and then run in a cell:

    import labkit
    labkit.handin(student="s123", name="Ming Wang")
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import types
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.lookover import look_over

if TYPE_CHECKING:
    from labkit.pdf.notebook import Notebook

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same notebook gives the same zip
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class HandinError(Exception):
    """The pair could not be made: what is wrong and what to do."""


@dataclass(frozen=True)
class Handin:
    """A hand-in that was written, and what the student should know about it."""

    path: Path
    warnings: tuple[str, ...]


def handin(
    path: str | os.PathLike[str] | None = None, *, student: str, name: str = "", out: Path | None = None
) -> Path:
    """Write the hand-in of a notebook, print what should be known about it, and return its path.

    Args:
        path: the notebook; None: the one this is called from.
        student: student id, for the file names: letters, digits, ".", "_" and "-".
        name: student's name in any script, for the PDF's first page.
        out: folder for the zip; None: the notebook's own.

    Raises:
        HandinError: no notebook, an id that cannot be in a file name, or the PDF could not be made.

    Example:
        labkit.handin("01_convolution.ipynb", student="s123", name="王小明")
    """
    made = make(Path(path) if path is not None else find_notebook(), student=student, name=name, out=out)
    for warning in made.warnings:
        print(f"Note: {warning}")
    print(f"Written: {made.path}. It holds the notebook as it is saved on disk, and its PDF.")
    return made.path


def make(path: Path, *, student: str, name: str = "", out: Path | None = None) -> Handin:
    """Write the hand-in of a notebook without printing; the arguments are those of `handin`.

    Raises:
        HandinError: as for `handin`.
    """
    student, name = checked_id(student), " ".join(name.split())[:120]
    raw = _read(path)
    try:
        from labkit.pdf.compiler import PdfError, make_pdf
        from labkit.pdf.notebook import NotebookError, read
    except ImportError as error:
        raise HandinError(
            f"The PDF needs {error.name or 'a package'}; run: pip install 'labkit[pdf]'"
        ) from None
    try:
        signed = _signed(raw, student, name)
        notebook = read(signed)
        stem = f"{lab_of(notebook, path)}_{student}"
        pdf, problems = make_pdf(notebook, signed, name=f"{stem}.ipynb", root=path.parent)
    except (NotebookError, PdfError) as error:
        raise HandinError(f"{path.name}: {error}") from None
    target = (out if out is not None else path.parent) / f"{stem}.zip"
    _write_zip(target, {f"{stem}.ipynb": signed, f"{stem}.pdf": pdf})
    return Handin(target, (*look_over(notebook), *(f"in the PDF, {problem}." for problem in problems)))


def checked_id(student: str) -> str:
    """Return a student id that may stand in a file name on every system.

    Example:
        >>> checked_id(" s123 ")
        's123'
    """
    text = unicodedata.normalize("NFKC", student).strip()
    if not _ID.fullmatch(text) or text.endswith(".") or _RESERVED.fullmatch(text):
        raise HandinError(
            f"The student id is {student!r}; expected 1 to 40 letters A-Z, digits, '.', '_' or '-', "
            "starting with a letter or digit. A name in any script goes into `name`."
        )
    return text


def lab_of(notebook: Notebook, path: Path) -> str:
    """Return the lab's name for the file names: from the notebook's metadata, else from its file name."""
    from labkit.pdf.notebook import as_dict, text_of

    told = text_of(as_dict(notebook.metadata.get("labkit")).get("lab"))
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", told):
        return told
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("_.")[:60] or "notebook"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise HandinError(f"There is no file {path}; check the name, or go to its folder.") from None
    except IsADirectoryError:
        raise HandinError(f"{path} is a folder; expected a notebook, a file that ends in .ipynb.") from None
    except OSError as error:
        raise HandinError(f"{path} cannot be read: {error.strerror or error}.") from None


def _signed(raw: bytes, student: str, name: str) -> bytes:
    """Return the notebook with the student in its metadata, in the form in which Jupyter writes files."""
    from labkit.pdf.notebook import read

    read(raw)  # says clearly what is wrong with a file that is no notebook
    node: dict[str, Any] = json.loads(raw.decode("utf-8-sig"))
    if node.get("nbformat", 4) < 4:
        import nbformat

        node = json.loads(nbformat.writes(nbformat.convert(nbformat.from_dict(node), 4)))
    metadata = node["metadata"] if isinstance(node.get("metadata"), dict) else {}
    lab = metadata["labkit"] if isinstance(metadata.get("labkit"), dict) else {}
    node["metadata"] = {**metadata, "labkit": {**lab, "student": {"id": student, "name": name}}}
    text = json.dumps(node, ensure_ascii=False, indent=1, sort_keys=True)
    return (text + "\n").encode("utf-8", "replace")


def _write_zip(target: Path, files: dict[str, bytes]) -> None:
    """Write a zip atomically; the same files give the same bytes."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise HandinError(f"{target.parent} cannot be written to: {error.strerror or error}.") from None
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                entry = zipfile.ZipInfo(name, _ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise HandinError(f"{target} could not be written: {error.strerror or error}.") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def find_notebook(folder: Path | None = None) -> Path:
    """Return the notebook that this is called from, as the program that runs it says, else the only lab here.

    Raises:
        HandinError: it cannot be told which; the message says how to pass the path.
    """
    here = folder or Path.cwd()
    if "google.colab" in sys.modules:
        raise HandinError(
            "On Colab: choose File > Download > .ipynb, then upload the file and pass its path: "
            "labkit.handin('01_convolution.ipynb', student='…')."
        )
    told = os.environ.get("JPY_SESSION_NAME", "") or _vscode_notebook()
    for candidate in (Path(told), here / Path(told).name) if told.endswith(".ipynb") else ():
        if candidate.is_file():
            return candidate.resolve()
    labs = [file for file in sorted(here.glob("*.ipynb")) if _is_lab(file)]
    if len(labs) == 1:
        return labs[0]
    found = f"{len(labs)} lab notebooks are in {here}" if labs else f"no lab notebook is in {here}"
    raise HandinError(
        f"It cannot be told which notebook this is: {found}; "
        "pass the path, as in labkit.handin('01_convolution.ipynb', student='…')."
    )


def _vscode_notebook() -> str:
    """Return the notebook's path as VS Code puts it into the kernel's namespace, else ""."""
    main = sys.modules.get("__main__")
    return str(getattr(main, "__vsc_ipynb_file__", ""))


def _is_lab(file: Path) -> bool:
    from labkit.pdf.notebook import NotebookError, read

    try:
        return "labkit" in read(file.read_bytes()).metadata
    except (OSError, NotebookError):
        return False


class _CallableModule(types.ModuleType):
    """Lets `labkit.handin(...)` work, though `labkit.handin` is this module."""

    def __call__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Path:
        """Call `handin`."""
        return handin(path, **options)


sys.modules[__name__].__class__ = _CallableModule

"""Making the pair: the notebook signed, its PDF, and the zip that holds exactly these two."""

from __future__ import annotations

import json
import re
import time
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.handin import live
from labkit.handin.errors import HandinError, UseError, make_room
from labkit.handin.record import environment
from labkit.handin.student import checked_id
from labkit.lookover import look_over
from labkit.plainfile import MOST_READ, FileError, whole
from labkit.plainfile import read_file as read_plain

if TYPE_CHECKING:
    from labkit.pdf.notebook import Notebook

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip


@dataclass(frozen=True)
class Handin:
    """A hand-in that was written, and what the student should know about it."""

    path: Path
    warnings: tuple[str, ...]
    docx: Path | None = None
    replaced: str = ""  # what became of an earlier hand-in of the same name


def make(
    path: Path,
    *,
    student: str,
    name: str = "",
    out: Path | None = None,
    docx: bool = False,
    raw: bytes | None = None,
    where: str = "the command line",
) -> Handin:
    """Write the hand-in of a notebook without printing.

    Args:
        path: the notebook.
        student: student id, for the file names.
        name: student's name in any script, for the PDF's first page.
        out: folder for the zip; None: the notebook's own.
        docx: also write a Word file beside the zip.
        raw: the notebook's bytes when they are not read from `path`, as on Colab.
        where: what the hand-in is made from, for the record on the last page.

    Raises:
        HandinError: no notebook, an id that cannot be in a file name, or the pair could not be made.
    """
    student, name = checked_id(student), " ".join(name.split())[:120]
    if out is not None and (
        str(out) == "-" or out.is_file() or (out.suffix.lower() == ".zip" and not out.is_dir())
    ):
        raise UseError(f"{out} is to be a folder, as the zip gets its own name; name a folder: {_how()}.")
    given = read_file(path) if raw is None else raw
    try:
        from labkit.pdf.compiler import make_pdf
        from labkit.pdf.errors import PdfError
        from labkit.pdf.notebook import NotebookError, read
    except ImportError as error:
        raise HandinError(
            f"The PDF needs {error.name or 'a package'}; run: pip install 'labkit[pdf]'"
        ) from None
    try:
        record = environment(where, None if raw else path)
        signed = _signed(given, {"id": student, "name": name}, {**record, "file": path.name})
        notebook = read(signed)
        stem = f"{lab_of(notebook, path)}_{student}"
        pdf, problems = make_pdf(notebook, signed, name=f"{stem}.ipynb", root=path.parent)
    except (NotebookError, PdfError) as error:
        raise HandinError(f"{path.name}: {error}") from None
    folder = out if out is not None else path.parent
    replaced = _keep_anothers(folder / f"{stem}.zip", path.name)
    write_zip(folder / f"{stem}.zip", {f"{stem}.ipynb": signed, f"{stem}.pdf": pdf})
    word = None
    if docx:
        word = folder / f"{stem}.docx"
        _write(word, _word_file(notebook, stem, path.parent))
    size = []
    if max(len(signed), len(pdf)) > MOST_READ:
        size.append("this is too big to be graded: clear the largest outputs, save and hand in again.")
    said = (*size, *look_over(notebook), *(f"in the PDF, {problem}." for problem in problems))
    return Handin(folder / f"{stem}.zip", said, word, replaced)


def _keep_anothers(target: Path, name: str) -> str:
    """Copy an earlier hand-in aside when it is another notebook's, and say so; "" where there is none."""
    if not target.is_file():
        return ""
    made = time.localtime(target.stat().st_mtime)
    at = time.strftime("%Y-%m-%d %H:%M:%S", made)
    try:
        with zipfile.ZipFile(target) as archive:
            entry = archive.getinfo(f"{target.stem}.ipynb")
            if entry.file_size > MOST_READ:
                raise ValueError
            of = str(json.loads(archive.read(entry))["metadata"]["labkit"]["record"]["file"])
    except Exception:  # whatever a file of that name may hold
        of = "another file"
    if of == name:
        return f"It takes the place of the one made {at}."
    kept = target.with_name(f"{target.stem}-{time.strftime('%Y%m%d-%H%M%S', made)}.zip")
    _write(kept, read_file(target))
    return f"A hand-in made {at} from {of} had this name: it is kept as {kept.name}; hand in only one."


def _word_file(notebook: Notebook, stem: str, root: Path) -> bytes:
    try:
        from labkit.pdf.word import make_docx
    except ImportError as error:
        raise HandinError(
            f"The pair is written, but the Word file needs {error.name or 'a package'}; "
            "run: pip install 'labkit[pdf]'"
        ) from None
    from labkit.pdf.errors import ROOM

    try:
        return make_docx(notebook, name=f"{stem}.ipynb", root=root)
    except OSError as error:
        raise HandinError(
            f"The pair is written, but the Word file cannot be made: {error.strerror or error} in the folder "
            f"for temporary files; {ROOM}"
        ) from None


def read_file(path: Path) -> bytes:
    """Return the bytes of a notebook.

    Raises:
        HandinError: there is no such file, or it cannot be read.
    """
    try:
        return read_plain(path)
    except FileError as error:
        raise HandinError(str(error)) from None


def lab_of(notebook: Notebook, path: Path) -> str:
    """Return the lab's name for the file names: from the notebook's metadata, else from its file name."""
    from labkit.pdf.notebook import as_dict, text_of

    told = text_of(as_dict(notebook.metadata.get("labkit")).get("lab"))
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", told):
        return told
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("_.")[:60] or "notebook"


def _signed(raw: bytes, student: dict[str, str], record: dict[str, str]) -> bytes:
    """Return the notebook with the student and the record in its metadata, as Jupyter writes files."""
    from labkit.pdf.notebook import read

    read(raw)  # says clearly what is wrong with a file that is no notebook
    node: dict[str, Any] = json.loads(raw.decode("utf-8-sig"))
    if node.get("nbformat", 4) < 4:
        import nbformat

        node = json.loads(nbformat.writes(nbformat.convert(nbformat.from_dict(node), 4)))
    metadata = node["metadata"] if isinstance(node.get("metadata"), dict) else {}
    lab = metadata["labkit"] if isinstance(metadata.get("labkit"), dict) else {}
    node["metadata"] = {**metadata, "labkit": {**lab, "student": student, "record": record}}
    text = json.dumps(node, ensure_ascii=False, indent=1, sort_keys=True)
    return (text + "\n").encode("utf-8", "replace")


def write_zip(target: Path, files: dict[str, bytes]) -> None:
    """Write a zip atomically; the same files give the same bytes.

    Raises:
        HandinError: it cannot be written there.
    """
    _write(target, files)


def _write(target: Path, content: bytes | dict[str, bytes]) -> None:
    """Write a file, or a zip of files, whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as stream:
            if isinstance(content, bytes):
                stream.write(content)
            else:
                with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                    for name, data in content.items():
                        entry = zipfile.ZipInfo(name, _ZIP_DATE)
                        entry.compress_type = zipfile.ZIP_DEFLATED
                        entry.external_attr = 0o644 << 16
                        archive.writestr(entry, data)
    except OSError as error:
        raise _not_written(target, error) from None


def _how() -> str:
    return "-o FOLDER" if live.shell() is None else 'labkit.handin(out="folder")'


def _not_written(target: Path, error: OSError) -> HandinError:
    return HandinError(
        f"{target} cannot be written: {error.strerror or error}; {make_room(error)}"
        f"name another folder: {_how()}. Your notebook is as it was."
    )

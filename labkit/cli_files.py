"""The files that the command line reads and writes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import typer

from labkit.plainfile import FileError, read_file, whole


class CommandError(Exception):
    """A command that could not be done: what is wrong and what to do."""


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a file that the user names."""
    try:
        return read_file(path)
    except FileError as error:
        raise CommandError(str(error)) from None


def is_another_file(target: Path) -> bool:
    """Say whether a file is there that is no PDF: it may be somebody's work."""
    try:
        if not target.is_file():
            return False
        with target.open("rb") as stream:
            return stream.read(5) not in (b"%PDF-", b"")
    except OSError:
        return False


def write(target: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        with whole(target) as stream:
            stream.write(data)
    except OSError as error:
        from labkit.handin.errors import make_room

        raise CommandError(
            f"{target} cannot be written: {error.strerror or error}; "
            f"{make_room(error)}name another file with -o. The notebook is as it was."
        ) from None


def pair_of(file: Path, notebook: Path | None) -> tuple[bytes, bytes]:
    """Return the bytes of a PDF and its notebook, from a zip or from two files."""
    if notebook is not None:
        if file.suffix.lower() == ".ipynb":  # in the other order
            file, notebook = notebook, file
        return _pdf_of(file, notebook), bytes_of(notebook)
    if not file.is_file() or not zipfile.is_zipfile(file):
        if bytes_of(file)[:2] == b"PK" or file.suffix.lower() == ".zip":
            raise CommandError(f"{file} is a damaged zip; make or download it again.")
        raise typer.BadParameter(
            f"{file} is not a zip; with a PDF, name its notebook too: labkit verify PDF NOTEBOOK"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {Path(info.filename).suffix: info for info in archive.infolist()}
            if len(archive.infolist()) != 2 or set(entries) != {".ipynb", ".pdf"}:
                names = [ascii(info.filename[:60]) for info in archive.infolist()]
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                raise CommandError(
                    f"{file} holds {', '.join(names[:3]) or 'nothing'}{more}, not one .ipynb and one .pdf; "
                    "name the zip that labkit handin wrote, or the two files: labkit verify PDF NOTEBOOK"
                )
            return _member(archive, entries[".pdf"]), _member(archive, entries[".ipynb"])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise CommandError(
            f"{file} is a damaged zip ({type(error).__name__}); make or download it again."
        ) from None


def _pdf_of(file: Path, notebook: Path) -> bytes:
    from labkit.pdf.verify import is_pdf

    data = bytes_of(file)
    if not is_pdf(data):
        what = "is not a PDF" if data else "is empty (0 bytes), not a PDF"
        raise CommandError(
            f"{file} {what}; name the PDF that labkit wrote, or make it again: labkit pdf '{notebook}'"
        )
    return data


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    from labkit.pdf.verify import MAX_NOTEBOOK

    if entry.file_size > MAX_NOTEBOOK:
        raise CommandError(f"{entry.filename} in the zip is too big ({entry.file_size:,} bytes).")
    with archive.open(entry) as stream:
        return stream.read(MAX_NOTEBOOK + 1)

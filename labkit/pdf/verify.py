"""Does a PDF belong to a notebook? What can be proven, in words that say no more than that.

An attachment and its hash prove one thing: this notebook travels in this PDF. They say nothing of the pages,
which anybody can draw. So, when asked, the notebook is drawn again: the same program gives the same bytes,
and pages that show anything else are found out. The work on the PDF, which may be hostile, is done in a
process of its own, with limits on time and memory.
"""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labkit.pdf.child import run
from labkit.pdf.errors import ROOM

CPU = 20  # seconds; an honest pair takes 1 to 2
MAX_PDF = 200_000_000
MAX_NOTEBOOK = 100_000_000


@dataclass(frozen=True)
class Verdict:
    """What was found: `proven` or not, and why, in a sentence or two.

    `pages` says how far the pages go with that: "same" (every page is drawn as the notebook gives it), "text"
    (its text was compared, its pictures were not), "" (not compared).
    """

    proven: bool
    reason: str
    pages: str = ""


def is_pdf(data: bytes) -> bool:
    """Say whether bytes begin as a PDF does."""
    return data[:1024].lstrip(b"\x00\t\n\x0c\r ").startswith(b"%PDF-")


def verify(pdf: bytes, notebook: bytes, *, rerender: bool = False, seconds: float = 60.0) -> Verdict:
    """Compare a PDF with the notebook it is said to come from; never raises for what is in them.

    Args:
        pdf: the PDF's bytes.
        notebook: bytes of the .ipynb file.
        rerender: also draw the notebook again and compare the pages. Without it, proven means only that the
            notebook is attached to the PDF, byte for byte.
        seconds: limit on the whole comparison, which may also use 20 seconds of processor time at most.

    Example:
        >>> verify(b"not a pdf", b"{}").reason
        'The file is not a PDF.'
    """
    if not is_pdf(pdf):
        return Verdict(False, "The file is not a PDF.")
    if len(pdf) > MAX_PDF or len(notebook) > MAX_NOTEBOOK:
        return Verdict(
            False, f"Not compared: the files are too big ({len(pdf):,} and {len(notebook):,} bytes)."
        )
    missing = [name for name in ("pypdf", "typst") if importlib.util.find_spec(name) is None]
    if missing:
        return Verdict(False, f"Not compared: {missing[0]} is missing; run: pip install 'labkit[pdf]'")
    try:
        with tempfile.TemporaryDirectory(prefix="labkit-verify-") as folder:
            (Path(folder) / "pdf").write_bytes(pdf)
            (Path(folder) / "ipynb").write_bytes(notebook)
            return _in_child(Path(folder), rerender=rerender, seconds=seconds)
    except OSError as error:
        return Verdict(
            False, f"Not compared: {error.strerror or error} in the folder for temporary files; {ROOM}"
        )


def _in_child(folder: Path, *, rerender: bool, seconds: float) -> Verdict:
    """Run the comparison in a process of its own and return what it says."""
    try:
        answer = run("labkit.pdf.compare", ["1" if rerender else "0", str(CPU)], folder, seconds=seconds)
        return Verdict(answer["proven"] is True, str(answer["reason"]), str(answer["pages"]))
    except subprocess.TimeoutExpired:
        return Verdict(False, f"Not proven: comparing took more than {seconds:g} seconds and was stopped.")
    except TimeoutError:
        return Verdict(
            False, f"Not proven: comparing took more than {CPU} seconds of processor time and was stopped."
        )
    except (OSError, ValueError, LookupError, TypeError):
        return Verdict(
            False, "Not proven: the PDF could not be read; it is damaged or made to be unreadable."
        )

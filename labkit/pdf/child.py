"""Work on what strangers sent is done in a process of its own, with limits on time and memory."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from labkit.pdf.errors import ROOM, PdfError
from labkit.pdf.options import USUAL, Options, parse

MAX_CPU = 300
MEMORY = 4 << 30  # address space; the compiler reserves far more than it uses


def limit_self(*, memory: int = MEMORY, cpu: int = MAX_CPU) -> None:
    """Limit this process's memory and time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit remains
        return
    limits = (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for kind, soft, hard in limits:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def run(module: str, arguments: list[str], folder: Path, *, seconds: float) -> Any:
    """Run a module in a new process in `folder`; return what its last line says, read as JSON.

    Raises:
        subprocess.TimeoutExpired: it took longer and was ended.
        TimeoutError: it ended because it used all the processor time that it gave itself.
        ValueError: it ended without an answer.
    """
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "RAYON_NUM_THREADS": "2"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    )
    if done.returncode == -getattr(signal, "SIGXCPU", 0) != 0:
        raise TimeoutError
    lines = done.stdout[-8000:].decode("utf-8", "replace").strip().splitlines()
    if not lines:
        raise ValueError(f"it ended with exit code {done.returncode} and said nothing")
    return json.loads(lines[-1])


def make_pdf(
    raw: bytes,
    *,
    name: str,
    root: Path | None = None,
    options: Options = USUAL,
    seconds: float = 60.0,
    memory: int = MEMORY,
) -> tuple[bytes, list[str]]:
    """Return the PDF of a notebook that may be hostile, and what could not be shown as it is.

    Args:
        raw: bytes of the .ipynb file.
        name: its file name.
        root: folder from which pictures may be read; None: no files.
        options: how the pages look.
        seconds: most time it may take.
        memory: most bytes of address space.

    Raises:
        PdfError: it is not a notebook, or it would take too long or too much.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-child-") as place:
        folder = Path(place)
        try:
            (folder / "ipynb").write_bytes(raw)
        except OSError as error:
            said = f"{error.strerror or error} in the folder for temporary files; {ROOM}"
            raise PdfError(f"The PDF cannot be made: {said}") from None
        arguments = [name, str(root.resolve()) if root else "", options.words(), str(memory)]
        try:
            answer = run("labkit.pdf.child", arguments, folder, seconds=seconds)
        except subprocess.TimeoutExpired:
            raise PdfError(f"The PDF took more than {seconds:g} seconds and was stopped.") from None
        except (ValueError, OSError):
            raise PdfError("The PDF could not be made: the notebook asks for too much memory.") from None
        if not isinstance(answer, dict) or "error" in answer:
            raise PdfError(str(answer["error"]) if isinstance(answer, dict) else "The PDF could not be made.")
        return (folder / "pdf").read_bytes(), [str(warning) for warning in answer["warnings"]]


def main(name: str, root: str, words: str, memory: str) -> None:
    """Make the PDF of the file `ipynb` in the working folder and print what happened."""
    limit_self(memory=int(memory))
    logging.disable(logging.CRITICAL)
    from labkit.pdf import compiler
    from labkit.pdf.notebook import NotebookError, read

    answer: dict[str, object]
    try:
        raw = Path("ipynb").read_bytes()
        made, warnings = compiler.make_pdf(
            read(raw), raw, name=name, root=Path(root) if root else None, options=parse(words)
        )
        Path("pdf").write_bytes(made)
        answer = {"warnings": [warning[:300] for warning in warnings[:20]]}
    except (PdfError, NotebookError) as error:
        answer = {"error": str(error)}
    except (MemoryError, RecursionError) as error:
        answer = {
            "error": f"The PDF could not be made: the notebook asks for too much ({type(error).__name__})."
        }
    print("\n" + json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:5])

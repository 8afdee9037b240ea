"""What is said of a PDF that carries another file than the notebook at hand."""

from __future__ import annotations

import contextlib
import hashlib
import json

from labkit.pdf.notebook import NotebookError, content_hash, read


def other_notebook(inside: dict[str, bytes], notebook: bytes, digest: str) -> str:
    """Return how the notebooks inside a PDF differ from the one it is said to come from, in a sentence."""
    if len(inside) > 1:
        return f"Refuted: the PDF carries {len(inside)} notebooks; expected one."
    other = next(iter(inside.values()))
    told = hashlib.sha256(other).hexdigest()
    hashes = f"SHA-256 {told[:12]}, not {digest[:12]}"
    how = _written_otherwise(other, notebook)
    if how:
        return (
            f"Not proven: the PDF carries the same notebook, but not this file: they differ only in {how} "
            f"({hashes}); name the .ipynb that was handed in with the PDF."
        )
    with contextlib.suppress(NotebookError):
        if content_hash(read(other)) == content_hash(read(notebook)):
            return (
                "Refuted: the PDF carries a notebook with the same cells and outputs, but other metadata "
                f"({hashes}): this one was saved again, or is the one from before the hand-in; name the "
                ".ipynb that was handed in with the PDF, or hand in again."
            )
    return f"Refuted: the PDF carries another notebook ({hashes})."


def _written_otherwise(one: bytes, other: bytes) -> str:
    """Return how two files differ that say the same, "" when they say different things."""
    if one.rstrip() == other.rstrip():
        count = abs(len(one) - len(other))
        return f"white space at the end of the file, {count} byte{'' if count == 1 else 's'}"
    with contextlib.suppress(ValueError, RecursionError):
        same = json.dumps(json.loads(one), sort_keys=True) == json.dumps(json.loads(other), sort_keys=True)
        return "how the same JSON is written" if same else ""
    return ""

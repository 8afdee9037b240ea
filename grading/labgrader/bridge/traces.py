"""Tracebacks for students: their own cells and libraries, without the grader's frames and folders."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import TracebackType

_OURS = os.path.join(str(Path(__file__).parents[1]), "")
_CELL = "<ipython-input-"
_FOLDERS = sorted(
    {
        os.path.join(form, "")
        for path in sys.path
        if os.path.isdir(path)
        for form in (path, os.path.realpath(path))
    }
    - {os.path.join(os.getcwd(), "")},
    key=len,
    reverse=True,
)


def clean(error: BaseException, seen: int = 20) -> TracebackType | None:
    """Give an exception, and those that it came from, tracebacks without the grader's frames.

    Args:
        error: the exception; it is changed.
        seen: how far back to go.

    Returns:
        its traceback from the first notebook cell on; None where no cell had begun.
    """
    for earlier in (error.__cause__, error.__context__):
        if earlier is not None and seen:
            clean(earlier, seen - 1)
    entries = []
    trace = error.__traceback__
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    files = [entry.tb_frame.f_code.co_filename for entry in entries]
    start = next((n for n, file in enumerate(files) if file.startswith(_CELL)), len(files))
    kept = [e for e, file in list(zip(entries, files, strict=True))[start:] if not file.startswith(_OURS)]
    if len(kept) > 40:  # all of a very deep one would take seconds to show
        kept = kept[:20] + kept[-20:]
    for entry, inner in zip(kept, [*kept[1:], None], strict=True):
        entry.tb_next = inner
    error.__traceback__ = kept[0] if kept else None
    return error.__traceback__


def short(line: str) -> str:
    """Return a line of a traceback with the paths of installed files from their package on."""
    home = os.path.join(os.path.expanduser("~"), "")
    for folder in _FOLDERS:
        line = line.replace(folder, "")
        if folder.startswith(home):
            line = line.replace(os.path.join("~", folder.removeprefix(home)), "")
    return line


def show_from_thread(args: threading.ExceptHookArgs) -> None:
    """Show an exception that ended a thread, as Python does (in place of `threading.excepthook`)."""
    trace = clean(args.exc_value) if args.exc_value is not None else None
    threading.__excepthook__(threading.ExceptHookArgs((args.exc_type, args.exc_value, trace, args.thread)))

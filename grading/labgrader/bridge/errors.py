"""What can go wrong across the bridge, and how an exception travels over it as plain data."""

from __future__ import annotations

import builtins
import re
import traceback
from types import TracebackType
from typing import Any

MESSAGE = 2000
TRACE = 4000
FRAMES = 12
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CELL_FILE = re.compile(r"<ipython-input-(\d{1,6})-")


class WireError(Exception):
    """A message that cannot be sent or that nobody honest would have sent."""


class SessionLost(Exception):  # noqa: N818
    """The student's process is gone, silent or speaks nonsense; nothing more can be asked of it."""


class TimeUp(BaseException):
    """The time for this cell or test is over (no Exception, so that a test does not swallow it)."""


class StudentError(Exception):
    """An exception of the student's code that is not exactly a builtin one.

    Args:
        name: the class name on the student's side.
        message: its message, bounded and without control characters.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name

    __str__ = Exception.__str__


def _plain_builtins() -> dict[str, type[Exception]]:
    takes_more = {"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"}
    ends_loops = {"StopIteration", "StopAsyncIteration"}
    out = {}
    for name, kind in vars(builtins).items():
        is_error = isinstance(kind, type) and issubclass(kind, Exception) and kind.__name__ == name
        if (
            is_error
            and name not in takes_more | ends_loops
            and not issubclass(kind, (BaseExceptionGroup, Warning))
        ):
            out[name] = kind
    return out


_BUILTIN = _plain_builtins()
_DERIVED: dict[str, type[StudentError]] = {}


def tidy(text: object, limit: int) -> str:
    """Return text without control and direction characters, cut to a limit with a visible note.

    Example:
        >>> tidy("a\\x1b[31mb", 10)
        'a�[31mb'
    """
    clean = _CONTROL.sub("\ufffd", text[: limit + 1]) if type(text) is str else ""
    return clean if len(clean) <= limit else clean[:limit] + " … (cut)"


def _message(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[: MESSAGE + 1]
    except BaseException:
        return "(the exception has no readable message)"


def _frames(error: BaseException) -> list[list[Any]]:
    """Return [cell number, function, line, text] of the notebook lines that an exception went through."""
    frames: list[list[Any]] = []
    try:
        for frame in traceback.extract_tb(error.__traceback__, limit=500):
            cell = _CELL_FILE.match(frame.filename)
            if cell:
                frames.append([int(cell[1]), frame.name[:100], frame.lineno or 0, (frame.line or "")[:200]])
        if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
            frames.append([0, "<module>", error.lineno, ""])
    except BaseException:
        return []
    return frames[-FRAMES:]


def describe(error: BaseException) -> list[Any]:
    """Return an exception as plain data: class names, message, arguments or None, frames.

    The frames are only those of notebook cells.

    Example:
        >>> describe(ValueError("no"))[:3]
        [['ValueError'], 'no', ['no']]
    """
    kind = type(error)
    names = []
    for base in kind.__mro__:
        builtin = getattr(base, "__module__", "") == "builtins"
        if base is kind or builtin:
            names.append(str(base.__name__)[:100] if base is kind and not builtin else base.__name__)
        if builtin:
            break
    own = kind.__module__ == "builtins"
    args: list[Any] | None = None
    try:
        given = list(error.args)
        short = all(
            type(a) in (int, float, bool, type(None)) or (type(a) is str and len(a) <= MESSAGE) for a in given
        )
        if len(given) <= 4 and short and not isinstance(error, (OSError, SyntaxError)):
            args = given
    except BaseException:
        args = None
    return [names if own else ["", *names], _message(error), args, _frames(error)]


def rebuild(fields: object) -> Exception:
    """Return the exception that `describe` wrote: a builtin one if it was exactly that, else StudentError.

    A StudentError of a class derived from a builtin one is caught as that builtin too.
    The result carries `student_line`, `student_trace` and a traceback with the student's functions and lines.

    Raises:
        WireError: the fields are not of the form that `describe` writes.

    Example:
        >>> rebuild(describe(KeyError("k")))
        KeyError('k')
        >>> rebuild(describe(StopIteration()))
        StudentError('StopIteration')
    """
    if type(fields) is not list or len(fields) != 4:
        raise WireError("An error reply has the wrong form.")
    names, message, args, frames = fields
    if type(names) is not list or not 1 <= len(names) <= 4 or not all(type(n) is str for n in names):
        raise WireError("An error reply has the wrong class names.")
    if type(message) is not str or type(frames) is not list or len(frames) > FRAMES:
        raise WireError("An error reply has the wrong fields.")
    text = tidy(message, MESSAGE)
    if names[0] in _BUILTIN:
        error = _BUILTIN[names[0]](*_clean_args(args, text))
    else:
        shown = tidy(next((n for n in names if n), "Exception"), 100)
        error = _derived(names[-1])(shown, text)
    return _with_frames(error, frames)


def _with_frames(error: Exception, frames: list[Any]) -> Exception:
    """Give an exception the student's lines, as text and as a traceback of stand-in frames."""
    lines, trace = [], None
    for frame in reversed(frames):
        if type(frame) is not list or [type(f) for f in frame] != [int, str, int, str]:
            raise WireError("An error reply has the wrong frames.")
        cell, name, line, text = frame
        if not (0 <= cell < 1_000_000 and 0 <= line < 100_000):
            raise WireError("An error reply has the wrong frames.")
        name = name if name.isidentifier() and len(name) <= 100 else "<module>"
        lines.append(f"line {line}, in {name}\n    {tidy(text, 200)}")
        trace = _stand_in(trace, f"<cell {cell}>", name, line)
    error.student_line = frames[-1][2] or None if frames else None  # type: ignore[attr-defined]
    error.student_trace = "\n".join(reversed(lines))[:TRACE]  # type: ignore[attr-defined]
    return error.with_traceback(trace)


def _stand_in(inner: TracebackType | None, file: str, name: str, line: int) -> TracebackType | None:
    """Return a traceback entry that shows a function of the student's, which is not here."""
    code = compile("raise ValueError", file, "exec").replace(co_name=name, co_firstlineno=max(line, 1))
    try:
        exec(code, {"__name__": "__main__", "__builtins__": {"ValueError": ValueError}})
    except ValueError as error:
        made = error.__traceback__ and error.__traceback__.tb_next
        if made is not None:
            return TracebackType(inner, made.tb_frame, made.tb_lasti, max(line, 1))
    return inner


def _clean_args(args: object, text: str) -> list[Any]:
    if type(args) is not list or len(args) > 4:
        return [text] if text else []
    plain = (int, float, bool, type(None))
    return [tidy(a, MESSAGE) if type(a) is str else a for a in args if type(a) in plain or type(a) is str]


def _derived(base: str) -> type[StudentError]:
    """Return the StudentError class that is also caught as the named builtin."""
    if base not in _BUILTIN or base == "Exception":
        return StudentError
    if base not in _DERIVED:
        try:
            made = type("StudentError", (StudentError, _BUILTIN[base]), {"__module__": __name__})
        except TypeError:
            made = StudentError
        _DERIVED[base] = made
    return _DERIVED[base]

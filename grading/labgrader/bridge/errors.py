"""What can go wrong across the bridge, and how an exception travels over it as plain data."""

from __future__ import annotations

import builtins
import re
import traceback
from typing import Any

MESSAGE = 2000
TRACE = 4000
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CELL_FILE = ("<ipython-input", "<cell ")


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


def _trace(error: BaseException) -> tuple[int, str]:
    line, lines = 0, []
    try:
        for frame in traceback.extract_tb(error.__traceback__, limit=200):
            if frame.filename.startswith(_CELL_FILE):
                line = frame.lineno or 0
                lines.append(f"line {line}, in {frame.name}\n    {frame.line or ''}")
        if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
            line = error.lineno
    except BaseException:
        return 0, ""
    return line, "\n".join(lines[-20:])[:TRACE]


def describe(error: BaseException) -> list[Any]:
    """Return an exception as plain data: class names, message, arguments or None, line, traceback.

    The traceback names only lines of notebook cells.

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
    line, trace = _trace(error)
    return [names if own else ["", *names], _message(error), args, line, trace]


def rebuild(fields: object) -> Exception:
    """Return the exception that `describe` wrote: a builtin one if it was exactly that, else StudentError.

    A StudentError of a class derived from a builtin one is caught as that builtin too.
    The result carries `student_line` and `student_trace`.

    Raises:
        WireError: the fields are not of the form that `describe` writes.

    Example:
        >>> rebuild(describe(KeyError("k")))
        KeyError('k')
        >>> rebuild(describe(StopIteration()))
        StudentError('StopIteration')
    """
    if type(fields) is not list or len(fields) != 5:
        raise WireError("An error reply has the wrong form.")
    names, message, args, line, trace = fields
    if type(names) is not list or not 1 <= len(names) <= 4 or not all(type(n) is str for n in names):
        raise WireError("An error reply has the wrong class names.")
    if type(message) is not str or type(trace) is not str or type(line) is not int:
        raise WireError("An error reply has the wrong fields.")
    text = tidy(message, MESSAGE)
    if names[0] in _BUILTIN:
        error = _BUILTIN[names[0]](*_clean_args(args, text))
    else:
        shown = tidy(next((n for n in names if n), "Exception"), 100)
        error = _derived(names[-1])(shown, text)
    error.student_line = line if 0 < line < 1_000_000 else None  # type: ignore[attr-defined]
    error.student_trace = tidy(trace, TRACE)  # type: ignore[attr-defined]
    return error


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

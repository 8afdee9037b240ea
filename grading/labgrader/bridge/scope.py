"""Running trusted source on the trusted side: its last value, its prints, magics left out."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
from collections.abc import Iterator
from typing import Any

from .runs import TEST_FILE


class NoShell:
    """Stands for IPython on the trusted side: magics of set-up cells do nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class Bounded(io.StringIO):
    """Text that stops growing at a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def write(self, text: str) -> int:
        """Keep what fits."""
        kept = text[: self.left]
        super().write(kept if len(kept) == len(text) or not self.left else kept + " … (cut)\n")
        self.left -= len(kept)
        return len(text)


@contextlib.contextmanager
def quiet(stdout: io.StringIO) -> Iterator[None]:
    """Collect stdout; drop stderr (a warning costs nothing)."""
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(Bounded(0)):
        yield


def evaluate(source: str, namespace: dict[str, Any]) -> Any:
    """Run a test and return the value of its last expression, or None."""
    linecache.cache[TEST_FILE] = (len(source), None, source.splitlines(keepends=True), TEST_FILE)
    tree = ast.parse(source, TEST_FILE)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, TEST_FILE, "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), TEST_FILE, "eval"), namespace)


def without_magics(source: str) -> str:
    """Return a cell as plain Python; magics become calls that do nothing here."""
    with contextlib.suppress(SyntaxError):
        ast.parse(source)
        return source

    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]

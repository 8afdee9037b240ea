"""Which names of a test cell may come from the student: only those that nothing on the trusted side binds."""

from __future__ import annotations

import ast
import builtins
import importlib
import symtable
from collections.abc import Collection, Mapping
from typing import Any

# A test that uses one of these means the library, whether or not its master imports it in a locked cell.
TRUSTED = {
    "F": "torch.nn.functional",
    "check": "labkit.check",
    "cv2": "cv2",
    "itertools": "itertools",
    "labkit": "labkit",
    "math": "math",
    "matplotlib": "matplotlib",
    "nn": "torch.nn",
    "np": "numpy",
    "numpy": "numpy",
    "os": "os",
    "plt": "matplotlib.pyplot",
    "random": "random",
    "sys": "sys",
    "torch": "torch",
    "torchvision": "torchvision",
}
NEVER = ("secret", "get_ipython", "earned", "__name__", "__builtins__")


def trusted_import(name: str) -> Any:
    """Return the module that a conventional name stands for."""
    return importlib.import_module(TRUSTED[name])


def used_and_bound(source: str) -> tuple[set[str], set[str], set[str]]:
    """Return the global names that a cell reads, those that it binds, and those that its functions read.

    Raises:
        SyntaxError: the source is not Python.

    Example:
        >>> [sorted(names) for names in used_and_bound("import os as o; y = f(lambda x: x + z)")]
        [['f', 'z'], ['o', 'y'], ['z']]
    """
    used: set[str] = set()
    bound: set[str] = set()
    inner: set[str] = set()
    top = symtable.symtable(source, "<test>", "exec")
    tables = [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is top or symbol.is_global():
                if symbol.is_referenced():
                    used.add(symbol.get_name())
                    if table is not top:
                        inner.add(symbol.get_name())
                if symbol.is_assigned() or symbol.is_imported():
                    bound.add(symbol.get_name())
    return used, bound, inner


def only_checked(source: str, names: Collection[str]) -> bool:
    """Tell whether a test uses the given names only as arguments of `check.<exercise>(...)`.

    Example:
        >>> only_checked("earned = check.f(f, seed=1); 3 * earned", {"f"}), only_checked("f(x) == 1", {"f"})
        (True, False)
    """
    tree = ast.parse(source)
    given: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "check":
                given.update([*node.args, *(k.value for k in node.keywords)])
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in names]
    return bool(uses) and all(use in given for use in uses)


def wanted(free: Collection[str], own: Mapping[str, Any], allowed: Collection[str] | None) -> list[str]:
    """Return which of a test's free names to fetch from the student, sorted.

    A name is the student's only if the trusted namespace, the builtins and the well-known library names do
    not have it.

    Args:
        free: names that the test reads and does not bind.
        own: the trusted namespace.
        allowed: the names that the lab's solution cells define, when known; no other name is fetched.

    Example:
        >>> wanted({"check", "f", "len", "x"}, {"x": 1}, None)
        ['f']
    """
    names = set(free) - own.keys() - TRUSTED.keys() - set(NEVER) - set(dir(builtins))
    return sorted(names if allowed is None else names & set(allowed))

"""Importing one part of a package without the parts that take long and are not used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let imports find that a package is not installed; one that is loaded already stays.

    Example:
        >>> with without("no_such_package"):
        ...     import no_such_package
        Traceback (most recent call last):
        ModuleNotFoundError: import of no_such_package halted; None in sys.modules
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(name, None)


def alone(package: str, module: str, *, unused: str, names: tuple[str, ...]) -> ModuleType:
    """Import one module of a package without running the package, unless that is loaded already.

    Args:
        package: "nbconvert".
        module: the module, as "nbconvert.filters.markdown_mistune".
        unused: the module of the same package that it imports names from, though it will not use them here.
        names: these names.

    Example:
        >>> alone("os", "os.path", unused="os.none", names=()).__name__  # loaded already
        'posixpath'
    """
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return importlib.import_module(module)
    parts = module.split(".")
    file = Path(spec.submodule_search_locations[0]).joinpath(*parts[1:]).with_suffix(".py")
    found = importlib.util.spec_from_file_location(module, file)
    if found is None or found.loader is None or not file.is_file():
        return importlib.import_module(module)
    made = importlib.util.module_from_spec(found)
    stubs = {name: ModuleType(name) for name in (package, ".".join(parts[:-1]), unused)}
    for name in names:
        setattr(stubs[unused], name, None)
    sys.modules.update(stubs)
    try:
        found.loader.exec_module(made)
    except ImportError:  # another version, which imports more
        made = None  # type: ignore[assignment]
    finally:
        for name in stubs:
            sys.modules.pop(name, None)
    return made or importlib.import_module(module)

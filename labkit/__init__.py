"""labkit: what the lab notebooks import. Nothing heavy is loaded before it is used.

Example:
    >>> import labkit
    >>> labkit.__version__.count(".") >= 1
    True
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


def __getattr__(name: str) -> Any:
    """Load a submodule when it is first asked for (PEP 562)."""
    if name == "__version__":
        return _version()
    if name.startswith("_") or importlib.util.find_spec(f"labkit.{name}") is None:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    return importlib.import_module(f"labkit.{name}")


def __dir__() -> list[str]:
    """Return the names that completion offers."""
    import pkgutil

    return sorted(["__version__", *(module.name for module in pkgutil.iter_modules(__path__))])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("labkit")
    except PackageNotFoundError:  # run from a folder, not installed
        return "0"

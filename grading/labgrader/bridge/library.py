"""Library functions and classes by name, and values of subclasses as their plain base values."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch

LIBRARIES = ("builtins", "cmath", "functools", "itertools", "math", "numpy", "operator", "random", "torch")
_CLAIMS = ("torch", "matplotlib")
_CONVERT: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda x: complex.__add__(x, 0j),
    str: str.__str__,
    bytes: lambda x: bytes.join(b"", [x, b""]),
    tuple: lambda x: tuple(tuple.__iter__(x)),
    list: lambda x: list(list.__iter__(x)),
    dict: lambda x: dict(dict.items(x)),
    set: lambda x: set(set.__iter__(x)),
    frozenset: lambda x: frozenset(frozenset.__iter__(x)),
}
_DATA = tuple(_CONVERT)


def library_name(x: Any) -> list[str] | None:
    """Return [module, qualified name] of a function or class of a listed library, or None.

    Example:
        >>> import math
        >>> library_name(math.sin), library_name(lambda: 0)
        (['math', 'sin'], None)
    """
    if isinstance(x, ModuleType):
        return None
    module, name = getattr(x, "__module__", None), getattr(x, "__qualname__", None)
    if type(module) is not str or type(name) is not str or module.split(".")[0] not in LIBRARIES:
        return None
    return [module, name] if find(module, name) is x else None


def find(module: str, name: str) -> Any:
    """Return an object of an already imported module by its qualified name, or None."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def load(module: str, name: str) -> Any:
    """Return a library's function or class by name, importing the module (student's side only)."""
    if module.split(".")[0] not in LIBRARIES:
        raise ImportError(f"{module} is not one of the libraries that a test can name.")
    importlib.import_module(module)
    found = find(module, name)
    if found is None:
        raise ImportError(f"{module} has no {name} here.")
    return found


def claims(x: Any) -> list[list[str]]:
    """Return the names of the library classes that an object is an instance of, nearest first."""
    found = []
    for base in type(x).__mro__:
        module, name = str(base.__module__), str(base.__qualname__)
        if module.split(".")[0] in _CLAIMS:
            found.append([module[:200], name[:200]])
    return found[:8]


def _claimable() -> tuple[type, ...]:
    data = torch.utils.data
    roots: list[type] = [torch.nn.Module, data.Dataset, data.Sampler, data.DataLoader, torch.optim.Optimizer]
    artist = sys.modules.get("matplotlib.artist")
    if artist is not None:
        roots.append(artist.Artist)
    return tuple(roots)


def claimed_class(names: list[list[str]]) -> type | None:
    """Return the first named class that a student object may claim to be an instance of.

    Only classes of networks, data sets, optimisers and figures that are loaded here; never a class of
    numbers, arrays or tensors, whose values have to be seen.
    """
    for module, name in names:
        if module.split(".")[0] not in _CLAIMS or module not in sys.modules:
            continue
        found: Any = sys.modules[module]
        for part in name.split("."):
            found = vars(found).get(part) if isinstance(found, (ModuleType, type)) else None
        if isinstance(found, type) and issubclass(found, _claimable()):
            return found
    return None


def _named_tuple(kind: type) -> bool:
    """Tell whether a class is what `namedtuple` makes."""
    return kind.__bases__ == (tuple,) and "_fields" in vars(kind)


def base_value(x: Any) -> Any:
    """Return the exact base value of an instance of a data subclass, or None where there is none.

    Array subclasses always have one; subclasses of numbers and containers only where a library made them
    (OrderedDict, IntEnum, torch's named results) and for named tuples, not where a notebook made another one:
    those keep their methods. This runs on the student's side; what is sent is plain data.

    Example:
        >>> from collections import Counter
        >>> base_value(Counter("aa"))
        {'a': 2}
    """
    kind = type(x)
    if issubclass(kind, np.ndarray):
        return None if kind is np.ndarray else np.asarray(x).view(np.ndarray)
    if issubclass(kind, torch.Tensor):
        return None if kind is torch.Tensor else x.as_subclass(torch.Tensor)
    if kind in _DATA or (kind.__module__ == "__main__" and not _named_tuple(kind)):
        return None
    for base in _DATA:
        if issubclass(kind, base):
            return _CONVERT[base](x)
    return None

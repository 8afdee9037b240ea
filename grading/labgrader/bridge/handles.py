"""A student's object as the trusted side sees it: opaque, without truth value, order or number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from .trusted import TrustedPeer

_NAMES = ("__name__", "__qualname__", "__doc__")


class Handle:
    """A student's object, seen from the trusted side.

    It can be called, iterated, indexed and asked for attributes and its length; each answer is plain data
    or another handle. It has no truth value, no order and no number in it, and equals only itself, so an
    object that forges `__eq__`, `__bool__` or `__float__` proves nothing. Inside a test with the line `#
    bridge: student equality`, `==` between two handles asks the student's class.
    """

    __slots__ = ("__weakref__", "_handle_claim", "_handle_kind", "_handle_number", "_handle_peer")
    __hash__ = object.__hash__

    def __init__(self, peer: TrustedPeer, number: int, kind: str, claim: type | None) -> None:
        put = object.__setattr__
        put(self, "_handle_peer", peer)
        put(self, "_handle_number", number)
        put(self, "_handle_kind", kind)
        put(self, "_handle_claim", claim)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._handle_claim or type(self)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return _ask(self, "attr", self, "__doc__")

    def __getattr__(self, name: str) -> Any:
        hidden = name.startswith("__") and name.endswith("__") and name not in _NAMES
        if hidden or name.startswith(("_repr_", "_ipython_", "_handle_")):
            raise AttributeError(f"{self!r} shows no attribute {name!r} here.")
        return _ask(self, "attr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "set_item", self, key, value)

    def __len__(self) -> int:
        length = _ask(self, "len", self)
        if type(length) is not int or not 0 <= length < 1 << 31:
            raise TypeError(f"{self!r} has no sensible length.")
        return length

    def __iter__(self) -> Iterator[Any]:
        inner = _ask(self, "iter", self)
        if type(inner) is list and len(inner) <= self._handle_peer.limits.iterate:
            return iter(inner)
        if not is_handle(inner):
            raise TypeError(f"{self!r} cannot be iterated.")
        return _values(inner)

    def __next__(self) -> Any:
        more, value = _step(self)
        if not more:
            raise StopIteration
        return value

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not is_handle(other) or not self._handle_peer.student_equality:
            return False
        return _ask(self, "equal", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no truth value here: a test needs plain data (a number, a list, an array)."
        )

    def __repr__(self) -> str:
        return f"<student object {self._handle_kind!r}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __instancecheck__(self, other: object) -> bool:
        return is_handle(other) and _ask(self, "isinstance", other, self) is True

    def __subclasscheck__(self, other: object) -> bool:
        return is_handle(other) and _ask(self, "issubclass", other, self) is True

    def __mro_entries__(self, bases: tuple[Any, ...]) -> Any:
        raise TypeError(f"{self!r} lives in the student's process: a test cannot derive a class from it.")

    def __deepcopy__(self, memo: Any) -> Any:
        return _ask(self, "copy", self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{self!r} lives in the student's process and cannot be saved here.")


class CallableHandle(Handle):
    """A student's function, class or other callable."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the student's process."""
        peer = self._handle_peer
        grad, seed = torch.is_grad_enabled(), peer.new_seed()
        if not peer.copy_back:
            return peer.request("call", self, args, kwargs, grad, False, seed)
        answer = peer.request("call", self, args, kwargs, grad, True, seed)
        if type(answer) is not tuple or [type(part) for part in answer[1:]] != [list, bool]:
            peer.lose("The student's process did not send the changed arguments.")
        result, changed, grad = answer
        torch.set_grad_enabled(grad)
        for old, new in zip([*args, *kwargs.values()], changed, strict=False):
            _take_over(old, new)
        return result


type.__setattr__(CallableHandle, "__doc__", Handle.__dict__["__doc__"])


def is_handle(x: object) -> bool:
    """Tell whether an object is a student's object (isinstance would believe what the object claims)."""
    return type(x) is Handle or type(x) is CallableHandle


def _ask(handle: Handle, op: str, *args: Any) -> Any:
    return handle._handle_peer.request(op, *args)


def _step(inner: Handle) -> tuple[bool, Any]:
    answer = _ask(inner, "next", inner)
    if (
        type(answer) is not tuple
        or not 1 <= len(answer) <= 2
        or (len(answer) == 2) is not (answer[0] is True)
    ):
        inner._handle_peer.lose("The student's process did not say whether an iterator has ended.")
    return (True, answer[1]) if len(answer) == 2 else (False, None)


def _values(inner: Handle) -> Iterator[Any]:
    for _ in range(inner._handle_peer.limits.iterate):
        more, value = _step(inner)
        if not more:
            return
        yield value
    raise RuntimeError(f"The student's iterator gave more than {inner._handle_peer.limits.iterate} values.")


def _take_over(old: Any, new: Any) -> None:
    """Copy an argument's new contents into the argument."""
    if type(old) is not type(new):
        return
    if type(old) is list:
        old[:] = new
    elif type(old) in (dict, set):
        old.clear()
        old.update(new)
    elif type(old) is np.ndarray and old.shape == new.shape and old.dtype == new.dtype:
        old[...] = new
    elif type(old) is torch.Tensor and old.shape == new.shape and old.dtype == new.dtype:
        with torch.no_grad():
            old.copy_(new)
        if new.requires_grad:
            old.requires_grad_()


def _operator(name: str) -> Any:
    def operate(self: Handle, other: Any) -> Any:
        if not is_handle(other):
            return NotImplemented
        return _ask(self, "operate", name, self, other)

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    setattr(Handle, f"__{_name}__", _operator(_name))

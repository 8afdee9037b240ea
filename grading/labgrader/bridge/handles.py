"""The trusted end: student objects as opaque handles, and what the student's side may ask here."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .arrays import READERS, read_tensor, writers
from .channel import Channel
from .errors import WireError, tidy
from .library import base_value, claimed_class, library_name
from .limits import Limits
from .peer import Peer
from .wire import Buffer, Decoder, Encoder, Reader, arity

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
        grad = torch.is_grad_enabled()
        if not peer.copy_back:
            return peer.request("call", self, args, kwargs, grad, False)
        answer = peer.request("call", self, args, kwargs, grad, True)
        if type(answer) is not tuple or len(answer) != 2 or type(answer[1]) is not list:
            peer.lose("The student's process did not send the changed arguments.")
        result, changed = answer
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


def _taken_back(*_: object, **__: object) -> Any:
    raise RuntimeError("This function belongs to a test that is over.")


def _operator(name: str) -> Any:
    def operate(self: Handle, other: Any) -> Any:
        if not is_handle(other):
            return NotImplemented
        return _ask(self, "operate", name, self, other)

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    setattr(Handle, f"__{_name}__", _operator(_name))


class TrustedPeer(Peer):
    """The end that runs the tests."""

    def __init__(self, channel: Channel, limits: Limits) -> None:
        super().__init__(channel, limits)
        self.copy_back = False
        self.student_equality = False
        self.handles: weakref.WeakValueDictionary[int, Handle] = weakref.WeakValueDictionary()
        self.lent: dict[int, Any] = {}
        self.lent_numbers: dict[int, int] = {}
        self._writers = writers() | {
            Handle: lambda e, x: ["h", x._handle_number],
            CallableHandle: lambda e, x: ["h", x._handle_number],
            torch.Tensor: self._write_tensor,
            torch.nn.Parameter: self._write_tensor,
        }
        self._readers: dict[str, Reader] = READERS | {
            "h": self._read_handle,
            "fn": self._read_lent,
            "p": self._read_parameter,
            "m": self._read_twin,
            "x": self.gradients.read_argument,
            "g": self.gradients.read_result,
        }

    def encoder(self) -> Encoder:
        """Return a new encoder; other things than data go as library names or as callables of this side."""
        return Encoder(self.limits, self._foreign, self._writers)

    def decoder(self, buffers: list[Buffer]) -> Decoder:
        """Return a new decoder."""
        return Decoder(self.limits, buffers, self._readers)

    def perform(self, op: str, args: list[Any], live: list[Any]) -> Any:
        """Call a function that a test gave away, or give the gradients of what it returned; nothing else."""
        if op == "call" and len(args) == 3 and type(args[1]) is tuple and type(args[2]) is dict:
            if is_handle(args[0]) or not callable(args[0]) or not all(type(k) is str for k in args[2]):
                raise WireError("Only a function that the test gave away can be called.")
            return args[0](*args[1], **args[2])
        if op == "backward" and len(args) == 4:
            return self.gradients.backward(*args, fill=False)
        raise WireError("The student's process asked something that it may not ask.")

    def still_held(self, number: int) -> bool:
        """Tell whether a handle of this number is alive."""
        return number in self.handles or number in self.twins.by_number

    def end(self) -> None:
        """After a test, take back all functions given away and forget parameters that nothing here uses."""
        self.freed += self.twins.sweep()
        self.lent.clear()
        self.lent_numbers.clear()
        self.gradients.graphs.clear()

    def _write_tensor(self, e: Encoder, x: torch.Tensor) -> Any:
        number = self.twins.number(x)
        return self.gradients.write(e, x) if number is None else ["m", number]

    def _foreign(self, e: Encoder, x: Any) -> Any:
        name = library_name(x)
        if name is not None:
            return ["L", *name]
        base = base_value(x)
        if base is not None:
            return e.value(base)
        if not callable(x):
            raise WireError(f"A test cannot send an object of type {type(x).__name__} to the student's code.")
        if id(x) not in self.lent_numbers:
            self.lent_numbers[id(x)] = next(self.count)
            self.lent[self.lent_numbers[id(x)]] = x
        return ["fn", self.lent_numbers[id(x)]]

    def _read_handle(self, d: Decoder, j: list[Any], depth: int) -> Any:
        arity(j, 5)
        _, number, kind, can_call, names = j
        right = type(number) is int and type(kind) is str and type(can_call) is bool and type(names) is list
        if not right or len(names) > 8:
            raise WireError("A student object has the wrong form.")
        if not all(
            type(n) is list and len(n) == 2 and all(type(p) is str and len(p) <= 200 for p in n)
            for n in names
        ):
            raise WireError("A student object has the wrong form.")
        known = self.handles.get(number)
        if known is not None:
            return known
        if len(self.handles) >= self.limits.handles:
            raise WireError(f"More than {self.limits.handles} student objects are held at once.")
        made = (CallableHandle if can_call else Handle)(self, number, tidy(kind, 80), claimed_class(names))
        self.handles[number] = made
        weakref.finalize(made, self.freed.append, number).atexit = False
        return made

    def _read_lent(self, d: Decoder, j: list[Any], depth: int) -> Any:
        arity(j, 2)
        if type(j[1]) is not int:
            raise WireError("The student's process names a function that no test gave away.")
        return self.lent.get(j[1], _taken_back)

    def _read_parameter(self, d: Decoder, j: list[Any], depth: int) -> Any:
        arity(j, 6)
        _, name, dims, number, is_parameter, has_grad = j
        if type(number) is not int or type(is_parameter) is not bool or type(has_grad) is not bool:
            raise WireError("A parameter has the wrong form.")
        data = read_tensor(d, name, dims)
        grad = read_tensor(d, name, dims) if has_grad else None
        if not (data.is_floating_point() or data.is_complex()) or number in self.twins.by_number:
            raise WireError("A parameter has the wrong form.")
        if len(self.twins.by_number) >= self.limits.handles:
            raise WireError("Too many parameters are held at once.")
        made = torch.nn.Parameter(data) if is_parameter else data.requires_grad_()
        made.grad = grad
        self.twins.add(number, made)
        return made

    def _read_twin(self, d: Decoder, j: list[Any], depth: int) -> Any:
        arity(j, 2)
        twin = self.gradients.by_twin(j[1])
        if twin is None:
            raise WireError("A parameter is named that was never sent.")
        return twin

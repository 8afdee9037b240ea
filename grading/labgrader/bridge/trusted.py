"""The trusted end: what goes to the student's process, what comes from it, and what it may ask here."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from .arrays import READERS, read_tensor, writers
from .channel import Channel
from .errors import WireError, tidy
from .handles import CallableHandle, Handle, is_handle
from .library import base_value, claimed_class, library_name
from .limits import Limits
from .peer import Peer
from .unwire import Decoder, Reader, arity
from .wire import Buffer, Encoder

LARGE_SEED = 1 << 20


def _taken_back(*_: object, **__: object) -> Any:
    raise RuntimeError("This function belongs to a test that is over.")


def _name(function: Any) -> str:
    """Return the name by which the student's code may call a function of a test."""
    name = getattr(function, "__name__", "")
    return name if type(name) is str and name.isidentifier() and len(name) <= 100 else "function"


class TrustedPeer(Peer):
    """The end that runs the tests."""

    def __init__(self, channel: Channel, limits: Limits) -> None:
        super().__init__(channel, limits)
        self.copy_back = False
        self.student_equality = False
        self.own_seed = self.last_seed = torch.initial_seed()
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

    def new_seed(self) -> int | None:
        """Return the seed that the test has given to torch since the last call, or None.

        A large one may come from the course's secret, so it stays here.
        """
        seed, last = torch.initial_seed(), self.last_seed
        self.last_seed = seed
        return None if seed in (self.own_seed, last) or seed >= LARGE_SEED else seed

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
        return ["fn", self.lent_numbers[id(x)], _name(x)]

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

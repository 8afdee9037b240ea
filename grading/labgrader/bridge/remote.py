"""The student's end: what may be asked of the student's objects; nothing here protects anything."""

from __future__ import annotations

import contextlib
import copy
import operator
import threading
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import numpy as np
import torch

from .arrays import READERS, sendable, tensor_parts, writers
from .borrowed import Borrowed
from .channel import Channel
from .library import base_value, claims, load
from .limits import Limits
from .peer import Peer
from .turn import Turn
from .unwire import Decoder, Reader
from .wire import Buffer, Encoder

_LISTS = [
    getattr(torch.nn.Module, prefix + name).__code__
    for name in ("parameters", "buffers", "children", "modules")
    for prefix in ("", "named_")
]
_CHANGEABLE = (list, dict, set, np.ndarray, torch.Tensor)


class StudentPeer(Peer):
    """The end that holds the student's objects.

    Args:
        channel: the frames.
        limits: bounds.
        lookup: returns the student's object of a name, or raises NameError.
        extra: further operations (run a cell, ...).
    """

    def __init__(
        self,
        channel: Channel,
        limits: Limits,
        lookup: Callable[[str], Any],
        extra: dict[str, Callable[..., Any]] | None = None,
    ) -> None:
        super().__init__(channel, limits)
        self.interrupted = False
        self.turn = Turn(lambda: self.nesting)
        self.objects: dict[int, Any] = {}
        self.object_numbers: dict[int, int] = {}
        self._writers = writers() | {
            torch.Tensor: self._write_tensor,
            torch.nn.Parameter: self._write_tensor,
            Borrowed: lambda e, x: ["fn", x._number],
        }
        self._readers: dict[str, Reader] = READERS | {
            "h": lambda d, j, depth: self.objects[j[1]],
            "fn": lambda d, j, depth: Borrowed(self, j[1], j[2]),
            "L": lambda d, j, depth: load(j[1], j[2]),
            "m": lambda d, j, depth: self.twins.by_number[j[1]].tensor,
            "x": self.gradients.read_argument,
            "g": self.gradients.read_result,
        }
        own: dict[str, Callable[..., Any]] = {
            "get": lookup,
            "attr": getattr,
            "set": setattr,
            "item": operator.getitem,
            "set_item": operator.setitem,
            "len": len,
            "iter": _iter,
            "next": _next,
            "equal": lambda a, b: bool(a == b),
            "isinstance": isinstance,
            "issubclass": issubclass,
            "copy": copy.deepcopy,
            "operate": lambda name, a, b: getattr(operator, f"__{name}__")(a, b),
            "call": _call,
        }
        self.operations = own | (extra or {})

    def encoder(self) -> Encoder:
        """Return a new encoder; what is not data goes as a handle."""
        return Encoder(self.limits, self._foreign, self._writers)

    def decoder(self, buffers: list[Buffer]) -> Decoder:
        """Return a new decoder."""
        return Decoder(self.limits, buffers, self._readers)

    def perform(self, op: str, args: list[Any], live: list[Any]) -> Any:
        """Do what the trusted side asks; meanwhile any of the student's threads may ask back."""
        self.own.shield += 1
        level = self.turn.lend()
        try:
            self.own.shield -= 1
            if op == "backward":
                return self.gradients.backward(*args, fill=True)
            return self.operations[op](*args)
        finally:
            self.own.shield += 1
            self.turn.take_back(level)
            self.own.shield -= 1

    def request(self, op: str, *args: Any, late: bool = False) -> Any:
        """Ask the trusted side; an interrupt that came meanwhile takes effect afterwards."""
        self.own.shield += 1
        try:
            with self.turn.taken():
                return super().request(op, *args, late=late)
        finally:
            self.own.shield -= 1
            if self.interrupted and not self.own.shield and _in_main_thread():
                self.interrupted = False
                raise KeyboardInterrupt

    def on_interrupt(self, *_: object) -> None:
        """Stop the student's code, but never in the middle of a message (handler of SIGINT)."""
        if self.own.shield:
            self.interrupted = True
        else:
            raise KeyboardInterrupt

    def serve(self) -> None:
        """Answer until the trusted side hangs up."""
        self.own.shield = 1
        self.turn.take_back(0)
        while True:
            form, buffers = self._next_frame()
            if form[0] == "q":
                self.interrupted = False
                self._answer(form, buffers)
            else:
                self._note(form, buffers)

    def free(self, numbers: list[int]) -> None:
        """Forget objects, graphs and twins that the trusted side does not hold any more."""
        super().free(numbers)
        for number in numbers:
            self.twins.drop(number)
            self.object_numbers.pop(id(self.objects.pop(number, None)), None)

    def _export(self, x: Any) -> int:
        number = self.object_numbers.get(id(x))
        if number is None:
            number = self.object_numbers[id(x)] = next(self.count)
            self.objects[number] = x
        return number

    def _write_tensor(self, e: Encoder, x: torch.Tensor) -> Any:
        leaf = x.is_leaf and not any(x is given for given in e.leaves)
        if not (x.requires_grad and leaf and sendable(x)) or e.live is not None:
            if type(x) is torch.nn.Parameter and not x.requires_grad:
                x = x.detach()
            return self.gradients.write(e, x)
        number = self.twins.number(x)
        if number is not None:
            return ["m", number]
        number = next(self.count)
        parts = tensor_parts(e, x)
        grad = (
            x.grad
            if x.grad is not None and x.grad.layout is torch.strided and x.grad.dtype == x.dtype
            else None
        )
        if grad is not None:
            tensor_parts(e, grad)
        self.twins.add(number, x)
        return ["p", *parts, number, type(x) is torch.nn.Parameter, grad is not None]

    def _foreign(self, e: Encoder, x: Any) -> Any:
        arrays = (np.ndarray, torch.Tensor)
        base = base_value(x) if not isinstance(x, type) else None
        if base is not None and (type(base) not in arrays or _data_array(base)):
            return e.value(base)
        kind = f"class {x.__name__}" if isinstance(x, type) else type(x).__name__
        names = claims(x) if not isinstance(x, type) else []
        return ["h", self._export(x), str(kind)[:80].encode("ascii", "replace").decode(), callable(x), names]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _data_array(x: Any) -> bool:
    return sendable(x) if isinstance(x, torch.Tensor) else x.dtype.kind in "biufcSUmM"


def _iter(x: Any) -> Any:
    """Return an iterator, or all that is in it where a network lists its own parts: one message, not many."""
    if type(x) is GeneratorType and x.gi_code in _LISTS:
        return list(x)
    return iter(x)


def _next(iterator: Any) -> tuple[Any, ...]:
    try:
        return True, next(iterator)
    except StopIteration:
        return (False,)


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Let torch draw from a seed, if there is one, and afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        yield


def _call(
    function: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    grad: bool,
    copy_back: bool,
    seed: int | None = None,
) -> Any:
    given = [*args, *kwargs.values()] if copy_back else []
    before = [copy.deepcopy(x) if type(x) in _CHANGEABLE and not _has_graph(x) else None for x in given]
    with _seeded(seed), torch.set_grad_enabled(grad):
        result = function(*args, **kwargs)
        left = torch.is_grad_enabled()
    return (result, list(map(_if_changed, before, given)), left) if copy_back else result


def _has_graph(x: Any) -> bool:
    return isinstance(x, torch.Tensor) and x.requires_grad


def _if_changed(before: Any, after: Any) -> Any:
    """Return an argument's new contents, or None."""
    if type(after) is torch.Tensor and before is not None:
        same = after.shape == before.shape and torch.equal(after, before)
        return None if same and not after.requires_grad else after
    if type(after) is np.ndarray:
        return None if after.shape == before.shape and after.tobytes() == before.tobytes() else after
    return after if before is not None else None


def unknown(name: str) -> NameError:
    """Return the error for a name that the notebook has not defined."""
    return NameError(f"name {name!r} is not defined in the notebook at this point")

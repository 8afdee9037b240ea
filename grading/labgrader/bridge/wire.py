"""Values as bounded JSON plus raw buffers, of exact types, without pickle; the reader trusts nothing.

A value is JSON null, true, false, a number or a short string, or a list `[tag, ...]`. Buffers are taken one
by one in the order of writing, each exactly once, so a message cannot make two values share memory or one
buffer stand for many.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .errors import WireError
from .limits import Limits

INLINE = 256
Buffer = bytes | bytearray | memoryview
Foreign = Callable[["Encoder", Any], Any]

_to_json = json.JSONEncoder(
    ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def _no_foreign(_: Encoder, value: Any) -> Any:
    raise WireError(f"A value of type {type(value).__name__} cannot be sent as plain data.")


class Encoder:
    """Turns one value into JSON data and a list of buffers.

    Args:
        limits: the bounds to keep.
        foreign: called for values that are not plain data; returns the JSON to send instead.
        writers: type -> function for types that other modules add (arrays, tensors).

    `live` and `leaves` belong to the gradient code: `live` collects the tensors of a request's arguments
    that require a gradient (None when a result is written), `leaves` are those that came with the request
    being answered.
    """

    def __init__(
        self, limits: Limits, foreign: Foreign = _no_foreign, writers: dict[type, Foreign] | None = None
    ) -> None:
        self.limits = limits
        self.foreign = foreign
        self.writers = writers or {}
        self.live: list[Any] | None = None
        self.leaves: list[Any] = []
        self.buffers: list[Buffer] = []
        self.size = 0
        self.items = 0
        self.level = 0

    def put(self, buffer: Buffer) -> None:
        """Append one raw buffer."""
        self.size += len(buffer)
        if self.size > self.limits.buffers:
            raise WireError(f"The value is too large to send (more than {self.limits.buffers >> 20} MiB).")
        self.buffers.append(buffer)

    def value(self, x: Any) -> Any:
        """Return the JSON form of a value."""
        self.items += 1
        if self.items > self.limits.items:
            raise WireError(f"The value holds more than {self.limits.items} items.")
        kind = type(x)
        if x is None or kind is bool:
            return x
        if kind is int:
            return x if -(1 << 62) < x < 1 << 62 else self._big(x)
        if kind is float:
            return x if math.isfinite(x) else ["f", struct.pack("<d", x).hex()]
        if kind is str:
            return x if len(x) <= INLINE and x.isascii() else self._text(x)
        write = _WRITERS.get(kind) or self.writers.get(kind)
        if write is None:
            return self.foreign(self, x)
        self.level += 1
        if self.level > self.limits.depth:
            raise WireError(f"The value is nested more than {self.limits.depth} deep.")
        out = write(self, x)
        self.level -= 1
        return out

    def values(self, xs: Iterable[Any]) -> list[Any]:
        """Return the JSON forms of several values."""
        value = self.value
        return [value(x) for x in xs]

    def _big(self, x: int) -> Any:
        if x.bit_length() > self.limits.int_bits:
            raise WireError(f"A whole number has more than {self.limits.int_bits} bits.")
        return ["i", hex(x)]

    def _text(self, x: str) -> Any:
        if len(x) > self.limits.text:
            raise WireError(f"A string has more than {self.limits.text} characters.")
        self.put(x.encode("utf-8", "surrogatepass"))
        return ["s"]


def _raw_form(e: Encoder, x: bytes, tag: str) -> Any:
    e.put(x)
    return [tag]


def _range_form(e: Encoder, x: range) -> Any:
    if abs((x.stop - x.start) // x.step) > e.limits.iterate:
        raise WireError(f"A range is longer than {e.limits.iterate}.")
    return ["r", e.value(x.start), e.value(x.stop), e.value(x.step)]


_WRITERS: dict[type, Foreign] = {
    list: lambda e, x: ["l", e.values(x)],
    tuple: lambda e, x: ["t", e.values(x)],
    set: lambda e, x: ["set", e.values(x)],
    frozenset: lambda e, x: ["fset", e.values(x)],
    dict: lambda e, x: ["d", e.values(x), e.values(x.values())],
    bytes: lambda e, x: _raw_form(e, x, "b"),
    bytearray: lambda e, x: _raw_form(e, bytes(x), "ba"),
    complex: lambda e, x: ["c", struct.pack("<dd", x.real, x.imag).hex()],
    range: lambda e, x: _range_form(e, x),
    slice: lambda e, x: ["sl", e.value(x.start), e.value(x.stop), e.value(x.step)],
    type(Ellipsis): lambda e, x: ["..."],
}


def crowded(raw: bytes | bytearray, limits: Limits) -> bool:
    """Tell, before anything is allocated for them, whether a header could hold too many values."""
    return raw.count(b",") + raw.count(b"[") > 2 * limits.items


def header(form: Any, buffers: Sequence[Buffer], limits: Limits) -> bytes:
    """Return the JSON header of a message: the buffers' sizes, then the value's form."""
    text = _to_json([[len(b) for b in buffers], form]).encode("ascii")
    if len(text) > limits.header or crowded(text, limits):
        raise WireError(
            f"The value is too large to send (more than {limits.items} items or a long description)."
        )
    return text

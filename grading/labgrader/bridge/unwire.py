"""Reading what `wire` writes, from a peer that may send anything: exact types, bounded, or WireError."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .errors import WireError
from .limits import Limits
from .wire import INLINE, Buffer, crowded

_SAME_HASH = 64
Reader = Callable[["Decoder", list[Any], int], Any]


def _refuse(_: object) -> Any:
    raise WireError("A message holds a JSON object or a number that JSON does not have.")


_scan = json.JSONDecoder(object_pairs_hook=_refuse, parse_constant=_refuse).scan_once  # type: ignore[attr-defined]


class Decoder:
    """Turns JSON data and buffers from an untrusted peer back into a value.

    Args:
        limits: the bounds to keep.
        buffers: the message's raw buffers, in order.
        readers: tag -> function for tags that other modules add.

    `live` belongs to the gradient code: the tensors that require a gradient among the arguments being read
    (then the reader appends) or among those of the request whose result is being read.
    """

    def __init__(
        self, limits: Limits, buffers: Sequence[Buffer], readers: dict[str, Reader] | None = None
    ) -> None:
        self.limits = limits
        self.buffers = buffers
        self.readers = readers or {}
        self.live: list[Any] = []
        self.next = 0
        self.items = 0

    def take(self) -> Buffer:
        """Return the next raw buffer."""
        if self.next >= len(self.buffers):
            raise WireError("A message names more buffers than it has.")
        self.next += 1
        return self.buffers[self.next - 1]

    def value(self, j: Any, depth: int = 0) -> Any:
        """Return the value of one JSON form."""
        kind = type(j)
        if j is None or kind is bool or kind is float:
            return j
        if kind is str:
            if len(j) > INLINE or not j.isascii():
                raise WireError("A short string is not short.")
            return j
        if kind is int:
            if not -(1 << 62) < j < 1 << 62:
                raise WireError("A whole number is too large for its form.")
            return j
        self.items += 1
        if depth > self.limits.depth + 2 or self.items > self.limits.items:
            raise WireError("A message is nested too deeply or holds too many values.")
        if kind is not list or not j or type(j[0]) is not str:
            raise WireError("A message holds something that is not a value.")
        read = _READERS.get(j[0]) or self.readers.get(j[0])
        if read is None:
            raise WireError("A message holds an unknown kind of value.")
        return read(self, j, depth + 1)

    def values(self, j: Any, depth: int) -> list[Any]:
        """Return the values of a JSON list of forms."""
        if type(j) is not list:
            raise WireError("A list was expected.")
        value = self.value
        return [value(x, depth) for x in j]

    def done(self) -> None:
        """Check that every buffer was used."""
        if self.next != len(self.buffers):
            raise WireError("A message has buffers that no value uses.")


def arity(j: list[Any], n: int) -> None:
    """Check the length of a tagged form."""
    if len(j) != n:
        raise WireError("A value has the wrong number of parts.")


def _unhex(text: object, size: int) -> bytes:
    if type(text) is not str or len(text) != 2 * size:
        raise WireError("A number has the wrong form.")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise WireError("A number has the wrong form.") from error


def _list(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    return d.values(j[1], depth)


def _tuple(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    return tuple(d.values(j[1], depth))


def _check_keys(keys: list[Any]) -> None:
    """Refuse keys that cannot be hashed, and crowds of keys with one hash (they make a dictionary slow)."""
    try:
        hashes = [hash(k) for k in keys]
    except TypeError as error:
        raise WireError("A key cannot be hashed.") from error
    if len(hashes) > _SAME_HASH and Counter(hashes).most_common(1)[0][1] > _SAME_HASH:
        raise WireError("Too many keys have the same hash.")


def _set(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    keys = d.values(j[1], depth)
    _check_keys(keys)
    made = set(keys) if j[0] == "set" else frozenset(keys)
    if len(made) != len(keys):
        raise WireError("A set names an element twice.")
    return made


def _dict(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 3)
    keys = d.values(j[1], depth)
    _check_keys(keys)
    values = d.values(j[2], depth)
    made = dict(zip(keys, values, strict=False))
    if len(made) != len(keys) or len(keys) != len(values):
        raise WireError("A dictionary names a key twice or misses a value.")
    return made


def _bytes(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 1)
    return bytes(d.take()) if j[0] == "b" else bytearray(d.take())


def _str(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 1)
    raw = d.take()
    if len(raw) > 4 * d.limits.text:
        raise WireError("A string is too long.")
    try:
        text = bytes(raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise WireError("A string is not valid text.") from error
    if len(text) > d.limits.text:
        raise WireError("A string is too long.")
    return text


def _int(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    text = j[1]
    if type(text) is not str or len(text) > d.limits.int_bits // 4 + 4:
        raise WireError("A whole number is too long.")
    try:
        number = int(text, 16)
    except ValueError as error:
        raise WireError("A whole number has the wrong form.") from error
    if number.bit_length() > d.limits.int_bits:
        raise WireError("A whole number is too long.")
    return number


def _float(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    return struct.unpack("<d", _unhex(j[1], 8))[0]


def _complex(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 2)
    return complex(*struct.unpack("<dd", _unhex(j[1], 16)))


def _range(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 4)
    parts = [d.value(x, depth) for x in j[1:]]
    if not all(type(p) is int for p in parts) or parts[2] == 0:
        raise WireError("A range has the wrong parts.")
    made = range(*parts)
    if abs((made.stop - made.start) // made.step) > d.limits.iterate:
        raise WireError("A range is too long.")
    return made


def _slice(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 4)
    return slice(*[d.value(x, depth) for x in j[1:]])


def _ellipsis(d: Decoder, j: list[Any], depth: int) -> Any:
    arity(j, 1)
    return Ellipsis


_READERS: dict[str, Reader] = {
    "l": _list, "t": _tuple, "set": _set, "fset": _set, "d": _dict, "b": _bytes, "ba": _bytes, "s": _str,
    "i": _int, "f": _float, "c": _complex, "r": _range, "sl": _slice, "...": _ellipsis,
}  # fmt: skip


def parse(raw: bytes | bytearray, limits: Limits) -> tuple[list[int], Any]:
    """Return the sizes of the buffers and the value's form from the bytes of a header.

    Raises:
        WireError: the bytes are not a header within the limits.

    Example:
        >>> parse(b'[[4],["b"]]', Limits())
        ([4], ['b'])
    """
    if len(raw) > limits.header or crowded(raw, limits):
        raise WireError("A message's header is too large.")
    try:
        text = raw.decode("ascii")
        data, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError) as error:
        raise WireError("A message's header is not the JSON it should be.") from error
    if end != len(text) or type(data) is not list or len(data) != 2 or type(data[0]) is not list:
        raise WireError("A message's header has the wrong form.")
    sizes, form = data
    if not all(type(n) is int and 0 <= n <= limits.buffers for n in sizes) or sum(sizes) > limits.buffers:
        raise WireError("A message's buffers are too large.")
    return sizes, form

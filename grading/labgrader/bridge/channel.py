"""Frames over a stream socket: a 4-byte length, a JSON header, raw buffers; all have a deadline."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import numpy as np

from .errors import SessionLost, WireError
from .limits import Limits
from .unwire import parse
from .wire import Buffer, header

_LENGTH = struct.Struct("<I")
_CHUNK = 1 << 18
_SMALL = 1 << 16
_CHOP = 1 << 20


class Quiet(Exception):  # noqa: N818
    """Nothing more arrived before the deadline."""


class Channel:
    """Sends and receives frames.

    Args:
        sock: a connected stream socket; it becomes the channel's own.
        limits: bounds for both directions.
    """

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock = sock
        self.limits = limits
        self.deadline: float | None = None
        self._chunk = bytearray(_CHUNK)
        self._view = memoryview(self._chunk)
        self._start = self._end = 0
        sock.settimeout(None)

    def _arm(self) -> None:
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Quiet
            self.sock.settimeout(left)

    def send(self, form: Any, buffers: list[Buffer]) -> None:
        """Send one frame.

        Raises:
            WireError: it exceeds the limits; nothing was sent.
            SessionLost: the other end is gone or does not read, even some time after the deadline.
        """
        text = header(form, buffers, self.limits)
        parts: list[Buffer] = [_LENGTH.pack(len(text)) + text, *buffers]
        border = self.deadline
        if border is not None:
            self.deadline = max(border, time.monotonic() + self.limits.grace)
        small = len(text) + sum(map(len, buffers)) <= _SMALL
        try:
            for part in [b"".join(parts)] if small else parts:
                view = memoryview(part)
                for at in range(0, len(view), _CHOP):
                    self._arm()
                    self.sock.sendall(view[at : at + _CHOP])
        except (OSError, Quiet) as error:
            raise SessionLost("The other process does not take messages any more.") from error
        finally:
            self.deadline = border

    def _fill(self, want: int) -> None:
        """Have at least `want` bytes (at most a chunk) in the chunk buffer."""
        if self._start and self._start + want > _CHUNK:
            self._chunk[: self._end - self._start] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, self._end - self._start
        while self._end - self._start < want:
            self._arm()
            got = self._recv_into(self._view[self._end :])
            self._end += got

    def _recv_into(self, view: memoryview) -> int:
        try:
            got = self.sock.recv_into(view)
        except TimeoutError as error:
            raise Quiet from error
        except OSError as error:
            raise SessionLost("The connection broke.") from error
        if got == 0:
            raise SessionLost("The other process is gone.")
        return got

    def _read(self, size: int) -> Buffer:
        """Return `size` bytes in memory of their own, which grows only as bytes arrive."""
        if size <= self._end - self._start or size <= _SMALL:
            self._fill(size)
            out = bytearray(self._view[self._start : self._start + size])
            self._start += size
        else:
            room = np.empty(size, np.uint8)
            view, have = room.data, self._end - self._start
            view[:have] = self._view[self._start : self._end]
            self._start = self._end
            while have < size:
                self._arm()
                have += self._recv_into(view[have:])
            return view
        if self._start == self._end:
            self._start = self._end = 0
        return out

    def recv(self) -> tuple[Any, list[Buffer]]:
        """Return the form and buffers of the next frame.

        Raises:
            WireError: the bytes are not a frame within the limits.
            SessionLost: the other end is gone.
                Quiet: no frame began in time; one that has begun gets a grace, then that is SessionLost too.
        """
        self._fill(_LENGTH.size)
        border = self.deadline
        if border is not None:
            self.deadline = border + self.limits.grace
        try:
            (size,) = _LENGTH.unpack(self._read(_LENGTH.size))
            if size > self.limits.header:
                raise WireError("A message's header is too large.")
            raw = self._read(size)
            sizes, form = parse(bytes(raw), self.limits)
            return form, [self._read(n) for n in sizes]
        except Quiet as error:
            raise SessionLost("The other process stopped in the middle of a message.") from error
        finally:
            self.deadline = border

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

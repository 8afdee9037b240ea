"""JSON messages with open files over a stream socket, each after its length, read with a deadline."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

LONGEST = 256 << 20
_LENGTH = struct.Struct("<I")


class Hungup(Exception):  # noqa: N818
    """The other process is gone, silent for too long, or speaks nonsense."""


def send(sock: socket.socket, record: dict[str, Any], handles: Sequence[int] = ()) -> None:
    """Send one message.

    Args:
        sock: a connected stream socket.
        record: what to say, as plain data.
        handles: open files to send with it.

    Raises:
        Hungup: the other process takes no messages.
    """
    text = json.dumps(record).encode()
    try:
        sock.settimeout(None)
        if handles:
            socket.send_fds(sock, [_LENGTH.pack(len(text))], handles)
        else:
            sock.sendall(_LENGTH.pack(len(text)))
        sock.sendall(text)
    except OSError as error:
        raise Hungup(f"the other process takes no messages ({error})") from error


def receive(sock: socket.socket, seconds: float | None = None) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and the open files that came with it.

    Args:
        sock: a connected stream socket.
        seconds: the longest to wait for all of it; None waits for ever.

    Raises:
        Hungup: it did not come.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    handles: list[int] = []
    try:
        head = _read(sock, _LENGTH.size, deadline, handles)
        (size,) = _LENGTH.unpack(head)
        if size > LONGEST:
            raise Hungup(f"a message of {size} bytes; at most {LONGEST} are read")
        record = json.loads(_read(sock, size, deadline, handles))
        if not isinstance(record, dict):
            raise Hungup("a message that is no record")
    except (OSError, ValueError, RecursionError, Hungup) as error:
        for handle in handles:
            os.close(handle)
        raise error if isinstance(error, Hungup) else Hungup(f"no message ({error})") from error
    return record, handles


def _read(sock: socket.socket, size: int, deadline: float | None, handles: list[int]) -> bytes:
    """Return so many bytes; open files that come with them are added to `handles`."""
    parts = bytearray()
    while len(parts) < size:
        left = None if deadline is None else max(deadline - time.monotonic(), 1e-3)
        sock.settimeout(left)
        if parts or size > _LENGTH.size:
            part = sock.recv(min(size - len(parts), 1 << 20))
        else:
            part, found, _, _ = socket.recv_fds(sock, size, 2)
            handles += found
        if not part:
            raise Hungup("the other process is gone")
        parts += part
    return bytes(parts)

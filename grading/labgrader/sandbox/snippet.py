"""Run a piece of Python in a sealed child and get a value back: for the probe and for trying things out."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from labgrader.sandbox.child import Child

LENGTH = struct.Struct("!I")
LONGEST = 1 << 24
ENTRY = "labgrader.sandbox.snippet:serve"


def serve(sock: socket.socket) -> None:
    """Run the texts that arrive, in one namespace, and send back the name `result` of each, as JSON."""
    names: dict[str, Any] = {"__name__": "__main__", "sock": sock}
    while True:
        try:
            text = _receive(sock).decode()
        except (EOFError, OSError):
            return
        names["result"] = None
        try:
            exec(compile(text, "<snippet>", "exec"), names)
            answer = json.dumps({"result": names["result"]}, default=repr)
        except BaseException as error:
            answer = json.dumps({"error": type(error).__name__, "message": str(error)[:2000]})
        data = answer.encode()
        sock.sendall(LENGTH.pack(len(data)) + data)


def ask(child: Child, text: str, *, seconds: float = 30.0) -> dict[str, Any]:
    """Run `text` in a child whose entry is `serve`.

    Returns:
        {"result": value} or {"error": class name, "message": text}.

    Raises:
        EOFError: the child ended; `child.why(...)` tells the reason.
        TimeoutError: no answer in time.
    """
    data = text.encode()
    child.sock.settimeout(seconds)
    try:
        child.sock.sendall(LENGTH.pack(len(data)) + data)
        answer = json.loads(_receive(child.sock))
    except (ConnectionError, json.JSONDecodeError) as error:
        raise EOFError("the child ended") from error
    if not isinstance(answer, dict):
        raise EOFError("the child sent something else")
    return answer


def _receive(sock: socket.socket) -> bytes:
    (length,) = LENGTH.unpack(_exactly(sock, LENGTH.size))
    if length > LONGEST:
        raise EOFError(f"a message of {length} bytes; the longest allowed has {LONGEST}")
    return _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(1 << 16, count - len(parts)))
        if not part:
            raise EOFError("the other end closed")
        parts += part
    return bytes(parts)

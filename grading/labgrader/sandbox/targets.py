"""Things outside a sandbox for sealed children to try and reach: files, sockets, this process."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from labgrader.sandbox import tree


@dataclass(frozen=True)
class Targets:
    """Where the targets are; file permissions leave all of them open to everybody.

    Args:
        canary: a file with `word` in it.
        folder: a folder for everybody to write to, around `canary`.
        word: what must not be read.
        pid: this process.
        tcp, udp: ports on 127.0.0.1.
        unix, abstract: a named and an abstract Unix socket.
    """

    canary: str
    folder: str
    word: str
    pid: int
    tcp: int
    udp: int
    unix: str
    abstract: str

    def as_code(self) -> str:
        """Return a line of Python that puts every field into a name."""
        fields = json.dumps(asdict(self))
        return f"import json; globals().update(json.loads({fields!r}))\n"

    def untouched(self) -> str:
        """Return what was changed from inside, "" for nothing."""
        expected = {os.path.basename(self.canary), os.path.basename(self.unix)}
        if more := set(os.listdir(self.folder)) - expected:
            return f"made {', '.join(sorted(more))} outside"
        if not os.path.isfile(self.canary):
            return "removed a file outside"
        if os.stat(self.canary).st_mode & 0o777 != 0o666:
            return "changed the permissions of a file outside"
        with open(self.canary) as file:
            return "" if file.read() == self.word else "changed a file outside"

    def mend(self) -> None:
        """Put everything back."""
        for name in os.listdir(self.folder):
            if name != os.path.basename(self.unix):
                os.unlink(os.path.join(self.folder, name))
        with open(self.canary, "w") as file:
            file.write(self.word)
        os.chmod(self.canary, 0o666)


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    """Make the targets, and remove them at the end."""
    word = secrets.token_hex(16)
    folder = tempfile.mkdtemp(prefix="labgrader-probe-")
    canary, unix = os.path.join(folder, "canary"), os.path.join(folder, "socket")
    with contextlib.ExitStack() as stack:
        stack.callback(tree.remove, folder)
        os.chmod(folder, 0o777)
        with open(canary, "w") as file:
            file.write(word)
        os.chmod(canary, 0o666)
        tcp, udp, named, abstract = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        name = "\0labgrader-probe-" + word
        for sock, address in (
            (tcp, ("127.0.0.1", 0)),
            (udp, ("127.0.0.1", 0)),
            (named, unix),
            (abstract, name),
        ):
            with contextlib.suppress(OSError):  # abstract names are Linux's
                sock.bind(address)
                if sock is not udp:
                    sock.listen(8)
        os.chmod(unix, 0o777)
        yield Targets(
            canary, folder, word, os.getpid(), tcp.getsockname()[1], udp.getsockname()[1], unix, name
        )

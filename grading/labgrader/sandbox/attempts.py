"""What a sealed child must not manage, as pieces of Python: each sets `result` to True when it got through.

The names of `targets.Targets` are set; an error counts as held off.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from labgrader.sandbox import sweep

READING = {
    "read a file outside": "result = open(canary).read() == word",
    "list a folder outside": "import os; result = bool(os.listdir(folder))",
    "read the grader's environment": "result = bool(open(f'/proc/{pid}/environ', 'rb').read())",
    "read the grader's memory": "result = bool(open(f'/proc/{pid}/maps').read())",
    "see the grader's command line": "result = bool(open(f'/proc/{pid}/cmdline').read())",
    "find a word of the grader's environment": "import os; result = word in ''.join(os.environ.values())",
}
WRITING = {
    "write a file outside": "open(canary, 'a').write('x'); result = True",
    "make a file outside": "open(folder + '/planted', 'w').close(); result = True",
    "plant a link outside": "import os; os.symlink('/etc/passwd', folder + '/link'); result = True",
    "change permissions outside": "import os; os.chmod(canary, 0); result = False",
    "empty a file outside": "import os; os.truncate(canary, 0); result = True",
    "remove a file outside": "import os; os.unlink(canary); result = True",
}
NETWORK = {
    "connect by TCP": "import socket; socket.create_connection(('127.0.0.1', tcp), 2); result = True",
    "listen by TCP": (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); result = True"
    ),
    "send by UDP": (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'x', ('127.0.0.1', udp)); result = True"
    ),
    "connect to a Unix socket": "import socket; socket.socket(socket.AF_UNIX).connect(unix); result = True",
    "connect to an abstract Unix socket": (
        "import socket; socket.socket(socket.AF_UNIX).connect(abstract); result = True"
    ),
    "open a virtual machine socket": "import socket; socket.socket(40, socket.SOCK_STREAM); result = True",
    "open a netlink socket": "import socket; socket.socket(16, socket.SOCK_RAW, 0); result = True",
    "open a packet socket": "import socket; socket.socket(17, socket.SOCK_RAW, 0); result = True",
}
_LIBC = (
    "import ctypes, platform; c = ctypes.CDLL(None, use_errno=True); x86 = platform.machine() == 'x86_64'\n"
)
PROCESSES = {
    "signal the grader": "import os; os.kill(pid, 0); result = True",
    "change the grader's limits": (
        "import resource; resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)); result = True"
    ),
    "trace the grader": _LIBC + "result = c.ptrace(0x4206, pid, 0, 0) == 0",
    "read the grader by process_vm_readv": _LIBC
    + "b = ctypes.create_string_buffer(8); v = (ctypes.c_void_p * 2)(ctypes.addressof(b), 8)\n"
    + "result = c.process_vm_readv(pid, v, 1, v, 1, 0) >= 0 or ctypes.get_errno() in (0, 14)",
    "trace its own parent": _LIBC
    + "import os; up = os.getppid(); result = up > 0 and c.ptrace(0x4206, up, 0, 0) == 0",
}
KERNEL = {
    "make a user namespace": _LIBC + "result = c.unshare(0x10000000) == 0",
    "start an io_uring": _LIBC + "p = ctypes.create_string_buffer(256); result = c.syscall(425, 4, p) >= 0",
    "load a BPF program": _LIBC
    + "p = ctypes.create_string_buffer(256); c.syscall(321 if x86 else 280, 0, p, 128)\n"
    + "result = ctypes.get_errno() not in (1, 38)",
    "add a kernel key": _LIBC + "result = c.syscall(248 if x86 else 217, b'user', b'x', b'y', 1, -3) > 0",
    "keep memory in no process": _LIBC + "result = c.syscall(319 if x86 else 279, b'x', 0) >= 0",
    "make shared memory that stays": _LIBC + "result = c.syscall(29 if x86 else 194, 0, 4096, 0o1600) >= 0",
    # two of them only read past permissions, which Landlock holds (see `way`)
    "have a dangerous capability": (
        "s = dict(x.split(':', 1) for x in open('/proc/self/status'))\n"
        "result = int(s['CapPrm'], 16) & ~6 != 0"
    ),
}
EVERYTHING = {**READING, **WRITING, **NETWORK, **PROCESSES, **KERNEL}


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
        stack.callback(sweep.remove, folder)
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

"""One IPython kernel in a folder and an environment of its own, and the messages to and from it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import zmq
from jupyter_client.connect import KernelConnectionInfo, write_connection_file
from jupyter_client.session import Session

from labgrader.outputs import Outputs
from labgrader.policy import MIB, Policy

Status = Literal["ok", "error", "timeout", "deaf", "died"]
_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
_MESSAGE = 64 * MIB
_TICK = 50  # milliseconds between two looks at a silent kernel


class KernelError(Exception):
    """A kernel that does not start: a fault of this machine, not of the student."""


@dataclass(frozen=True)
class Reply:
    """How the run of one piece of code ended.

    Args:
        status: "ok", "error" (an exception), "timeout" (interrupted in time), "deaf" (did not obey the
            interrupt) or "died".
        seconds: how long it took.
        exit_code: of a kernel that died; a negative number is the signal that ended it.
    """

    status: Status
    seconds: float
    exit_code: int | None = None


class Kernel:
    """A running kernel. Use it in a `with` block: leaving it ends the process and all that it started.

    Args:
        folder: an empty private folder; the kernel's working folder, home and sockets are made in it.
        policy: the limits.

    Raises:
        KernelError: the kernel does not answer in time.
    """

    def __init__(self, folder: Path, policy: Policy) -> None:
        self.policy = policy
        work, home = folder / "work", folder / "home"
        for each in (work, home):
            each.mkdir(mode=0o700)
        key = os.urandom(32).hex().encode()
        transport, ip = ("ipc", str(folder / "k")) if os.name == "posix" else ("tcp", "127.0.0.1")
        file, info = write_connection_file(str(folder / "kernel.json"), key=key, transport=transport, ip=ip)
        self._session = Session(key=key, signature_scheme="hmac-sha256")
        self._context = zmq.Context()
        self._shell = self._connect(zmq.DEALER, info, "shell_port")
        self._iopub = self._connect(zmq.SUB, info, "iopub_port")
        self._poller = zmq.Poller()
        for socket in (self._shell, self._iopub):
            self._poller.register(socket, zmq.POLLIN)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", file, "--HistoryManager.enabled=False"],
            cwd=work,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _limit(self._process.pid, policy)
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, source: str, *, seconds: float, outputs: Outputs | None = None) -> Reply:
        """Run code and wait for its end.

        Args:
            source: the code of one cell.
            seconds: after this time it is interrupted; after policy.grace_seconds more it counts as deaf.
            outputs: where its output goes; without it the code leaves no trace in the kernel's history.

        Returns:
            how it ended; after "deaf" and "died" the kernel is of no more use.
        """
        silent = outputs is None
        request = {"code": source, "silent": silent, "store_history": not silent, "user_expressions": {}}
        id = self._send("execute_request", {**request, "allow_stdin": False, "stop_on_error": False})
        start = time.monotonic()
        limit, interrupted, idle, replied, status = start + seconds, False, False, 0.0, ""
        while True:
            events = dict(self._poller.poll(_TICK))
            now = time.monotonic()
            if self._iopub in events:
                idle = self._read_output(id, outputs) or idle
            if self._shell in events:
                for kind, parent, content in self._messages(self._shell):
                    if kind == "execute_reply" and parent == id:
                        status, replied = str(content.get("status")), now
            if replied and (idle or now - replied > 1):  # a flooded kernel may drop its own "idle"
                ended: Status = "timeout" if interrupted else "ok" if status == "ok" else "error"
                return Reply(ended, now - start)
            if not events and self._process.poll() is not None:
                return Reply("died", now - start, self._process.returncode)
            if now > limit and not replied:
                if interrupted:
                    return Reply("deaf", now - start)
                interrupted, limit = True, now + self.policy.grace_seconds
                self._signal(signal.SIGINT)

    def close(self) -> None:
        """End the kernel and every process of its group."""
        self._signal(signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for socket in (self._shell, self._iopub):
            socket.close(linger=0)
        self._context.term()

    def _connect(
        self, kind: int, info: KernelConnectionInfo, port: Literal["shell_port", "iopub_port"]
    ) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.MAXMSGSIZE, _MESSAGE)  # a bigger message ends the connection, not this process
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        socket.setsockopt(zmq.RCVHWM, 200)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        join = "-" if info["transport"] == "ipc" else ":"
        socket.connect(f"{info['transport']}://{info['ip']}{join}{info[port]}")
        return socket

    def _send(self, kind: str, content: dict[str, object]) -> str:
        message = self._session.msg(kind, content)
        self._session.send(self._shell, message)
        return str(message["header"]["msg_id"])

    def _messages(
        self, socket: zmq.Socket[bytes], most: int = 100
    ) -> list[tuple[str, str, dict[str, object]]]:
        """Return the messages that wait at a socket: kind, id of the request they answer, content."""
        found = []
        for _ in range(most):
            try:
                _, message = self._session.recv(socket, zmq.NOBLOCK)
            except (ValueError, TypeError, KeyError, RecursionError, UnicodeDecodeError):
                continue  # not signed, or not a message
            if message is None:
                break
            parent = message.get("parent_header") or {}
            content = message.get("content")
            found.append(
                (message["msg_type"], parent.get("msg_id", ""), content if isinstance(content, dict) else {})
            )
        return found

    def _read_output(self, id: str, outputs: Outputs | None) -> bool:
        """Hand on the outputs that wait; return whether request `id` is done."""
        idle = False
        for kind, parent, content in self._messages(self._iopub):
            if parent != id:
                continue
            if kind == "status":
                idle = idle or content.get("execution_state") == "idle"
            elif outputs is not None:
                outputs.add(kind, content)
        return idle

    def _wait_ready(self) -> None:
        """Wait until the kernel answers on both of its channels."""
        limit = time.monotonic() + self.policy.start_seconds
        asked: set[str] = set()
        answered = heard = False
        ask_at = 0.0
        while not (answered and heard):
            now = time.monotonic()
            if now > limit or self._process.poll() is not None:
                raise KernelError(
                    f"a kernel did not start within {self.policy.start_seconds:g} seconds "
                    f"(exit code {self._process.poll()}); check that `python -m ipykernel_launcher` works."
                )
            if now > ask_at:
                asked.add(self._send("kernel_info_request", {}))
                ask_at = now + 0.2
            self._poller.poll(_TICK)
            answered = answered or any(parent in asked for _, parent, _ in self._messages(self._shell))
            heard = heard or any(parent in asked for _, parent, _ in self._messages(self._iopub))

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)


def environment(home: Path) -> dict[str, str]:
    """Return the environment that a kernel starts with: nothing of the instructor's but paths and language.

    Args:
        home: a private folder for settings, caches and temporary files.
    """
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    _copy_font_cache(home / "matplotlib")
    folders = {
        "HOME": home,
        "TMPDIR": temporary,
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "jupyter",
        "JUPYTER_DATA_DIR": home / "jupyter",
        "JUPYTER_RUNTIME_DIR": home / "jupyter",
        "MPLCONFIGDIR": home / "matplotlib",
        "XDG_CACHE_HOME": home / "cache",
    }
    return {
        "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name in _KEPT},
        **{name: str(folder) for name, folder in folders.items()},
        **{f"{name}_NUM_THREADS": "1" for name in _THREADS},
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.defpath]),
        "PYTHONUSERBASE": site.getuserbase(),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NBGRADER_EXECUTION": "autograde",
        "JPY_PARENT_PID": str(os.getpid()),  # a kernel ends within a second of its parent
    }


def _copy_font_cache(folder: Path) -> None:
    """Copy matplotlib's list of fonts, which takes seconds to make, from the instructor's cache."""
    folder.mkdir(exist_ok=True)
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    for place in (os.environ.get("MPLCONFIGDIR", "~/.matplotlib"), f"{cache}/matplotlib"):
        for file in Path(place).expanduser().glob("fontlist-*.json"):
            shutil.copy(file, folder)


def _limit(pid: int, policy: Policy) -> None:
    """Limit the data and the files of a process, where the system can do that from outside."""
    try:
        import resource
    except ImportError:
        return
    prlimit = getattr(resource, "prlimit", None)
    if prlimit is None:
        return
    for what, size in ((resource.RLIMIT_DATA, policy.memory), (resource.RLIMIT_FSIZE, policy.file_size)):
        if size:
            prlimit(pid, what, (size, size))

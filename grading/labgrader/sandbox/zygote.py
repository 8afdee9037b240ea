"""The warm process as the trusted side sees it: start it once, fork a sealed child for every submission."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import IO

from labgrader.sandbox import launch, processes, seal, sweep, trees, users
from labgrader.sandbox.child import Child
from labgrader.sandbox.lines import Lines
from labgrader.sandbox.records import TIERS, Request, SandboxError, SandboxLimits, SandboxPolicy, Start
from labgrader.sandbox.syscalls import LINUX

FORK_SECONDS = 30.0
PATIENCE_SECONDS = 10.0


class Zygote:
    """A warm process in a tier of the sandbox; a context manager.

    Args:
        tier: "bwrap", "landlock" or "rlimits": what is asked for is had, or an error. See `probe.choose`.
        policy: limits, entry, what to import, what may be read.

    Example:
        >>> with Zygote("landlock", SandboxPolicy()) as zygote, zygote.fork() as child:  # doctest: +SKIP
        ...     child.sock.sendall(b"hello")
    """

    def __init__(self, tier: str, policy: SandboxPolicy) -> None:
        if tier not in TIERS:
            raise SandboxError(f"The tier is {tier!r}; expected one of {', '.join(TIERS)}.")
        if tier != "rlimits" and not LINUX:
            raise SandboxError(
                f"The tier {tier} needs Linux; on this system there is rlimits, which protects no files."
            )
        self.tier = tier
        self.policy = policy
        self._lock = threading.Lock()
        self._warm: _Warm | None = None
        self._children: list[Child] = []
        self._made = 0

    def __enter__(self) -> Zygote:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the warm process (bubblewrap's own in that tier); 0 when there is none."""
        return self._warm.process.pid if self._warm else 0

    @property
    def alive(self) -> bool:
        """Whether the warm process runs."""
        return self._warm is not None and self._warm.process.poll() is None

    def start(self) -> None:
        """Start the warm process unless it runs; `fork` does so too."""
        with self._lock:
            self._ensure()

    def fork(self, *, limits: SandboxLimits | None = None, seed: int | None = None) -> Child:
        """Return a fresh sealed child that has begun to run the entry.

        Args:
            limits: for this child; None for the policy's.
            seed: of random, numpy and torch; None for a new one.

        Raises:
            SandboxError: neither this warm process nor a second one could make it.
        """
        with self._lock:
            for last in (False, True):
                warm = self._ensure()
                self._made += 1
                request = Request(
                    self._made, secrets.randbits(63) if seed is None else seed, limits or self.policy.limits
                )
                try:
                    child = warm.fork(request)
                except SandboxError:
                    if last or not warm.gone():
                        raise
                    continue
                self._children.append(child)
                return child
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the children and the warm process; remove its folder."""
        with self._lock:
            for child in self._children:
                child.close()
            self._children.clear()
            if self._warm:
                self._warm.close()
                self._warm = None

    def _ensure(self) -> _Warm:
        endings = [child.ending() for child in self._children]
        self._children = [child for child, end in zip(self._children, endings, strict=True) if end is None]
        warm = self._warm
        if warm and any(end is not None and not end.clean for end in endings):
            warm.forks = self.policy.forks  # something may be left: the next one starts from nothing
        if warm and (warm.process.poll() is not None or self._worn(warm)):
            warm.close()
            warm = self._warm = None
        if warm is None:
            warm = self._warm = _Warm(self.tier, self.policy)
        return warm

    def _worn(self, warm: _Warm) -> bool:
        return warm.forks >= self.policy.forks and not self._children


class _Warm:
    """One warm process, its folder and its user; a failed start leaves none of them."""

    def __init__(self, tier: str, policy: SandboxPolicy) -> None:
        self.forks = 0
        readable = trees.readable(policy.readable, hidden=policy.hidden)
        sweep.sweep()
        self._undo = contextlib.ExitStack()
        try:
            self._start(tier, policy, tuple(readable))
            self._wait_ready(policy)
        except BaseException:
            self.close()
            raise

    def _start(self, tier: str, policy: SandboxPolicy, readable: tuple[str, ...]) -> None:
        undo = self._undo
        self.lease = users.lease()
        uid = self.lease.uid if self.lease else None
        if self.lease:
            undo.callback(self.lease.release)
        self.base, hold = sweep.make_base(room=4 * policy.limits.disk, in_memory=tier == "landlock")
        undo.callback(os.close, hold)
        undo.callback(sweep.remove, self.base)
        if uid is not None:
            undo.callback(sweep.remove_of, uid)
            undo.callback(processes.end_user, uid)
            os.chown(self.base, uid, uid)
        elif LINUX:
            undo.callback(sweep.end_of, self.base)
        sweep.copy_font_list(self.base, uid)
        group = processes.make_group(os.path.basename(self.base))
        undo.callback(processes.end_group, group)
        start = Start(tier, self.base, readable, policy.preload, policy.entry, uid, group)
        self.errors: IO[bytes] = undo.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self.control, theirs = socket.socketpair()
        undo.callback(self.control.close)
        with tempfile.TemporaryFile() as spec, theirs, _own_handle() as owner:
            spec.write(start.dumps())
            spec.flush()
            fds = [theirs.fileno(), spec.fileno(), owner]
            environment = {**seal.common_environment(), "HOME": self.base, "MPLCONFIGDIR": self.base}
            self.process = subprocess.Popen(
                launch.command(*fds),
                env={**environment, "TMPDIR": self.base},
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                pass_fds=[fd for fd in fds if fd >= 0],
                start_new_session=True,
            )
        undo.callback(self._end_process)

    def _wait_ready(self, policy: SandboxPolicy) -> None:
        lines = Lines(self.control)
        record = lines.next(policy.start_seconds)
        if record and "ready" in record:
            return
        reason = str(record["error"]) if record and "error" in record else self._last_words()
        if not reason:
            reason = "it ended without a word" if lines.ended else f"not ready in {policy.start_seconds:g} s"
        raise SandboxError(f"The sandbox's warm process did not start: {reason}")

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def fork(self, request: Request) -> Child:
        """Ask for a child and wait until it is sealed."""
        self.forks += 1
        mine, childs = socket.socketpair()
        status, keepers = socket.socketpair()
        if hasattr(socket, "SO_PASSCRED"):
            status.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        child = Child(mine, Lines(status))
        try:
            with childs, keepers:
                socket.send_fds(self.control, [request.dumps()], [childs.fileno(), keepers.fileno()])
            child.wait_ready(FORK_SECONDS)
        except (OSError, SandboxError) as error:
            child.abandon()
            if isinstance(error, SandboxError):
                raise
            raise SandboxError(f"The warm process is gone ({error}).") from error
        return child

    def gone(self) -> bool:
        """True when the process has ended, or does so within a second."""
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End the process, everything of its user, and its folder."""
        self._undo.close()

    def _end_process(self) -> None:
        self.control.close()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def _own_handle() -> Iterator[int]:
    """Open a handle of this process, by which another sees it end; -1 where there is no such thing."""
    handle = os.pidfd_open(os.getpid()) if hasattr(os, "pidfd_open") else -1
    try:
        yield handle
    finally:
        if handle >= 0:
            os.close(handle)

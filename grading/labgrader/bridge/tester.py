"""The trusted side: run a submission's cells over there, and its tests here."""

from __future__ import annotations

import ast
import contextlib
import re
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch

from . import outputs
from .channel import Channel
from .clock import alarm
from .errors import SessionLost, TimeUp, WireError, tidy
from .handles import is_handle
from .limits import Limits
from .names import TRUSTED, only_checked, trusted_import, used_and_bound, wanted
from .runs import TEST_FILE, CellRun, Failure, TestRun, cell_error, failure
from .scope import Bounded, NoShell, evaluate, quiet, without_magics
from .trusted import TrustedPeer

_OPTION = re.compile(r"^[ \t]*# *bridge: *(copy back|student equality)[ \t]*$", re.MULTILINE)


class Session:
    """One submission: a student's process at the other end of a socket, and the namespace of its tests.

    Args:
        sock: connected to a process that runs `labgrader.bridge.student.serve`.
        limits: bounds on everything that comes from there.
        interrupt: sends SIGINT to the student's process.
        names: what the trusted namespace holds from the start.

    Example:
        >>> with Session(child.sock, interrupt=child.interrupt) as session:  # doctest: +SKIP
        ...     session.run_setup("from labkit import check", 10)
        ...     session.run_cell("def out_size(i, k): return i - k + 1", 10)
        ...     session.run_test("check.out_size(out_size)", 10).value
    """

    def __init__(
        self,
        sock: socket.socket,
        limits: Limits | None = None,
        *,
        interrupt: Callable[[], None] | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.peer = TrustedPeer(Channel(sock, self.limits), self.limits)
        self.peer.interrupt = interrupt
        self._inner: set[str] = set()
        self._fetched: set[str] = set()
        self._ready = False
        own = {"__name__": "__main__", "get_ipython": NoShell, "display": lambda *_, **__: None}
        self.namespace: dict[str, Any] = own | dict(names or {})

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.peer.lost = self.peer.lost or "The session is closed."
        self.peer.channel.close()

    @property
    def lost(self) -> str:
        """Why nothing more can be asked of the student's process, or an empty string."""
        return self.peer.lost

    def run_cell(self, source: str, seconds: float) -> CellRun:
        """Run one of the student's cells over there.

        Raises:
            SessionLost: the student's process is gone, or did not stop when its time was over.
        """
        self._begin(seconds)
        start = time.monotonic()
        try:
            reply = self.peer.request("run", source, late=True)
        except SessionLost:
            raise
        except Exception as error:
            return CellRun([], failure(error), time.monotonic() - start, self.peer.expired)
        spent = time.monotonic() - start
        if type(reply) is not dict or type(reply.get("ok")) is not bool:
            self.peer.lose("The student's process did not say how a cell ended.")
        try:
            kept = outputs.clean(reply.get("outputs"), self.limits)
        except WireError as error:
            self.peer.lose(str(error))
        late = self.peer.expired
        count = reply.get("count")
        return CellRun(
            outputs=kept,
            error=cell_error(kept, ok=reply["ok"], seconds=seconds if late else None),
            seconds=spent,
            timed_out=late,
            execution_count=count if type(count) is int and 0 <= count < 1_000_000 else None,
        )

    def _begin(self, seconds: float) -> None:
        """Start the clock, after the student's process has started."""
        if not self._ready:
            self.peer.begin(self.limits.start)
            if self.peer.request("ping") is not True:
                self.peer.lose("The student's process did not start as it should.")
            self._ready = True
        self.peer.begin(seconds)

    def run_setup(self, source: str, seconds: float) -> list[Failure]:
        """Run an instructor's locked cell on the trusted side, statement by statement, without student names.

        A statement that fails, for example because it uses what only the student defines, is left out. Run
        the same cell on the student's side with `run_cell`.

        Returns:
            Why statements were left out.
        """
        failed: list[Failure] = []
        try:
            plain = without_magics(source)
            tree = ast.parse(plain, TEST_FILE)
            _, bound, inner = used_and_bound(plain)
        except SyntaxError as error:
            return [failure(error)]
        self._inner |= inner - bound
        with quiet(Bounded(0)), self._clock(seconds):
            for statement in tree.body:
                try:
                    exec(compile(ast.Module([statement], []), TEST_FILE, "exec"), self.namespace)
                except TimeUp as error:
                    return [*failed, failure(error)]
                except Exception as error:
                    failed.append(failure(error))
        return failed

    def run_test(
        self,
        source: str,
        seconds: float,
        names: Mapping[str, Any] | None = None,
        *,
        student: Collection[str] | None = None,
        copy_back: bool | None = None,
    ) -> TestRun:
        """Run a trusted test cell here, with the student's names as they are at this moment.

        Args:
            source: the test; its names are the trusted namespace's, and only what is bound nowhere here is
                the student's. The lines `# bridge: copy back` (changes of arguments reach the test) and `#
                bridge: student equality` (`==` between two student objects asks their class) switch these
                on.
            seconds: time for the whole test.
            names: more trusted names, such as `secret`.
            copy_back: changes of arguments reach the test; None: only where the test says so or hands the
                student's functions to labkit's `check` alone, which works on copies of its own.
            student: the names that solution cells define, when known; no other name is fetched.

        Raises:
            SessionLost: the student's process is gone; the test earned nothing.
        """
        self._begin(seconds)
        peer, start = self.peer, time.monotonic()
        peer.own_seed = peer.last_seed = torch.initial_seed()
        self.namespace.update(names or {})
        options = set(_OPTION.findall(source))
        peer.copy_back = "copy back" in options if copy_back is None else copy_back
        peer.student_equality = "student equality" in options
        stdout = Bounded(self.limits.stdout)
        value, error = None, None
        try:
            with torch.enable_grad(), quiet(stdout), self._clock(seconds):
                self._fetch(source, student)
                ours = self.namespace.get("check") is sys.modules.get("labkit.check", self)
                if copy_back is None and ours:
                    peer.copy_back |= only_checked(source, self._fetched)
                value = evaluate(source, self.namespace)
                if is_handle(value):
                    raise TypeError(f"The test's value is {value!r}, not a number of points.")
        except (Exception, TimeUp, SystemExit) as problem:
            value, error = None, failure(problem)
        for name in self._fetched:
            self.namespace.pop(name, None)
        self._fetched.clear()
        if peer.lost:
            raise SessionLost(peer.lost)
        if peer.expired:
            value, error = None, Failure("TimeUp", f"The test took more than {seconds:g} s.")
        peer.end()
        return TestRun(value, stdout.getvalue(), error, time.monotonic() - start, self._printed())

    def _printed(self) -> str:
        """Return what the student's code printed during a test."""
        self.peer.begin(self.limits.grace)
        try:
            return tidy(self.peer.request("printed", late=True), 20_000)
        except SessionLost:
            raise
        except Exception:
            return ""

    def _fetch(self, source: str, student: Collection[str] | None) -> None:
        """Bind the names that a test needs: libraries from here, the rest from the student, as it is now."""
        used, bound, inner = used_and_bound(source)
        for name in sorted(used & TRUSTED.keys() - bound - self.namespace.keys()):
            with contextlib.suppress(ImportError):
                self.namespace[name] = trusted_import(name)
        self._inner |= inner
        for name in wanted((used | self._inner) - bound, self.namespace, student):
            with contextlib.suppress(NameError):
                self.namespace[name] = self.peer.request("get", name)
                self._fetched.add(name)

    def _clock(self, seconds: float) -> contextlib.AbstractContextManager[None]:
        def stop() -> None:
            self.peer.expired = True
            if not self.peer.own.shield:
                raise TimeUp("The time is over.")

        return alarm(seconds + 1.5 * self.limits.grace, stop)

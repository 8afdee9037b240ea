"""Run a submission's code cells in one kernel, and go on after a time-out or a death.

In this version the student's code and the tests share that kernel, so code that sets out to forge a mark can.
What is kept apart already: cell roles and test sources come from the lab, the environment and the folder hold
nothing of the course, and the key of the hidden inputs never enters the kernel, only the values that this
submission's tests ask for.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labgrader.kernel import Kernel, Reply
from labgrader.outputs import Output, Outputs
from labgrader.policy import Policy

Ending = Literal["ok", "error", "timeout", "died", "skipped"]
PREFIX = "labgrader-run-"

_BEFORE = """(lambda shell: (
    shell.user_ns_hidden.setdefault("_labgrader", [v for k, v in shell.user_ns.items() if k == "secret"]),
    shell.user_ns.__setitem__("secret", {values!r}.__getitem__),
    setattr(shell, "ast_node_interactivity", "last_expr"),
    setattr(shell.display_formatter.formatters["text/plain"], "float_precision", ""),
))(__import__("IPython").get_ipython())"""
_AFTER = """(lambda shell: (
    shell.user_ns.pop("secret", None),
    shell.user_ns.update(zip(("secret",), shell.user_ns_hidden.pop("_labgrader", ()))),
))(__import__("IPython").get_ipython())"""


@dataclass(frozen=True)
class Step:
    """One code cell to run.

    Args:
        index: its place in the notebook.
        source: its code.
        test: it is a test cell, whose end ends a question.
    """

    index: int
    source: str
    test: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one step.

    Args:
        ending: "ok", "error", "timeout", "died" or "skipped"; only "ok" can earn points.
        reason: one sentence without its full stop when the ending is not "ok", else "".
        value: the text of the last expression's value, None where it had none.
        outputs: as nbformat has them, not yet made safe.
        printed: the lines that it printed to stdout.
        seconds: how long it took.
    """

    ending: Ending
    reason: str = ""
    value: str | None = None
    outputs: tuple[Output, ...] = ()
    printed: tuple[str, ...] = ()
    seconds: float = 0.0


def execute(steps: Sequence[Step], *, secrets: Mapping[str, str], policy: Policy) -> tuple[Outcome, ...]:
    """Run the steps in order, each in the state that the ones before it left.

    A cell that runs out of time is interrupted. A kernel that does not obey, or dies, is replaced: the
    student's earlier cells run again, without the one that ended it, and the rest follows. So a death costs
    the question it happens in, and what depends on its cell.

    Args:
        steps: the notebook's code cells.
        secrets: what `secret(exercise)` returns in the test cells.
        policy: the limits.

    Returns:
        one outcome for each step.

    Raises:
        KernelError: this machine cannot start a kernel.
    """
    if not steps:
        return ()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        run = _Run(Path(folder), secrets=secrets, policy=policy)
        try:
            return tuple(run.step(step) for step in steps)
        finally:
            run.close()


def sweep() -> None:
    """Remove the folders that runs killed from outside left behind: those of processes that are no more."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """The state of one submission's run: its kernel, its clocks, and the cells to repeat in a new kernel."""

    def __init__(self, folder: Path, *, secrets: Mapping[str, str], policy: Policy) -> None:
        self.folder, self.secrets, self.policy = folder, dict(secrets), policy
        self.kernel: Kernel | None = None
        self.kernels = 0
        self.end = time.monotonic() + policy.submission_seconds
        self.question = policy.question_seconds
        self.output = policy.total_output
        self.repeat: list[Step] = []
        self.last_death = ""

    def close(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
        self.kernel = None

    def step(self, step: Step) -> Outcome:
        """Run one step and keep the clock of its question."""
        outcome = self._step(step)
        self.question -= outcome.seconds
        if step.test:
            self.question = self.policy.question_seconds
        return outcome

    def _step(self, step: Step) -> Outcome:
        refusal = self._refusal() or self._ready()
        if refusal or self.kernel is None:
            return Outcome("skipped", refusal)
        seconds = min(self.policy.cell_seconds, self.question, self.end - time.monotonic())
        outputs = Outputs(max(min(self.policy.cell_output, self.output), 0))
        if step.test:
            self.kernel.run(_BEFORE.format(values=self.secrets), seconds=self.policy.grace_seconds)
        reply = self.kernel.run(step.source, seconds=seconds, outputs=outputs)
        if step.test and reply.status not in ("deaf", "died"):
            self.kernel.run(_AFTER, seconds=self.policy.grace_seconds)
        self.output -= outputs.size
        return self._outcome(step, reply, outputs, seconds)

    def _outcome(self, step: Step, reply: Reply, outputs: Outputs, seconds: float) -> Outcome:
        ending: Ending = "died" if reply.status == "deaf" else reply.status
        reason = ""
        if reply.status == "error":
            name, text = outputs.error or ("Error", "the cell stopped with an error")
            reason = f"{name}: {text}" if text else name
        elif reply.status in ("timeout", "deaf"):
            reason = f"it took more than {max(seconds, 0.1):.2g} seconds and was stopped"
        elif reply.status == "died":
            reason = f"the kernel died while it ran ({_exit(reply.exit_code)})"
        if ending == "died":
            self.last_death = reason
            self.close()
        elif not step.test and ending in ("ok", "error"):
            self.repeat.append(step)
        return Outcome(
            ending, reason, outputs.value, outputs.items(), tuple(outputs.printed()), reply.seconds
        )

    def _refusal(self) -> str:
        """Return why no further cell may start now, "" if it may."""
        if time.monotonic() >= self.end:
            return f"not executed: the hand-in had used its {self.policy.submission_seconds:g} seconds"
        if self.question <= 0:
            return f"not executed: the question had used its {self.policy.question_seconds:g} seconds"
        return ""

    def _ready(self) -> str:
        """Have a kernel in the state that the cells so far left; return why there is none, "" if there is."""
        while self.kernel is None:
            if self.kernels > self.policy.restarts:
                return f"not executed: the kernel had to be replaced too often (last: {self.last_death})"
            if time.monotonic() >= self.end:
                return self._refusal()
            self.kernels += 1
            folder = self.folder / str(self.kernels)
            folder.mkdir(mode=0o700)
            self.kernel = Kernel(folder, self.policy)
            self._replay()
        return ""

    def _replay(self) -> None:
        """Run the student's earlier cells again in a new kernel; drop the first that it does not survive."""
        for step in list(self.repeat):
            seconds = min(self.policy.cell_seconds, max(self.end - time.monotonic(), 0))
            if self.kernel is not None and self.kernel.run(step.source, seconds=seconds).status in (
                "deaf",
                "died",
            ):
                self.repeat.remove(step)
                self.close()


def _exit(code: int | None) -> str:
    """Say how a process ended.

    Example:
        >>> _exit(3), _exit(-9)
        ('exit code 3', 'killed, perhaps for want of memory')
    """
    if code == -9:
        return "killed, perhaps for want of memory"
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"

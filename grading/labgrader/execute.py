"""Run a submission: the student's cells in a sealed process, its tests in a trusted one.

A test's verdict comes from the trusted process alone, which no code of the student's ever enters; what the
student's cells show and print is for people to read. Cell roles and test sources come from the lab.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labgrader.pair import Pair, PairLost
from labgrader.policy import Policy
from labgrader.warm import Warm, warm

Ending = Literal["ok", "error", "timeout", "died", "skipped"]
Output = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One code cell to run.

    Args:
        index: its place in the notebook.
        source: its code.
        test: it is a test cell, whose end ends a question; it runs in the trusted process.
        setup: it is the instructor's own, such as the set-up cell: it runs in both processes.
        added: it is none of the lab's cells, but the student's own: its time is not the question's.
    """

    index: int
    source: str
    test: bool = False
    setup: bool = False
    added: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one step.

    Args:
        ending: "ok", "error", "timeout", "died" or "skipped"; only "ok" can earn points.
        reason: one sentence without its full stop when the ending is not "ok", else "".
        value: of a test, what its last expression gave in the trusted process: a number, None where it has
            no value, or in words what else it was. None for a student's cell.
        outputs: as nbformat has them, not yet made safe.
        printed: the lines that a test itself printed to stdout; none of them is the student's.
        seconds: how long it took.
    """

    ending: Ending
    reason: str = ""
    value: float | str | None = None
    outputs: tuple[Output, ...] = ()
    printed: tuple[str, ...] = ()
    seconds: float = 0.0


def execute(
    steps: Sequence[Step],
    *,
    secrets: Mapping[str, str],
    names: Sequence[str] | None = None,
    policy: Policy,
) -> tuple[Outcome, ...]:
    """Run the steps in order, each in the state that the ones before it left.

    A cell that runs out of time is interrupted. A process that does not obey, or dies, is replaced: the
    student's earlier cells run again, without the one that ended it, and the rest follows. So a death costs
    the question it happens in, and what depends on its cell. Verdicts that are there stay.

    Args:
        steps: the notebook's code cells.
        secrets: what `secret(exercise)` returns in the test cells.
        names: the names that tests may get from the student; None: any that the lab does not define.
        policy: the limits.

    Returns:
        one outcome for each step.

    Raises:
        IsolationError: the isolation cannot be had on this machine.
        SandboxError: this machine cannot make the processes.
    """
    if not steps:
        return ()
    with warm(policy) as processes:
        run = _Run(processes, steps, told={"secrets": dict(secrets), "names": names}, policy=policy)
        try:
            return tuple(run.step(step) for step in steps)
        finally:
            run.close()


class _Run:
    """The state of one submission's run: its processes, its clocks, and the cells to repeat in new ones."""

    def __init__(
        self, processes: Warm, steps: Sequence[Step], *, told: Mapping[str, Any], policy: Policy
    ) -> None:
        self.processes, self.told, self.policy = processes, told, policy
        sources = "\0".join(step.source for step in steps)
        self.seed = int.from_bytes(hashlib.sha256(sources.encode()).digest()[:7])
        self.pair: Pair | None = None
        self.pairs = 0
        self.end = time.monotonic() + policy.submission_seconds
        self.question = policy.question_seconds
        self.room = policy.total_output
        self.setup: list[Step] = []
        self.repeat: list[Step] = []
        self.last_death = ""

    def close(self) -> None:
        if self.pair is not None:
            self.pair.close()
        self.pair = None

    def step(self, step: Step) -> Outcome:
        """Run one step and keep the clock of its question."""
        outcome = self._step(step)
        if not step.added:
            self.question -= outcome.seconds
        if step.test:
            self.question = self.policy.question_seconds
        return outcome

    def _step(self, step: Step) -> Outcome:
        refusal = self._refusal(step) or self._ready(step)
        if step.setup and step not in self.setup:
            self.setup.append(step)
        if refusal or self.pair is None:
            return Outcome("skipped", refusal)
        seconds, limit = self._time(step)
        room = max(min(self.policy.cell_output, self.room), 0)
        try:
            if step.setup:
                self.pair.ask("setup", step.source, seconds=self.policy.cell_seconds, room=0)
            reply = self.pair.ask("test" if step.test else "cell", step.source, seconds=seconds, room=room)
        except PairLost as lost:
            self.last_death = _too_long(seconds, limit) if lost.deaf else str(lost)
            alive = self.processes.alive
            self.close()
            if not alive:  # a warm process was ended from outside, and all with it: the step runs again
                return self._step(step)
            return Outcome("died", self.last_death, seconds=lost.seconds)
        if not step.test:
            self.repeat.append(step)
        outputs = _shown(reply, test=step.test, room=room)
        self.room -= sum(map(_size, outputs))
        return _outcome(reply, outputs, _too_long(seconds, limit))

    def _time(self, step: Step) -> tuple[float, str]:
        """Return how long a step may take, and whose time that is."""
        policy = self.policy
        question = f" that were left of the question's {policy.question_seconds:g}"
        hand_in = f" that were left of the hand-in's {policy.submission_seconds:g}"
        times = [(policy.cell_seconds, ""), (self.end - time.monotonic(), hand_in)]
        return min([*times, *([] if step.added else [(self.question, question)])])

    def _refusal(self, step: Step) -> str:
        """Return why no further cell may start now, "" if it may."""
        if time.monotonic() >= self.end:
            return f"not executed: the hand-in had used its {self.policy.submission_seconds:g} seconds"
        if self.question <= 0 and not step.added:
            return f"not executed: the question had used its {self.policy.question_seconds:g} seconds"
        return ""

    def _ready(self, step: Step) -> str:
        """Have processes in the state that the cells so far left; return why there are none, or ""."""
        while self.pair is None:
            if self.pairs > self.policy.restarts:
                return f"not executed: the process had to be replaced too often (last: {self.last_death})"
            if time.monotonic() >= self.end:
                return self._refusal(step)
            self.pairs += 1
            self.pair = self.processes.pair(self.policy, told=self.told, seed=self.seed)
            self._replay(self.pair)
        return ""

    def _replay(self, pair: Pair) -> None:
        """Run the earlier cells again in new processes; drop the first of the student's that ends its own."""
        for what, step in [
            *(("setup", each) for each in self.setup),
            *(("cell", each) for each in self.repeat),
        ]:
            seconds = min(self.policy.cell_seconds, max(self.end - time.monotonic(), 0))
            try:
                pair.ask(what, step.source, seconds=seconds, room=0)
            except PairLost:
                if what == "cell":
                    self.repeat.remove(step)
                self.close()
                return


def _outcome(reply: Mapping[str, Any], outputs: tuple[Output, ...], too_long: str) -> Outcome:
    """Return what came of a step that left its processes alive."""
    error, value = reply["error"], reply.get("value")
    ending: Ending = "timeout" if reply["late"] else "error" if error else "ok"
    reason = ""
    if ending != "ok":
        words = [error["name"], error["message"]] if error else []
        reason = too_long if reply["late"] else ": ".join(filter(None, words))
    return Outcome(
        ending=ending,
        reason=reason,
        value=value if value is None or isinstance(value, float) else str(value),
        outputs=outputs,
        printed=tuple(line.strip() for line in reply.get("said", "").splitlines() if line.strip()),
        seconds=reply["seconds"],
    )


def _shown(reply: Mapping[str, Any], *, test: bool, room: int) -> tuple[Output, ...]:
    """Return a step's outputs as nbformat has them; of a test: what it and the student's code printed."""
    if not test:
        outputs = list(reply["outputs"])
    else:
        texts = (reply["printed"], reply["said"])
        outputs = [{"output_type": "stream", "name": "stdout", "text": text[:room]} for text in texts if text]
        value, error = reply["value"], reply["error"]
        if error is not None:
            lines = [*error["trace"].splitlines(), f"{error['name']}: {error['message']}"]
            shown = {"ename": error["name"], "evalue": error["message"], "traceback": lines}
            outputs.append({"output_type": "error", **shown})
        elif value is not None:
            data = {"text/plain": str(value)}
            result = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": None}
            outputs.append(result)
    return tuple(outputs)


def _size(output: Output) -> int:
    """Return how many characters an output has."""
    return sum(len(text) for text in (output.get("text", ""), *output.get("data", {}).values()))


def _too_long(seconds: float, limit: str) -> str:
    the = "the " if limit else ""
    return f"it took more than {the}{max(round(seconds, 1), 0.1):g} seconds{limit} and was stopped"

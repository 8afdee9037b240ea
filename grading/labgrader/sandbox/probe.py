"""Find out which tiers hold on this machine: make a sealed child in each and let it try everything."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from labgrader.sandbox import attempts, bwrap, landlock, snippet
from labgrader.sandbox.child import Child, released
from labgrader.sandbox.records import MIB, TIERS, SandboxError, SandboxLimits, SandboxPolicy
from labgrader.sandbox.syscalls import LINUX, machine
from labgrader.sandbox.zygote import Zygote

SMALL = SandboxLimits(memory=64 * MIB, processes=16, disk=8 * MIB, file_size=6 * MIB, cpu_seconds=60)
PROTECTING = ("bwrap", "landlock")
LIMITS = ("use more memory", "start more processes", "fill the disk", "leave a process behind")
FORK_MANY = """
import os, time
made = 0
try:
    while made < 60:
        if os.fork() == 0:
            time.sleep(60); os._exit(0)
        made += 1
except OSError:
    pass
result = made
"""
FILL_DISK = """
for number in range(8):
    with open(f"fill-{number}", "wb") as file:
        file.write(bytes(4 << 20))
import time; time.sleep(1)
result = True
"""
FILL_MEMORY = "kept = [bytearray(16 << 20) for _ in range(40)]; import time; time.sleep(1); result = True"
LEAVE_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
os.wait()
result = True
"""


@dataclass(frozen=True)
class Finding:
    """One thing that a sealed child tried; `held` is True when it did not get through."""

    attempt: str
    held: bool
    seen: str = ""


@dataclass(frozen=True)
class Report:
    """What a tier is worth on this machine.

    Args:
        tier: its name.
        holds: True when it can be had and everything that it promises was held off.
        reason: why not, in one sentence; "" when it holds.
        findings: everything that was tried.
    """

    tier: str
    holds: bool
    reason: str
    findings: tuple[Finding, ...] = ()

    @property
    def open(self) -> tuple[str, ...]:
        """What got through, promised or not."""
        return tuple(finding.attempt for finding in self.findings if not finding.held)


@functools.cache
def probe(tiers: tuple[str, ...] = TIERS) -> tuple[Report, ...]:
    """Return a report for each tier, the strongest first; takes about two seconds, once a process."""
    return tuple(_report(tier) for tier in tiers)


def choose(asked: str = "auto", *, reports: Sequence[Report] | None = None) -> Report:
    """Return the report of the tier to use.

    Args:
        asked: "auto" for the strongest that protects files and network, or a tier's name.
        reports: from `probe`; None runs it.

    Raises:
        SandboxError: what is asked for does not hold here; nothing weaker is ever taken in its place.
    """
    if asked not in ("auto", *TIERS):
        raise SandboxError(f"The isolation is {asked!r}; expected auto, {', '.join(TIERS)} or none.")
    if reports is None:
        wanted = PROTECTING if asked == "auto" else (asked,)
        reports = [probe((tier,))[0] for tier in wanted[:1]]
        reports += [probe((tier,))[0] for tier in wanted[1:] if not reports[0].holds]
    candidates = [report for report in reports if report.tier == asked or asked == "auto"]
    for report in candidates:
        if report.holds and (asked != "auto" or report.tier in PROTECTING):
            return report
    reasons = " ".join(f"{report.tier}: {report.reason}." for report in candidates if not report.holds)
    raise SandboxError(
        f"No sandbox here protects files and network: {reasons} Use Linux 5.13 or later, or name "
        "--isolation rlimits to grade with limits only."
        if asked == "auto"
        else f"The isolation {asked} cannot be had here: {reasons.removeprefix(asked + ': ')}"
    )


def _report(tier: str) -> Report:
    if reason := _missing(tier):
        return Report(tier, False, reason)
    policy = SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=(), start_seconds=30.0)
    try:
        with attempts.targets() as outside, Zygote(tier, policy) as zygote:
            findings = (*_reach(zygote, outside), *_limits(zygote))
    except (SandboxError, OSError) as error:
        return Report(tier, False, str(error).rstrip("."))
    promised = [f for f in findings if tier in PROTECTING or f.attempt in LIMITS]
    broken = [finding for finding in promised if not finding.held]
    reason = "; ".join(f"student code could {finding.attempt}" for finding in broken)
    return Report(tier, not broken, reason, findings)


def _missing(tier: str) -> str:
    """Return what this machine lacks for a tier, before anything is tried."""
    if tier in PROTECTING and not LINUX:
        return "it needs Linux"
    if tier in PROTECTING and machine() not in ("x86_64", "aarch64"):
        return f"there is no filter of system calls for a {machine()} processor"
    if tier == "bwrap" and bwrap.program() is None:
        return "bubblewrap is not installed"
    if tier == "landlock" and landlock.abi() < 1:
        return "Landlock is not in this kernel, or is switched off"
    return ""


def _reach(zygote: Zygote, outside: attempts.Targets) -> list[Finding]:
    """Try everything in `attempts` in one child, which goes on after each."""
    found = []
    child = zygote.fork()
    for name, code in attempts.EVERYTHING.items():
        try:
            answer = snippet.ask(child, outside.as_code() + code, seconds=10)
        except (EOFError, TimeoutError):  # a filter may end the child: that held it off too
            child.close()
            child = zygote.fork()
            answer = {"error": "ended"}
        held = answer.get("result") is not True
        if changed := outside.untouched():
            held = False
            outside.mend()
        found.append(Finding(name, held, changed or str(answer.get("message", ""))[:120]))
    child.close()
    return found


def _limits(zygote: Zygote) -> list[Finding]:
    memory, processes, disk, daemon = LIMITS
    with zygote.fork() as child:
        answer = _outcome(child, FILL_MEMORY)
        found = [Finding(memory, answer is not True, str(answer))]
    with zygote.fork() as child:
        answer = _outcome(child, FORK_MANY)
        bounded = not isinstance(answer, int) or answer <= 2 * SMALL.processes
        found.append(Finding(processes, bounded, str(answer)))
    with zygote.fork() as child:
        answer = _outcome(child, FILL_DISK)
        found.append(Finding(disk, answer is not True, str(answer)))
    child = zygote.fork()
    answer = _outcome(child, LEAVE_DAEMON)
    child.kill()
    child.ending(10.0)
    found.append(Finding(daemon, released(child.sock), str(answer)))
    child.close()
    return found


def _outcome(child: Child, code: str) -> object:
    """Return the snippet's result, its error's name, or why the child was ended."""
    try:
        answer = snippet.ask(child, code, seconds=15)
    except (EOFError, TimeoutError) as error:
        return child.why(5.0) or type(error).__name__
    return answer.get("result", answer.get("error"))

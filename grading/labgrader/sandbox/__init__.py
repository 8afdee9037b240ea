"""Run student code where it can reach nothing but its own temporary files.

Where to look, from the trusted side inwards:

- records: limits, policy, endings, and what the warm process is told; lines: how processes tell each other
- zygote: the trusted side's warm process; child: its view of one sealed child
- launch: first steps of the new process; users: stop being root; trees: what may be read
- warden: the small process that watches the children; watch: what they use of memory, disk and time
- nursery: the warm process: imports, warms up, forks; seal: the last steps of a child before student code
- bwrap, landlock, seccomp: the three protections; syscalls: the calls and numbers that they need
- processes: find processes and end them for certain; sweep: temporary folders, and what was left behind
- probe: which tiers hold here; attempts: what it tries from inside; snippet: run a piece of code in a child

Tiers, the strongest first: bwrap (namespaces, Landlock, seccomp), landlock (Landlock, seccomp), rlimits
(limits only: protects no files). All have limits, a fresh folder, and a warden.
"""

from labgrader.sandbox.child import Child
from labgrader.sandbox.records import TIERS, Ending, SandboxError, SandboxLimits, SandboxPolicy
from labgrader.sandbox.zygote import Zygote

__all__ = ["TIERS", "Child", "Ending", "SandboxError", "SandboxLimits", "SandboxPolicy", "Zygote"]

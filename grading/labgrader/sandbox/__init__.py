"""Run student code where it can reach nothing but its own temporary files."""

from labgrader.sandbox.child import Child
from labgrader.sandbox.records import TIERS, Ending, SandboxError, SandboxLimits, SandboxPolicy
from labgrader.sandbox.zygote import Zygote

__all__ = ["TIERS", "Child", "Ending", "SandboxError", "SandboxLimits", "SandboxPolicy", "Zygote"]

"""Which way of keeping student code apart this machine really has, decided once, and said."""

from __future__ import annotations

from dataclasses import replace

from labgrader.course import CourseError
from labgrader.policy import Policy

_WORDS = {
    "bwrap": "student code sees no files of yours and no network (bubblewrap)",
    "landlock": "student code sees no files of yours and no network (Landlock)",
    "rlimits": "LIMITS ONLY: student code can read your files and use the network",
    "none": "NONE: student code can read and change your files and use the network",
}


class IsolationError(CourseError):
    """What was asked for cannot be had on this machine; nothing weaker is taken in its place."""


def resolved(policy: Policy) -> Policy:
    """Return the policy with the tier that its isolation comes to here, after trying it out.

    The trial takes one to three seconds; a policy that has its tier already is returned as it is.

    Args:
        policy: the limits.

    Raises:
        IsolationError: it does not hold here; with "auto": neither bwrap nor landlock does.

    Example:
        >>> resolved(Policy(isolation="none")).tier
        'none'
    """
    if policy.tier:
        return policy
    if policy.isolation == "none":
        return replace(policy, tier="none")
    from labgrader.sandbox import SandboxError, probe

    try:
        return replace(policy, tier=probe.choose(policy.isolation).tier)
    except SandboxError as error:
        raise IsolationError(str(error)) from error


def sentence(policy: Policy) -> str:
    """Return one line that says how student code is kept apart.

    Args:
        policy: one that `resolved` returned.

    Example:
        >>> sentence(resolved(Policy(isolation="none")))
        'Isolation none: NONE: student code can read and change your files and use the network.'
    """
    return f"Isolation {policy.tier}: {_WORDS[policy.tier]}."

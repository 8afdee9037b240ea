"""A small compiler and loader of seccomp filters: a list of refusals becomes a BPF program.

Format: struct sock_filter, https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labgrader.sandbox.syscalls import (
    LAST_KNOWN,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECCOMP,
    check,
    libc,
    machine,
    number,
    prctl,
)

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ABOVE, JUMP_ANY_BIT, RETURN, AND = (
    0x20,
    0x15,
    0x35,
    0x25,
    0x45,
    0x06,
    0x54,
)
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ENOSYS = 38
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_CALLS = 0x40000000
ALL_BITS = 0xFFFFFFFF
AT_NUMBER, AT_ARCH, AT_ARGUMENTS = 0, 4, 16


@dataclass(frozen=True)
class Test:
    """A question about one argument's low 32 bits (or high 32 bits).

    Args:
        argument: 0 to 5.
        how: "equal", "differs" (after `mask`), or "any" (any bit of `value` is set).
        value: what it is compared with.
        mask: bits that count.
        high: look at the upper half of the 64 bits.
    """

    argument: int
    how: Literal["equal", "differs", "any"]
    value: int
    mask: int = ALL_BITS
    high: bool = False


@dataclass(frozen=True)
class Rule:
    """Refuse a call with an error number when every test holds; error 0 claims success and does nothing."""

    call: str
    error: int
    tests: tuple[Test, ...] = ()


def program(rules: Sequence[Rule], *, machine_name: str | None = None) -> bytes:
    """Compile refusals; everything else is allowed, except calls newer than those this table knows.

    Args:
        rules: what to refuse; calls that the machine does not have are left out.
        machine_name: "x86_64" or "aarch64"; None for this machine.

    Returns:
        The BPF instructions, eight bytes each.

    Raises:
        OSError: no table of system calls for this machine.
    """
    name = machine_name or machine()
    if name not in AUDIT_ARCH:
        raise OSError(f"no seccomp filter for a {name} processor; expected x86_64 or aarch64")
    code = [
        _instruction(LOAD, AT_ARCH),
        _instruction(JUMP_EQUAL, AUDIT_ARCH[name], yes=1),
        _instruction(RETURN, KILL_PROCESS),
        _instruction(LOAD, AT_NUMBER),
    ]
    if name == "x86_64":  # a second number for every call
        code += [_instruction(JUMP_AT_LEAST, X32_CALLS, no=1), _instruction(RETURN, KILL_PROCESS)]
    code += [_instruction(JUMP_ABOVE, LAST_KNOWN, no=1), _instruction(RETURN, ERRNO | ENOSYS)]
    for rule in sorted(
        rules, key=lambda rule: bool(rule.tests)
    ):  # the plain ones need the number loaded once
        call = number(rule.call, name)
        if call is not None:
            code += _block(rule, call)
    return b"".join([*code, _instruction(RETURN, ALLOW)])


def install(code: bytes) -> None:
    """Put a filter on this thread and all its children, for good."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(code, len(code))
    whole = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    result = libc().prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(whole), ctypes.c_ulong(0), ctypes.c_ulong(0)
    )
    check(result, "seccomp filter")


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _block(rule: Rule, call: int) -> list[bytes]:
    """Return the instructions of one rule; a test that does not hold jumps past its end."""
    steps: list[tuple[int, int, str]] = [(JUMP_EQUAL, call, "equal")]
    for test in rule.tests:
        steps.append((LOAD, AT_ARGUMENTS + 8 * test.argument + 4 * test.high, ""))
        if test.how == "any":
            steps.append((JUMP_ANY_BIT, test.value, "any"))
        else:
            if test.mask != ALL_BITS:
                steps.append((AND, test.mask, ""))
            steps.append((JUMP_EQUAL, test.value, test.how))
    if rule.tests:
        steps.insert(0, (LOAD, AT_NUMBER, ""))
    out = []
    for position, (code, value, how) in enumerate(steps):
        past = len(steps) - position
        if how == "differs":
            out.append(_instruction(code, value, yes=past))
        else:
            out.append(_instruction(code, value, no=past if how else 0))
    return [*out, _instruction(RETURN, ERRNO | rule.error)]

"""The compiled filter, run by a small interpreter, decides as the rules say, on both machines."""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labgrader.sandbox import refusals, seccomp, syscalls

MACHINES = ("x86_64", "aarch64")
WORD = st.integers(0, 2**32 - 1)
ARGUMENTS = st.lists(
    st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2, 3, 5, 9, 40]), min_size=6, max_size=6
)


def run(program, number, arguments, arch):
    """What the kernel's interpreter returns for a call."""
    memory = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *arguments)
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at = value = 0
    while True:
        op, yes, no, k = code[at]
        at += 1
        if op == seccomp.LOAD:
            (value,) = struct.unpack_from("=I", memory, k)
        elif op == seccomp.AND:
            value &= k
        elif op == seccomp.RETURN:
            return k
        else:
            hit = {
                seccomp.JUMP_EQUAL: value == k,
                seccomp.JUMP_AT_LEAST: value >= k,
                seccomp.JUMP_ABOVE: value > k,
                seccomp.JUMP_ANY_BIT: bool(value & k),
            }[op]
            at += yes if hit else no


def holds(test, arguments):
    word = arguments[test.argument] >> (32 if test.high else 0) & 0xFFFFFFFF
    if test.how == "any":
        return bool(word & test.value)
    return (word & test.mask == test.value) == (test.how == "equal")


def expected(rules, name, number, arguments):
    if name == "x86_64" and number >= seccomp.X32_CALLS:
        return seccomp.KILL_PROCESS
    if number > syscalls.LAST_KNOWN:
        return seccomp.ERRNO | seccomp.ENOSYS
    for rule in sorted(rules, key=lambda rule: bool(rule.tests)):
        if syscalls.number(rule.call, name) == number and all(holds(test, arguments) for test in rule.tests):
            return seccomp.ERRNO | rule.error
    return seccomp.ALLOW


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("tier", ["bwrap", "landlock"])
@pytest.mark.parametrize("version", [1, 3, 7])
@settings(max_examples=150, deadline=None)
@given(number=st.integers(0, 470) | WORD, arguments=ARGUMENTS)
def test_the_program_does_what_the_rules_say(name, tier, version, number, arguments):
    rules = refusals.rules(tier=tier, landlock_abi=version, pid=9)
    program = seccomp.program(rules, machine_name=name)
    arch = seccomp.AUDIT_ARCH[name]
    assert run(program, number, arguments, arch) == expected(rules, name, number, arguments)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("tier", ["bwrap", "landlock"])
def test_every_rule_bites(name, tier):
    rules = refusals.rules(tier=tier, landlock_abi=1, pid=9)
    program = seccomp.program(rules, machine_name=name)
    for rule in rules:
        number = syscalls.number(rule.call, name)
        if number is None:
            continue
        arguments, chosen = [9 ^ 0xFF] * 6, set()
        for test in rule.tests:
            word = test.value if test.how != "differs" else 77
            word = arguments[test.argument] & ~test.mask | word if test.argument in chosen else word
            chosen.add(test.argument)
            arguments[test.argument] = word << 32 if test.high else word
        answer = run(program, number, arguments, seccomp.AUDIT_ARCH[name])
        assert answer & 0xFFFF0000 == seccomp.ERRNO, rule


def test_another_machines_calls_end_the_process():
    program = seccomp.program([], machine_name="x86_64")
    assert run(program, 0, [0] * 6, 0x40000003) == seccomp.KILL_PROCESS


def test_size_is_what_the_kernel_takes():
    for name in MACHINES:
        assert (
            len(seccomp.program(refusals.rules(tier="landlock", landlock_abi=1, pid=9), machine_name=name))
            < 4096 * 8
        )


def test_an_unknown_machine_is_refused():
    with pytest.raises(
        OSError, match="no seccomp filter for a riscv64 processor; expected x86_64 or aarch64"
    ):
        seccomp.program([], machine_name="riscv64")


@pytest.mark.parametrize(
    ("family", "kind", "tier", "allowed"),
    [
        (1, 1, "landlock", True),
        (1, 5 | 0o2000000, "landlock", True),
        (1, 2, "landlock", False),
        (2, 1, "landlock", False),
        (1, 2, "bwrap", True),
        (40, 1, "bwrap", False),
    ],
)
def test_pairs_of_sockets(family, kind, tier, allowed):
    program = seccomp.program(refusals.rules(tier=tier, landlock_abi=7, pid=9), machine_name="x86_64")
    number = syscalls.number("socketpair", "x86_64")
    answer = run(program, number, [family, kind, 0, 0, 0, 0], seccomp.AUDIT_ARCH["x86_64"])
    assert (answer == seccomp.ALLOW) is allowed


def test_one_rule_with_two_tests():
    rule = seccomp.Rule("kill", 1, (seccomp.Test(0, "differs", 0), seccomp.Test(0, "differs", 9)))
    program = seccomp.program([rule], machine_name="x86_64")
    answers = [
        run(program, 62, [pid, 0, 0, 0, 0, 0], seccomp.AUDIT_ARCH["x86_64"]) for pid in (0, 9, 1, 2**32 - 1)
    ]
    assert answers == [seccomp.ALLOW, seccomp.ALLOW, seccomp.ERRNO | 1, seccomp.ERRNO | 1]


@pytest.mark.parametrize(
    ("path", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
)
def test_numbers_agree_with_the_kernels_headers(path, column):
    if not Path(path).exists():
        pytest.skip(f"no kernel headers at {path}")
    text = Path(path).read_text()
    found = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    for name, numbers in syscalls.NUMBERS.items():
        if name in found:
            assert numbers[column] == found[name], name
    assert len(found.keys() & syscalls.NUMBERS.keys()) > 80

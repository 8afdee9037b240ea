"""Every attempt of the probe: works without a sandbox, and is held off in each tier that protects."""

import json
import subprocess
import sys

import pytest
from labgrader.sandbox import attempts, snippet
from labgrader.sandbox.attempts import targets

# What a container, a virtual machine or an ordinary user may lack even without our sandbox.
NOT_EVERYWHERE = {
    "open a virtual machine socket",
    "open a packet socket",
    "make a user namespace",
    "start an io_uring",
    "load a BPF program",
    "add a kernel key",
    "trace the grader",
    "read the grader by process_vm_readv",
    "have a dangerous capability",
    "find a word of the grader's environment",
}


@pytest.mark.parametrize("name", attempts.EVERYTHING)
def test_held_off(sealed, name):
    with targets() as outside:
        answer = snippet.ask(sealed, outside.as_code() + attempts.EVERYTHING[name])
        assert answer.get("result") is not True
        assert "SyntaxError" not in answer.get("error", "")
        assert "NameError" not in answer.get("error", "")
        assert outside.untouched() == ""


@pytest.mark.parametrize("name", [name for name in attempts.EVERYTHING if name not in NOT_EVERYWHERE])
def test_the_attempt_is_a_real_one(name):
    code = "import sys, json\nexec(sys.stdin.read())\nprint(json.dumps(result))"
    with targets() as outside:
        text = outside.as_code() + attempts.EVERYTHING[name]
        done = subprocess.run(
            [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) is True or outside.untouched()


def test_the_weak_tier_is_reported_as_open(tier):
    from labgrader.sandbox.probe import probe

    report = probe((tier,))[0]
    if tier == "rlimits":
        assert {"read a file outside", "connect by TCP"} <= set(report.open)
    else:
        assert report.open == ()

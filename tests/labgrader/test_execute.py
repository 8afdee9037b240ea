import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from labgrader.execute import PREFIX, Step, execute, sweep
from labgrader.outputs import Outputs
from labgrader.policy import Policy

QUICK = Policy(cell_seconds=1, question_seconds=4, grace_seconds=0.4)


def run(*sources, policy=QUICK, secrets=None):
    """Run cells; a source that starts with "#test" is a test cell."""
    steps = [Step(n, source, test=source.startswith("#test")) for n, source in enumerate(sources)]
    return execute(steps, secrets=secrets or {}, policy=policy)


def endings(outcomes):
    return [outcome.ending for outcome in outcomes]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process, no file of a run outlives it."""
    yield
    assert psutil.Process().children(recursive=True) == []
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{os.getpid()}-*"))


def test_one_run_of_everything_that_ends_well():
    outcomes = run(
        "import sys, warnings\nprint('out'); print('err', file=sys.stderr); warnings.warn('w')\n1 + 1",
        "x = 5",
        "#test\nsecret('f'), x",
        "'secret' in globals()",
        "secret = 7",
        "#test\nsecret('f')",
        "secret",
        "1 / 0",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "from IPython.display import display, clear_output, HTML\n"
        "print('gone'); clear_output(wait=True); h = display(HTML('<b>a</b>'), display_id='d')\n"
        "h.update(HTML('<b>b</b>'))",
        "input()",
        "import time\nfor i in range(3): print(f'\\r{i}0%', end='')",
        "%%bash\necho hello",
        "exit()",
        "print('still here')",
        secrets={"f": "abc"},
        policy=Policy(),
    )
    assert endings(outcomes) == ["ok"] * 7 + ["error"] + ["ok"] * 2 + ["error"] + ["ok"] * 4
    first, _, test, hidden, _, again, own, error, plot, display, ask, bar, bash, _, last = outcomes
    assert (first.value, first.printed) == ("2", ("out",))
    assert {o.get("name") for o in first.outputs} >= {"stdout", "stderr"}
    assert (test.value, hidden.value, again.value, own.value) == ("('abc', 5)", "False", "'abc'", "7")
    assert error.reason == "ZeroDivisionError: division by zero"
    assert any("image/png" in o.get("data", {}) for o in plot.outputs)
    assert [o["data"]["text/html"] for o in display.outputs] == ["<b>b</b>"]
    assert ask.reason.startswith("StdinNotImplementedError")
    assert bar.outputs[0]["text"] == "20%"
    assert bash.outputs[0]["text"] == "hello\n"
    assert last.printed == ("still here",)


def test_the_kernel_has_nothing_of_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    show = (
        "import os, sys, pathlib\n"
        "print(sorted(os.environ)); print(os.getcwd(), os.listdir(), pathlib.Path.home()); print(sys.path)\n"
        "print(get_ipython().profile_dir.location); print(os.environ['OMP_NUM_THREADS'])"
    )
    (outcome,) = run(show)
    environ, place, path, profile, threads = outcome.printed
    assert "MY_TOKEN" not in environ
    assert "PYTHONPATH" not in environ
    assert str(tmp_path) not in place + path + profile
    assert os.path.expanduser("~") not in place + profile
    assert "[]" in place
    assert threads == "1"


def test_a_time_out_costs_only_its_cell():
    start = time.monotonic()
    outcomes = run("a = 1", "while True: pass", "#test\na")
    assert endings(outcomes) == ["ok", "timeout", "ok"]
    assert outcomes[1].reason == "it took more than 1 seconds and was stopped"
    assert outcomes[2].value == "1"
    assert time.monotonic() - start < 6


def test_deaf_and_dead_cells_cost_only_themselves_and_the_rest_sees_the_earlier_state():
    deaf = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"
    outcomes = run(
        "a = 1\ndef f(): import os; os._exit(3)\nprint('once')",
        deaf,
        "b = a + 1",
        "#test\nf()",
        "#test\na + b",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "#test\na + b",
    )
    assert endings(outcomes) == ["ok", "died", "ok", "died", "ok", "died", "ok"]
    assert outcomes[1].reason == "it took more than 1 seconds and was stopped"
    assert outcomes[3].reason == "the kernel died while it ran (exit code 3)"
    assert outcomes[5].reason == "the kernel died while it ran (killed, perhaps for want of memory)"
    assert (outcomes[4].value, outcomes[6].value) == ("3", "3")


def test_a_cell_that_dies_only_when_repeated_is_dropped():
    flag = (
        "import pathlib, os, tempfile\n"
        f"p = pathlib.Path({tempfile.gettempdir()!r}, 'labkit-test-{os.getpid()}')\n"
        "if p.exists(): p.unlink(); os._exit(1)\n"
        "p.touch()"
    )
    outcomes = run(flag, "a = 1", "import os; os._exit(2)", "#test\na")
    assert endings(outcomes) == ["ok", "ok", "died", "ok"]
    assert outcomes[3].value == "1"


def test_too_many_deaths_end_the_run():
    outcomes = run(*["import os; os._exit(2)"] * 3, "1", policy=Policy(restarts=1))
    assert endings(outcomes) == ["died", "died", "skipped", "skipped"]
    assert outcomes[3].reason == (
        "not executed: the kernel had to be replaced too often "
        "(last: the kernel died while it ran (exit code 2))"
    )


def test_a_question_has_its_own_time():
    policy = Policy(cell_seconds=9, question_seconds=1, grace_seconds=0.5)
    outcomes = run("while True: pass", "a = 1", "#test\n1", "#test\n2", policy=policy)
    assert endings(outcomes) == ["timeout", "skipped", "skipped", "ok"]
    assert outcomes[0].reason == "it took more than 1 seconds and was stopped"
    assert outcomes[2].reason == "not executed: the question had used its 1 seconds"


def test_a_submission_has_its_own_time():
    policy = Policy(cell_seconds=60, question_seconds=60, submission_seconds=3, grace_seconds=0.5)
    outcomes = run("while True: pass", "#test\n1", policy=policy)
    assert endings(outcomes)[1] == "skipped"
    assert outcomes[1].reason == "not executed: the hand-in had used its 3 seconds"


def test_a_flood_is_cut_and_the_value_kept():
    flood = "for i in range(200): print('x' * 1000)\n'z' * 5_000_000"
    policy = Policy(cell_output=10_000, total_output=15_000)
    first, second, test = run(flood, flood, "#test\nprint('a'); 2.5", policy=policy)
    assert endings([first, second, test]) == ["ok"] * 3
    sizes = [sum(len(str(o)) for o in outcome.outputs) for outcome in (first, second, test)]
    assert sizes[0] < 11_500
    assert sizes[1] < 6_500
    assert first.outputs[-1]["text"] == "... more output was cut off ...\n"
    assert test.value == "2.5"


@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is limited on Linux only")
def test_memory_is_limited():
    (outcome,) = run("x = bytearray(900_000_000)", policy=Policy(memory=600 << 20))
    assert outcome.reason.startswith("MemoryError")


def test_a_value_shown_by_a_setting_of_the_students_is_still_the_tests():
    outcomes = run(
        "from IPython.core.interactiveshell import InteractiveShell as S\nS.ast_node_interactivity = 'all'",
        "%precision 0\nget_ipython().ast_node_interactivity = 'none'",
        "#test\n7\n2.5",
    )
    assert outcomes[2].value == "2.5"


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    names = [
        f"{PREFIX}{int(ended.stdout)}-abc",
        f"{PREFIX}{os.getpid()}-abc",
        f"{PREFIX}x-abc",
        "labgrader-other",
    ]
    for name in names:
        (tmp_path / name / "1").mkdir(parents=True)
    sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_nothing_to_run_starts_no_kernel():
    assert execute([], secrets={}, policy=QUICK) == ()


def test_outputs_of_unknown_shape_are_harmless():
    outputs = Outputs(100)
    for content in ({}, {"data": 3}, {"data": {"text/plain": 7}}, {"transient": 1, "data": {"a": ["b", 1]}}):
        for kind in ("display_data", "execute_result", "update_display_data", "stream", "error", "odd"):
            outputs.add(kind, content)
    assert outputs.items()

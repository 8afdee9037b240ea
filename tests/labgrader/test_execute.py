"""Cells in the student's process, tests in the trusted one: in every tier where that matters."""

import os
import time
from dataclasses import replace
from pathlib import Path

import labgrader
import psutil
import pytest
from labgrader.execute import Step, execute
from labgrader.isolation import resolved
from labgrader.policy import MIB, Policy
from labgrader.sandbox import probe
from labgrader.warm import warm

QUICK = Policy(cell_seconds=1, question_seconds=4, grace_seconds=0.4)
STRONGEST = resolved(QUICK).tier
DEAF = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"


def run(*sources, policy=QUICK, secrets=None, tier=STRONGEST):
    """Run cells; one that starts with "#test" is a test cell, one that starts with "#setup" a locked cell."""
    steps = [
        Step(n, source, test=source.startswith("#test"), setup=source.startswith("#setup"))
        for n, source in enumerate(sources)
    ]
    return execute(steps, secrets=secrets or {}, policy=replace(policy, isolation=tier, tier=tier))


def endings(outcomes):
    return [outcome.ending for outcome in outcomes]


def text(outcome):
    """Return what a step printed and showed."""
    return "".join(
        o.get("text", "") + o.get("data", {}).get("text/plain", "") + o.get("evalue", "")
        for o in outcome.outputs
    )


def descendants(tier):
    run("1", tier=tier)
    with warm(replace(QUICK, isolation=tier, tier=tier)) as processes:
        tests = psutil.Process(processes.trusted.pid).children(recursive=True)
        zygote = processes.zygote
        cells = psutil.Process(zygote.pid).children(recursive=True) if zygote else []
        return [each.pid for each in tests], sorted(each.name() for each in cells)


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """No process of a run outlives it."""
    tier = (
        request.node.callspec.params.get("tier", STRONGEST)
        if hasattr(request.node, "callspec")
        else STRONGEST
    )
    before = descendants(tier)
    assert before[0] == []
    yield
    assert descendants(tier) == before


@pytest.fixture(params=["none", "rlimits", "landlock", "bwrap"], scope="module")
def tier(request):
    """Every tier that this machine has."""
    if request.param != "none" and not probe.probe((request.param,))[0].holds:
        pytest.skip(f"{request.param} does not hold here")
    return request.param


def test_everything_in_every_tier(tier):
    outcomes = run(
        "#setup\nimport torch\nfrom labkit import check\nhelper = lambda x: x + 1",
        "a = 1\ndef f(x): return 2 * x\ndef die(): import os; os._exit(3)",
        "#test\nearned = f(helper(1)) / 4\n3 * earned",
        DEAF,
        "while True: pass",
        "#test\ndie()",
        "#test\nsecret('f'), f(a)\n1.5 if secret('f') == 'abc' and f(a) == 2 else 0",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "'secret' in globals(), 'earned' in globals()",
        "#test\nf(helper(0)) * 1.0",
        "import ctypes; ctypes.string_at(0)",
        "#test\n4.0 if f(2) == 4 else 0.0",
        secrets={"f": "abc"},
        policy=replace(QUICK, restarts=9, question_seconds=20, grace_seconds=3.0),
        tier=tier,
    )
    killed = "ok" if tier == "bwrap" else "died"  # process 1 of its own world cannot be killed from inside
    assert endings(outcomes) == [
        *["ok", "ok", "ok", "died", "timeout", "died", "ok", killed, "ok", "ok", "died", "ok"]
    ]
    values = [outcome.value for outcome in outcomes]
    assert values == [None, None, 3.0, None, None, None, 1.5, None, None, 2.0, None, 4.0]
    assert outcomes[3].reason == outcomes[4].reason == "it took more than 1 seconds and was stopped"
    assert outcomes[5].reason == "the student's process ended while it ran (exit code 3)"
    if killed == "died":
        assert outcomes[7].reason.startswith("the student's process died while it ran (SIGKILL")
    assert "(False, False)" in text(outcomes[8])
    assert outcomes[10].reason == "the student's process died while it ran (SIGSEGV)"


def test_one_run_of_everything_that_ends_well():
    outcomes = run(
        "import sys, warnings\nprint('out'); print('err', file=sys.stderr); warnings.warn('w')\n1 + 1",
        "x = 5",
        "#test\nassert (secret('f'), x) == ('abc', 5)\n2.5",
        "secret = 7",
        "#test\n2.0 if secret('f') == 'abc' else 0",
        "secret",
        "1 / 0",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "from IPython.display import display, clear_output, HTML\n"
        "print('gone'); clear_output(wait=True); h = display(HTML('<b>a</b>'), display_id='d')\n"
        "h.update(HTML('<b>b</b>'))",
        "input()",
        "from tqdm import tqdm\nfor i in tqdm(range(3)): pass",
        "%%bash\necho hello",
        "%timeit -n1 -r1 1",
        "exit()",
        "print('still here')",
        secrets={"f": "abc"},
        policy=Policy(),
    )
    assert endings(outcomes) == ["ok"] * 6 + ["error"] + ["ok"] * 2 + ["error"] + ["ok"] * 5
    first, _, test, _, again, own, error, plot, display, ask, bar, bash, *_, last = outcomes
    assert text(first).startswith("out\n")
    assert {o.get("name") for o in first.outputs} >= {"stdout", "stderr"}
    assert (test.value, again.value, text(own)) == (2.5, 2.0, "7")
    assert error.reason == "ZeroDivisionError: division by zero"
    assert any("image/png" in o.get("data", {}) for o in plot.outputs)
    assert [o["data"]["text/html"] for o in display.outputs] == ["<b>b</b>"]
    assert ask.reason.startswith("RuntimeError: input() cannot be used here")
    assert "3/3" in text(bar)
    assert text(bash) == "hello\n"
    assert text(last) == "still here\n"


def test_only_the_test_itself_is_believed():
    outcomes = run(
        "#setup\nimport math\ndef points(ok): return 4.0 if ok else 0.0",
        "def f(): print('✗ f: from the student'); print('4.0'); return 3\n"
        "class Full:\n"
        "    def __eq__(self, other): return True\n"
        "    def __bool__(self): return True\n"
        "    def __float__(self): return 4.0\n"
        "def g(): return Full()\n"
        "def points(ok): return 4.0\n"
        "class check: pass\n"
        "earned = 1\n"
        "import math; math.pi = 3",
        "#test\nprint('from the test'); points(f() == 4)",
        "#test\npoints(g() == 4)",
        "#test\ng()",
        "#test\npoints(True if g() else False)",
        "#test\nearned\n4 * earned",
        "#test\npoints(math.pi == 3)",
        "#test\n'4.0'",
        "#test\nTrue",
    )
    assert [outcome.value for outcome in outcomes[2:4]] == [0.0, 0.0]
    assert outcomes[2].printed == ("from the test",)
    assert "from the student" in text(outcomes[2])
    assert endings(outcomes[4:7]) == ["error"] * 3
    assert outcomes[5].reason.startswith("TypeError: <student object 'Full'> has no truth value here")
    assert outcomes[6].reason == "NameError: name 'earned' is not defined"
    assert [outcome.value for outcome in outcomes[7:]] == [0.0, "'4.0'", "True"]


def test_changed_arguments_reach_labkits_checks_and_who_asks_for_them():
    outcomes = run(
        "#setup\nimport torch\nfrom types import SimpleNamespace\n"
        "def _f(fn):\n    x = torch.ones(3); fn(x); return float(x.sum())\ncheck = SimpleNamespace(f=_f)",
        "def f(x): x.zero_()",
        "#test\n1.0 * check.f(f)",
        "#test\nx = torch.ones(3); f(x)\nfloat(x.sum())",
        "#test\n# bridge: copy back\nx = torch.ones(3); f(x)\nfloat(x.sum())",
    )
    assert [outcome.value for outcome in outcomes[2:]] == [3.0, 3.0, 0.0]
    spoil = (
        "def spoil(x, k):\n"
        "    import torch.nn.functional as F\n"
        "    y = F.conv2d(x[None, None], k.flip(0, 1)[None, None])[0, 0]\n"
        "    x.add_(1)\n"
        "    return y"
    )
    *_, test = run("#setup\nfrom labkit import check", spoil, "#test\n1 * check.convolve2d(spoil)")
    assert 0 < test.value < 1
    assert "the call changes its input x" in text(test)


def test_the_student_has_nothing_of_ours(monkeypatch, tmp_path, tier):
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    show = (
        "import os, sys, pathlib\n"
        "print(sorted(os.environ)); print(os.getcwd(), os.listdir(), pathlib.Path.home()); print(sys.path)\n"
        "print(get_ipython().profile_dir.location); print(os.environ['OMP_NUM_THREADS'])"
    )
    environ, place, path, profile, threads = text(run(show, tier=tier)[0]).splitlines()
    assert "MY_TOKEN" not in environ
    assert "PYTHONPATH" not in environ
    assert str(tmp_path) not in place + path + profile
    assert os.path.expanduser("~") + "/" not in place + profile
    assert "ipynb" not in place
    assert threads == "1"


def test_one_hand_in_leaves_nothing_for_the_next():
    leave = (
        "import builtins, os, torch, sys\n"
        "builtins.left = 1; os.environ['LEFT'] = '1'; torch.left = 1; open('left', 'w').write('x')\n"
        "torch.manual_seed(3); torch.set_default_dtype(torch.float64)"
    )
    look = (
        "import builtins, os, torch\n"
        "print(hasattr(builtins, 'left'), os.environ.get('LEFT'), hasattr(torch, 'left'))\n"
        "print(os.path.exists('left'))\n"
        "print(torch.get_default_dtype(), torch.rand(1).item())"
    )
    there = (
        "#test\nimport builtins, torch\n"
        "kept = getattr(builtins, 'kept', 0); builtins.kept = 1; kept + torch.rand(1).item()"
    )
    first = run(look, there)
    run(leave, there)
    again = run(look, there)
    assert text(first[0]).startswith("False None False\nFalse\ntorch.float32 0.")
    assert text(first[0]) == text(again[0])
    assert first[1].value == again[1].value < 1
    assert run(look, there, secrets={"f": "x"})[1].value != first[1].value


def test_a_time_out_costs_only_its_cell():
    start = time.monotonic()
    outcomes = run(
        "a = 1",
        "while True: pass",
        "#test\na * 1.0",
        "def f():\n  while True: pass",
        "#test\nf()",
        "#test\n1",
    )
    assert endings(outcomes) == ["ok", "timeout", "ok", "ok", "timeout", "ok"]
    assert outcomes[1].reason == outcomes[4].reason == "it took more than 1 seconds and was stopped"
    assert (outcomes[2].value, outcomes[5].value) == (1.0, 1.0)
    assert time.monotonic() - start < 25


def test_a_cell_that_dies_only_when_repeated_is_dropped():
    flag = "import os, time\nif time.time() > until: os._exit(1)\nb = 2"
    outcomes = run(
        f"until = {time.time() + 3.0}",
        flag,
        "a = 1",
        "import time; time.sleep(4)\nos._exit(2)",
        "#test\na * 1.0",
        "b",
        policy=replace(QUICK, cell_seconds=9, question_seconds=30),
    )
    assert endings(outcomes) == ["ok", "ok", "ok", "died", "ok", "error"]
    assert outcomes[4].value == 1.0


def test_too_many_deaths_end_the_run():
    outcomes = run(*["import os; os._exit(2)"] * 3, "1", "#test\n1", policy=replace(QUICK, restarts=1))
    assert endings(outcomes) == ["died", "died", "skipped", "skipped", "skipped"]
    assert outcomes[4].reason == (
        "not executed: the process had to be replaced too often "
        "(last: the student's process ended while it ran (exit code 2))"
    )


@pytest.mark.parametrize("tier", ["bwrap", "landlock"], indirect=True)
def test_tracebacks_show_nothing_of_the_grader(tier):
    sources = (
        "while True: pass",
        "def f(:",
        f"x = {'-' * 5000}1",
        "def g(n): return g(n + 1)\ng(0)",
        "import torch\ntorch.nn.Linear(2, 3)(torch.ones(4, 5))",
        "try: 1 / 0\nexcept Exception as error: raise ValueError(4) from error",
        "import threading\nt = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
        "import asyncio\nasyncio.run(5)",
        "def calls(f): return f(1)",
        "#test\ncalls(lambda x: 1 / 0)",
        "#test\nnot_written(1)",
    )
    outcomes = run(*sources, tier=tier, policy=replace(QUICK, question_seconds=60))
    shown = [
        "\n".join(o.get("text", "") + "\n".join(o.get("traceback", ())) for o in each.outputs)
        for each in outcomes
    ]
    package = Path(labgrader.__file__).parent
    for text_ in shown:
        assert not [word for word in ("labgrader", str(package.parents[1]), "site-packages") if word in text_]
    assert "Cell In[1], line 1" in shown[0]
    assert "File torch/nn/modules/linear.py:" in shown[4]
    assert "ValueError: 4" in shown[5]
    assert "ZeroDivisionError" in shown[5]
    assert "ZeroDivisionError" in shown[6]
    assert "\nline 1, in calls" in shown[9]  # which cell of the notebook that is, no number here would tell


def test_a_question_has_its_own_time():
    policy = Policy(cell_seconds=9, question_seconds=1, grace_seconds=0.5)
    outcomes = run("while True: pass", "a = 1", "#test\n1", "#test\n2", policy=policy)
    assert endings(outcomes) == ["timeout", "skipped", "skipped", "ok"]
    assert outcomes[0].reason == (
        "it took more than the 1 seconds that were left of the question's 1 and was stopped"
    )
    assert outcomes[2].reason == "not executed: the question had used its 1 seconds"


def test_cells_of_ones_own_do_not_take_the_questions_time():
    policy = resolved(Policy(cell_seconds=9, question_seconds=1, grace_seconds=0.5))
    own = [Step(n, "import time; time.sleep(0.7)", added=True) for n in range(3)]
    steps = [*own, Step(3, "a = 1"), Step(4, "a * 1.0", test=True)]
    outcomes = execute(steps, secrets={}, policy=policy)
    assert endings(outcomes) == ["ok"] * 5
    short = replace(policy, submission_seconds=1)
    assert endings(execute(steps, secrets={}, policy=short)) == ["ok", "timeout", *["skipped"] * 3]


def test_a_submission_has_its_own_time():
    policy = Policy(cell_seconds=60, question_seconds=60, submission_seconds=3, grace_seconds=0.5)
    outcomes = run("while True: pass", "#test\n1", policy=policy)
    assert endings(outcomes)[1] == "skipped"
    assert outcomes[1].reason == "not executed: the hand-in had used its 3 seconds"


def test_a_flood_is_cut_and_costs_nothing():
    flood = "a = 4\nfor i in range(200): print('x' * 1000)\n'z' * 5_000_000"
    huge = "def f():\n    print('é' * 9_000_000); return 3\nprint('é' * 9_000_000)"
    policy = replace(QUICK, cell_output=10_000, total_output=25_000, cell_seconds=20)
    first, second, third, test = run(
        flood, huge, flood, "#test\nprint('a'); f() + 1.0 if a == 4 else 0", policy=policy
    )
    assert endings([first, second, third, test]) == ["ok"] * 4
    sizes = [sum(len(str(o)) for o in outcome.outputs) for outcome in (first, second, third, test)]
    assert max(sizes) < 11_500
    assert sum(sizes) < 27_000
    assert "cut" in text(first)
    assert test.value == 4.0


@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is limited on Linux only")
def test_memory_is_limited_here_and_there():
    small = replace(QUICK, memory=400 * MIB, cell_seconds=20, question_seconds=60)
    student, answer, test = run(
        "x = bytearray(900_000_000)",
        "def f(): return 1",
        "#test\ny = [bytearray(100_000_000) for _ in range(9)]\n1",
        policy=small,
    )
    assert student.reason.startswith(("MemoryError", "the student's process was ended: it used"))
    assert answer.ending == "ok"
    assert test.reason.startswith("MemoryError")


def test_a_test_that_ends_its_own_process_earns_nothing_and_the_rest_goes_on():
    outcomes = run(
        "#setup\nhelper = 2",
        "a = 1",
        "#test\nimport os; os._exit(0)",
        "#test\nimport sys; sys.exit()",
        "#test\na + helper",
    )
    assert endings(outcomes) == ["ok", "ok", "died", "error", "ok"]
    assert outcomes[2].reason == "the test ended without a verdict"
    assert outcomes[4].value == 3.0


def test_main_is_the_notebook():
    (outcome,) = run(
        "from __future__ import annotations\n"
        "import __main__, dataclasses, pickle, typing\n"
        "@dataclasses.dataclass\nclass P:\n    x: int = 1\n"
        "print(__name__, __main__.P is P, pickle.loads(pickle.dumps(P(2))), typing.get_type_hints(P))"
    )
    assert text(outcome) == "__main__ True P(x=2) {'x': <class 'int'>}\n", outcome.reason


def test_nothing_to_run_starts_nothing():
    assert execute([], secrets={}, policy=Policy(isolation="bwrap")) == ()

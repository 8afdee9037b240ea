"""Nothing outlives a child: not a process, a file, an open file of ours; and every death has its reason."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from labgrader.sandbox import (
    SandboxError,
    SandboxLimits,
    SandboxPolicy,
    Zygote,
    processes,
    snippet,
    sweep,
    users,
)
from labgrader.sandbox.child import released
from labgrader.sandbox.records import MIB

SMALL = SandboxLimits(memory=128 * MIB, processes=24, disk=16 * MIB)

DAEMON = """
import os, time
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 3) if not {close} else os.closerange(0, 1024)
        time.sleep(300)
    os._exit(0)
os.wait()
result = True
"""


def living(text):
    """Processes whose command line or environment holds a text."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{entry}/{name}", "rb") as file:
                        if text.encode() in file.read():
                            found.append(int(entry))
                except OSError:
                    continue
    return found


def eventually(condition, seconds=20.0):
    """True when a condition becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def users_processes(zygote):
    uid = zygote._warm.lease.uid if zygote._warm.lease else None
    if uid is None:
        return living(zygote._warm.base)
    return processes.of_user(uid)


ADOPTED = """
import ctypes, os, platform, time
number = 220 if platform.machine() == "aarch64" else 56
pid = ctypes.CDLL(None).syscall(number, 0x8000 | 17, 0, 0, 0, 0)  # CLONE_PARENT: a child of the warm process
if pid == 0:
    os.setsid()
    while True:
        time.sleep(1)
result = pid
"""


def test_a_child_given_to_the_warm_process_does_not_survive(zygote):
    before = len(users_processes(zygote))
    with zygote.fork() as child:
        made = snippet.ask(child, ADOPTED)["result"]
        assert (made > 0) == (zygote.tier == "rlimits")
        assert child.close().clean
        assert len(users_processes(zygote)) == before


@pytest.mark.parametrize("close", [False, True], ids=["with the socket", "without"])
def test_a_daemon_does_not_survive(zygote, close):
    before = len(users_processes(zygote))
    with zygote.fork() as child:
        assert snippet.ask(child, DAEMON.format(close=close))["result"] is True
        child.kill()
        assert child.ending(20.0).clean
        assert released(child.sock)
    assert eventually(lambda: len(users_processes(zygote)) == before)


def test_a_daemon_does_not_survive_its_makers_own_exit(zygote):
    before = len(users_processes(zygote))
    with zygote.fork() as child:
        with pytest.raises(EOFError):
            snippet.ask(child, DAEMON.format(close=True) + "os._exit(7)")
        assert child.ending(20.0).status == 7
        assert child.why() == ""
        assert child.ending().clean
    assert eventually(lambda: len(users_processes(zygote)) == before)


def test_ignoring_signals_does_not_help(zygote):
    with zygote.fork() as child:
        snippet.ask(
            child, "import signal\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\nresult = 1"
        )
        child.interrupt()
        assert snippet.ask(child, "result = 5")["result"] == 5
        began = time.monotonic()
        assert child.close().clean
        assert time.monotonic() - began < 15


def test_interrupt_stops_a_cell(zygote):
    with zygote.fork() as child:
        import threading

        threading.Timer(0.3, child.interrupt).start()
        answer = snippet.ask(child, "import time\nfor _ in range(100): time.sleep(0.1)")
        assert answer["error"] == "KeyboardInterrupt"
        assert snippet.ask(child, "result = 6")["result"] == 6


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import ctypes; ctypes.string_at(0)", "died: SIGSEGV"),
        ("import os; os._exit(3)", ""),
        ("import os, signal; os.kill(os.getpid(), 9)", "died: SIGKILL"),
        ("import sys; sock.close(); sys.exit(0)", ""),
    ],
)
def test_deaths_have_reasons(zygote, code, why):
    if "kill" in code and zygote.tier == "bwrap":
        pytest.skip("process 1 of a world cannot kill itself")
    with zygote.fork() as child:
        with pytest.raises((EOFError, TimeoutError)):
            snippet.ask(child, code, seconds=5)
        assert child.why(5.0).startswith(why)
        assert bool(child.why()) == bool(why)


def test_why_remembers_who_killed(zygote):
    with zygote.fork() as child:
        child.kill("time: the cell ran for more than 2 s")
        assert child.why(5.0) == "time: the cell ran for more than 2 s"


def test_fifty_forks_leave_nothing(zygote):
    warm = zygote._warm
    with zygote.fork() as child:
        snippet.ask(child, "result = 1")
    files = len(os.listdir("/proc/self/fd"))
    folder = sorted(os.listdir(warm.base))
    processes = len(users_processes(zygote))
    for number in range(50):
        child = zygote.fork()
        if number % 5 == 0:
            snippet.ask(
                child,
                "import os\nopen('x', 'w').write('y'); os.fork() or __import__('time').sleep(9)",
                seconds=1,
            ) if (number % 10) else snippet.ask(child, "open('x', 'w').write('y')")
        assert child.close().clean
    assert len(os.listdir("/proc/self/fd")) <= files  # an earlier test's may have been closed meanwhile
    assert sorted(os.listdir(warm.base)) == folder
    assert eventually(lambda: len(users_processes(zygote)) == processes)


def test_two_children_at_once_are_independent(zygote):
    with zygote.fork() as one, zygote.fork() as two:
        snippet.ask(one, "open('a', 'w').close()")
        assert (
            snippet.ask(two, "import os; result = [n for n in os.listdir('.') if n[0] != '.']")["result"]
            == []
        )
        one.kill("time: x")
        assert one.ending(20.0).clean
        assert snippet.ask(two, "result = 2")["result"] == 2


def test_children_start_alike_and_differ_only_by_seed(zygote):
    def draw(seed):
        with zygote.fork(seed=seed) as child:
            return snippet.ask(child, "import random; result = random.random()")["result"]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_a_killed_warm_process_is_replaced(tier):
    with Zygote(tier, SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=())) as zygote:
        child = zygote.fork()
        snippet.ask(child, DAEMON.format(close=True))
        base = zygote._warm.base
        os.kill(zygote.pid, signal.SIGKILL)
        child.close()
        with zygote.fork() as again:
            assert snippet.ask(again, "result = 1")["result"] == 1
        assert zygote._warm.base != base
        assert not os.path.exists(base)
        assert living(base) == []


def test_started_afresh_after_so_many_forks(tier):
    policy = SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=(), forks=2)
    with Zygote(tier, policy) as zygote:
        pids = []
        for _ in range(5):
            with zygote.fork():
                pids.append(zygote.pid)
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


OWNER = """
import sys, time
sys.path.insert(0, {path!r})
from labgrader.sandbox import SandboxPolicy, Zygote, snippet
from labgrader.sandbox.records import MIB
zygote = Zygote({tier!r}, SandboxPolicy(entry=snippet.ENTRY, preload=()))
child = zygote.fork()
snippet.ask(child, {daemon!r})
print(zygote._warm.base, flush=True)
time.sleep(60)
"""


def test_a_killed_grader_leaves_nothing_running(tier):
    code = OWNER.format(
        tier=tier, daemon=DAEMON.format(close=True), path=str(Path(sweep.__file__).parents[2])
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        base = owner.stdout.readline().strip()
        assert os.path.isdir(base)
        uid = os.stat(base).st_uid
        owner.kill()
    if uid != os.getuid():
        assert eventually(lambda: processes.of_user(uid) == [])
    else:
        assert eventually(lambda: living(base) == [])
    sweep.sweep()
    assert eventually(
        lambda: not os.path.exists(base)
    )  # the sweep of a test beside this one may have taken it


def test_sweep_leaves_the_living_alone(zygote):
    assert zygote._warm.base not in sweep.sweep()
    assert os.path.isdir(zygote._warm.base)


def test_sweep_does_not_follow_a_planted_link(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / (sweep.PREFIX + "bait")).symlink_to(kept)
    assert sweep.sweep(str(tmp_path)) == []
    assert kept.exists()


def test_close_leaves_nothing(tier):
    files = len(os.listdir("/proc/self/fd"))
    zygote = Zygote(tier, SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=()))
    child = zygote.fork()
    base = zygote._warm.base
    snippet.ask(child, DAEMON.format(close=True))
    zygote.close()
    assert not os.path.exists(base)
    assert living(base) == []
    assert len(os.listdir("/proc/self/fd")) <= files  # an earlier test's may have been closed meanwhile


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"entry": "nowhere:serve"}, "cannot be found"),
        ({"preload": ("no_such_module",)}, "No module named"),
        ({"preload": ("torch",), "start_seconds": 0.3}, "not ready in 0.3 s"),
        ({"python": "/nowhere/python"}, "/nowhere/python"),
    ],
    ids=["entry", "preload", "slow", "no Python"],
)
def test_a_failed_start_leaves_nothing(tier, change, error, monkeypatch):
    made = []
    make_base = sweep.make_base

    def remember(**options):
        made.append(make_base(**options))
        return made[-1]

    monkeypatch.setattr(sweep, "make_base", remember)
    change = dict(change)
    files = len(os.listdir("/proc/self/fd"))
    if python := change.pop("python", None):
        monkeypatch.setattr(sys, "executable", python)
    policy = replace(SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=()), **change)
    began = time.monotonic()
    with pytest.raises((SandboxError, FileNotFoundError), match=error):
        Zygote(tier, policy).start()
    assert time.monotonic() - began < 25
    ((base, _),) = made
    assert not os.path.exists(base)
    assert eventually(lambda: living(base) == [])
    assert len(os.listdir("/proc/self/fd")) <= files  # an earlier test's may have been closed meanwhile


HIDDEN = """
import os, sys
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid(); os.chdir("/"); os.closerange(0, 1024)
        try:
            import resource
            resource.setrlimit(resource.RLIMIT_RTTIME, (1, 1))
        except (OSError, ValueError):
            pass
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(77)", WORD], {})
    os._exit(0)
os.wait()
result = True
"""


def test_a_hidden_daemon_ends_though_its_warden_was_killed(protecting_tier, monkeypatch):
    """An ordinary user has neither a user number of its own to search for nor, perhaps, a control group."""
    if protecting_tier == "landlock":  # root cannot enter the other tier as itself
        monkeypatch.setattr(users, "lease", lambda: None)
    monkeypatch.setattr(processes, "make_group", lambda name: None)
    word = "labgrader-test-" + os.urandom(8).hex()
    policy = SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=())
    with Zygote(protecting_tier, policy) as zygote:
        child = zygote.fork()
        assert snippet.ask(child, HIDDEN.replace("WORD", repr(word)))["result"] is True
        for pid in (zygote.pid, *processes.descendants(zygote.pid)[:1]):  # bubblewrap's own first
            os.kill(pid, signal.SIGKILL)
        child.close()
    assert eventually(lambda: living(word) == [])


def test_wrong_use_is_said_plainly():
    with pytest.raises(
        SandboxError, match=r"The tier is 'docker'; expected one of bwrap, landlock, rlimits\."
    ):
        Zygote("docker", SandboxPolicy())
    policy = SandboxPolicy(entry="nowhere:serve", preload=())
    with (
        pytest.raises(SandboxError, match=r'The entry "nowhere:serve" cannot be found'),
        Zygote("rlimits", policy),
    ):
        pass
    policy = SandboxPolicy(entry=snippet.ENTRY, preload=("no_such_module",))
    with pytest.raises(SandboxError, match="No module named 'no_such_module'"), Zygote("rlimits", policy):
        pass


def test_from_fork_to_ready_is_quick(zygote):
    times = []
    for _ in range(10):
        began = time.perf_counter()
        child = zygote.fork()
        times.append(time.perf_counter() - began)
        child.close()
    print(f"{zygote.tier}: fork to ready {sorted(times)[5] * 1000:.1f} ms (median of 10)")
    assert sorted(times)[5] < 5.0


def test_limits_differ_by_child(zygote):
    with zygote.fork(limits=replace(SMALL, open_files=20)) as child:
        code = "import resource; result = resource.getrlimit(resource.RLIMIT_NOFILE)"
        assert snippet.ask(child, code)["result"] == [20, 20]


def test_a_control_group_ends_what_the_warden_cannot(tmp_path):
    group = processes.make_group(f"labgrader-test-{os.getpid()}")
    if group is None:
        pytest.skip("no control group can be made here")
    code = f"from labgrader.sandbox import processes; processes.join_group({group!r}); print(1, flush=True)\n"
    code += "import os, time; os.fork(); os.setsid(); os.fork(); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert processes.end_group(group)
        assert process.wait(5) == -9
    assert not os.path.exists(group)


def test_what_the_weak_tier_lets_a_child_leave_is_removed():
    lease = users.lease()
    if lease is None:
        pytest.skip("only root leases users")
    lease.release()
    with Zygote("rlimits", SandboxPolicy(limits=SMALL, entry=snippet.ENTRY, preload=())) as zygote:
        with zygote.fork() as child:
            code = (
                "import os\nname = f'/tmp/labgrader-test-left-{os.getuid()}'\nos.mkdir(name); result = name"
            )
            left = snippet.ask(child, code)["result"]
        assert os.path.isdir(left)
    assert not os.path.exists(left)

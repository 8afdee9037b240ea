"""The parts that need no sealed process: trees, users, ways, limits, lines, choosing a tier."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labgrader.sandbox import SandboxError, landlock, probe, processes, seal, sweep, trees, users
from labgrader.sandbox.lines import Lines
from labgrader.sandbox.probe import Finding, Report
from labgrader.sandbox.sweep import remove

import labkit

PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@given(st.lists(PATHS, max_size=8))
def test_outermost_covers_all_and_repeats_nothing(paths):
    kept = trees.outermost(paths)
    assert all(any(trees.within(path, tree) for tree in kept) for path in paths)
    assert not any(a != b and trees.within(a, b) for a in kept for b in kept)
    assert set(kept) <= set(paths)


def test_readable_trees_hold_the_packages_but_not_the_checkout():
    readable = trees.readable()
    checkout = Path(labkit.__file__).parent.parent
    for path in (labkit.__file__, os.__file__, sys.executable, seal.__file__):
        assert any(trees.within(os.path.abspath(path), tree) for tree in readable)
    for path in (checkout / "pyproject.toml", checkout / "grading" / "masters", Path.home() / ".ssh"):
        assert not any(trees.within(str(path), tree) for tree in readable)


def test_a_course_inside_a_readable_tree_is_refused():
    with pytest.raises(
        SandboxError, match=r"must stay hidden from students, but it lies in .*; move the course"
    ):
        trees.readable(hidden=["/usr/share/course"])


def test_a_data_set_that_is_missing_is_refused(tmp_path):
    with pytest.raises(SandboxError, match="it does not exist; correct its name"):
        trees.readable([str(tmp_path / "no")])


def test_leases_differ():
    first, second = users.lease(), users.lease()
    if first is None:
        pytest.skip("only root leases users")
    assert first.uid != second.uid
    assert users.leased(first.uid)
    first.release()
    second.release()


def test_closed_ways(tmp_path):
    inner = tmp_path / "home" / "venv"
    inner.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    assert users.closed(str(inner)) is not None
    assert users.closed("/usr/lib") is None
    assert users.legible("/usr/lib")


def test_landlock_versions():
    assert landlock.handled(1) == (1 << 13) - 1
    assert landlock.handled(3) == (1 << 15) - 1
    assert landlock.handled(7) == (1 << 16) - 1


def test_removing_what_is_hard_to_remove(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    here = os.getcwd()
    os.chdir(top)
    try:
        for _ in range(1050):
            os.mkdir("d")
            os.chdir("d")
        Path("file").write_text("x")
    finally:
        os.chdir(here)
    (top / "link").symlink_to("/etc")
    (top / "shut").mkdir(mode=0)
    assert remove(str(top))
    assert os.path.isdir("/etc")


def test_lines_are_bounded_and_timed():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        lines = Lines(ours)
        assert lines.next(0.01) is None
        theirs.sendall(b'{"a": 1}\n[2]\n{"b"')
        assert lines.next(0.1) == {"a": 1}
        assert lines.next(0.1) == {}
        assert lines.next(0.01) is None
        assert not lines.ended
        theirs.close()
        assert lines.next(0.1) is None
        assert lines.ended


def test_choosing():
    def report(tier, holds):
        return Report(tier, holds, "" if holds else "bubblewrap is not installed", (Finding("x", holds),))

    reports = [report("bwrap", False), report("landlock", True), report("rlimits", True)]
    assert probe.choose(reports=reports).tier == "landlock"
    assert probe.choose("rlimits", reports=reports).tier == "rlimits"
    with pytest.raises(
        SandboxError, match=r"^The isolation bwrap cannot be had here: bubblewrap is not installed\.$"
    ):
        probe.choose("bwrap", reports=reports)
    nothing = [report("bwrap", False), report("landlock", False), report("rlimits", True)]
    with pytest.raises(
        SandboxError, match=r"^No sandbox here protects files and network: bwrap: .* limits only\.$"
    ):
        probe.choose(reports=nothing)
    with pytest.raises(
        SandboxError, match=r"The isolation is 'vm'; expected auto, bwrap, landlock, rlimits or none\."
    ):
        probe.choose("vm")


def test_without_bubblewrap_landlock_is_chosen_and_holds(monkeypatch):
    if landlock.abi() < 1:
        pytest.skip("no Landlock here")
    monkeypatch.setattr(probe.bwrap, "program", lambda: None)
    monkeypatch.setattr(probe, "probe", probe.probe.__wrapped__)  # not what was found before
    assert probe.choose().tier == "landlock"


@pytest.mark.parametrize("room", [0, 1 << 60])
def test_bases_are_private(room):
    base, hold = sweep.make_base(room=room)
    try:
        assert os.stat(base).st_mode & 0o777 == 0o700
        assert base not in sweep.sweep()
    finally:
        os.close(hold)
    sweep.sweep()
    wait_until(lambda: not os.path.exists(base))  # the sweep of a test beside this one may have taken it


def test_a_base_that_another_run_swept_before_it_was_locked_is_made_again(monkeypatch):
    made = []

    def swept_at_first(**options):
        made.append(mkdtemp(**options))
        if len(made) == 1:
            os.rmdir(made[0])
        return made[-1]

    mkdtemp = sweep.tempfile.mkdtemp
    monkeypatch.setattr(sweep.tempfile, "mkdtemp", swept_at_first)
    base, hold = sweep.make_base()
    os.close(hold)
    assert base == made[1]
    assert sweep.remove(base)


def test_what_a_process_was_just_starting_is_stopped_too(monkeypatch):
    with sleeper() as parent, sleeper() as late:
        seen = iter([{parent.pid}, set()])  # the new one is not there yet at the second look
        slow = iter([True])  # nor has its parent come to a stop
        running = processes.running
        monkeypatch.setattr(processes, "running", lambda pid: next(slow, False) or running(pid))
        stopped = processes.stop(lambda: next(seen, {parent.pid, late.pid}))
        assert stopped == {parent.pid, late.pid}
        assert not running(parent.pid)
        assert not running(late.pid)
        assert processes.alive(late.pid)
        for process in (parent, late):
            process.kill()


def sleeper():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])


def test_processes_held_still_go_on_afterwards():
    def state():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        with processes.still(lambda: {process.pid}):
            wait_until(lambda: state() == "T")
        wait_until(lambda: state() == "R")
        process.kill()


def wait_until(done):
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


AS_SOMEBODY = """
import json, os, sys
from labgrader.sandbox import seal, trees, users
mode = sys.argv[1]
if mode == "user":
    home = "/tmp/labgrader-test-home-" + str(os.getpid()); os.mkdir(home); os.chown(home, 54321, 54321)
    keep = users.open_way(trees.readable(), base=home, samples=[os.__file__, seal.__file__])
    assert keep is None, keep
    users.become(54321)
    os.environ["HOME"] = home
else:
    kept = {6: 1, 7: 1, 0: 1, 1: 1, 5: 1, 8: 1}
    for number in range(64):
        if number not in kept:
            try:
                users.prctl(users.PR_CAPBSET_DROP, number)
            except OSError:
                pass
    users._set(sum(1 << number for number in kept))
from labgrader.sandbox.probe import probe
out = {r.tier: [r.holds, r.reason, list(r.open)] for r in probe()}
if mode == "user":
    os.rmdir(home)
print(json.dumps(out))
"""


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs root, to become somebody else")
@pytest.mark.parametrize("mode", ["user", "root of a container"])
def test_landlock_holds_for(mode):
    if landlock.abi() < 1:
        pytest.skip("no Landlock in this kernel")
    done = subprocess.run(
        [sys.executable, "-P", "-c", AS_SOMEBODY, mode], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout.splitlines()[-1])
    assert reports["landlock"] == [True, "", []]
    assert reports["rlimits"][0] is True
    print(mode, reports["bwrap"][:2])

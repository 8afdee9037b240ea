"""What a grading process keeps warm: made once, used again, replaced when it dies, gone when it ends."""

import concurrent.futures as cf
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import psutil
import pytest
from labgrader import warm as warming
from labgrader.execute import Step, execute
from labgrader.forks import ForkServer
from labgrader.isolation import IsolationError, resolved, sentence
from labgrader.messages import Hungup, receive, send
from labgrader.policy import Policy
from labgrader.sandbox import SandboxError, probe
from labgrader.warm import warm

POLICY = resolved(Policy(cell_seconds=20, grace_seconds=0.5))
STEPS = [Step(0, "def f(): return 3"), Step(1, "1.0 * f()", test=True)]
SCRIPT = """
import sys
from labgrader.execute import Step, execute
from labgrader.policy import Policy
from labgrader.warm import warm
def main():
    policy = Policy(isolation="none")
    steps = [Step(0, "def f(): return 3"), Step(1, "1.0 * f()", test=True)]
    with warm(policy) as processes:
        print(processes.trusted.pid, execute(steps, secrets={}, policy=policy)[1].value, flush=True)
        sys.stdin.read()
if __name__ == "__main__":
    main()
"""


def value(policy=POLICY):
    return execute(STEPS, secrets={}, policy=policy)[1].value


def pids():
    with warm(POLICY) as processes:
        return processes.trusted.pid, processes.zygote.pid


def gone(pid, seconds=10.0):
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_one_pair_of_warm_processes_serves_many_and_is_replaced_when_it_dies():
    assert value() == 3.0
    first = pids()
    assert value() == 3.0
    assert pids() == first
    os.kill(first[0], signal.SIGKILL)
    assert value() == 3.0
    second = pids()
    assert second[0] != first[0]
    assert second[1] == first[1]
    psutil.Process(second[1]).kill()
    assert value() == 3.0
    third = pids()
    assert third[0] == second[0]
    assert third[1] != second[1]


@pytest.mark.parametrize("which", [0, 1])
def test_a_warm_process_killed_in_the_middle_costs_no_student_anything(which):
    steps = [
        Step(0, "import time\ndef f(): time.sleep(1.5); return 3"),
        Step(1, "1.0 * f()", test=True),
        Step(2, "2.0 * f()", test=True),
    ]
    victim = pids()[which]
    with cf.ThreadPoolExecutor(1) as pool:
        future = pool.submit(execute, steps, secrets={}, policy=POLICY)
        time.sleep(1.0)
        psutil.Process(victim).kill()
        outcomes = future.result()
    assert [(o.ending, o.value) for o in outcomes] == [("ok", None), ("ok", 3.0), ("ok", 6.0)]


def test_threads_share_them():
    with cf.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: value(), range(6))) == [3.0] * 6


def test_closing_ends_them_and_the_next_call_starts_anew():
    assert value() == 3.0
    old = pids()
    warming.close()
    assert all(gone(pid, 0.0) for pid in old)
    assert value() == 3.0
    assert pids() != old


@pytest.mark.parametrize("how", ["end", "kill"])
def test_nothing_is_left_when_their_process_ends(how):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        pid, points = process.stdout.readline().split()
        assert points == "3.0"
        if how == "kill":
            process.kill()
        process.stdin.close()
        assert process.wait(20) == (-9 if how == "kill" else 0)
    assert gone(int(pid))


def test_what_cannot_be_had_is_refused_in_one_sentence(monkeypatch):
    bad = (
        probe.Report("bwrap", False, "it is not installed"),
        probe.Report("landlock", False, "it is too old"),
    )
    monkeypatch.setattr(probe, "probe", lambda tiers: tuple(r for r in bad if r.tier in tiers))
    with pytest.raises(IsolationError, match="No sandbox here protects files and network: bwrap: it is not"):
        execute(STEPS, secrets={}, policy=Policy())
    with pytest.raises(IsolationError, match="The isolation landlock cannot be had here: it is too old"):
        resolved(Policy(isolation="landlock"))
    with pytest.raises(ValueError, match="isolation is 'docker'; expected one of auto, bwrap, landlock"):
        Policy(isolation="docker")
    assert sentence(Policy(tier="rlimits")).startswith("Isolation rlimits: LIMITS ONLY")


def test_the_digest_knows_the_isolation_and_not_the_machine():
    policy = Policy()
    assert policy.digest() == Policy(tier="bwrap", hidden=("/a",)).digest()
    assert policy.digest() != Policy(isolation="rlimits").digest()


def test_a_folder_of_secrets_in_what_students_read_is_refused():
    with pytest.raises(SandboxError, match="must stay hidden from students"):
        value(resolved(Policy(hidden=(os.path.dirname(os.__file__),))))


def test_students_read_a_data_set_and_not_the_course(tmp_path):
    course, data = tmp_path / "course", tmp_path / "data set"
    for folder in (course, data):
        folder.mkdir()
        (folder / "table.csv").write_text("numbers")
    policy = Policy(hidden=(str(course),), readable=(str(data),))
    steps = [
        Step(n, f"open({str(folder / 'table.csv')!r}).read()") for n, folder in enumerate((data, course))
    ]
    data_set, secret = execute(steps, secrets={}, policy=policy)
    assert "'numbers'" in str(data_set.outputs)
    assert secret.reason.startswith(("PermissionError", "FileNotFoundError"))


def test_a_process_for_tests_that_cannot_start_says_why():
    server = ForkServer(("no_such_module",), start_seconds=20)
    with pytest.raises(SandboxError, match=r"The process for tests did not start: .*no_such_module"):
        server.fork("labgrader.tester:serve")
    server.close()


def test_messages_carry_records_and_open_files():
    here, there = socket.socketpair()
    with here, there, open(os.devnull) as file:
        send(here, {"a": ["é\ud800", 1.5, None]}, [file.fileno()])
        record, handles = receive(there, 1)
        assert record == {"a": ["é\ud800", 1.5, None]}
        assert os.fstat(handles[0]).st_rdev == os.fstat(file.fileno()).st_rdev
        os.close(handles[0])
        for raw in (struct.pack("<I", 3) + b"1 1", struct.pack("<I", 2) + b"[]", struct.pack("<I", 1 << 31)):
            here.sendall(raw)
            with pytest.raises(Hungup):
                receive(there, 1)
        with pytest.raises(Hungup):
            receive(there, 0.05)
        here.close()
        with pytest.raises(Hungup, match="gone"):
            receive(there)


def test_what_is_warm_is_not_looked_through_again():
    steps = [
        Step(0, "import gc\ndef f(): return gc.isenabled() and gc.get_freeze_count() > 100_000"),
        Step(1, "1.0 * f()", test=True),
        Step(2, "import gc\n1.0 * (gc.isenabled() and gc.get_freeze_count() > 100_000)", test=True),
    ]
    assert [each.value for each in execute(steps, secrets={}, policy=POLICY)[1:]] == [1.0, 1.0]


def test_reading_notebooks_builds_no_grammar_of_addresses():
    script = "import labgrader.pool, jsonschema, sys; print('rfc3987_syntax' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"

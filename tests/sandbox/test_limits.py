"""Each limit is really passed from inside, and ends with its reason or a plain error."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from labgrader.sandbox import SandboxLimits, SandboxPolicy, Zygote, snippet
from labgrader.sandbox.records import MIB

LIMITS = SandboxLimits(
    memory=128 * MIB, processes=24, disk=16 * MIB, files=2000, file_size=12 * MIB, open_files=64
)


def outcome(zygote, code, limits=LIMITS):
    """The snippet's result or error, and why the child ended."""
    with zygote.fork(limits=limits) as child:
        try:
            answer = snippet.ask(child, code, seconds=20)
        except EOFError:
            return None, child.why(5.0)
        return answer.get("result", answer.get("error")), child.why()


def test_memory_asked_for_at_once_is_an_error_in_the_cell(zygote):
    assert outcome(zygote, "x = bytearray(1 << 30); result = 1") == ("MemoryError", "")


def test_shared_memory_ends_with_its_reason(zygote):
    code = """
import mmap, time
kept = []
for _ in range(40):
    kept.append(mmap.mmap(-1, 8 << 20)); kept[-1].write(b"x" * (8 << 20))
time.sleep(15); result = 1
"""
    got, why = outcome(zygote, code)
    assert got in (None, "OSError", "MemoryError")
    assert why.startswith("memory: used") or got


def test_memory_spread_over_processes_ends_with_its_reason(zygote):
    code = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(b"x") * (60 << 20); time.sleep(20); os._exit(0)
time.sleep(20); result = 1
"""
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("memory: used")
    assert why.endswith("128 MB are allowed")


def test_memory_counts_when_a_process_has_lost_its_first_thread(zygote):
    code = """
import ctypes, os, platform, threading, time
leave = 93 if platform.machine() == "aarch64" else 60
def hog():
    time.sleep(0.2)
    x = bytearray(b"x") * (60 << 20); time.sleep(20)
threading.stack_size(1 << 18)
for _ in range(6):
    if os.fork() == 0:
        threading.Thread(target=hog).start()
        ctypes.CDLL(None).syscall(leave, 0)
time.sleep(20); result = 1
"""
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("memory: used")


def test_a_fork_bomb_is_bounded_and_ended(zygote):
    code = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""
    began = time.monotonic()
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("processes: started")
    assert time.monotonic() - began < 18


BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def test_a_fork_bomb_is_ended_at_a_keepers_word_with_all_its_generations(zygote):
    with zygote.fork(limits=replace(LIMITS, processes=60)) as child:
        with pytest.raises((EOFError, TimeoutError)):
            snippet.ask(child, BOMB, seconds=0.5)
        assert child.close().clean


def test_fork_bombs_in_several_sandboxes_keep_none_of_them_from_its_end(tier):
    def bomb(_):
        policy = SandboxPolicy(limits=replace(LIMITS, processes=60), entry=snippet.ENTRY, preload=())
        with Zygote(tier, policy) as zygote, zygote.fork() as child:
            with pytest.raises((EOFError, TimeoutError)):
                snippet.ask(child, BOMB, seconds=0.5)
            return child.close().clean

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(bomb, range(3))) == [True] * 3


def test_a_bomb_of_daemons_is_bounded_and_ended(zygote):
    code = """
import os, time
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                continue
            os._exit(0)
    except OSError:
        pass
"""
    with zygote.fork(limits=replace(LIMITS, wall_seconds=2.0)) as child:
        with pytest.raises((EOFError, TimeoutError)):
            snippet.ask(child, code, seconds=8)
        ending = child.close()
    assert ending.clean
    assert ending.why.split(":")[0] in ("processes", "time", "died")


def test_a_crowd_of_processes_steps_back(zygote):
    code = """
import os, time
pids = []
for _ in range({extra}):
    pids.append(os.fork())
    if pids[-1] == 0:
        time.sleep(20); os._exit(0)
end = time.monotonic() + {seconds}
result = []
while set(result) != {{19}} and time.monotonic() < end:
    time.sleep(0.01)
    result = [os.getpriority(os.PRIO_PROCESS, pid) for pid in [0, *pids]]
"""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with zygote.fork(limits=LIMITS) as child:
        assert snippet.ask(child, code.format(extra=2, seconds=0.3), seconds=20)["result"] == [usual] * 3
        assert snippet.ask(child, code.format(extra=7, seconds=15), seconds=20)["result"] == [19] * 8


def test_what_waits_in_sockets_is_bounded(strong):
    code = """
import socket
sent, kept = 0, []
for _ in range(20):
    ends = socket.socketpair()
    kept.append(ends)
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 28)
    ends[0].setblocking(False)
    try:
        while True:
            sent += ends[0].send(bytes(60_000))
    except BlockingIOError:
        pass
result = sent
"""
    with strong.fork(limits=LIMITS) as child:
        assert snippet.ask(child, code)["result"] < 20 << 20
        urgent = "import socket; a, b = socket.socketpair(); a.send(b'x', socket.MSG_OOB)"
        assert snippet.ask(child, urgent)["error"] == "PermissionError"


def test_threads_count(zygote):
    code = """
import threading, time
made = 0
threading.stack_size(1 << 18)
try:
    for made in range(100):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
except RuntimeError:
    pass
time.sleep(15)
result = made
"""
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("processes: started")


def test_disk_by_many_files(zygote):
    code = """
import time
for n in range(8):
    open(f"f{n}", "wb").write(bytes(4 << 20))
time.sleep(15); result = 1
"""
    got, why = outcome(zygote, code)
    assert got == "OSError" if zygote.tier == "bwrap" else why.startswith("disk: wrote"), (got, why)


def test_disk_by_files_without_a_name(zygote):
    code = """
import os, time
kept = []
for n in range(8):
    kept.append(open("f", "wb")); os.unlink("f"); kept[-1].write(bytes(4 << 20)); kept[-1].flush()
time.sleep(15); result = 1
"""
    got, why = outcome(zygote, code)
    assert got == "OSError" if zygote.tier == "bwrap" else why.startswith("disk: wrote"), (got, why)


def test_disk_by_mappings_of_files_without_a_name(zygote):
    code = """
import mmap, os, time
kept = []
for n in range(8):
    with open("f", "w+b") as file:
        file.write(bytes(4 << 20)); file.flush(); kept.append(mmap.mmap(file.fileno(), 4096)); os.unlink("f")
time.sleep(15); result = 1
"""
    got, why = outcome(zygote, code)
    assert got == "OSError" if zygote.tier == "bwrap" else why.startswith("disk: wrote"), (got, why)


def test_number_of_files(zygote):
    code = "import time\nfor n in range(4000): open(f'f{n}', 'w').close()\ntime.sleep(15); result = 1"
    got, why = outcome(zygote, code)
    assert got == "OSError" if zygote.tier == "bwrap" else "files, 2000 are allowed" in why, (got, why)


def test_folders_too_deep_to_measure(zygote):
    wait = 0 if zygote.tier == "bwrap" else 15  # there the folder has a size of its own
    code = f"import os, time\nfor n in range(1500): os.mkdir('d'); os.chdir('d')\ntime.sleep({wait})"
    with zygote.fork(limits=LIMITS) as child:
        try:
            snippet.ask(child, code, seconds=20)
        except EOFError:
            assert child.why(20).startswith("disk: made folders more than")
        assert child.close().clean


def test_a_closed_folder_is_removed(zygote):
    code = "import os\nos.makedirs('b/c'); open('b/c/f', 'w').close()\nos.mkdir('b/e', 0); os.mkdir('a', 0)"
    with zygote.fork(limits=LIMITS) as child:
        try:
            snippet.ask(child, code)
        except EOFError:  # it was just then that the disk was measured
            assert "a folder that cannot be measured" in child.why(20)
        assert child.close().clean


def test_size_of_one_file(zygote):
    assert outcome(zygote, "open('f', 'wb').write(bytes(14 << 20)); result = 1") == ("OSError", "")


def test_open_files(zygote):
    assert outcome(zygote, "kept = [open('/dev/null') for _ in range(100)]; result = 1") == ("OSError", "")


def test_processor_seconds(zygote):
    got, why = outcome(zygote, "while True: pass", replace(LIMITS, cpu_seconds=1))
    assert got is None
    assert why.startswith(("time: used", "died: SIGKILL"))


def test_wall_seconds(zygote):
    got, why = outcome(zygote, "import time; time.sleep(60)", replace(LIMITS, wall_seconds=0.3))
    assert (got, why) == (None, "time: ran for 0.3 s, the most that is allowed")


def test_limits_must_be_positive():
    with pytest.raises(ValueError, match="disk is 0; expected a number above 0"):
        replace(LIMITS, disk=0)


def test_sockets_whose_buffers_are_nobodys_memory(zygote):
    code = """
import os, socket, time
kept = []
for _ in range(8):
    if os.fork() == 0:
        try:
            while True:
                kept.append(socket.socketpair())
        except OSError:
            time.sleep(20)
        os._exit(0)
time.sleep(20); result = 1
"""
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("memory: opened")


def test_open_files_of_a_thread_alone_count(zygote):
    if zygote.tier == "bwrap":
        pytest.skip("its disk has a size")
    code = """
import ctypes, os, threading, time
c = ctypes.CDLL(None, use_errno=True)
def hold():
    c.unshare(0x400)  # open files of its own: refused where calls are filtered
    kept = []
    for n in range(8):
        kept.append(open(f"f{n}", "wb")); os.unlink(f"f{n}"); kept[-1].write(bytes(4 << 20)); kept[-1].flush()
    time.sleep(20)
threading.Thread(target=hold, daemon=True).start()
time.sleep(20); result = 1
"""
    got, why = outcome(zygote, code)
    assert got is None
    assert why.startswith("disk: wrote")

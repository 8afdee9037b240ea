"""Attacks beyond the probe's: siblings, parents, open files, odd roads to sockets, signals and metadata."""

import os
import socket
import stat
import sys
from pathlib import Path

import pytest
from labgrader.sandbox import SandboxPolicy, Zygote, snippet

import labkit

LIBC = "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"


def result(child, code):
    answer = snippet.ask(child, code)
    assert "error" not in answer, answer
    return answer["result"]


def error(child, code):
    return snippet.ask(child, code).get("error")


def test_only_standard_files_and_the_socket_are_open(child):
    code = "import os\nresult = sorted(n for n in range(1024) if os.path.exists(f'/proc/self/fd/{n}'))"
    assert result(child, code) == [0, 1, 2, 3]
    assert (
        result(child, "import os; result = [os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)]")
        == ["/dev/null"] * 3
    )


def test_the_environment_is_our_own(child):
    names = set(result(child, "import os; result = list(os.environ)"))
    assert names == {
        *(
            "HOME",
            "TMPDIR",
            "MPLCONFIGDIR",
            "IPYTHONDIR",
            "XDG_CACHE_HOME",
            "USER",
            "LOGNAME",
            "PATH",
            "LANG",
        ),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MPLBACKEND", "LABKIT_QUICK"),
        "CUDA_VISIBLE_DEVICES",
        *("PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE"),
    }


def test_nothing_of_the_graders_environment_or_memory_is_in_the_childs(protecting_tier, monkeypatch):
    secret = "labgrader" + os.urandom(8).hex()
    monkeypatch.setenv("COURSE_SECRET", secret)
    code = f"""
wanted = bytes.fromhex({secret[:10].encode().hex()!r}) + bytes.fromhex({secret[10:].encode().hex()!r})
found, seen = 0, 0
own = id(wanted)
for line in open("/proc/self/maps"):
    span, rights = line.split()[:2]
    low, high = (int(part, 16) for part in span.split("-"))
    if rights[0] == "r" and "[v" not in line:
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(low)
            try:
                block = memory.read(high - low)
            except OSError:
                continue
        at = block.find(wanted)
        while at >= 0:
            found += not own <= low + at < own + 200
            at = block.find(wanted, at + 1)
        seen += len(block)
result = [found, seen]
"""
    policy = SandboxPolicy(entry=snippet.ENTRY, preload=())
    with Zygote(protecting_tier, policy) as zygote, zygote.fork() as child:
        assert "COURSE" not in result(child, "result = open('/proc/self/environ').read()")
        found, seen = result(child, code)
        assert seen > 4_000_000
        assert found <= 2  # the pieces of a block that was just read, at most


def test_identity(sealed):
    code = "import os; result = [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]"
    uid, euid, gid, groups = result(sealed, code)
    assert uid == euid
    if os.getuid() == 0:
        assert uid != 0
        assert gid != 0
        assert 0 not in groups


def test_no_new_privileges_and_no_capability(sealed):
    status = dict(line.split(":\t", 1) for line in result(sealed, "result = list(open('/proc/self/status'))"))
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}


@pytest.mark.parametrize("number", ["0", "9", "15", "19"])
def test_parents_cannot_be_signalled(strong, sealed, number):
    code = f"import os\nparent = os.getppid()\nos.kill(parent or 99999999, {number})\nresult = True"
    assert error(sealed, code) in ("PermissionError", "ProcessLookupError")
    assert result(sealed, "result = 1") == 1
    with strong.fork() as again:
        assert result(again, "result = 2") == 2


def test_everybody_cannot_be_signalled(strong, sealed):
    with strong.fork() as other:
        snippet.ask(sealed, "import os, signal; signal.signal(15, signal.SIG_IGN); os.kill(-1, 15)")
        assert result(other, "result = 3") == 3
    with strong.fork() as again:
        assert result(again, "result = 4") == 4


def test_parents_memory_is_closed(sealed):
    code = """
import os
result = []
for pid in {os.getppid(), 1, os.getpid() - 1, os.getpid() - 2}:
    for name in ("mem", "environ", "maps", "fd", "root", "cwd"):
        path = f"/proc/{pid}/{name}"
        if pid == os.getpid():
            continue
        try:
            os.listdir(path) if name in ("fd", "root", "cwd") else open(path, "rb").read(1)
            result.append(path)
        except OSError:
            pass
"""
    assert result(sealed, code) == []


def test_a_sibling_is_out_of_reach(strong):
    with strong.fork() as victim, strong.fork() as thief:
        home = result(victim, "import os; open('mine', 'w').write('secret'); result = os.getcwd()")
        pid = result(victim, "import os; result = os.getpid()")
        code = f"result = open({home + '/mine'!r}).read()"
        assert error(thief, code) in ("PermissionError", "FileNotFoundError")
        if pid != 1:  # in one process namespace
            for attack in (
                f"import os; os.kill({pid}, 0); result = 1",
                f"open('/proc/{pid}/mem', 'rb'); result = 1",
                f"import os; os.listdir('/proc/{pid}/cwd'); result = 1",
                f"import resource; resource.prlimit({pid}, resource.RLIMIT_CPU, (0, 0)); result = 1",
                f"import os; os.sched_setaffinity({pid}, {{0}}); result = 1",
                f"import os; os.setpriority(os.PRIO_PROCESS, {pid}, 19); result = 1",
            ):
                assert error(thief, attack) in ("PermissionError", "FileNotFoundError"), attack
        assert result(victim, "result = open('mine').read()") == "secret"


def test_a_pair_of_datagram_sockets_reaches_nobody(sealed, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        path = f"/tmp/labgrader-test-{os.getpid()}.sock"
        log.bind(path)
        os.chmod(path, 0o777)
        log.settimeout(0.2)
        try:
            code = f"""
import socket
one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.sendto(b"out", {path!r})
"""
            assert error(sealed, code) in ("PermissionError", "FileNotFoundError")
            with pytest.raises(TimeoutError):
                log.recv(10)
        finally:
            os.unlink(path)


def test_pairs_of_stream_sockets_work(sealed):
    code = "import socket\na, b = socket.socketpair(); a.sendall(b'x'); result = b.recv(1).decode()"
    assert result(sealed, code) == "x"


def test_readable_packages_cannot_be_changed(sealed):
    path = Path(labkit.__file__)
    before = path.stat()
    for attack in (
        f"import os; os.chmod({str(path)!r}, 0)",
        f"import os; f = os.open({str(path)!r}, os.O_RDONLY); os.fchmod(f, 0)",
        f"import os; os.utime({str(path)!r}, (1, 1))",
        f"import os; os.setxattr({str(path)!r}, 'user.x', b'y')",
        f"import os; os.open({str(path)!r}, os.O_RDONLY | os.O_TRUNC)",
        f"import os; os.rename({str(path)!r}, 'taken')",
        f"import os; os.link({str(path)!r}, 'linked')",
    ):
        snippet.ask(sealed, attack)
    after = path.stat()
    fields = ("st_mode", "st_size", "st_mtime", "st_nlink", "st_uid")
    assert [getattr(after, name) for name in fields] == [getattr(before, name) for name in fields]


def test_the_course_cannot_be_read(sealed):
    checkout = Path(labkit.__file__).parent.parent
    for path in (checkout / "pyproject.toml", checkout / "grading" / "masters", checkout / "tests"):
        assert path.exists()
        name = str(path)
        code = f"import os; os.listdir({name!r}) if {path.is_dir()} else open({name!r}).read()"
        assert error(sealed, code) in ("PermissionError", "FileNotFoundError")
    assert result(sealed, "import labkit, labgrader; result = labkit.__name__") == "labkit"


def test_watching_folders_is_refused(sealed):
    assert result(sealed, LIBC + "result = c.inotify_init1(0)") == -1
    assert result(sealed, LIBC + "result = c.fanotify_init(0, 0)") == -1


def test_owner_of_a_socket_cannot_be_set(sealed):
    assert (
        error(sealed, "import fcntl, os; fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid() or 1)")
        == "PermissionError"
    )


def test_the_watch_cannot_be_blinded(sealed):
    for option in (1, 4, 36):  # death signal, dumpable, reaper
        assert result(sealed, LIBC + f"result = c.prctl({option}, 0, 0, 0, 0)") == -1


def test_a_call_from_the_future_is_missing(sealed):
    code = LIBC + "result = [c.syscall(n, 0, 0, 0, 0) for n in (463, 469, 600)] + [ctypes.get_errno()]"
    assert result(sealed, code) == [-1, -1, -1, 38]


def test_links_planted_inside_lead_nowhere_when_removed(zygote, tmp_path):
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    with zygote.fork() as child:
        links = f"os.symlink({str(kept)!r}, 'link'); os.symlink('/etc', 'etc')"
        code = f"import os; {links}; result = os.listdir('.')"
        assert "link" in result(child, code)
        assert child.close().clean
    assert (kept / "file").read_text() == "x"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
def test_devices_cannot_be_made(sealed):
    assert error(sealed, "import os, stat; os.mknod('dev', stat.S_IFBLK | 0o600, os.makedev(254, 0))") == (
        "PermissionError"
    )
    assert not stat.S_ISBLK(0)


def test_a_changed_environment_does_not_gain_powers(sealed):
    code = """
import subprocess, sys
out = subprocess.run([sys.executable, "-c", "open('/etc/shadow')"], capture_output=True, text=True)
result = out.stderr.strip().splitlines()[-1].split(":")[0]
"""
    assert result(sealed, code) in ("PermissionError", "FileNotFoundError")


def test_a_handle_of_the_grader_from_the_socket_is_worth_nothing(sealed):
    code = """
import signal, socket, struct
handle = struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, 77, 4))[0]  # SO_PEERPIDFD
signal.pidfd_send_signal(handle, 0)
result = True
"""
    assert error(sealed, code) in ("PermissionError", "OSError", "ProcessLookupError")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x86_64")
@pytest.mark.parametrize("machine_code", ["b814000000cd80c3", "b8270000400f05c3"], ids=["32-bit", "x32"])
def test_calls_by_another_door_end_the_process(strong, machine_code):
    code = f"""
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex({machine_code!r}))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
result = True
"""
    with strong.fork() as child:
        with pytest.raises(EOFError):
            snippet.ask(child, code)
        assert child.why(5.0) in ("died: SIGSYS", "died: SIGSEGV")


def test_open_files_cannot_be_sent_away(strong):
    if strong.tier == "bwrap":
        pytest.skip("its disk has a size; its sockets lead nowhere")
    with strong.fork() as child:
        code = "import socket; a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [0]); result = True"
        assert error(child, code) == "PermissionError"

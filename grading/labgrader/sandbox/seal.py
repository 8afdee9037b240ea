"""The last steps of a fresh child before student code: nothing of its parents is left, and no way out."""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import types
from collections.abc import Sequence

from labgrader.sandbox import landlock, refusals, seccomp, users
from labgrader.sandbox.records import MIB, SandboxLimits
from labgrader.sandbox.syscalls import LINUX, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from labgrader.sandbox.trees import DEVICES, DEVICES_WRITABLE, KERNEL

SOCKET_FD = 3
STATUS_FD = 4
SPARE_PROCESSES = 8
COLLECT_AFTER = 2_000  # new objects, as in Python 3.13; figures make so many that 700 costs a lab a sixth


def freeze() -> None:
    """Take all that there is out of the garbage collector's sight, which then runs seldom.

    For a warm process that was filled with the collector off: so its imports take a third less time, and no
    process forked from it looks through, and so copies, what it never changes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()


def detach(sock: socket.socket, status: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Begin a new session, with default signals and no open file but /dev/null (0 to 2) and the two sockets.

    Returns:
        The child's socket (3) and the one on which it reports that it is ready (4).
    """
    os.setsid()
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                continue
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python has it
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    high = [os.dup(item.detach()) for item in (sock, status)]
    high = [_above(fd) for fd in high]
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(high[0], SOCKET_FD, inheritable=False)
    os.dup2(high[1], STATUS_FD, inheritable=False)
    os.closerange(STATUS_FD + 1, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=SOCKET_FD), socket.socket(fileno=STATUS_FD)


def _above(fd: int) -> int:
    """Return a copy of `fd` that is above the numbers to be filled."""
    copies = []
    while fd <= STATUS_FD:
        copies.append(fd)
        fd = os.dup(fd)
    for copy in copies:
        os.close(copy)
    return fd


def environment(home: str) -> dict[str, str]:
    """Return the variables of a child whose one writable folder is `home`."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": os.path.join(home, ".mpl"),
        "IPYTHONDIR": os.path.join(home, ".ipython"),
        "XDG_CACHE_HOME": os.path.join(home, ".cache"),
        "USER": "student",
        "LOGNAME": "student",
        **common_environment(),
    }


def common_environment() -> dict[str, str]:
    """Return the variables that the warm process and its children share; none comes from the instructor's."""
    return {
        "PATH": os.path.dirname(sys.executable) + ":/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "CUDA_VISIBLE_DEVICES": "",  # the same marks with and without a GPU
        "LABKIT_QUICK": "1",  # cells that train do so on a few drawn pictures; no mark depends on them
    }


def settle(home: str, *, seed: int, files: Sequence[tuple[str, bytes]] = ()) -> None:
    """Make `home` the working, home and temporary folder, and start random numbers afresh.

    Args:
        home: an empty folder of this child alone.
        seed: of random, numpy and torch, so that the same notebook draws the same numbers.
        files: relative paths and contents to put there first.
    """
    os.chdir(home)
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(environment(home))
    tempfile.tempdir = None
    for name in (".mpl", ".ipython", ".cache"):
        os.makedirs(os.path.join(home, name), exist_ok=True)
    for path, content in files:
        with open(os.path.join(home, path), "wb") as file:
            file.write(content)
    reseed(seed)
    sys.argv = ["student"]
    if getattr(sys.modules["__main__"], "__loader__", None):  # a program; not what a warm shell put there
        sys.modules["__main__"] = types.ModuleType("__main__")
    gc.collect(0)


def reseed(seed: int) -> None:
    """Start the random numbers of Python, and of numpy and torch where they are imported, afresh."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(seed)  # the processor's; all devices take 30 times as long


def first_to_die() -> None:
    """Offer this process to the kernel should memory run out; its children inherit that."""
    if LINUX:
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        except OSError:
            return


def confine(
    tier: str,
    *,
    limits: SandboxLimits,
    trees: Sequence[str],
    home: str,
    others: int,
    mark: int,
    keep_capability: int | None = None,
) -> None:
    """Take every power away; what is not allowed after this never will be.

    Args:
        tier: "bwrap", "landlock" or "rlimits".
        limits: for rlimits.
        trees: what may be read (landlock).
        home: the one folder that may be written.
        others: processes of the same user that RLIMIT_NPROC counts too.
        mark: what tells these processes from all others (`processes.mark`).
        keep_capability: the one capability that reading `trees` needs (`users.open_way`).
    """
    lower_limits(limits, others=others)
    if not LINUX:
        return
    _lower("RTTIME", mark)
    users.drop_capabilities(keep=keep_capability)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    version = landlock.abi()
    if tier == "landlock":
        version = landlock.restrict(read=[*trees, *KERNEL, *DEVICES], write=[home, *DEVICES_WRITABLE])
    elif tier == "bwrap" and version:
        landlock.restrict(read=["/"], write=["/tmp", "/dev/shm", "/proc/self", *DEVICES_WRITABLE])
    if tier != "rlimits":
        code = seccomp.program(refusals.rules(tier=tier, landlock_abi=version, pid=os.getpid()))
        seccomp.install(code)


def die_with_parent(parent: int | None) -> None:
    """Have the kernel end this process with its parent, which has one thread (the signal follows the thread).

    Args:
        parent: who that must still be; None for a first process, which does not see its parent.
    """
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def lower_limits(limits: SandboxLimits, *, others: int) -> None:
    """Lower this process's limits; they hold for each of its children too.

    Args:
        limits: what the child may use. Memory comes on top of what is mapped now; RLIMIT_DATA makes a request
            too large fail where it is made, and the warden sees what that does not count.
        others: processes and threads of the same user outside the child, which RLIMIT_NPROC also counts.
    """
    size, data = _mapped()
    _lower("CORE", 1)  # 0 would still start the program, if there is one, that the system hands cores to
    _lower("FSIZE", limits.file_size)
    _lower("NOFILE", limits.open_files)
    _lower("CPU", limits.cpu_seconds)
    if LINUX:  # elsewhere this counts all that the user runs
        _lower("NPROC", others + limits.processes + SPARE_PROCESSES)
    _lower("MEMLOCK", 8 * MIB)
    _lower("MSGQUEUE", 0)
    _lower("SIGPENDING", 1024)
    _lower("STACK", 8 * MIB)
    if data:
        _lower("DATA", data + limits.memory)
        _lower("AS", size + 2 * limits.memory + 1024 * MIB)


def _lower(name: str, value: int) -> None:
    """Lower one limit, hard and soft, never raising it; systems without that limit are passed over."""
    which = getattr(resource, f"RLIMIT_{name}", None)
    if which is None:
        return
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (ValueError, OSError):  # macOS refuses some
        return


def _mapped() -> tuple[int, int]:
    """Return the bytes of address space and of private writable memory that this process has."""
    if not LINUX:
        return 0, 0
    with open("/proc/self/statm") as file:
        fields = file.read().split()
    page = resource.getpagesize()
    return int(fields[0]) * page, int(fields[5]) * page

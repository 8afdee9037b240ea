"""The system calls that are refused to students' code, and why."""

from __future__ import annotations

from labgrader.sandbox.seccomp import ALL_BITS, ENOSYS, Rule, Test

EPERM, EACCES, ENOTSUP, DONE = 1, 13, 95, 0
AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPE_MASK = 1, 1, 5, 0xF
SOL_SOCKET, SO_SNDBUF, SO_SNDBUFFORCE, MSG_OOB = 1, 7, 32, 1
# Urgent bytes on Unix sockets: nobody needs them, and they have been a way into the kernel (CVE-2025-38236).
URGENT = (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3), ("recvfrom", 3), ("recvmsg", 2), ("recvmmsg", 3))
CLONE_NEW_NAMESPACES = (
    0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
)
CLONE_PARENT = 0x8000  # a child of the maker's parent: nobody looks for it there
O_ACCMODE, O_TRUNC = 0o3, 0o1000
RLIMIT_CORE, RLIMIT_RTTIME = 4, 15
FORBIDDEN_PRCTL = (
    1,
    4,
    8,
    22,
    28,
    35,
    36,
    0x59616D61,
)  # death signal, dumpable, capabilities, seccomp, mm, reaper, Yama
FORBIDDEN_FCNTL = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
FORBIDDEN_IOCTL = (0x8901, 0x8902, 0x5412, 0x541C)  # FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Other processes, the kernel, the machine: nothing a notebook needs.
NEVER = _names("""
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease move_pages
    migrate_pages bpf perf_event_open userfaultfd add_key request_key keyctl mount umount2 pivot_root chroot
    move_mount open_tree fsopen fspick fsmount fsconfig mount_setattr statmount listmount unshare setns
    init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff syslog acct
    settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname open_by_handle_at
    name_to_handle_at quotactl quotactl_fd personality fanotify_init fanotify_mark inotify_init
    inotify_init1 inotify_add_watch vhangup lookup_dcookie nfsservctl iopl ioperm modify_ldt uselib ustat
    sysfs seccomp lsm_set_self_attr ioprio_set sync syncfs
""")
# Memory that no process owns, so that no watchdog sees it, and that outlives its maker.
UNOWNED_MEMORY = _names("""
    memfd_create memfd_secret shmget shmat shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
    mq_open mq_unlink
""")
# A program that finds these missing takes its older road; EPERM might end it.
MISSING = ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3", "openat2")
# Landlock lets a file's owner do this to it from anywhere. Claimed as done, so that shutil.copy goes on.
MODES_AND_TIMES = _names("""
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat
""")
ATTRIBUTES = ("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr")
READS_ATTRIBUTES = ("getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr")
TAKES_A_PID = ("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr", "prlimit64")
SIGNALS_BY_PID = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


def rules(*, tier: str, landlock_abi: int, pid: int) -> list[Rule]:
    """Return what to refuse.

    Args:
        tier: "bwrap" (Unix sockets of the child's own world are open) or "landlock" (only pairs).
        landlock_abi: version of Landlock; what it does not cover yet is refused here.
        pid: the child, as it sees itself.
    """
    out = [Rule(call, EPERM) for call in (*NEVER, *UNOWNED_MEMORY)]
    out += [Rule(call, ENOSYS) for call in MISSING]
    out += [Rule("clone", EPERM, (Test(0, "any", CLONE_NEW_NAMESPACES | CLONE_PARENT),))]
    out += [Rule("prctl", EPERM, (Test(0, "equal", option),)) for option in FORBIDDEN_PRCTL]
    out += [Rule("fcntl", EPERM, (Test(1, "equal", command),)) for command in FORBIDDEN_FCNTL]
    out += [Rule("ioctl", EPERM, (Test(1, "equal", request),)) for request in FORBIDDEN_IOCTL]
    out += [Rule(call, EPERM, (Test(0, "differs", 0), Test(0, "differs", pid))) for call in TAKES_A_PID]
    for limit in (RLIMIT_CORE, RLIMIT_RTTIME):  # see `seal.lower_limits` and `processes.mark`
        out += [Rule("setrlimit", EPERM, (Test(0, "equal", limit),))]
        for high in (False, True):
            new = Test(2, "differs", 0, high=high)
            out += [Rule("prlimit64", EPERM, (Test(1, "equal", limit), new))]
    out += [Rule("setpriority", EPERM, (Test(0, "differs", 0),))]
    out += [Rule("setpriority", EPERM, (Test(1, "differs", 0), Test(1, "differs", pid)))]
    out += _sockets(tier)
    if tier == "landlock":
        out += [Rule(call, DONE) for call in MODES_AND_TIMES]
        out += [Rule(call, EPERM) for call in ATTRIBUTES]
        out += [Rule(call, ENOTSUP) for call in READS_ATTRIBUTES]
        out += _older_landlock(landlock_abi, pid)
    return out


def _sockets(tier: str) -> list[Rule]:
    """Return the rules for sockets.

    A network namespace does not hold AF_VSOCK, and a filter cannot see which address is connected to: without
    a namespace no socket is made at all, and pairs are of the kinds that cannot be pointed elsewhere later.
    """
    not_unix = Test(0, "differs", AF_UNIX)
    out = [Rule(call, EPERM, (Test(flags, "any", MSG_OOB),)) for call, flags in URGENT]
    out += [
        Rule("setsockopt", DONE, (Test(1, "equal", SOL_SOCKET), Test(2, "equal", option)))
        for option in (SO_SNDBUF, SO_SNDBUFFORCE)  # what waits in a socket is nobody's memory
    ]
    if tier == "bwrap":
        return [*out, Rule("socket", EPERM, (not_unix,)), Rule("socketpair", EPERM, (not_unix,))]
    out += [Rule(call, EPERM) for call in ("socket", "connect", "bind", "listen", "accept", "accept4")]
    out += [Rule(call, EPERM) for call in ("sendmsg", "sendmmsg")]  # an open file on its way is in no process
    kinds = tuple(Test(1, "differs", kind, mask=SOCK_TYPE_MASK) for kind in (SOCK_STREAM, SOCK_SEQPACKET))
    out += [Rule("socketpair", EPERM, (not_unix,)), Rule("socketpair", EPERM, kinds)]
    out += [Rule("sendto", EPERM, (Test(4, "any", ALL_BITS, high=high),)) for high in (False, True)]
    return out


def _older_landlock(version: int, pid: int) -> list[Rule]:
    """Return what newer versions of Landlock do by themselves."""
    out: list[Rule] = []
    if version < 3:  # truncation counts as no kind of writing
        out += [Rule("truncate", EACCES)]
        out += [
            Rule(call, EACCES, (Test(flags, "any", O_TRUNC), Test(flags, "equal", 0, mask=O_ACCMODE)))
            for call, flags in (("open", 1), ("openat", 2))
        ]
    if version < 6:  # signals are not scoped: to itself and its own group only
        out += [Rule("tkill", EPERM), Rule("pidfd_send_signal", EPERM)]
        own = (Test(0, "differs", 0), Test(0, "differs", pid))
        out += [Rule(call, EPERM, own) for call in SIGNALS_BY_PID]
    return out

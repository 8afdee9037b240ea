"""Landlock: from here on this process and its children open only the files named (kernel 5.13 and later).

Landlock says nothing about stat, chdir, chmod, chown, utime, extended attributes, named Unix sockets
or, before version 6 of its interface, signals. `filters` closes these by seccomp, except stat and chdir.
Interface: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from labgrader.sandbox.syscalls import LINUX, PR_SET_NO_NEW_PRIVS, libc, prctl, syscall

CREATE, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
TCP_BIND_CONNECT = 3
SCOPE_ABSTRACT_UNIX_AND_SIGNALS = 3


class _Attributes(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


def abi() -> int:
    """Return the version of Landlock's interface in this kernel; 0 where there is none."""
    if not LINUX:
        return 0
    return max(0, int(libc().syscall(ctypes.c_long(CREATE), None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def handled(version: int) -> int:
    """Return the bit set of file actions that this version can forbid."""
    rights = REFER - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        rights |= right if version >= since else 0
    return rights


def restrict(*, read: Iterable[str], write: Iterable[str]) -> int:
    """Forbid every file outside `read` and `write`, all TCP, and signals and abstract sockets to the outside.

    Args:
        read: files and folders to read and run programs from; names that do not exist are left out.
        write: files and folders to do anything in, except making devices.

    Returns:
        The version of Landlock's interface: TCP is covered from 4, signals and abstract sockets from 6.

    Raises:
        OSError: the kernel has no Landlock, or it is switched off.
    """
    version = abi()
    if version < 1:
        raise OSError("Landlock is not in this kernel, or it is switched off")
    files = handled(version)
    attributes = _Attributes(
        files,
        TCP_BIND_CONNECT if version >= 4 else 0,
        SCOPE_ABSTRACT_UNIX_AND_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = syscall(CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in read:
            _allow(rules, path, (EXECUTE | READ_FILE | READ_DIR) & files)
        for path in write:
            _allow(rules, path, files & ~(MAKE_CHAR | MAKE_BLOCK))
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
    return version


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ON_FILES
        rule = _PathRule(rights, fd)
        syscall(
            ADD_RULE,
            ctypes.c_int(rules),
            ctypes.c_int(RULE_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(fd)

"""The few system calls that Python does not offer, by ctypes; importing this does nothing elsewhere."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import stat
import sys

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP = 1, 4, 8, 22
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 36, 38, 47
BIND, RECURSIVE = 4096, 16384
LINUX = sys.platform == "linux"


@functools.cache
def libc() -> ctypes.CDLL:
    """Return the C library, with errno kept for us."""
    return ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """Return "x86_64", "aarch64" or whatever else this machine calls itself."""
    name = platform.machine()
    return "aarch64" if name == "arm64" else name


def check(result: int, what: str) -> int:
    """Return a C result that is not negative; raise OSError naming `what` for one that is."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *args: object) -> int:
    """Make a raw system call; raises OSError with its number in the message."""
    return check(libc().syscall(ctypes.c_long(number), *args), f"system call {number}")


def prctl(option: int, second: int = 0, third: int = 0) -> int:
    """Call prctl(option, second, third, 0, 0)."""
    values = (ctypes.c_ulong(value) for value in (second, third, 0, 0))
    return check(libc().prctl(option, *values), f"prctl {option}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount `source` on `target` (mount(2))."""

    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    done = libc().mount(
        encoded(source), encoded(target), encoded(kind), ctypes.c_ulong(flags), encoded(data or None)
    )
    check(done, f"mount {target}")


def bind_back(handle: int, target: str) -> None:
    """Show an open file or folder again under its old name, which an empty folder has covered.

    Args:
        handle: opened (O_PATH) before it was covered.
        target: where to; made first, a file for a file, a folder for a folder.
    """
    is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
    os.makedirs(target if is_folder else os.path.dirname(target), mode=0o755, exist_ok=True)
    if not is_folder:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(f"/proc/self/fd/{handle}", target, None, BIND | RECURSIVE)


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` (unshare(2))."""
    check(libc().unshare(flags), "unshare")
